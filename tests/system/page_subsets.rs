//! The page of workers that are made of other plugins: of none, and of somebody else's.
use serde_json::{Value, json};
use sfu_core::plugin::Composition;
use sfu_core::{Running, WorkerConfig};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::own_page::{self, CONNECT};
use sfu_tests::{needs, system_test};

/// A plugin that the page has never heard of.
pub mod guest {
    use sfu_core::plugin::*;

    /// Greets.
    #[derive(Default)]
    pub struct Guest;

    /// What it can be asked.
    #[request]
    pub enum Ask {
        /// Says a greeting.
        Greet {
            /// Whom.
            name: String,
            /// How often.
            times: Option<u8>,
        },
        /// Panics, as a bug would.
        Stumble,
    }

    /// How it greets.
    #[config]
    #[derive(Default)]
    pub struct Manners {
        /// Politely.
        pub polite: bool,
    }

    /// Greets <b>everybody</b>.
    #[plugin(id = "guest")]
    impl Plugin for Guest {
        type Request = Ask;
        type Options = Manners;

        fn request(&mut self, ask: Ask, _: Target, re: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
            match ask {
                Ask::Greet { name, .. } if name.is_empty() => re.error(467, "guest: whom? fill in a name"),
                Ask::Greet { name, times } => re.ok(format!("hello {name} {}", times.unwrap_or(1))),
                Ask::Stumble => panic!("a bug"),
            }
        }

        fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
            out.put_sum("guests_seen", 7);
            out.put_max("<img src=x onerror=\"globalThis.hacked='figure'\">", 1);
        }
    }
}

sfu_core::worker! {
    /// A worker without plugins.
    pub struct Empty;
    pub plugins = [];
    pub signaling = [sfu_whip::Whip, sfu_admin::Admin];
}

sfu_core::worker! {
    /// A worker with a plugin of somebody else.
    pub struct WithGuest;
    pub plugins = [guest::Guest];
    pub signaling = [sfu_whip::Whip, sfu_admin::Admin];
}

/// Starts a worker in this process.
pub async fn start<C: Composition>(builder: sfu_core::Builder<C>, workers: u8) -> (Running, String) {
    let mut config = WorkerConfig { workers, ..WorkerConfig::default() };
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.rtc.listen_ip = [127, 0, 0, 1].into();
    let running = builder.config(config).start().await.unwrap();
    let url = running.url().unwrap().trim_end_matches('/').to_owned();
    (running, url)
}

system_test! {
    async fn a_worker_without_plugins_has_a_page_without_panels(workers) {
        needs!("chromium", "node");
        let (running, url) = start(Empty::builder(), workers).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let page = browser.open(&url).await;
        page.select("#size", "320x240").await;
        own_page::publish(&page, "demo").await;
        page.click("[data-watch=demo]").await;
        own_page::plays(&page, "demo", false).await;
        assert_eq!(own_page::panels(&page).await, json!([]));
        let hidden = "return [document.getElementById('plugins').hidden, document.getElementById('admin-form').hidden]";
        assert_eq!(page.evaluate(hidden, Value::Null).await, json!([true, true]));
        page.has_no_errors().await;
        drop(browser);
        running.stop().await;
    }
}

system_test! {
    async fn a_plugin_of_somebody_else_has_a_panel_that_asks_it(workers) {
        needs!("chromium", "node");
        let (running, url) = start(WithGuest::builder(), workers).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let page = browser.open(&url).await;
        own_page::open_panel(&page, "guest").await;
        assert_eq!(own_page::panels(&page).await, json!(["guest"]));
        let seen = 7 * u32::from(workers);
        own_page::reads(&page, "#panel-guest .facts", &format!("guests seen\n{seen}")).await;
        // What a plugin says of itself is text.
        own_page::reads(&page, "#panel-guest", "Greets <b>everybody</b>").await;

        page.click("#panel-guest details.more:last-of-type > summary").await;
        page.fill("#panel-guest input[name=name]", "Ann").await;
        page.fill("#panel-guest input[name=times]", "2").await;
        page.click("#panel-guest form button").await;
        own_page::reads(&page, "#panel-guest pre", "hello Ann 2").await;
        page.fill("#panel-guest input[name=times]", "2000").await;
        page.click("#panel-guest form button").await;
        own_page::reads(&page, "#panel-guest form .status", "2000").await;
        let empty = "const field = document.querySelector('#panel-guest input[name=name]'); field.value = '';
                     document.querySelector('#panel-guest input[name=times]').value = ''";
        page.evaluate(empty, Value::Null).await;
        page.click("#panel-guest form button").await;
        own_page::reads(&page, "#panel-guest form .status", "fill in a name").await;

        page.click("[data-switch=guest]").await;
        page.wait_for("#panel-guest[data-state=off]", CONNECT).await;
        page.select("#panel-guest select[name=polite]", "true").await;
        page.click("#panel-guest form:last-of-type button").await;
        page.wait_for("#panel-guest[data-state=on]", CONNECT).await;
        page.has_no_errors().await;
        drop(browser);
        running.stop().await;
    }
}

system_test! {
    async fn a_plugin_in_quarantine_is_seen_at_a_glance(workers) {
        needs!("chromium", "node");
        let (running, url) = start(WithGuest::builder(), workers).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let page = browser.open(&url).await;
        page.wait_for("#panel-guest", CONNECT).await;
        let stumble = "for (let turn = 0; turn < 6; turn += 1) {
            await fetch('/api/plugins/guest', { method: 'POST', headers: { 'content-type': 'application/json' },
                body: JSON.stringify({ request: { method: 'stumble' } }) });
        }";
        page.evaluate(stumble, Value::Null).await;
        page.wait_for("#panel-guest[data-state=bad][open]", CONNECT).await;
        own_page::reads(&page, "#panel-guest > summary", "in quarantine").await;
        own_page::reads(&page, "#panel-guest .trouble", "panics").await;
        page.has_no_errors().await;
        drop(browser);
        running.stop().await;
    }
}
