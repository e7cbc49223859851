//! A page of somebody else, open in a browser on the worker's machine, cannot drive the admin API.
use std::time::Duration;

use axum::Router;
use axum::response::Html;
use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::stack::Stack;
use sfu_tests::worker::{Start, Worker};
use sfu_tests::{http, needs, system_test};

/// Tries everything that a page can send, and tells what it could read.
const ATTACK: &str = "
    const read = [];
    const attempt = async (what, promise) => {
        try {
            const answer = await promise();
            // An opaque answer tells nothing: status 0, no text.
            if (answer && answer.type !== 'opaque' && answer.status < 400) read.push(`${what}: ${answer.status} ${await answer.text()}`);
        } catch {}
    };
    const api = argument + '/api/';
    const plain = { 'content-type': 'text/plain' };
    const json = { 'content-type': 'application/json' };
    for (const mode of ['cors', 'no-cors', 'same-origin']) {
        for (const path of ['streams', 'stats', 'workers', 'sessions', 'plugins', 'events', 'openapi.json']) {
            await attempt(`${mode} GET ${path}`, () => fetch(api + path, { mode, signal: AbortSignal.timeout(3000) }));
        }
        for (const headers of [plain, json, { 'content-type': 'application/x-www-form-urlencoded' }, {}]) {
            await attempt(`${mode} POST rtp-in`, () => fetch(api + 'streams/evil/rtp-in', { mode, method: 'POST', headers,
                body: JSON.stringify({ kind: 'audio', codec: 'opus', payloadType: 100 }) }));
        }
        await attempt(`${mode} DELETE`, () => fetch(api + 'streams/call', { mode, method: 'DELETE' }));
    }
    // A form needs nobody's permission, and its body can be made to look like JSON.
    const frame = document.body.appendChild(Object.assign(document.createElement('iframe'), { name: 'target' }));
    const form = document.body.appendChild(Object.assign(document.createElement('form'),
        { action: api + 'streams/evil/rtp-in', method: 'POST', enctype: 'text/plain', target: 'target' }));
    form.append(Object.assign(document.createElement('input'),
        { name: '{\"kind\":\"audio\",\"codec\":\"opus\",\"payloadType\":100,\"parameters\":{\"a\":\"', value: '\"}}' }));
    form.submit();
    // Pictures, scripts and event streams pass without asking, too.
    const image = new Image();
    const loaded = new Promise(done => { image.onload = () => done('picture'); image.onerror = () => done(null); });
    image.src = api + 'streams';
    if (await loaded) read.push('a picture');
    const events = new EventSource(api + 'events');
    const opened = await new Promise(done => { events.onopen = () => done(true); events.onerror = () => done(false); setTimeout(() => done(false), 2000); });
    if (opened) read.push('events');
    events.close();
    await new Promise(done => setTimeout(done, 1000));
    return read;";

async fn foreign_page() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(async || Html("<!doctype html><title>hostile</title><body>"));
    tokio::spawn(async { axum::serve(listener, app).await });
    url
}

/// What an attack could have changed.
async fn state(worker: &Worker) -> Value {
    let streams = http::get(&worker.api("streams")).await.json();
    let names: Vec<_> =
        streams["streams"].as_array().into_iter().flatten().map(|s| s["name"].clone()).collect();
    json!(names)
}

system_test! {
    async fn another_origin_reads_and_changes_nothing(workers) {
        needs!("chromium", "node", "/usr/bin/python3");
        let worker = Start::with_workers(workers).start();
        let mut publisher = Stack::GStreamer.publish(&worker.whip("call"), 60);
        publisher.connected().await;
        assert_eq!(state(&worker).await, json!(["call"]));
        let browser = Browser::launch(Kind::Chromium).await;
        let page = browser.open(&foreign_page().await).await;
        let read = page.evaluate(ATTACK, json!(worker.url())).await;
        assert_eq!(read, json!([]), "a foreign page could read this");
        assert_eq!(state(&worker).await, json!(["call"]), "a foreign page changed something");
        // The same requests from no page at all are answered: it was the origin that was refused.
        let by_hand = json!({ "kind": "audio", "codec": "opus", "payloadType": 100 });
        assert_eq!(http::post_json(&worker.api("streams/mine/rtp-in"), &by_hand).await.status, 201);
    }
}

system_test! {
    async fn a_name_rebound_to_this_machine_gets_nowhere(workers) {
        needs!("chromium", "node", "/usr/bin/python3");
        let worker = Start::with_workers(workers).start();
        let mut publisher = Stack::GStreamer.publish(&worker.whip("call"), 60);
        publisher.connected().await;
        let browser = Browser::launch_with(Kind::Chromium, &["--host-resolver-rules=MAP evil.example 127.0.0.1"]).await;
        // To the browser the worker is the page's own origin now; only the Host header tells.
        let port = worker.url().rsplit(':').next().unwrap().to_owned();
        let origin = format!("http://evil.example:{port}");
        let page = browser.open("about:blank").await;
        let there = page.goto(&format!("{origin}/")).await;
        assert!(there.is_ok(), "the name leads to the worker: {there:?}");
        let read = page.evaluate(ATTACK, json!(origin)).await;
        assert_eq!(read, json!([]), "a rebound name could read this");
        assert_eq!(state(&worker).await, json!(["call"]), "a rebound name changed something");
    }
}

system_test! {
    async fn a_foreign_host_header_is_refused(workers) {
        let worker = Start::with_workers(workers).start();
        for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1"] {
            let headers = [("host", host)];
            let answer = http::send(hyper::Method::GET, &worker.api("streams"), &headers, "").await;
            assert_eq!(answer.status, 403, "Host: {host}: {}", answer.text());
            assert_eq!(answer.header("access-control-allow-origin"), "");
        }
        tokio::time::sleep(Duration::ZERO).await;
    }
}
