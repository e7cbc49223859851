//! Damaged requests over loopback against a worker that runs, with every plugin composed and with none.
//!
//! 100 000 requests, three times as many with `SFU_TEST_LONG`: whole requests damaged byte by byte, and well-formed ones with
//! strange methods, paths, headers and bodies. No panic, no 500, nothing left behind.
#[path = "../../../recorder/tests/hostile/plugins.rs"]
mod plugins;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sfu_core::control::{EventBody, Target};
use sfu_core::fuzz_support::{Chance, OFFERS, mutate, mutate_text, resident_bytes};
use sfu_core::plugin::{Composition, PluginSettings};
use sfu_core::{Running, WorkerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

sfu_core::worker! {
    /// All there is.
    struct Whole;
    plugins = [plugins::Reader, sfu_recorder::Recorder, plugins::Meddler];
    signaling = [sfu_whip::Whip, sfu_admin::Admin];
}
sfu_core::worker! {
    /// No plugins.
    struct Bare;
    plugins = [];
    signaling = [sfu_whip::Whip, sfu_admin::Admin];
}

/// Requests.
const REQUESTS: u64 = 100_000;
/// Clients at the same time.
const CLIENTS: u64 = 128;
/// How long a client waits before it says that no more comes.
const SILENCE: Duration = Duration::from_millis(40);
/// Requests between two cleanings: whoever may use the admin API may open sockets, which is not what is tested.
const ROUND: u64 = 2_000;
/// Memory that may be left behind beyond what the first third needed.
const SLACK: usize = 48 << 20;

static PANICS: AtomicU64 = AtomicU64::new(0);
/// One storm at a time: memory is measured.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const FRAGMENT: &str = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
    a=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.7 5000 typ host\r\na=end-of-candidates\r\n";

/// Paths of everything that is served, `{id}` to be filled in.
const PATHS: &[(&str, &str)] = &[
    ("POST", "/whip/s{n}"),
    ("POST", "/whip/s{n}"),
    ("POST", "/whep/s{n}"),
    ("POST", "/whep/s{n}?wait"),
    ("POST", "/whep/s{n}?wait=0.1"),
    ("PATCH", "{session}"),
    ("DELETE", "{session}"),
    ("GET", "{session}/stats"),
    ("GET", "/"),
    ("GET", "/publish.js"),
    ("GET", "/streams"),
    ("GET", "/streams/events"),
    ("OPTIONS", "/whip/s{n}"),
    ("GET", "/api/streams"),
    ("GET", "/api/streams/s{n}"),
    ("POST", "/api/streams/s{n}/kick"),
    ("POST", "/api/streams/s{n}/rtp-in"),
    ("POST", "/api/streams/s{n}/rtp-out"),
    ("DELETE", "/api/transports/0.{n}.1"),
    ("GET", "/api/sessions"),
    ("POST", "/api/sessions/0.{n}.1/kick"),
    ("GET", "/api/stats?target=producer:0.{n}.1"),
    ("GET", "/api/stats"),
    ("GET", "/api/workers"),
    ("GET", "/api/plugins"),
    ("POST", "/api/plugins/recorder"),
    ("POST", "/api/plugins/reader"),
    ("POST", "/api/plugins/recorder/enable"),
    ("PUT", "/api/plugins/reader/config"),
    ("GET", "/api/events?filter=plugin:recorder"),
    ("GET", "/api/openapi.json"),
];

const BODIES: &[&str] = &[
    r#"{"kind":"audio","codec":"opus","payloadType":100}"#,
    r#"{"kind":"video","codec":"vp8","payloadType":96,"ssrc":7}"#,
    r#"{"ip":"127.0.0.1","port":9,"kind":"audio"}"#,
    r#"{"target":{"worker":null},"body":{"request":"status"}}"#,
    r#"{"body":{"request":"list"}}"#,
    r#"{"body":{"request":"start","stream":"s1","file":"../../{stream}"}}"#,
    r#"{"target":"worker","options":{"only":{"stream":"*"}}}"#,
    r#"{"request":"total"}"#,
    "{}",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "null",
    "",
];

/// What came back, by class, and the last session that was made.
#[derive(Default)]
struct Seen {
    answers: BTreeMap<String, u64>,
    session: String,
    faults: Vec<String>,
}

/// One request, whole: now and then as it should be, else with damage.
fn request(chance: &mut Chance, session: &str, host: SocketAddr) -> Vec<u8> {
    let (method, path) = *chance.pick(PATHS);
    let number = chance.below(12).to_string();
    let session = if session.is_empty() { "/sessions/none" } else { session };
    let mut path = path.replace("{n}", &number).replace("{session}", session).into_bytes();
    let mut method = method.to_owned();
    let mut body = match chance.below(4) {
        0 | 1 => chance.pick(OFFERS).as_bytes().to_vec(),
        2 => chance.pick(BODIES).as_bytes().to_vec(),
        _ => FRAGMENT.as_bytes().to_vec(),
    };
    let fits = path.starts_with(b"/whip") || path.starts_with(b"/whep");
    if path.starts_with(b"/api") || !fits && chance.one_in(2) {
        body = chance.pick(BODIES).as_bytes().to_vec();
    } else if fits && chance.one_in(3) {
        // What a viewer, or a publisher, would really offer.
        body = OFFERS[if path.starts_with(b"/whip") { 0 } else { 2 }].as_bytes().to_vec();
    }
    let kind = match body.first() {
        Some(b'v') => "application/sdp",
        Some(b'a') => "application/trickle-ice-sdpfrag",
        _ => "application/json",
    };
    let mut headers = vec![
        ("Host".to_owned(), host.to_string()),
        ("Content-Type".to_owned(), kind.to_owned()),
        ("If-Match".to_owned(), "*".to_owned()),
    ];
    for _ in 0..chance.below(3) {
        match chance.below(8) {
            0 => {
                method = (*chance.pick(&["GET", "POST", "PUT", "BREW", "TRACE", "CONNECT", "HEAD", "PATCH"]))
                    .into()
            }
            1 => mutate(chance, &mut path, b"/%2e%2e/%00%ff?wait=9e99&target=x:0.0.0//..", 300),
            2 => {
                let other = chance.pick(OFFERS).as_bytes();
                mutate_text(chance, &mut body, other, 300_000);
            }
            3 => headers.push((
                "Authorization".into(),
                (*chance.pick(&["Bearer ", "Bearer x", "Basic eA=="])).into(),
            )),
            4 => {
                headers.push(("Origin".into(), (*chance.pick(&["null", "http://evil.example", "x"])).into()))
            }
            5 => {
                let place = chance.below(headers.len());
                let mut value = headers[place].1.clone().into_bytes();
                mutate(chance, &mut value, b"a, b;q=0 \x80", 9000);
                value.retain(|byte| *byte != b'\r' && *byte != b'\n');
                headers[place].1 = String::from_utf8_lossy(&value).into_owned();
            }
            6 => headers.push(("X-Forwarded-For".into(), "1.2.3.4, 127.0.0.1".into())),
            _ => headers
                .push((["Expect", "Transfer-Encoding", "Upgrade"][chance.below(3)].into(), "chunked".into())),
        }
    }
    let mut out = method.into_bytes();
    out.push(b' ');
    out.extend(path);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in headers {
        out.extend(format!("{name}: {value}\r\n").into_bytes());
    }
    out.extend(format!("Connection: close\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes());
    out.extend(body);
    if chance.one_in(2) {
        let other = out.clone();
        mutate(chance, &mut out, &other, 400_000);
    }
    out
}

/// Sends bytes from some loopback address and reads what comes back.
async fn exchange(from: u64, to: SocketAddr, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let socket = TcpSocket::new_v4()?;
    // Many addresses: one has too few ports for as many connections in a minute.
    socket.bind(SocketAddr::new(Ipv4Addr::new(127, 0, 1, (from % 250) as u8 + 1).into(), 0))?;
    let mut stream = socket.connect(to).await?;
    let (mut read, mut write) = stream.split();
    let mut answer = Vec::new();
    let both = async {
        // Who is refused in the middle of a body does not read it to the end.
        let _ = write.write_all(bytes).await;
        // A damaged length makes the server wait for more, but a goodbye too early makes it give up.
        let mut is_open = true;
        loop {
            match tokio::time::timeout(SILENCE, read.read_buf(&mut answer)).await {
                Ok(Ok(1..)) => {}
                Ok(_) => return,
                Err(_) if is_open => {
                    let _ = write.shutdown().await;
                    is_open = false;
                }
                Err(_) => {}
            }
        }
    };
    // Streams of events do not end; everything else must.
    let is_stream = bytes.windows(7).any(|part| part == b"/events");
    let patience = Duration::from_millis(if is_stream { 300 } else { 20_000 });
    if tokio::time::timeout(patience, both).await.is_err() && !is_stream {
        return Err(std::io::Error::other("no end of the answer"));
    }
    Ok(answer)
}

async fn client(index: u64, count: u64, to: SocketAddr, seen: Arc<Mutex<Seen>>) {
    let mut chance = Chance::new(0xba5e + index);
    for number in 0..count {
        let session = seen.lock().unwrap().session.clone();
        let bytes = request(&mut chance, &session, to);
        let answer = match exchange(index * count + number, to, &bytes).await {
            Ok(answer) => answer,
            Err(error) => panic!("{error}: {:?}", String::from_utf8_lossy(&bytes)),
        };
        let head = String::from_utf8_lossy(&answer[..answer.len().min(2000)]).into_owned();
        let status =
            head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).unwrap_or("none").to_owned();
        assert!(answer.is_empty() || status != "none", "no HTTP: {head:?}");
        assert!(
            !matches!(status.as_str(), "500" | "502"),
            "{status} to {:?}: {head}",
            String::from_utf8_lossy(&bytes)
        );
        let mut seen = seen.lock().unwrap();
        *seen.answers.entry(status).or_default() += 1;
        let location = head.lines().find_map(|line| line.strip_prefix("location: "));
        if let Some(location) = location.filter(|location| location.starts_with("/sessions")) {
            seen.session = location.trim().to_owned();
        }
    }
}

async fn ask(to: SocketAddr, method: &str, path: &str) -> Value {
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let mut stream = tokio::net::TcpStream::connect(to).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (_, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {path}: {text:?}"));
    serde_json::from_str(body).unwrap_or(Value::Null)
}

/// Closes what the admin API was made to open.
async fn clean(running: &Running, to: SocketAddr) {
    for stream in ask(to, "GET", "/api/streams").await["streams"].as_array().into_iter().flatten() {
        if let Some(name) = stream["name"].as_str() {
            ask(to, "POST", &format!("/api/streams/{name}/kick")).await;
        }
    }
    let stats = running.control().stats(Target::Worker).await.unwrap();
    for transport in stats.transports {
        ask(to, "DELETE", &format!("/api/transports/{}", transport.id)).await;
    }
}

async fn start<C: Composition>(plugins: Value) -> Running {
    let mut config = WorkerConfig {
        workers: 1,
        plugins: PluginSettings::from_json(plugins).unwrap(),
        ..WorkerConfig::default()
    };
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.rtc.listen_ip = [127, 0, 0, 1].into();
    (config.rtc.udp_port, config.rtc.tcp_port) = (0, 0);
    let whip = json!({ "max_streams": 8, "connect_timeout_s": 1, "lost_peer_timeout_s": 1, "keep_viewers_s": 1, "max_wait_s": 1 });
    config.signaling.insert("whip".into(), whip);
    let running = sfu_core::Builder::<C>::new().config(config).start().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !running.mounts().router().has_routes() {
        assert!(Instant::now() < deadline, "no routes");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_with_every_plugin_stands_a_storm_of_requests() {
    let folder = std::env::temp_dir().join(format!("sfu-hostile-http-{}", std::process::id()));
    storm::<Whole>(json!({ "recorder": { "folder": folder, "enabled": true } })).await;
    let _ = std::fs::remove_dir_all(&folder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bare_worker_stands_a_storm_of_requests() {
    storm::<Bare>(json!({})).await;
}

async fn storm<C: Composition>(plugins: Value) {
    let _alone = ALONE.lock().await;
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        told(panic);
    }));
    let count = if std::env::var_os("SFU_TEST_LONG").is_some() { 3 * REQUESTS } else { REQUESTS };
    let running = start::<C>(plugins).await;
    let to: SocketAddr =
        running.url().unwrap().strip_prefix("http://").unwrap().trim_end_matches('/').parse().unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (mut events, listener) = (running.control().events(), seen.clone());
    tokio::spawn(async move {
        loop {
            match events.recv().await {
                Ok(event) => {
                    if let EventBody::PluginFault { plugin, step, text } = event.body
                        // How long a hook takes depends on the machine.
                        && !text.contains("took")
                    {
                        listener.lock().unwrap().faults.push(format!("{plugin}: {step}: {text}"));
                    }
                }
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(_) => return,
            }
        }
    });
    let began = Instant::now();
    let (mut sent, mut memory) = (0, 0);
    while sent < count {
        let each = ROUND / CLIENTS + 1;
        let clients = (0..CLIENTS).map(|index| tokio::spawn(client(sent + index, each, to, seen.clone())));
        for client in clients.collect::<Vec<_>>() {
            client.await.expect("a client that came to its end");
        }
        sent += each * CLIENTS;
        clean(&running, to).await;
        if memory == 0 && sent >= count / 3 {
            memory = resident_bytes();
        }
    }
    let after = resident_bytes();
    println!(
        "http: {sent} requests in {:.1} s; memory {} then {} MB; {:?}",
        began.elapsed().as_secs_f32(),
        memory >> 20,
        after >> 20,
        seen.lock().unwrap().answers
    );
    assert!(after < memory + SLACK, "{memory} then {after} bytes in RAM");
    // Nobody connected, so nobody is left.
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        clean(&running, to).await;
        let stats = running.control().stats(Target::Worker).await.unwrap();
        let left: Vec<(&str, u64)> = ["sessions", "routers", "transports", "producers", "consumers"]
            .into_iter()
            .map(|name| (name, stats.counters[name]))
            .filter(|(_, number)| *number != 0)
            .collect();
        if left.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "left behind: {left:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let (answers, faults) = {
        let seen = seen.lock().unwrap();
        (seen.answers.clone(), seen.faults.clone())
    };
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(PANICS.load(Ordering::Relaxed), 0, "something panicked");
    let of = |class: char| {
        answers.iter().filter(|(status, _)| status.starts_with(class)).map(|(_, n)| n).sum::<u64>()
    };
    assert!(of('2') > sent / 20 && of('4') > sent / 4, "{answers:?}");
    assert!(answers.get("201").is_some_and(|made| *made > sent / 200), "{answers:?}");
    running.stop().await;
}
