//! What every call through a worker has to show: pictures decoded, sound heard, the right size.
use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::Page;

/// How to publish in a browser.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Publish {
    /// `VP8`, `H264`, `VP9`, `AV1`; the browser's choice without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<&'static str>,
    /// Width and height of the picture.
    #[serde(flatten)]
    pub size: Option<Size>,
    /// Over TCP alone.
    pub tcp: bool,
}

/// Pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Size {
    /// Columns.
    pub width: u64,
    /// Rows.
    pub height: u64,
}

/// Publishes in a page that has the raw script, and waits until connected.
pub async fn publish(page: &Page<'_>, whip: &str, how: &Publish) {
    let script = "await raw.publish('up', argument.url, argument.how); await raw.connected('up');";
    page.evaluate(script, json!({ "url": whip, "how": how })).await;
}

/// Watches in a page that has the raw script, and waits until connected.
pub async fn watch(page: &Page<'_>, whep: &str) {
    let script = "await raw.watch('down', argument.url); await raw.connected('down');";
    page.evaluate(script, json!({ "url": whep })).await;
}

/// The browser's figures of a session, by `inbound-video`, `outbound-audio` and so on.
pub async fn figures(page: &Page<'_>, session: &str) -> Value {
    page.evaluate("return await raw.stats(argument)", json!(session)).await
}

/// A number in figures, 0 if it is not there.
pub fn number(figures: &Value, stream: &str, name: &str) -> f64 {
    figures[stream][name].as_f64().unwrap_or_default()
}

/// Watches over TCP alone, and waits until connected.
pub async fn watch_over_tcp(page: &Page<'_>, whep: &str) {
    let script = "await raw.watch('down', argument.url, { tcp: true }); await raw.connected('down');";
    page.evaluate(script, json!({ "url": whep })).await;
}

/// Waits until a session receives both pictures and sound that grow; panics with the figures if they do not within
/// 15 s.
pub async fn flows(page: &Page<'_>, session: &str) -> Value {
    grows(
        page,
        session,
        &[("inbound-video", "framesDecoded", 10.0), ("inbound-audio", "totalAudioEnergy", 0.0)],
    )
    .await
}

/// Waits until each of these figures has grown by more than so much; panics with all figures if not within 15 s.
pub async fn grows(page: &Page<'_>, session: &str, wanted: &[(&str, &str, f64)]) -> Value {
    let before = figures(page, session).await;
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = figures(page, session).await;
        let grown = |&(stream, name, by): &(&str, &str, f64)| {
            number(&now, stream, name) > number(&before, stream, name) + by
        };
        if wanted.iter().all(grown) {
            return now;
        }
    }
    let now = figures(page, session).await;
    panic!("{wanted:?} did not grow within 15 s\nbefore: {before:#}\nnow: {now:#}");
}

/// Asserts that the picture received is as large as the one published.
pub fn assert_size(figures: &Value, size: Size) {
    let received =
        (number(figures, "inbound-video", "frameWidth"), number(figures, "inbound-video", "frameHeight"));
    assert_eq!(received, (size.width as f64, size.height as f64), "size of the picture: {figures:#}");
}
