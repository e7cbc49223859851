//! The life of a stream on a worker with real media threads, over TCP, with offers written by hand.
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sfu_core::control::{Target, WorkerStats};
use sfu_core::{Running, WorkerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

sfu_core::worker! {
    /// A worker to stream with, and to send plain RTP to.
    pub struct Tested;
    pub plugins = [];
    pub signaling = [sfu_whip::Whip, sfu_admin::Admin];
}

const PUBLISH: &str = include_str!("../../../../sfu-core/src/signaling/testdata/chromium-publish.sdp");
const WATCH: &str = include_str!("../../../../sfu-core/src/signaling/testdata/chromium-watch.sdp");
const SDP: (&str, &str) = ("Content-Type", "application/sdp");
const FRAGMENT: (&str, &str) = ("Content-Type", "application/trickle-ice-sdpfrag");

async fn start(workers: u8, whip: Value) -> Running {
    // Rooms take the second thread as soon as they can.
    let mut config = WorkerConfig { workers, spread_at: 1, ..WorkerConfig::default() };
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.rtc.listen_ip = [127, 0, 0, 1].into();
    config.signaling.insert("whip".into(), whip);
    let running = Tested::builder().config(config).start().await.unwrap();
    // Routes are there once the signaling crates run.
    for path in ["/streams", "/api/streams"] {
        soon(async || send(&running, "GET", path, &[], "").await.status == 200).await;
    }
    running
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn send(running: &Running, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let url = running.url().unwrap();
    let address = url.strip_prefix("http://").unwrap();
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

async fn post(running: &Running, path: &str, offer: &str) -> Answer {
    send(running, "POST", path, &[SDP], offer).await
}

async fn stats(running: &Running) -> WorkerStats {
    running.control().stats(Target::Worker).await.unwrap()
}

/// Waits until something is so, ten seconds at the most.
async fn soon(is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so().await {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A line's value in a description.
fn value<'a>(sdp: &'a str, name: &str) -> &'a str {
    sdp.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim()
}

#[tokio::test]
async fn a_session_is_made_restarted_and_ended() {
    for workers in [1, 2] {
        let running = start(workers, json!({})).await;
        let publisher = post(&running, "/whip/room/cam", PUBLISH).await;
        assert_eq!(publisher.status, 201, "{}", publisher.body);
        assert_eq!(publisher.header("content-type"), "application/sdp");
        assert_eq!(value(&publisher.body, "a=setup:"), "passive");
        assert!(publisher.body.contains("a=candidate:") && publisher.body.contains("127.0.0.1"));
        let (location, etag) = (publisher.header("location"), publisher.header("etag"));
        assert!(location.starts_with("/sessions/") && etag.starts_with('"'));
        let viewer = post(&running, "/whep/room/cam", WATCH).await;
        assert_eq!(viewer.status, 201, "{}", viewer.body);
        let counted = stats(&running).await;
        assert_eq!((counted.transports.len(), counted.producers.len(), counted.consumers.len()), (2, 2, 2));

        let fragment = |ufrag: &str| {
            format!(
                "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{}\r\n",
                value(PUBLISH, "a=ice-pwd:")
            )
        };
        let same = fragment(value(PUBLISH, "a=ice-ufrag:"));
        let trickle = send(&running, "PATCH", location, &[FRAGMENT, ("If-Match", etag)], &same).await;
        assert_eq!(trickle.status, 204, "{}", trickle.body);
        let restart =
            send(&running, "PATCH", location, &[FRAGMENT, ("If-Match", "*")], &fragment("new1")).await;
        assert_eq!(restart.status, 200, "{}", restart.body);
        assert_ne!(restart.header("etag"), etag);
        assert_ne!(value(&restart.body, "a=ice-ufrag:"), value(&publisher.body, "a=ice-ufrag:"));
        let stale = send(&running, "PATCH", location, &[FRAGMENT, ("If-Match", etag)], &same).await;
        assert_eq!(stale.status, 412);

        assert_eq!(post(&running, "/whip/room/cam", PUBLISH).await.status, 409);
        for peer in [&viewer, &publisher] {
            let location = peer.header("location");
            assert_eq!(send(&running, "DELETE", location, &[], "").await.status, 200);
            assert_eq!(send(&running, "DELETE", location, &[], "").await.status, 404);
        }
        assert_eq!(post(&running, "/whep/room/cam", WATCH).await.status, 404);
        let counters = stats(&running).await.counters;
        for name in ["sessions", "routers", "transports", "producers", "consumers"] {
            assert_eq!(counters[name], 0, "{name}");
        }
        running.stop().await;
    }
}

/// The first port that candidates of an answer name.
fn port_of(answer: &Answer) -> u16 {
    value(&answer.body, "a=candidate:").split(' ').nth(5).unwrap().parse().unwrap()
}

#[tokio::test]
async fn viewers_of_one_stream_are_on_all_threads_each_with_the_port_of_its_own() {
    let running = start(2, json!({})).await;
    assert_eq!(post(&running, "/whip/cam", PUBLISH).await.status, 201);
    let mut ports = Vec::new();
    for _ in 0..8 {
        let viewer = post(&running, "/whep/cam", WATCH).await;
        assert_eq!(viewer.status, 201, "{}", viewer.body);
        ports.push(port_of(&viewer));
    }
    let counted = stats(&running).await;
    let on = |worker| counted.transports.iter().filter(|transport| transport.id.worker() == worker).count();
    assert_eq!(on(0) + on(1), 9);
    assert!(on(0).abs_diff(on(1)) <= 2, "{} and {}", on(0), on(1));
    let consumers = |worker| counted.consumers.iter().filter(move |consumer| consumer.id.worker() == worker);
    assert!(consumers(0).count() > 0 && consumers(1).count() > 0);
    let router = counted.transports[0].router;
    assert!(counted.transports.iter().all(|transport| transport.router == router), "one room to the outside");
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 2, "each thread has a port of its own: {ports:?}");
    running.stop().await;
}

#[tokio::test]
async fn peers_that_never_connect_are_closed_and_leave_nothing() {
    let running = start(1, json!({ "connect_timeout_s": 1, "keep_viewers_s": 1 })).await;
    let begun = Instant::now();
    let publisher = post(&running, "/whip/a", PUBLISH).await;
    assert_eq!(post(&running, "/whep/a", WATCH).await.status, 201);
    assert_eq!(send(&running, "GET", publisher.header("location"), &[], "").await.status, 204);
    soon(async || send(&running, "GET", publisher.header("location"), &[], "").await.status == 404).await;
    assert!(begun.elapsed() >= Duration::from_secs(1));
    soon(async || {
        let counters = stats(&running).await.counters;
        ["sessions", "routers", "transports"].iter().all(|name| counters[*name] == 0)
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn a_viewer_that_waits_is_answered_when_the_publisher_comes() {
    let running = start(2, json!({})).await;
    let (viewer, publisher) = tokio::join!(post(&running, "/whep/a?wait=10", WATCH), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        post(&running, "/whip/a", PUBLISH).await
    });
    assert_eq!((viewer.status, publisher.status), (201, 201), "{}", viewer.body);
    let begun = Instant::now();
    let nobody = post(&running, "/whep/b?wait=1", WATCH).await;
    assert_eq!((nobody.status, nobody.header("retry-after")), (404, "2"));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    running.stop().await;
}

#[tokio::test]
async fn the_worker_stops_within_a_second_whoever_is_there() {
    let running = start(2, json!({})).await;
    for stream in 0..20 {
        assert_eq!(post(&running, &format!("/whip/{stream}"), PUBLISH).await.status, 201);
        assert_eq!(post(&running, &format!("/whep/{stream}"), WATCH).await.status, 201);
    }
    let control = running.control().clone();
    let begun = Instant::now();
    running.stop().await;
    assert!(begun.elapsed() < Duration::from_millis(1200), "{:?}", begun.elapsed());
    assert!(control.stats(Target::Worker).await.is_err(), "the media threads are gone");
}

/// Plain RTP of one medium through the admin API; answers where to send to, and the transport.
async fn rtp_in(running: &Running, ask: Value) -> (std::net::SocketAddr, String) {
    let json = [("Content-Type", "application/json")];
    let answer = send(running, "POST", "/api/streams/cam/rtp-in", &json, &ask.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let made = answer.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["tuple"]["local"]).parse().unwrap(), text(&made["transport"]))
}

#[tokio::test]
async fn plain_rtp_is_watched_and_its_end_is_noticed() {
    for workers in [1, 2] {
        let running = start(workers, json!({ "keep_viewers_s": 1 })).await;
        // Payload types that are none of the router's.
        let (to, video) =
            rtp_in(&running, json!({ "kind": "video", "codec": "VP8", "payloadType": 96 })).await;
        let opus = json!({ "kind": "audio", "codec": "opus", "payloadType": 97 });
        let (_, audio) = rtp_in(&running, opus).await;
        // At once: that there is media is told by events, and who asks waits for them.
        let viewer = post(&running, "/whep/cam", WATCH).await;
        assert_eq!(viewer.status, 201, "{}", viewer.body);
        assert!(viewer.body.contains("VP8/90000") && viewer.body.contains("opus/48000/2"));
        assert_eq!(stats(&running).await.consumers.len(), 2);
        let listed = async || send(&running, "GET", "/streams", &[], "").await.json()["streams"].clone();
        assert_eq!(listed().await[0]["publisher"]["state"], "connecting");

        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let packet = [0x80, 96, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x10, 0x01, 2, 3];
        soon(async || {
            sender.send_to(&packet, to).unwrap();
            listed().await[0]["publisher"]["state"] == "connected"
        })
        .await;
        assert_eq!(post(&running, "/whip/cam", PUBLISH).await.status, 409);

        for transport in [video, audio] {
            let path = format!("/api/transports/{transport}");
            assert_eq!(send(&running, "DELETE", &path, &[], "").await.status, 204);
        }
        soon(async || listed().await == json!([])).await;
        assert_eq!(send(&running, "GET", viewer.header("location"), &[], "").await.status, 404);
        soon(async || stats(&running).await.counters["routers"] == 0).await;
        running.stop().await;
    }
}
