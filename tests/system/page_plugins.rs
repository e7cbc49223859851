//! What the page shows of the other plugins, each as its user sees it.
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind, Page};
use sfu_tests::own_page::{self, CONNECT};
use sfu_tests::worker::{Start, Worker};
use sfu_tests::{http, needs, system_test};
use tokio::io::AsyncReadExt;

/// Opens the page and publishes the test pattern, whose tone is loud.
async fn publishing<'b>(worker: &Worker, browser: &'b Browser) -> Page<'b> {
    let page = browser.open(worker.url()).await;
    page.select("#size", "320x240").await;
    page.click("label[for=source-pattern]").await;
    own_page::publish(&page, "room/cam").await;
    page
}

system_test! {
    async fn a_recording_is_in_the_chosen_format(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).config("[plugins.recorder]\nenabled = false\nfolder = \"{recordings}\"").start();
        let browser = Browser::launch(Kind::Chromium).await;
        let page = publishing(&worker, &browser).await;
        page.wait_for("[data-record='room/cam'][aria-pressed=false]", CONNECT).await;
        page.select("#recordings-format", "ogg").await;
        page.click("[data-record='room/cam']").await;
        own_page::reads(&page, "#recordings-table tr[data-state=active]", ".opus").await;
        own_page::reads(&page, "#panel-recorder > summary", "recording 1").await;
        page.click("[data-record='room/cam']").await;
        page.wait_for("#recordings-table tr[data-state=done]", CONNECT).await;
        page.has_no_errors().await;
    }
}

system_test! {
    async fn who_speaks_is_marked(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).config("[plugins.audio-selector]\nenabled = true").start();
        let browser = Browser::launch(Kind::Chromium).await;
        let page = publishing(&worker, &browser).await;
        page.click("[data-watch='room/cam']").await;
        page.wait_for("[data-tile='room/cam'][data-speaking]", CONNECT).await;
        page.wait_for("#streams [data-stream='room/cam'][data-speaking]", CONNECT).await;
        own_page::reads(&page, "#panel-audio-selector tbody", "room/cam").await;
        own_page::reads(&page, "#panel-audio-selector > summary", "1 of 1 forwarded").await;
        page.click("#publish-mute").await;
        let quiet = "return !document.querySelector('[data-speaking]')";
        own_page::until(&page, "nobody speaks", quiet).await;
        own_page::reads(&page, "#panel-audio-selector tbody", "is forwarded").await;
        page.has_no_errors().await;
    }
}

system_test! {
    async fn a_refused_codec_is_told_to_its_publisher_and_limits_are_shown(workers) {
        needs!("chromium", "node");
        let config = "[plugins.policy]\nenabled = true\n[plugins.policy.options]\ncodecs = [\"audio/opus\", \"video/VP8\"]\nvideo_bitrate = 700000";
        let worker = Start::with_workers(workers).config(config).start();
        let browser = Browser::launch(Kind::Chromium).await;
        let page = browser.open(worker.url()).await;
        page.select("#size", "320x240").await;
        page.click("label[for=source-pattern]").await;
        page.select("#codec", "VP9").await;
        page.fill("#stream-name", "room/cam").await;
        page.click("#publish-start").await;
        page.wait_for("#publish[data-state=failed]", CONNECT).await;
        own_page::reads(&page, "#publish-status", "video/VP9").await;
        own_page::reads(&page, "#panel-policy > summary", "1 refused").await;
        page.select("#codec", "VP8").await;
        own_page::publish(&page, "room/cam").await;
        own_page::reads(&page, "#panel-policy tbody", "room/cam, video").await;
        own_page::reads(&page, "#panel-policy tbody", "700 kbit/s").await;
        page.has_no_errors().await;
    }
}

system_test! {
    async fn redundancy_is_switched_on_and_its_figures_are_shown(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).start();
        let browser = Browser::launch(Kind::Chromium).await;
        let page = browser.open(worker.url()).await;
        own_page::open_panel(&page, "red").await;
        own_page::reads(&page, "#panel-red > summary", "off").await;
        own_page::reads(&page, "#panel-red", "Senders with redundancy").await;
        page.click("[data-switch=red]").await;
        page.wait_for("#panel-red[data-state=on]", CONNECT).await;
        let plugins = http::get(&worker.api("plugins")).await.json();
        let red = plugins["plugins"].as_array().unwrap().iter().find(|plugin| plugin["id"] == "red").unwrap();
        assert_eq!(red["switch"], json!({ "on": true, "targets": 0 }));
        page.click("[data-switch=red]").await;
        page.wait_for("#panel-red[data-state=off]", CONNECT).await;
        page.has_no_errors().await;
    }
}

system_test! {
    async fn who_reads_from_the_tap_is_shown(workers) {
        needs!("chromium", "node");
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("tap.sock");
        let config = format!(
            "[plugins.tap]\nenabled = true\nlisten = \"unix:{}\"\n[plugins.tap.options]\nkind = \"audio\"",
            socket.display()
        );
        let worker = Start::with_workers(workers).config(&config).start();
        let mut reader = tokio::net::UnixStream::connect(&socket).await.unwrap();
        let reading = tokio::spawn(async move {
            let mut bytes = [0; 4096];
            while reader.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
        });
        let browser = Browser::launch(Kind::Chromium).await;
        let page = publishing(&worker, &browser).await;
        own_page::reads(&page, "#panel-tap > summary", "1 reader").await;
        own_page::reads(&page, "#panel-tap tbody", "room/cam").await;
        let frames = "return [...document.querySelectorAll('#panel-tap tbody')]
            .every(body => Number(body.rows[0]?.cells[body.rows[0].cells[1].textContent === 'opus' ? 2 : 1].textContent) > 0)";
        own_page::until(&page, "frames of the stream and to its reader", frames).await;
        reading.abort();
        own_page::reads(&page, "#panel-tap > summary", "0 readers").await;
        page.has_no_errors().await;
    }
}

system_test! {
    async fn what_webhooks_delivered_and_failed_is_shown(workers) {
        needs!("chromium", "node");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let taken = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, Router::new().fallback(async || "")).await });
        // Nobody listens where somebody did.
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let hook = |to| format!(
            "[[plugins.webhook.hooks]]\nurl = \"http://{to}/hook\"\nsecret = \"0123456789abcdef\"\nevents = [\"session.*\"]\nattempts = 1"
        );
        let worker = Start::with_workers(workers).config(&hook(taken)).config(&hook(closed)).start();
        let browser = Browser::launch(Kind::Chromium).await;
        let page = publishing(&worker, &browser).await;
        own_page::reads(&page, "#panel-webhook > summary", "1 delivered, 1 lost").await;
        let rows = format!(
            "const rows = [...document.querySelectorAll('#panel-webhook tbody tr')].map(row => [...row.cells].map(cell => cell.textContent));
             const row = to => rows.find(row => row[0].endsWith(to)) ?? [];
             return (row(':{}')[1] === '1' && row(':{}')[4] === '1' && /refused|connect/i.test(row(':{}')[6])) || rows",
            taken.port(), closed.port(), closed.port()
        );
        own_page::until(&page, "what became of each hook", &rows).await;
        page.has_no_errors().await;
    }
}

system_test! {
    async fn figures_for_prometheus_are_a_click_away(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).start();
        let browser = Browser::launch(Kind::Chromium).await;
        let page = browser.open(worker.url()).await;
        own_page::open_panel(&page, "metrics").await;
        let threads = format!("return document.querySelector('#panel-metrics dd')?.textContent === '{workers}'");
        own_page::until(&page, "the number of media threads", &threads).await;
        page.click("[data-action=metrics]").await;
        page.wait_for("#panel-metrics pre", CONNECT).await;
        own_page::reads(&page, "#panel-metrics pre", "# TYPE sfu_").await;
        let link = page.evaluate("return (await fetch(document.querySelector('#panel-metrics a').href)).status", Value::Null).await;
        assert_eq!(link, 200);
        page.has_no_errors().await;
    }
}

system_test! {
    async fn panels_wait_for_the_admin_token_and_the_rest_works_without(workers) {
        needs!("chromium", "node");
        let config = "[signaling.admin]\ntoken = \"0123456789abcdef0123\"\n[plugins.data-router]\nenabled = true\n\
                      [plugins.recorder]\nenabled = false\nfolder = \"{recordings}\"";
        let worker = Start::with_workers(workers).config(config).start();
        let browser = Browser::launch(Kind::Chromium).await;
        let page = browser.open(worker.url()).await;
        page.wait_for("#admin-form", CONNECT).await;
        assert_eq!(own_page::panels(&page).await, json!([]));
        page.select("#size", "320x240").await;
        own_page::publish(&page, "room/cam").await;
        page.wait_for("#chat", CONNECT).await;
        assert_eq!(own_page::panels(&page).await, json!(["data-router"]), "the channel found its room without the API");
        page.fill("#admin-token", "something else").await;
        page.click("#admin-form button").await;
        own_page::reads(&page, "#admin-status", "does not know this admin token").await;
        page.fill("#admin-token", "0123456789abcdef0123").await;
        page.key("Enter").await;
        page.wait_for("[data-record='room/cam']", CONNECT).await;
        let hidden = page.evaluate("return document.getElementById('admin-form').hidden", Value::Null).await;
        assert_eq!(hidden, true);
        // Links can't carry the token: the page fetches what they lead to.
        page.click("[data-record='room/cam']").await;
        page.wait_for("#recordings-table tr[data-state=active]", CONNECT).await;
        let saved = "
            const names = [];
            const click = HTMLAnchorElement.prototype.click;
            HTMLAnchorElement.prototype.click = function () { names.push([this.download, this.protocol]); };
            document.querySelector('#recordings-table a').dispatchEvent(new MouseEvent('click', { cancelable: true, bubbles: true }));
            for (let turn = 0; turn < 100 && !names.length; turn += 1) await new Promise(done => setTimeout(done, 100));
            HTMLAnchorElement.prototype.click = click;
            return names;";
        let saved = page.evaluate(saved, Value::Null).await;
        assert!(saved[0][0].as_str().is_some_and(|name| name.ends_with(".mjr")) && saved[0][1] == "blob:", "{saved}");
        tokio::time::sleep(Duration::ZERO).await;
        page.has_no_errors().await;
    }
}
