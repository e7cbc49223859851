//! Publishing and watching through the worker's own page, as its user does, in all four pairings; and by keyboard.
use std::time::Duration;

use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::own_page::{self, CONNECT};
use sfu_tests::worker::Start;
use sfu_tests::{needs, system_test};

/// The size that the page is told to publish in: the smallest, for two browsers that encode in software on two busy cores. They start
/// smaller still and grow as feedback lets them.
const SIZE: &str = "320x240";

async fn call(workers: u8, publisher: Kind, viewer: Kind) {
    let worker = Start::with_workers(workers).start();
    let publishing = Browser::launch(publisher).await;
    let watching = if viewer == publisher { None } else { Some(Browser::launch(viewer).await) };
    let up = publishing.open(worker.url()).await;
    up.select("#size", SIZE).await;
    own_page::publish(&up, "room/cam").await;
    let down = watching.as_ref().unwrap_or(&publishing).open(worker.url()).await;
    own_page::watch(&down, "room/cam").await;
    let mut shown = own_page::plays(&down, "room/cam", true).await;
    let size = up
        .evaluate(
            "const v = document.getElementById('preview'); return [v.videoWidth, v.videoHeight]",
            Value::Null,
        )
        .await;
    for _ in 0..120 {
        if json!([shown["width"], shown["height"]]) == size {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
        shown = own_page::received(&down, "room/cam").await;
    }
    assert_eq!(
        json!([shown["width"], shown["height"]]),
        size,
        "the viewer's picture becomes as large as the preview"
    );
    up.has_no_errors().await;
    down.has_no_errors().await;
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

async fn by_keyboard(workers: u8, kind: Kind) {
    let worker = Start::with_workers(workers).start();
    let browser = Browser::launch(kind).await;
    let page = browser.open(worker.url()).await;
    page.wait_for("#publish-start", CONNECT).await;
    own_page::tab_to(&page, "publish-start").await;
    page.key("Enter").await;
    page.wait_for("#publish[data-state=connected]", CONNECT).await;
    own_page::tab_to(&page, "watch-name").await;
    for key in ["d", "e", "m", "o", "Enter"] {
        page.key(key).await;
    }
    page.wait_for("[data-tile=demo][data-state=connected]", CONNECT).await;
    // A page is silent about its own stream.
    own_page::plays(&page, "demo", false).await;
    page.has_no_errors().await;
}

system_test! {
    async fn the_keyboard_alone_publishes_and_watches(workers) {
        needs!("chromium", "node");
        by_keyboard(workers, Kind::Chromium).await;
    }
}

system_test! {
    async fn the_keyboard_alone_publishes_and_watches_in_firefox(workers) {
        needs!("firefox-esr", "node");
        by_keyboard(workers, Kind::Firefox).await;
    }
}
