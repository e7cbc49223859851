//! Chromium publishes with each codec of the page's own list, and the page plays what it published.
use serde_json::json;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::own_page;
use sfu_tests::worker::Start;
use sfu_tests::{needs, system_test};

async fn call(workers: u8, codec: &'static str) {
    let worker = Start::with_workers(workers).start();
    let browser = Browser::launch(Kind::Chromium).await;
    let up = browser.open(worker.url()).await;
    up.select("#codec", codec).await;
    // Small pictures leave the codecs enough of a small machine to keep their size.
    up.select("#size", "320x240").await;
    own_page::publish(&up, "call").await;
    let down = browser.open(worker.url()).await;
    own_page::watch(&down, "call").await;
    let shown = own_page::plays(&down, "call", true).await;
    let mime_type = json!(format!("video/{codec}"));
    assert_eq!((&shown["codec"], own_page::sent_codec(&up, "call").await), (&mime_type, mime_type.clone()));
    assert_eq!((&shown["width"], &shown["height"]), (&json!(320), &json!(240)), "{shown}");
    let text = "document.querySelector('[data-tile=call] .facts').textContent";
    own_page::until(
        &down,
        "the tile names the codec",
        &format!("return {text}.includes('{codec}') || {text}"),
    )
    .await;
    let text = "document.querySelector('#streams [data-stream=call]').textContent";
    own_page::until(
        &down,
        "the list names the codec",
        &format!("return {text}.includes('{codec}') || {text}"),
    )
    .await;
    up.has_no_errors().await;
    down.has_no_errors().await;
}

system_test! {
    async fn vp8(workers) {
        needs!("chromium", "node");
        call(workers, "VP8").await;
    }
}

system_test! {
    async fn h264(workers) {
        needs!("chromium", "node");
        call(workers, "H264").await;
    }
}

system_test! {
    async fn vp9(workers) {
        needs!("chromium", "node");
        call(workers, "VP9").await;
    }
}

system_test! {
    async fn av1(workers) {
        needs!("chromium", "node");
        call(workers, "AV1").await;
    }
}
