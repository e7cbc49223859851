//! The worker's own page, used as a person uses it.
use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::Page;

/// Longest time until the page says that it is connected.
pub const CONNECT: Duration = Duration::from_secs(20);

/// The figures of what the page watches.
const RECEIVED: &str = "
    const { viewers } = await import('/watch.js');
    const pc = viewers.get(argument)?.pc;
    const report = pc ? await pc.getStats() : new Map();
    const all = [...report.values()].filter(s => s.type === 'inbound-rtp');
    const of = kind => all.find(s => s.kind === kind) ?? {};
    const tile = document.querySelector(`video[data-stream=\"${argument}\"]`);
    return { frames: of('video').framesDecoded ?? 0, energy: of('audio').totalAudioEnergy ?? 0,
             codec: report.get(of('video').codecId)?.mimeType ?? null,
             width: tile?.videoWidth ?? 0, height: tile?.videoHeight ?? 0 };";

/// The video codec that the page sends.
const SENT: &str = "
    const { publishers } = await import('/publish.js');
    const report = await publishers.get(argument).pc.getStats();
    const sent = [...report.values()].find(s => s.type === 'outbound-rtp' && s.kind === 'video');
    return report.get(sent?.codecId)?.mimeType ?? null;";

/// Starts publishing under a name, as the form stands, and waits until on air.
pub async fn publish(page: &Page<'_>, stream: &str) {
    page.fill("#stream-name", stream).await;
    page.click("#publish-start").await;
    page.wait_for("#publish[data-state=connected]", CONNECT).await;
}

/// Watches a stream by its name, and waits until connected.
pub async fn watch(page: &Page<'_>, stream: &str) {
    page.fill("#watch-name", stream).await;
    page.click("#watch-start").await;
    page.wait_for(&format!("[data-tile='{stream}'][data-state=connected]"), CONNECT).await;
}

/// What the page receives of a stream: `frames`, `energy`, `codec`, `width`, `height`.
pub async fn received(page: &Page<'_>, stream: &str) -> Value {
    page.evaluate(RECEIVED, json!(stream)).await
}

/// The MIME type of the video that the page sends.
pub async fn sent_codec(page: &Page<'_>, stream: &str) -> Value {
    page.evaluate(SENT, json!(stream)).await
}

/// Waits until the picture of a stream goes on, and its sound if the page plays it; panics with the figures if not within
/// 15 s.
pub async fn plays(page: &Page<'_>, stream: &str, sound: bool) -> Value {
    let before = received(page, stream).await;
    let number = |figures: &Value, name: &str| figures[name].as_f64().unwrap_or_default();
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = received(page, stream).await;
        if number(&now, "frames") > number(&before, "frames") + 10.0
            && (!sound || number(&now, "energy") > number(&before, "energy"))
            && number(&now, "width") > 0.0
        {
            return now;
        }
    }
    panic!("the page does not play: before {before}, now {}", received(page, stream).await);
}

/// Waits until a script of the page answers `true`; panics with its last answer if not within 20 s.
pub async fn until(page: &Page<'_>, what: &str, script: &str) {
    let mut last = Value::Null;
    for _ in 0..80 {
        last = page.evaluate(script, Value::Null).await;
        if last == true {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("{what}: not within 20 s; last: {last:#}");
}

/// Presses Tab until an element has the focus.
pub async fn tab_to(page: &Page<'_>, id: &str) {
    for _ in 0..60 {
        page.key("Tab").await;
        if page.evaluate("return document.activeElement?.id", Value::Null).await == id {
            return;
        }
    }
    panic!("Tab never reaches #{id}");
}

/// Opens a plugin's panel, if it is not open by itself.
pub async fn open_panel(page: &Page<'_>, plugin: &str) {
    page.wait_for(&format!("#panel-{plugin} > summary"), CONNECT).await;
    let script = format!(
        "const panel = document.getElementById('panel-{plugin}');
         if (!panel.open) panel.querySelector('summary').click();
         return panel.open || null;"
    );
    until(page, "an open panel", &script).await;
}

/// Waits until what a person sees of an element has these words.
pub async fn reads(page: &Page<'_>, selector: &str, words: &str) {
    let script = format!(
        "const text = document.querySelector({})?.innerText ?? null; return text?.includes({}) || text;",
        json!(selector),
        json!(words)
    );
    until(page, &format!("`{words}` in {selector}"), &script).await;
}

/// The ids of the plugins' panels, as they stand on the page.
pub async fn panels(page: &Page<'_>) -> Value {
    let script =
        "return [...document.querySelectorAll('#panels > details')].map(panel => panel.dataset.plugin)";
    page.evaluate(script, Value::Null).await
}
