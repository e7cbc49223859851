//! Messages through the page: to everybody, to one peer, to a topic, to nobody; by the data channel of WHIP and WHEP.
use serde_json::Value;
use sfu_tests::browser::{Browser, Kind, Page};
use sfu_tests::own_page::{self, CONNECT};
use sfu_tests::worker::Start;
use sfu_tests::{needs, system_test};

const ROUTER: &str = "[plugins.data-router]\nenabled = true";

/// What the page is called in its room.
async fn own_name(page: &Page<'_>) -> String {
    let script = "return [...document.querySelectorAll('#chat-present li')].map(peer => peer.textContent)
        .find(text => text.endsWith(' (you)'))?.replace(' (you)', '') ?? null";
    page.evaluate(script, Value::Null).await.as_str().expect("the page is told its name").to_owned()
}

async fn say(page: &Page<'_>, to: &str, whom: &str, text: &str) {
    page.select("#chat-to", to).await;
    if !whom.is_empty() {
        page.fill("#chat-whom", whom).await;
    }
    page.fill("#chat-text", text).await;
    page.click("#chat-send").await;
}

async fn chat(workers: u8, viewer: Kind) {
    let worker = Start::with_workers(workers).config(ROUTER).start();
    let publishing = Browser::launch(Kind::Chromium).await;
    let watching = if viewer == Kind::Chromium { None } else { Some(Browser::launch(viewer).await) };
    let up = publishing.open(worker.url()).await;
    up.select("#size", "320x240").await;
    own_page::publish(&up, "room/cam").await;
    // The panel opens by itself once there is a room.
    up.wait_for("#chat", CONNECT).await;
    let down = watching.as_ref().unwrap_or(&publishing).open(worker.url()).await;
    own_page::watch(&down, "room/cam").await;
    down.wait_for("#chat", CONNECT).await;
    for page in [&up, &down] {
        let both = "return document.querySelectorAll('#chat-present li').length === 2";
        own_page::until(page, "two peers in the room", both).await;
    }

    down.fill("#chat-name", "Ann").await;
    say(&down, "others", "", "good morning").await;
    own_page::reads(&up, "#chat-log", "good morning").await;
    let viewer_name = own_name(&down).await;
    own_page::reads(&up, "#chat-log", &format!("Ann ({viewer_name})")).await;

    say(&up, "peer", &viewer_name, "for you alone").await;
    own_page::reads(&down, "#chat-log", "for you alone").await;
    say(&up, "peer", "nobody", "hello?").await;
    own_page::reads(&up, "#chat-status", "Nobody here is called “nobody”.").await;

    down.select("#chat-to", "topic").await;
    down.fill("#chat-whom", "news").await;
    down.click("#chat-subscribe").await;
    own_page::reads(&down, "#chat-topics", "news").await;
    say(&up, "topic", "news", "it is noon").await;
    own_page::reads(&down, "#chat-log", "it is noon").await;
    let mine = up
        .evaluate("return document.querySelectorAll('#chat-log [data-mine=false]').length", Value::Null)
        .await;
    assert_eq!(mine, 1, "nothing comes back to its sender");

    down.click("[data-tile='room/cam'] [data-action=close]").await;
    own_page::until(
        &up,
        "who left is gone",
        "return document.querySelectorAll('#chat-present li').length === 1",
    )
    .await;
    up.has_no_errors().await;
    down.has_no_errors().await;
}

system_test! {
    async fn a_publisher_and_a_viewer_write_to_each_other(workers) {
        needs!("chromium", "node");
        chat(workers, Kind::Chromium).await;
    }
}

system_test! {
    async fn a_viewer_in_firefox_writes_to_a_publisher_in_chromium(workers) {
        needs!("chromium", "firefox-esr", "node");
        chat(workers, Kind::Firefox).await;
    }
}

system_test! {
    async fn messages_begin_when_the_plugin_is_switched_on(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).start();
        let browser = Browser::launch(Kind::Chromium).await;
        let page = browser.open(worker.url()).await;
        page.select("#size", "320x240").await;
        own_page::publish(&page, "room/cam").await;
        own_page::open_panel(&page, "data-router").await;
        let chat = page.evaluate("return document.getElementById('chat').checkVisibility()", Value::Null).await;
        assert_eq!(chat, false, "there is no room while the plugin is off");
        page.click("[data-switch=data-router]").await;
        page.wait_for("#chat", CONNECT).await;
        page.has_no_errors().await;
    }
}
