//! Events of a worker in virtual time, with one media thread and with two, posted to a server that is real.
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use server::{Reply, Server};
use sfu_core::WorkerConfig;
use sfu_core::control::{CreateSession, Labels, SessionId, Target};
use sfu_core::plugin::{
    Attach, Cons, Cx, Description, Nil, Plugin, PluginSet, PluginSettings, RouterInfo, plugin,
};
use sfu_core::serde_json::{self, Value, json};
use sfu_core::testing::{Bench, Build, Media, PeerOptions, conformance, conformance_with};
use sfu_webhook::Webhook;

type Alone = Cons<Webhook, Nil>;

const SECRET: &str = "a-secret-that-nobody-may-see";

/// A hook to a server, with what a test wants of it.
fn hook(server: &Server, more: Value) -> Value {
    let mut hook = json!({
        "url": format!("http://{}/hooks/path-of-it", server.address), "secret": SECRET,
        "events": ["session.*"], "timeout_ms": 5000, "backoff_ms": 1, "max_backoff_ms": 5,
    });
    for (field, value) in more.as_object().expect("fields") {
        hook[field] = value.clone();
    }
    hook
}

/// A worker whose background work runs beside the test.
fn start<S: PluginSet>(build: Build<S>, server: &Server, workers: u8, hooks: &[Value]) -> Bench<S> {
    let handle = server.runtime.handle().clone();
    let spawner = Arc::new(move |work| {
        handle.spawn(work);
    });
    let config = json!({ "webhook": { "hooks": hooks } });
    build.workers(workers).spawner(spawner).config(config).start()
}

fn bench(server: &Server, workers: u8, more: Value) -> Bench<Alone> {
    start(Build::of::<Webhook>(), server, workers, &[hook(server, more)])
}

/// So many sessions, on all media threads in turn.
fn sessions<S: PluginSet>(bench: &mut Bench<S>, count: u8) -> Vec<SessionId> {
    let workers = bench.workers();
    let session = |n: u8| {
        let labels = Labels::new().with("user", format!("user {n}"));
        let peer = bench.peer_with(PeerOptions::plain().worker(n % workers).labels(labels));
        bench.session(peer)
    };
    (0..count).map(session).collect()
}

fn figure<S: PluginSet>(bench: &mut Bench<S>, name: &str) -> u64 {
    bench.stats("webhook")[name].as_u64().unwrap_or_else(|| panic!("no figure {name}"))
}

fn status<S: PluginSet>(bench: &mut Bench<S>) -> Value {
    bench.request("webhook", Target::Worker, json!({ "method": "status" })).expect("a status")
}

/// Waits until so many events were delivered.
fn delivered<S: PluginSet>(bench: &mut Bench<S>, server: &Server, count: u64) {
    server.until(|| figure(bench, "delivered") >= count);
    assert_eq!(figure(bench, "delivered"), count);
}

/// Whether the signature is right, as the README says how to find out.
fn is_genuine(post: &server::Post, secret: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [post.header("sfukit-timestamp").as_bytes(), b".", &post.body].concat();
    let tag: String = hmac::sign(&key, &signed).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    post.header("sfukit-signature") == format!("sha256={tag}")
}

#[test]
fn each_event_is_posted_once_signed_and_in_order() {
    for workers in [1, 2] {
        let server = Server::start();
        let mut bench = bench(&server, workers, json!({ "batch": 1 }));
        let opened = sessions(&mut bench, 6);
        for id in &opened {
            bench.close(*id);
        }
        delivered(&mut bench, &server, 12);
        let posts = server.posts();
        assert_eq!(
            posts.iter().flat_map(server::Post::sequence).collect::<Vec<_>>(),
            (1..=12).collect::<Vec<_>>()
        );
        for (n, post) in posts.iter().enumerate() {
            let json = post.json();
            let (event, id) = (&json["events"][0], opened[n % 6]);
            let name = if n < 6 { "session.opened" } else { "session.closed" };
            assert_eq!((&event["event"], &event["target"]), (&json!(name), &json!({ "session": id })));
            assert_eq!(event["labels"]["user"], format!("user {}", n % 6), "{event}");
            assert!(event["time"].as_u64().is_some_and(|time| time > 1_700_000_000_000), "{event}");
            assert_eq!(
                (json["dropped"].as_u64(), &json["id"]),
                (Some(0), &json!(post.header("sfukit-delivery")))
            );
            assert!(is_genuine(post, SECRET) && !is_genuine(post, "another-secret"), "{post:?}");
            assert_eq!(post.header("content-type"), "application/json");
            assert_eq!(post.path, "/hooks/path-of-it");
        }
        let mut ids: Vec<&str> = posts.iter().map(|post| post.header("sfukit-delivery")).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len(), server.connections()), (12, 1));
    }
}

#[test]
fn what_fails_is_tried_again_and_what_comes_after_it_waits() {
    for workers in [1, 2] {
        let server = Server::start();
        let mut bench = bench(&server, workers, json!({ "timeout_ms": 1500, "attempts": 10, "batch": 1 }));
        let failures = [
            Reply::Close,
            Reply::Status(500, ""),
            Reply::Status(503, "Retry-After: 1\r\n"),
            Reply::Hang,
            Reply::Status(429, ""),
            Reply::Status(408, ""),
        ];
        let tries = failures.len() + 1;
        server.answer(failures);
        sessions(&mut bench, 3);
        delivered(&mut bench, &server, 3);
        let posts = server.posts();
        let sequence: Vec<u64> = posts.iter().flat_map(server::Post::sequence).collect();
        assert_eq!(sequence, [vec![1; tries], vec![2, 3]].concat());
        let first = &posts[0];
        for post in &posts[..tries] {
            assert_eq!(
                (&post.body, post.header("sfukit-delivery")),
                (&first.body, first.header("sfukit-delivery"))
            );
            assert!(is_genuine(post, SECRET));
        }
        assert_ne!(first.header("sfukit-delivery"), posts[tries].header("sfukit-delivery"));
        assert_eq!((figure(&mut bench, "retries"), figure(&mut bench, "failed")), (tries as u64 - 1, 0));
    }
}

#[test]
fn a_connection_that_the_server_closed_meanwhile_costs_no_attempt() {
    let server = Server::start();
    let mut bench = bench(&server, 1, json!({ "attempts": 1 }));
    server.answer([Reply::StatusAndClose(200)]);
    for count in 1..=3 {
        sessions(&mut bench, 1);
        delivered(&mut bench, &server, count);
    }
    assert_eq!((figure(&mut bench, "retries"), server.connections()), (0, 2));
}

#[test]
fn what_is_refused_is_not_tried_again() {
    for workers in [1, 2] {
        let server = Server::start();
        let mut bench = bench(&server, workers, json!({ "batch": 1 }));
        server.answer([
            Reply::Status(404, ""),
            Reply::Status(302, "Location: /elsewhere\r\n"),
            Reply::Status(410, ""),
        ]);
        sessions(&mut bench, 5);
        delivered(&mut bench, &server, 2);
        let posts = server.posts();
        assert_eq!(posts.iter().flat_map(server::Post::sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(posts.iter().all(|post| post.path == "/hooks/path-of-it"), "no redirect is followed");
        assert_eq!((figure(&mut bench, "refused"), figure(&mut bench, "retries")), (3, 0));
    }
}

#[test]
fn after_the_last_attempt_it_is_given_up_and_the_next_has_its_turn() {
    let server = Server::start();
    let mut bench = bench(&server, 1, json!({ "attempts": 3, "batch": 1 }));
    server.answer(vec![Reply::Status(500, ""); 3]);
    sessions(&mut bench, 2);
    delivered(&mut bench, &server, 1);
    assert_eq!(server.posts().iter().flat_map(server::Post::sequence).collect::<Vec<_>>(), [1, 1, 1, 2]);
    assert_eq!((figure(&mut bench, "failed"), figure(&mut bench, "retries")), (1, 2));
}

#[test]
fn what_waits_is_posted_together_and_the_oldest_make_room() {
    for workers in [1, 2] {
        let server = Server::start();
        let more = json!({ "queue": 5, "batch": 3, "timeout_ms": 30_000 });
        let mut bench = bench(&server, workers, more);
        server.answer([Reply::Hold]);
        sessions(&mut bench, 1);
        assert_eq!(server.post().sequence(), [1]);
        // While the first one is held.
        sessions(&mut bench, 20);
        assert_eq!((figure(&mut bench, "dropped"), figure(&mut bench, "waiting")), (15, 5));
        server.release();
        delivered(&mut bench, &server, 6);
        let posts = server.posts();
        let seen: Vec<_> =
            posts.iter().map(|post| (post.sequence(), post.json()["dropped"].as_u64())).collect();
        assert_eq!(seen, [(vec![1], Some(0)), (vec![17, 18, 19], Some(15)), (vec![20, 21], Some(0))]);
    }
}

#[test]
fn hooks_do_not_wait_for_each_other() {
    let (slow, quick) = (Server::start(), Server::start());
    slow.answer(vec![Reply::Hang; 100]);
    let hooks = [
        hook(&slow, json!({ "batch": 1 })),
        hook(&quick, json!({ "events": ["session.closed", "producer.*"] })),
    ];
    let mut bench = start(Build::of::<Webhook>(), &quick, 2, &hooks);
    let opened = sessions(&mut bench, 1);
    bench.close(opened[0]);
    assert_eq!(slow.post().events(), ["session.opened"]);
    assert_eq!(quick.post().events(), ["session.closed"]);
    let status = status(&mut bench);
    assert_eq!(
        (&status["hooks"][0]["waiting"], &status["hooks"][1]["waiting"]),
        (&json!(1), &json!(0)),
        "{status}"
    );
}

/// Tells of each router.
#[derive(Default)]
struct Teller;

/// Tells of each router.
#[plugin(id = "teller")]
impl Plugin for Teller {
    fn router_opened(&mut self, info: &RouterInfo<'_>, _: &Self::Options, cx: &mut Cx<'_>) -> Attach<()> {
        cx.notify(info.id, json!({ "event": "teller.found", "text": "\"quoted\"\n" }));
        cx.notify(info.id, json!({ "event": "session.closed" }));
        Attach::Off
    }
}

#[test]
fn events_of_plugins_are_posted_by_their_names() {
    for workers in [1, 2] {
        let server = Server::start();
        let hooks = [hook(&server, json!({ "events": ["teller.*", "producer.stream_started"] }))];
        let mut bench = start(sfu_core::testing::build!(Teller, Webhook), &server, workers, &hooks);
        let producer = bench.produce_audio_on_last();
        bench.play(&[producer], Duration::from_millis(100));
        delivered(&mut bench, &server, 3);
        let posts = server.posts();
        let events: Vec<Value> = posts
            .iter()
            .flat_map(|post| post.json()["events"].as_array().cloned().unwrap_or_default())
            .collect();
        let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap_or_default()).collect();
        assert_eq!(names, ["teller.found", "teller.session.closed", "producer.stream_started"]);
        assert_eq!(events[0]["data"], json!({ "event": "teller.found", "text": "\"quoted\"\n" }));
        assert_eq!(events[2]["target"], json!({ "producer": producer }));
        assert_eq!(events[2]["data"]["encoding"], 0);
    }
}

#[test]
fn the_end_of_the_worker_waits_for_what_is_on_its_way_but_not_for_ever() {
    for workers in [1, 2] {
        let server = Server::start();
        let slow = json!({ "backoff_ms": 60_000, "max_backoff_ms": 60_000 });
        let mut bench = bench(&server, workers, slow);
        server.answer([Reply::Status(503, "Retry-After: 30\r\n")]);
        sessions(&mut bench, 1);
        // It rests for a minute, unless the worker ends.
        assert_eq!(server.post().sequence(), [1]);
        sessions(&mut bench, 3);
        server.until(|| status(&mut bench)["hooks"][0]["lastError"] == "status 503");
        bench.stop();
        let sequence: Vec<u64> = server.posts().iter().flat_map(server::Post::sequence).collect();
        // Four sessions open and close.
        assert_eq!(sequence, (1..=8).collect::<Vec<_>>(), "{workers} media threads");
    }
    let server = Server::start();
    let mut bench = bench(&server, 1, json!({}));
    server.answer(vec![Reply::Hang; 100]);
    sessions(&mut bench, 1);
    assert_eq!(server.post().sequence(), [1]);
    let begun = Instant::now();
    bench.stop();
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(700) && took < Duration::from_secs(4), "{took:?}");
}

sfu_core::worker! {
    /// A worker that posts.
    pub plugins = [Webhook];
    pub signaling = [];
}

#[test]
fn a_worker_with_real_threads_posts_up_to_its_end() {
    for workers in [1, 2] {
        let server = Server::start();
        let hooks = json!({ "webhook": { "hooks": [hook(&server, json!({}))] } });
        let mut config = WorkerConfig { workers, ..WorkerConfig::default() };
        config.rtc.listen_ip = [127, 0, 0, 1].into();
        config.plugins = PluginSettings::from_json(hooks).expect("settings");
        server.runtime.block_on(async {
            let running = Worker::builder().config(config).start().await.expect("a worker");
            for n in 0..4 {
                let session = CreateSession::default();
                running.control().create_session(n % workers, session).await.expect("a session");
            }
            running.stop().await;
        });
        let events: Vec<String> = server.posts().iter().flat_map(server::Post::events).collect();
        let of = |name: &str| events.iter().filter(|event| *event == name).count();
        assert_eq!((of("session.opened"), of("session.closed"), events.len()), (4, 4, 8), "{workers}");
    }
}

#[test]
fn secrets_show_nowhere() {
    let server = Server::start();
    let mut bench = bench(&server, 1, json!({}));
    server.answer([Reply::Status(400, "")]);
    sessions(&mut bench, 1);
    server.until(|| figure(&mut bench, "refused") == 1);
    let status = status(&mut bench);
    assert_eq!(status["hooks"][0]["to"], format!("http://{}", server.address));
    let schema = (Description::of::<Webhook>().config)();
    let stats = serde_json::to_string(&bench.worker_stats()).expect("JSON");
    for text in [status.to_string(), schema.to_string(), stats, format!("{:?}", server.posts())] {
        assert!(!text.contains(SECRET), "{text}");
    }
    assert!(!status.to_string().contains("path-of-it"), "a path may be a secret, too: {status}");
}

#[test]
fn what_is_wrong_in_the_configuration_is_named() {
    for (hook, at) in [
        (json!({ "secret": SECRET }), "hooks[0].url: is missing"),
        (json!({ "url": "http://a.example" }), "hooks[0].secret: has fewer than"),
        (json!({ "url": "http://a.example", "secret": SECRET, "evnts": [] }), "evnts"),
        (json!({ "url": "http://a.example", "secret": SECRET, "events": ["a b"] }), "hooks[0].events: `a b`"),
    ] {
        let config = json!({ "webhook": { "hooks": [hook] } });
        let text = Build::of::<Webhook>().config(config).try_start().err().expect("a refusal").to_string();
        assert!(text.starts_with("plugins.webhook") && text.contains(at) && !text.contains(SECRET), "{text}");
    }
    let config = json!({ "webhook": { "hooks": [], "ca_file": "/nowhere/ca.pem" } });
    let text = Build::of::<Webhook>().config(config).try_start().err().expect("a refusal").to_string();
    assert!(text.starts_with("plugins.webhook.ca_file: /nowhere/ca.pem"), "{text}");
}

/// A certificate of its own for this name, and a server that shows it.
fn tls_server(name: &str) -> (Server, String) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (Server::with_tls(Some(Arc::new(config).into())), cert.pem())
}

#[test]
fn over_tls_the_servers_certificate_has_to_be_the_right_one() {
    let folder = std::env::temp_dir().join(format!("sfu-webhook-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, trusted, is_delivered) in
        [("localhost", true, true), ("localhost", false, false), ("elsewhere.example", true, false)]
    {
        let (server, pem) = tls_server(name);
        let (_, other) = tls_server(name);
        let file = folder.join("ca.pem");
        std::fs::write(&file, if trusted { pem } else { other }).unwrap();
        let url = format!("https://localhost:{}/x", server.address.port());
        let hook = hook(&server, json!({ "url": url, "attempts": 2 }));
        let handle = server.runtime.handle().clone();
        let spawner = Arc::new(move |work| {
            handle.spawn(work);
        });
        let config = json!({ "webhook": { "hooks": [hook], "ca_file": file } });
        let mut bench = Build::of::<Webhook>().spawner(spawner).config(config).start();
        sessions(&mut bench, 1);
        if is_delivered {
            assert!(is_genuine(&server.post(), SECRET));
            delivered(&mut bench, &server, 1);
        } else {
            server.until(|| figure(&mut bench, "failed") == 1);
            assert!(server.posts().is_empty(), "{name}");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn it_bears_what_every_plugin_has_to_bear() {
    conformance::<Webhook>();
    // To a port where nobody is.
    let hook = json!({ "url": "http://127.0.0.1:9", "secret": SECRET, "attempts": 1 });
    conformance_with::<Webhook>(json!({ "hooks": [hook] }));
}

#[test]
fn its_readme_has_its_configuration() {
    sfu_core::testing::check_readme::<Webhook>(include_str!("../README.md"));
}

trait OnLast {
    fn produce_audio_on_last(&mut self) -> sfu_core::control::ProducerId;
}

impl<S: PluginSet> OnLast for Bench<S> {
    fn produce_audio_on_last(&mut self) -> sfu_core::control::ProducerId {
        let last = self.workers() - 1;
        let peer = self.peer_with(PeerOptions::plain().worker(last));
        self.produce(peer, Media::opus())
    }
}
