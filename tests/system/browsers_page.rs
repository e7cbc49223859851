//! Publishing and watching through the worker's own page, as its user does, in all four pairings; and by keyboard.
use std::time::Duration;

use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind, Page};
use sfu_tests::worker::Start;
use sfu_tests::{needs, system_test};

const CONNECT: Duration = Duration::from_secs(20);

/// The figures of what the page watches.
const RECEIVED: &str = "
    const { viewers } = await import('/watch.js');
    const pc = viewers.get(argument)?.pc;
    const all = pc ? [...(await pc.getStats()).values()].filter(s => s.type === 'inbound-rtp') : [];
    const of = kind => all.find(s => s.kind === kind) ?? {};
    const tile = document.querySelector(`video[data-stream=\"${argument}\"]`);
    return { frames: of('video').framesDecoded ?? 0, energy: of('audio').totalAudioEnergy ?? 0,
             width: tile?.videoWidth ?? 0, height: tile?.videoHeight ?? 0 };";

async fn publish(page: &Page<'_>, stream: &str) {
    page.fill("#stream-name", stream).await;
    page.click("#publish-start").await;
    page.wait_for("#publish[data-state=connected]", CONNECT).await;
}

async fn watch(page: &Page<'_>, stream: &str) {
    page.fill("#watch-name", stream).await;
    page.click("#watch-start").await;
    page.wait_for(&format!("[data-tile='{stream}'][data-state=connected]"), CONNECT).await;
}

/// Waits until picture and sound of a stream grow; panics with the figures if not within 15 s.
async fn plays(page: &Page<'_>, stream: &str) -> Value {
    let before = page.evaluate(RECEIVED, json!(stream)).await;
    let number = |figures: &Value, name: &str| figures[name].as_f64().unwrap_or_default();
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = page.evaluate(RECEIVED, json!(stream)).await;
        if number(&now, "frames") > number(&before, "frames") + 10.0
            && number(&now, "energy") > number(&before, "energy")
            && number(&now, "width") > 0.0
        {
            return now;
        }
    }
    panic!("the page does not play: before {before}, now {}", page.evaluate(RECEIVED, json!(stream)).await);
}

async fn call(workers: u8, publisher: Kind, viewer: Kind) {
    let worker = Start::with_workers(workers).start();
    let publishing = Browser::launch(publisher).await;
    let watching = if viewer == publisher { None } else { Some(Browser::launch(viewer).await) };
    let up = publishing.open(worker.url()).await;
    publish(&up, "room/cam").await;
    let down = watching.as_ref().unwrap_or(&publishing).open(worker.url()).await;
    watch(&down, "room/cam").await;
    let shown = plays(&down, "room/cam").await;
    let size = up
        .evaluate(
            "const v = document.getElementById('preview'); return [v.videoWidth, v.videoHeight]",
            Value::Null,
        )
        .await;
    assert_eq!(
        json!([shown["width"], shown["height"]]),
        size,
        "the viewer's picture is as large as the preview"
    );
}

system_test! {
    async fn chromium_to_chromium(workers) {
        needs!("chromium", "node");
        call(workers, Kind::Chromium, Kind::Chromium).await;
    }
}

system_test! {
    async fn chromium_to_firefox(workers) {
        needs!("chromium", "firefox-esr", "node");
        call(workers, Kind::Chromium, Kind::Firefox).await;
    }
}

system_test! {
    async fn firefox_to_chromium(workers) {
        needs!("chromium", "firefox-esr", "node");
        call(workers, Kind::Firefox, Kind::Chromium).await;
    }
}

system_test! {
    async fn firefox_to_firefox(workers) {
        needs!("firefox-esr", "node");
        call(workers, Kind::Firefox, Kind::Firefox).await;
    }
}

/// Presses Tab until an element has the focus.
async fn tab_to(page: &Page<'_>, id: &str) {
    for _ in 0..60 {
        page.key("Tab").await;
        if page.evaluate("return document.activeElement?.id", Value::Null).await == id {
            return;
        }
    }
    panic!("Tab never reaches #{id}");
}

system_test! {
    async fn the_keyboard_alone_publishes_and_watches(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).start();
        let browser = Browser::launch(Kind::Chromium).await;
        let page = browser.open(worker.url()).await;
        page.wait_for("#publish-start", CONNECT).await;
        tab_to(&page, "publish-start").await;
        page.key("Enter").await;
        page.wait_for("#publish[data-state=connected]", CONNECT).await;
        tab_to(&page, "watch-name").await;
        for key in ["d", "e", "m", "o", "Enter"] {
            page.key(key).await;
        }
        page.wait_for("[data-tile=demo][data-state=connected]", CONNECT).await;
        plays(&page, "demo").await;
    }
}
