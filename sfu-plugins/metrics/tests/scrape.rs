//! Workers with real media threads, asked over HTTP as Prometheus asks them.
mod strict;

use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use sfu_core::control::{Labels, Target};
use sfu_core::plugin::{Plugin, PluginSettings, Rows, Stats, plugin};
use sfu_core::serde_json::{self, Value, json};
use sfu_core::testing::{Media, PeerOptions, build};
use sfu_core::{Running, WorkerConfig};
use strict::Exposition;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

sfu_core::worker! {
    /// A worker that shows its figures.
    pub plugins = [sfu_metrics::Metrics];
    pub signaling = [sfu_admin::Admin];
}

const PATIENCE: Duration = Duration::from_secs(20);

async fn start(workers: u8, admin: Value) -> Running {
    let mut config = WorkerConfig { workers, ..WorkerConfig::default() };
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.rtc.listen_ip = [127, 0, 0, 1].into();
    config.plugins = PluginSettings::from_json(json!({ "metrics": { "detail": "stream" } })).unwrap();
    config.signaling.insert("admin".to_owned(), admin);
    Worker::builder().config(config).start().await.unwrap()
}

/// Status, head and body of an answer.
async fn send(
    running: &Running,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> (u16, String, String) {
    let url = running.url().unwrap();
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_ascii_lowercase(), body.to_owned())
}

async fn scrape(running: &Running) -> Exposition {
    let (status, head, body) = send(running, "GET", "/metrics", "", "").await;
    assert_eq!(status, 200, "{body}");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    strict::read(&body, false).unwrap_or_else(|error| panic!("{error}"))
}

async fn post(running: &Running, path: &str, body: Value) -> Value {
    let json = "Content-Type: application/json\r\n";
    let (status, _, body) = send(running, "POST", path, json, &body.to_string()).await;
    assert_eq!(status, 201, "{body}");
    serde_json::from_str(&body).unwrap()
}

fn rtp(number: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(number.to_be_bytes());
    packet.extend((u32::from(number) * 3000).to_be_bytes());
    packet.extend(0x1234_5678_u32.to_be_bytes());
    // VP8: the first packet of a key frame of 320x240.
    packet.extend([0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
    packet
}

/// A worker through which plain RTP goes, and what it shows after that.
async fn busy(workers: u8) -> (Running, Exposition) {
    let running = start(workers, json!({})).await;
    let vp8 = json!({ "kind": "video", "codec": "VP8", "payloadType": 96 });
    let input = post(&running, "/api/streams/radio/rtp-in", vp8).await;
    let to: std::net::SocketAddr = input["tuple"]["local"].as_str().unwrap().parse().unwrap();
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let out = json!({ "ip": "127.0.0.1", "port": receiver.local_addr().unwrap().port(), "kind": "video" });
    post(&running, "/api/streams/radio/rtp-out", out).await;
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut number = 0;
    loop {
        for _ in 0..10 {
            sender.send_to(&rtp(number), to).unwrap();
            number += 1;
        }
        let shown = scrape(&running).await;
        let out = [("direction", "out"), ("kind", "video")];
        let has_sent = shown.names().contains("sfu_media_packets_total")
            && shown
                .samples
                .keys()
                .any(|(_, labels)| labels.get("direction").map(String::as_str) == Some("out"))
            && shown.sum("sfu_media_packets_total", &out) >= 50.0;
        if has_sent {
            return (running, shown);
        }
        assert!(Instant::now() < deadline, "{shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_worker_shows_what_went_through() {
    for workers in [1, 2] {
        let (running, shown) = busy(workers).await;
        for (name, labels) in [
            ("sfu_received_datagrams_total", &[][..]),
            ("sfu_received_bytes_total", &[]),
            ("sfu_sent_datagrams_total", &[]),
            ("sfu_sent_bytes_total", &[]),
            ("sfu_producer_packets_total", &[("stream", "radio"), ("codec", "video/VP8")]),
            ("sfu_consumer_packets_total", &[("stream", "radio")]),
            ("sfu_producer_key_frames_total", &[]),
        ] {
            assert!(shown.sum(name, labels) >= 50.0, "{workers} media threads: {name}");
        }
        assert_eq!(shown.sum("sfu_media_threads", &[]), f64::from(workers));
        let again = scrape(&running).await;
        assert_eq!(again.fallen(&shown), []);
        let accept = "Accept: application/openmetrics-text; version=1.0.0,text/plain;q=0.5\r\n";
        for path in ["/metrics", "/api/metrics"] {
            let (status, head, body) = send(&running, "GET", path, accept, "").await;
            assert_eq!(status, 200);
            let media_type = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
            assert!(head.contains(media_type), "{head}");
            let open = strict::read(&body, true).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(open.fallen(&again), []);
        }
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_ask_at_once_are_all_answered() {
    let running = std::sync::Arc::new(start(2, json!({})).await);
    let asked = (0..16).map(|_| {
        let running = running.clone();
        tokio::spawn(async move { scrape(&running).await })
    });
    for answer in asked.collect::<Vec<_>>() {
        assert!(answer.await.unwrap().samples.len() > 100);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_figures_are_guarded_as_the_api_is() {
    let running = start(1, json!({ "token": "a-token-of-a-good-length" })).await;
    let (status, _, body) = send(&running, "GET", "/metrics", "", "").await;
    assert_eq!(status, 401, "{body}");
    assert!(!body.contains("sfu_"), "{body}");
    let header = "Authorization: Bearer a-token-of-a-good-length\r\n";
    assert_eq!(send(&running, "GET", "/metrics", header, "").await.0, 200);
    let page = format!("{header}Origin: http://elsewhere.example\r\n");
    assert_eq!(send(&running, "GET", "/metrics", &page, "").await.0, 403);
    assert_eq!(send(&running, "DELETE", "/metrics", header, "").await.0, 405);
    running.stop().await;
}

/// Names of metrics in an expression: words that begin with `sfu_`, outside of quotes.
fn names_in(expression: &str) -> BTreeSet<String> {
    let unquoted: String = expression.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let words = unquoted.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("sfu_")).map(str::to_owned).collect()
}

/// All values of fields of this name, anywhere in a document.
fn fields<'v>(value: &'v Value, name: &str, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(object) => {
            for (field, inner) in object {
                match inner {
                    Value::String(text) if field == name => found.push(text),
                    other => fields(other, name, found),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|inner| fields(inner, name, found)),
        _ => {}
    }
}

/// Labels in an expression: those of selectors, `name{label="x"}`, and those of `by (label)`.
fn labels_in(expression: &str) -> BTreeSet<String> {
    let unquoted: String = expression.split('"').step_by(2).collect::<Vec<_>>().join("\"");
    let inside = |open: &'static str, close: char| {
        let parts = unquoted.split(open).skip(1);
        parts.filter_map(move |part| part.split_once(close)).flat_map(|(inside, _)| inside.split(','))
    };
    let label = |text: &str| text.split(['=', '!']).next().unwrap_or_default().trim().to_owned();
    inside("{", '}').chain(inside("by (", ')')).map(label).collect()
}

#[test]
fn labels_are_found_where_expressions_have_them() {
    let labels = labels_in(r#"sum by (worker, kind) (rate(sfu_a{room=~"a,b={c}",x!="1"}[5m])) / sfu_b"#);
    assert_eq!(labels.into_iter().collect::<Vec<_>>(), ["kind", "room", "worker", "x"]);
    assert!(labels_in("sum(sfu_a)").is_empty());
}

/// Has figures of a queue.
#[derive(Default)]
struct Queue;

#[plugin(id = "queue")]
impl Plugin for Queue {
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("writer_waiting", 1_u64);
        out.put_sum("writer_dropped", 1_u64);
    }
}

/// What a WebRTC peer and a plugin with a queue add, which the worker of plain RTP lacks: from a worker in virtual time.
fn shown_of_webrtc() -> Exposition {
    std::thread::spawn(|| {
        let config = json!({ "metrics": { "detail": "stream", "labels": ["room", "stream"] } });
        let mut bench = build!(Queue, sfu_metrics::Metrics).config(config).start();
        let labels = || Labels::new().with("room", "studio").with("stream", "cam");
        let publisher = bench.peer_with(PeerOptions::webrtc().labels(labels()));
        let producer = bench.produce(publisher, Media::vp8());
        let viewer = bench.peer_with(PeerOptions::webrtc().labels(labels()));
        bench.consume(viewer, producer);
        bench.play(&[producer], Duration::from_secs(10));
        let answer = bench.request("metrics", Target::Worker, json!({ "method": "text" })).unwrap();
        strict::read(answer["text"].as_str().unwrap(), false).unwrap()
    })
    .join()
    .unwrap()
}

fn dashboard() -> Value {
    serde_json::from_str(include_str!("../grafana/sfukit.json")).unwrap()
}

/// What Prometheus itself adds to each series.
const ADDED: [&str; 3] = ["instance", "job", "__name__"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_expression_of_the_dashboard_names_metrics_and_labels_that_there_are() {
    let dashboard = dashboard();
    let (running, shown) = busy(2).await;
    // Labels of all metrics.
    let mut there: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, labels) in shown.samples.into_keys().chain(shown_of_webrtc().samples.into_keys()) {
        there.entry(name).or_default().extend(labels.into_keys());
    }
    let mut expressions = Vec::new();
    fields(&dashboard, "expr", &mut expressions);
    fields(&dashboard["templating"], "definition", &mut expressions);
    assert!(expressions.len() > 40, "{}", expressions.len());
    for expression in expressions {
        let names = names_in(expression);
        assert!(!names.is_empty() || expression.contains("sfu_plugin_"), "{expression}");
        for name in names {
            let labels = there.get(&name).unwrap_or_else(|| panic!("no metric {name}: {expression}"));
            for label in labels_in(expression) {
                let known = ADDED.contains(&label.as_str()) || labels.contains(&label);
                assert!(known, "{name} has no label {label}: {expression}");
            }
        }
    }
    running.stop().await;
}

#[test]
fn a_legend_names_labels_that_its_expression_keeps() {
    let dashboard = dashboard();
    let mut targets = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            targets += 1;
            let (expression, legend) =
                (target["expr"].as_str().unwrap(), target["legendFormat"].as_str().unwrap());
            let named = legend.split("{{").skip(1).filter_map(|part| part.split_once("}}"));
            for (label, _) in named {
                let aggregates = expression.starts_with("sum");
                assert!(
                    !aggregates || labels_in(expression).contains(label),
                    "{label} is gone: {legend}: {expression}"
                );
            }
        }
    }
    assert!(targets > 40, "{targets}");
}

/// Units of Grafana that the dashboard may use: <https://grafana.com/docs/>, "Standard options".
const UNITS: [&str; 8] = ["short", "none", "bps", "bytes", "pps", "ops", "s", "percentunit"];

#[test]
fn the_dashboard_is_one_that_grafana_reads() {
    let dashboard = dashboard();
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned();
    assert!(dashboard["schemaVersion"].as_u64().is_some_and(|version| version >= 36));
    assert!(!text(&dashboard["title"]).is_empty() && text(&dashboard["uid"]).len() <= 40);
    assert!(dashboard["id"].is_null(), "an id is what the Grafana gives where it is imported");
    assert!(dashboard["time"]["from"].is_string() && dashboard["time"]["to"].is_string());

    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: BTreeSet<String> = variables.iter().map(|variable| text(&variable["name"])).collect();
    assert_eq!(names.len(), variables.len(), "a variable twice");
    let source = variables.iter().find(|variable| variable["name"] == "datasource").expect("the variable");
    assert_eq!((&source["type"], &source["query"]), (&json!("datasource"), &json!("prometheus")));
    let from = json!({ "type": "prometheus", "uid": "${datasource}" });

    let (mut ids, mut places) = (BTreeSet::new(), Vec::<[u64; 4]>::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = text(&panel["title"]);
        assert!(!title.is_empty() && ids.insert(panel["id"].as_u64().unwrap()), "{title}: an id twice");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(w > 0 && h > 0 && x + w <= 24, "{title} does not fit into 24 columns");
        let overlaps = |[ox, oy, ow, oh]: &[u64; 4]| x < ox + ow && *ox < x + w && y < oy + oh && *oy < y + h;
        assert!(!places.iter().any(overlaps), "{title} lies upon another panel");
        places.push([x, y, w, h]);
        let kind = text(&panel["type"]);
        if kind == "row" {
            assert_eq!((&panel["panels"], w), (&json!([]), 24), "{title}");
            continue;
        }
        assert!(["timeseries", "stat"].contains(&kind.as_str()), "{title}: {kind}");
        assert_eq!(panel["datasource"], from, "{title}");
        let unit = text(&panel["fieldConfig"]["defaults"]["unit"]);
        assert!(UNITS.contains(&unit.as_str()), "{title}: {unit}");
        assert!(panel["fieldConfig"]["overrides"].is_array() && panel["options"].is_object(), "{title}");
        let mut letters = BTreeSet::new();
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title} shows nothing");
        for target in targets {
            assert!(letters.insert(text(&target["refId"])), "{title}: a letter twice");
            assert_eq!(target["datasource"], from, "{title}");
            let expression = text(&target["expr"]);
            let used = expression.split('$').skip(1).map(|rest| {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                rest.split_at(end.unwrap_or(rest.len())).0
            });
            for name in used {
                assert!(name == "__rate_interval" || names.contains(name), "{title}: no variable {name}");
            }
            for pair in ["()", "[]", "{}"] {
                let count = |c: &str| expression.matches(c).count();
                assert_eq!(count(&pair[..1]), count(&pair[1..]), "{title}: {expression}");
            }
        }
    }
    assert!(ids.len() > 30, "{}", ids.len());
}
