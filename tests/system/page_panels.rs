//! The panels of the worker's own page: live list, graphs, layers, recordings; other sources; the end of a stream.
use std::time::Duration;

use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind, Page};
use sfu_tests::own_page;
use sfu_tests::stack::Running;
use sfu_tests::worker::Start;
use sfu_tests::{http, needs, system_test, tools};

/// The recorder is there, and records what it is asked to.
const ON_REQUEST: &str = "[plugins.recorder]\nenabled = false\nfolder = \"{recordings}\"";

/// Waits until graphs have a value, and one that can't be 0 has another.
async fn graphs_move(page: &Page<'_>, within: &str) {
    let script = format!(
        "const value = name => document.querySelector(`{within} [data-graph=${{name}}]`)?.dataset.value ?? '';
         const seen = Object.fromEntries(['bitrate', 'loss', 'round-trip', 'frames'].map(name => [name, value(name)]));
         return (Object.values(seen).every(text => text !== '') && Number(seen.bitrate) > 10_000 && Number(seen.frames) > 1) || seen;"
    );
    own_page::until(page, &format!("graphs in {within}"), &script).await;
}

/// Downloads by the link in the first row of the table, as a click on it would ask for it.
const DOWNLOAD: &str = "
    const link = document.querySelector('#recordings-table tbody tr[data-state=done] a[download]');
    const answer = await fetch(link.href);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const part = await fetch(link.href, { headers: { Range: 'bytes=0-7' } });
    return { name: link.textContent, status: answer.status, type: answer.headers.get('content-type'),
             disposition: answer.headers.get('content-disposition'), size: bytes.length,
             magic: new TextDecoder().decode(bytes.slice(0, 8)), part: [part.status, (await part.arrayBuffer()).byteLength] };";

async fn everything(workers: u8, kind: Kind) {
    let worker = Start::with_workers(workers).config(ON_REQUEST).start();
    let browser = Browser::launch(kind).await;
    let up = browser.open(worker.url()).await;
    up.select("#size", "640x360").await;
    up.select("#codec", "VP8").await;
    up.click("#simulcast").await;
    own_page::publish(&up, "room/cam").await;
    graphs_move(&up, "#publish-graphs").await;
    // One row for each layer and one for sound; what arrives at the worker is the worker's own word.
    let layers = "const rows = [...document.querySelectorAll('#publish-encodings tbody tr')];
        const names = rows.map(row => row.dataset.encoding);
        const arrives = rows.filter(row => /[1-9]/.test(row.cells[4].textContent)).map(row => row.dataset.encoding);
        return (['f', 'h', 'q', 'audio'].every(name => names.includes(name)) && arrives.includes('audio')
            && arrives.some(name => name !== 'audio')) || { names, arrives };";
    own_page::until(&up, "the table of layers", layers).await;

    let down = browser.open(worker.url()).await;
    down.wait_for("#streams [data-stream='room/cam'][data-state=connected]", own_page::CONNECT).await;
    down.click("[data-watch='room/cam']").await;
    down.wait_for("[data-tile='room/cam'][data-state=connected]", own_page::CONNECT).await;
    own_page::plays(&down, "room/cam", true).await;
    graphs_move(&down, "[data-tile='room/cam']").await;
    down.wait_for("#streams [data-stream='room/cam'][data-viewers='1']", own_page::CONNECT).await;

    down.wait_for("[data-record='room/cam'][aria-pressed=false]", own_page::CONNECT).await;
    down.click("[data-record='room/cam']").await;
    down.wait_for("[data-record='room/cam'][aria-pressed=true]", own_page::CONNECT).await;
    down.wait_for("#recordings-table tr[data-state=active]", own_page::CONNECT).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    down.click("[data-record='room/cam']").await;
    down.wait_for("[data-record='room/cam'][aria-pressed=false]", own_page::CONNECT).await;
    let ended = "return document.querySelectorAll('#recordings-table tbody tr[data-state=done]').length >= 2
        && !document.querySelector('#recordings-table tr[data-state=active]')";
    own_page::until(&down, "finished recordings in the table", ended).await;
    let got = down.evaluate(DOWNLOAD, Value::Null).await;
    let name = got["name"].as_str().unwrap();
    let size = std::fs::metadata(worker.recordings().join(name)).unwrap().len();
    assert_eq!(
        (&got["status"], &got["size"], &got["magic"]),
        (&json!(200), &json!(size), &json!("MJR00002")),
        "{got}"
    );
    assert_eq!((&got["type"], &got["part"]), (&json!("application/octet-stream"), &json!([206, 8])), "{got}");
    assert!(got["disposition"].as_str().unwrap().starts_with("attachment"), "{got}");
    assert!(size > 100, "{got}");
    up.has_no_errors().await;
    down.has_no_errors().await;
}

system_test! {
    async fn everything_that_is_shown_in_chromium(workers) {
        needs!("chromium", "node");
        everything(workers, Kind::Chromium).await;
    }
}

system_test! {
    async fn everything_that_is_shown_in_firefox(workers) {
        needs!("firefox-esr", "node");
        everything(workers, Kind::Firefox).await;
    }
}

system_test! {
    async fn the_screen_is_published(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).start();
        let browser = Browser::launch(Kind::Chromium).await;
        let up = browser.open(worker.url()).await;
        up.click("label[for=source-screen]").await;
        own_page::publish(&up, "screen").await;
        let surface = "return document.getElementById('preview').srcObject.getVideoTracks()[0].getSettings().displaySurface ?? null";
        let surface = up.evaluate(surface, Value::Null).await;
        assert!(["monitor", "window", "browser"].contains(&surface.as_str().unwrap_or_default()), "{surface}");
        let down = browser.open(worker.url()).await;
        own_page::watch(&down, "screen").await;
        own_page::until(&down, "pictures of the screen", "
            const { viewers } = await import('/watch.js');
            const all = [...(await viewers.get('screen').pc.getStats()).values()];
            const frames = all.find(s => s.type === 'inbound-rtp' && s.kind === 'video')?.framesDecoded ?? 0;
            return (frames > 2 && document.querySelector('video[data-stream=screen]').videoWidth > 0) || frames").await;
        up.has_no_errors().await;
    }
}

/// An even UDP port that is free, and so is the one above it.
fn free_pair() -> u16 {
    let bound = |port| std::net::UdpSocket::bind(("127.0.0.1", port)).ok();
    let mut pairs = (0..100).filter_map(|_| {
        let even = bound(0)?.local_addr().ok()?.port() & !1;
        (bound(even).is_some() && bound(even + 1).is_some()).then_some(even)
    });
    pairs.next().expect("two ports are free")
}

system_test! {
    async fn the_end_of_plain_rtp_is_shown(workers) {
        needs!("ffmpeg", "chromium", "node");
        let worker = Start::with_workers(workers).start();
        let ask = json!({ "kind": "video", "codec": "VP8", "payloadType": 96, "ssrc": 1111 });
        let made = http::post_json(&worker.api("streams/cam/rtp-in"), &ask).await.json();
        let port: u16 = made["tuple"]["local"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        // Whoever comes back has to come from the same address: the worker has learnt it.
        let from = free_pair();
        let send = || {
            let to = format!("rtp://127.0.0.1:{port}?rtcpport={port}&localrtpport={from}&localrtcpport={}&pkt_size=1200", from + 1);
            Running::start(&tools::find("ffmpeg").unwrap(), &[
                "-hide_banner", "-loglevel", "warning", "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-c:v",
                "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "400k", "-g", "25", "-payload_type", "96",
                "-ssrc", "1111", "-f", "rtp", &to,
            ])
        };
        let sender = send();
        let browser = Browser::launch(Kind::Chromium).await;
        let page = browser.open(worker.url()).await;
        own_page::watch(&page, "cam").await;
        own_page::plays(&page, "cam", false).await;
        // FFmpeg is gone; its transport at the worker is not, and nobody closes it.
        drop(sender);
        page.wait_for("[data-tile=cam][data-state=away]", own_page::CONNECT).await;
        page.wait_for("#streams [data-stream=cam][data-state=lost]", own_page::CONNECT).await;
        let note = page.evaluate("return document.querySelector('[data-tile=cam] .screen-note').textContent", Value::Null).await;
        assert!(note.as_str().unwrap().contains("away"), "{note}");
        let _sender = send();
        page.wait_for("[data-tile=cam][data-state=connected]", own_page::CONNECT).await;
        own_page::plays(&page, "cam", false).await;
        page.has_no_errors().await;
    }
}
