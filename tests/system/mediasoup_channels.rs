//! Data channels against three independent SCTP stacks, each over a relay that loses datagrams both ways: Chromium (dcSCTP), werift
//! (TypeScript) and libdatachannel (usrsctp).
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind, Page};
use sfu_tests::conference::{Conference, id, udp_and_data};
use sfu_tests::relay::{Impairment, Relay};
use sfu_tests::run::is_long;
use sfu_tests::stack::Running;
use sfu_tests::{call_test, needs, tools};

/// Longest time of one plan.
const LIMIT: Duration = Duration::from_secs(700);

/// A transport behind a relay, and a data producer of the server's own.
struct Setting {
    conference: Conference,
    transport: Value,
    relay: Relay,
    producer: String,
}

impl Setting {
    async fn new() -> Setting {
        let conference = Conference::start().await;
        let router = id(&conference.router(&conference.worker().await, "VP8").await);
        let options = udp_and_data();
        let mut transport = conference.call(&router, "createWebRtcTransport", json!([options])).await;
        let direct = conference.call(&router, "createDirectTransport", json!([{}])).await;
        let producer = conference.call(&id(&direct), "produceData", json!([{ "label": "time" }])).await;
        let candidate = &mut transport["iceCandidates"][0];
        let target = format!("{}:{}", candidate["address"].as_str().unwrap_or_default(), candidate["port"]);
        let target: SocketAddr = target.parse().unwrap_or_else(|error| panic!("{target}: {error}"));
        let relay = Relay::start(target, Impairment::default(), 1).await.expect("a relay");
        candidate["port"] = relay.address().port().into();
        Setting { conference, transport, relay, producer: id(&producer) }
    }

    /// All cells in the long run; those that ask most of a stack in the short one.
    fn plan(&self, stack: &str, loss: f64) -> Value {
        let (most, bytes) = match (is_long(), loss == 0.0) {
            (true, true) => (10_000, 20_000_000),
            (true, false) => (500, 2_000_000),
            (false, true) => (2000, 4_000_000),
            (false, false) => (40, 150_000),
        };
        let cell = |size: usize, ordered: bool, limit: Value| {
            let mut cell = limit;
            cell["size"] = size.into();
            cell["count"] = most.min(bytes / size).into();
            cell["ordered"] = ordered.into();
            cell
        };
        let limits = || [json!({}), json!({ "maxPacketLifeTime": 2000 }), json!({ "maxRetransmits": 3 })];
        let cells: Vec<Value> = if is_long() {
            let sizes = [1, 1191, 64 << 10, 256 << 10].into_iter();
            let both = sizes.flat_map(|size| [(size, true), (size, false)]);
            // The library has no ordered streams that give up.
            let limits = |ordered: bool| limits().into_iter().take(if ordered { 1 } else { 3 });
            both.flat_map(|(size, ordered)| limits(ordered).map(move |limit| (size, ordered, limit)))
                // With nothing unacknowledged werift's sender stands still for ever once it gave up a message of many packets.
                .filter(|(size, _, limit)| {
                    stack != "werift" || loss == 0.0 || *size < 64 << 10 || *limit == json!({})
                })
                .map(|(size, ordered, limit)| cell(size, ordered, limit))
                .collect()
        } else if loss == 0.0 {
            vec![cell(1, true, json!({})), cell(256 << 10, false, json!({}))]
        } else {
            let [_, lifetime, retransmits] = limits();
            vec![
                cell(1191, true, json!({})),
                cell(64 << 10, false, json!({})),
                cell(1, false, lifetime),
                cell(1191, false, retransmits),
            ]
        };
        let latency = json!({ "dataProducerId": self.producer, "count": 200, "interval": 10, "size": 200 });
        json!({ "cells": cells, "latency": if loss < 0.05 { Value::Null } else { latency } })
    }

    fn lose(&self, loss: f64) {
        self.relay.set(Impairment::loss(loss));
    }
}

/// Runs a plan in a peer of Node.
async fn in_node(stack: &str, loss: f64) {
    let setting = Setting::new().await;
    let script = tools::package().join("node/channels.mjs");
    let node = tools::find("node").expect("asked for before");
    let plan = setting.plan(stack, loss);
    let (transport, texts) = (setting.transport.to_string(), plan.to_string());
    let arguments = [script.to_str().expect("text"), stack, setting.conference.url(), &transport, &texts];
    let mut peer = Running::start(&node, &arguments);
    peer.connected().await;
    setting.lose(loss);
    let began = Instant::now();
    let is_done = |event: &Value| event["state"] == "done";
    while !peer.events().iter().any(is_done) {
        assert!(began.elapsed() < LIMIT, "{}", peer.said());
        tokio::time::sleep(Duration::from_millis(50)).await;
        if !peer.events().iter().any(is_done) && peer.said().contains("Error") {
            peer.wait_for("the end", is_done).await;
        }
    }
    let events = peer.events();
    let of = |what: &str| events.iter().filter_map(|event| event.get(what).cloned()).collect::<Vec<_>>();
    judge(stack, loss, &plan, &of("cell"), of("latency").first());
}

/// Runs a plan in a page.
async fn in_a_page(page: &Page<'_>, setting: &Setting, loss: f64) {
    let script = "window.channels = new Channels(RTCPeerConnection); await channels.open(argument); await channels.begin()";
    page.evaluate(script, setting.transport.clone()).await;
    setting.lose(loss);
    let (plan, mut cells) = (setting.plan("chromium", loss), Vec::new());
    for cell in plan["cells"].as_array().into_iter().flatten() {
        cells.push(page.evaluate("return await channels.cell(argument)", cell.clone()).await);
    }
    let mut latency = None;
    if !plan["latency"].is_null() {
        let script = "return await channels.latency(argument)";
        latency = Some(page.evaluate(script, plan["latency"].clone()).await);
    }
    judge("chromium", loss, &plan, &cells, latency.as_ref());
}

fn judge(stack: &str, loss: f64, plan: &Value, cells: &[Value], latency: Option<&Value>) {
    assert_eq!(cells.len(), plan["cells"].as_array().map_or(0, Vec::len));
    for cell in cells {
        println!("{stack} at {loss}: {cell}");
        assert_eq!((&cell["wrong"], &cell["twice"]), (&json!(0), &json!(0)), "{stack} at {loss}: {cell}");
        let is_reliable = cell["maxRetransmits"].is_null() && cell["maxPacketLifeTime"].is_null();
        if is_reliable {
            assert_eq!(cell["received"], cell["count"], "{stack} at {loss}: {cell}");
        }
        if cell["ordered"] == true && is_reliable {
            assert_eq!(cell["late"], 0, "{stack} at {loss}: {cell}");
        }
        let (received, count) = (cell["received"].as_f64().unwrap(), cell["count"].as_f64().unwrap());
        // How soon a message is given up is the stack's own affair on the way to us. One of hundreds of packets is as soon as the first
        // of them is.
        let is_long = cell["size"].as_u64() >= Some(64 << 10);
        assert!(
            received > count / 4.0 || (is_long && !is_reliable && loss > 0.0),
            "{stack} at {loss}: {cell}"
        );
    }
    if let Some(latency) = latency {
        println!("{stack} at {loss}: {latency}");
        assert_eq!(latency["received"], plan["latency"]["count"], "{stack}: {latency}");
        assert!(latency["p50"].as_f64().unwrap() < 500.0, "{stack}: {latency}");
    }
}

fn losses() -> &'static [f64] {
    if is_long() { &[0.0, 0.02, 0.05] } else { &[0.0, 0.05] }
}

call_test! {
    async fn nothing_is_lost_with_chromium() {
        needs!("chromium", "node");
        let browser = Browser::launch(Kind::Chromium).await;
        for loss in losses() {
            let setting = Setting::new().await;
            let page = browser.open(setting.conference.url()).await;
            in_a_page(&page, &setting, *loss).await;
        }
    }
}

call_test! {
    async fn nothing_is_lost_with_werift() {
        needs!("node");
        // It repairs slowly: the short run has time for one loss alone.
        for loss in losses().iter().filter(|loss| is_long() || **loss > 0.0) {
            in_node("werift", *loss).await;
        }
    }
}

call_test! {
    async fn nothing_is_lost_with_libdatachannel() {
        needs!("node");
        for loss in losses() {
            in_node("libdatachannel", *loss).await;
        }
    }
}
