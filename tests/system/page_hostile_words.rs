//! Whatever others write, the page shows it as text; and keeps to its place, however much it is.
use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::own_page::{self, CONNECT};
use sfu_tests::worker::Start;
use sfu_tests::{needs, system_test};

use crate::page_subsets::{WithGuest, start};

/// Text that would run, were it taken for HTML.
const HOSTILE: &str =
    "<img src=x onerror=\"globalThis.hacked='word'\"><script>globalThis.hacked='script'</script>";

/// Speaks by the data channel of a viewer of the page, past its form.
const SPEAK: &str = "
    const channel = globalThis.sfukit.viewers.get('room/cam').channel;
    const say = (to, body) => channel.send(JSON.stringify({ v: 1, to, body }));
    say('others', { text: argument, name: argument });
    say('others', argument);
    say('others', { strange: [argument, null, { deep: argument }] });
    say({ peer: argument }, argument);
    channel.send(JSON.stringify({ v: 1, subscribe: argument.slice(0, 60) }));
    for (let turn = 0; turn < 260; turn += 1) say('others', { text: `line ${turn}` });
    channel.send('{\"v\":1');";

const NOTHING_RAN: &str =
    "return [globalThis.hacked ?? null, document.querySelectorAll('main img, main script').length]";

system_test! {
    async fn hostile_messages_stay_text_and_the_log_stays_short(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).config("[plugins.data-router]\nenabled = true").start();
        let browser = Browser::launch(Kind::Chromium).await;
        let up = browser.open(worker.url()).await;
        up.select("#size", "320x240").await;
        own_page::publish(&up, "room/cam").await;
        up.wait_for("#chat", CONNECT).await;
        let down = browser.open(worker.url()).await;
        own_page::watch(&down, "room/cam").await;
        down.wait_for("#chat", CONNECT).await;
        up.evaluate("globalThis.seen = []; new MutationObserver(all => all.forEach(one => one.addedNodes.forEach(
            node => globalThis.seen.push(node.querySelector?.('.chat-words')?.textContent ?? '')))).observe(document.getElementById('chat-log'), { childList: true, subtree: true })", Value::Null).await;
        down.evaluate(SPEAK, json!(HOSTILE)).await;
        own_page::reads(&up, "#chat-log", "line 259").await;
        let whole = "return [globalThis.seen.filter(text => text.includes(argument)).length, document.querySelectorAll('#chat-log li').length]";
        let whole = up.evaluate(whole, json!("onerror=")).await;
        assert_eq!(whole, json!([3, 200]), "all three came, as text");
        let named = "return [...document.querySelectorAll('.chat-from')].every(from => from.textContent.startsWith('<img src=x onerror='))";
        assert_eq!(up.evaluate(named, Value::Null).await, true, "the sender's name is text, too");
        own_page::reads(&down, "#chat-status", "a comma or an end is expected").await;
        for page in [&up, &down] {
            assert_eq!(page.evaluate(NOTHING_RAN, Value::Null).await, json!([null, 0]));
            page.has_no_errors().await;
        }
    }
}

system_test! {
    async fn what_a_plugin_calls_its_figures_stays_text(workers) {
        needs!("chromium", "node");
        let (running, url) = start(WithGuest::builder(), workers).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let page = browser.open(&url).await;
        own_page::open_panel(&page, "guest").await;
        own_page::reads(&page, "#panel-guest .facts", "onerror=").await;
        assert_eq!(page.evaluate(NOTHING_RAN, Value::Null).await, json!([null, 0]));
        page.has_no_errors().await;
        drop(browser);
        running.stop().await;
    }
}

system_test! {
    async fn no_panel_is_wider_than_a_phone(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).config("[plugins.data-router]\nenabled = true\n[plugins.policy]\nenabled = true").start();
        let browser = Browser::launch(Kind::Chromium).await;
        let page = browser.open(worker.url()).await;
        page.viewport(360, 740).await;
        page.select("#size", "320x240").await;
        own_page::publish(&page, "a-rather-long-name-of-a-stream/with-another-long-part-behind-it").await;
        page.wait_for("#chat", CONNECT).await;
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })", Value::Null).await;
        let fits = "const wide = [...document.querySelectorAll('main *')].filter(each => !each.closest('.table-scroll, .visually-hidden')
                && each.getBoundingClientRect().right > 361).map(each => each.id || each.className || each.tagName);
            return (document.documentElement.scrollWidth <= 360 && !wide.length) || [document.documentElement.scrollWidth, ...wide];";
        own_page::until(&page, "everything within 360 pixels", fits).await;
        page.has_no_errors().await;
    }
}
