//! Our own log as lines for the library.
use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::log::{LogFilter, LogTag, Severity};

/// Lines that may wait for the channel; more are lost.
const WAITING: usize = 1024;

/// What is logged, for whoever changes it while the worker runs.
#[derive(Debug, Clone)]
pub(crate) struct LogSwitch(Arc<AtomicU32>);

impl LogSwitch {
    /// What is logged now.
    pub(crate) fn filter(&self) -> LogFilter {
        LogFilter::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Logs this from now on.
    pub(crate) fn set(&self, filter: LogFilter) {
        self.0.store(filter.bits(), Ordering::Relaxed);
        // Each place that logs remembers whether anybody listens.
        tracing::callsite::rebuild_interest_cache();
    }
}

/// Takes what the worker logs.
pub(crate) struct LogLayer {
    switch: LogSwitch,
    lines: mpsc::Sender<String>,
}

/// The lines, in order.
#[derive(Debug)]
pub(crate) struct LogLines(mpsc::Receiver<String>);

/// What logs, what says how much, and what is logged.
pub(crate) fn log(filter: LogFilter) -> (LogLayer, LogSwitch, LogLines) {
    let (lines, receiver) = mpsc::channel(WAITING);
    let switch = LogSwitch(Arc::new(AtomicU32::new(filter.bits())));
    (LogLayer { switch: switch.clone(), lines }, switch, LogLines(receiver))
}

impl LogLines {
    /// The next line.
    pub(crate) async fn next(&mut self) -> String {
        match self.0.recv().await {
            Some(line) => line,
            None => std::future::pending().await,
        }
    }

    /// The next line, if there is one already.
    pub(crate) fn try_next(&mut self) -> Option<String> {
        self.0.try_recv().ok()
    }
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.takes(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.takes(metadata)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text(format!("{} | ", event.metadata().target()));
        event.record(&mut text);
        let severity = severity(event.metadata());
        let Some(line) = self.switch.filter().line(severity, text.0) else { return };
        if let Err(mpsc::error::TrySendError::Closed(line)) = self.lines.try_send(line)
            && severity == Severity::Error
        {
            // The channel is gone; errors are still worth a line.
            eprintln!("{}", line.get(1..).unwrap_or_default());
        }
    }
}

impl LogLayer {
    fn takes(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && self.switch.filter().allows(severity(metadata))
    }
}

fn severity(metadata: &Metadata<'_>) -> Severity {
    match *metadata.level() {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warn(tag(metadata.target()).into()),
        _ => Severity::Debug(tag(metadata.target()).into()),
    }
}

/// What a module's lines are about.
fn tag(target: &str) -> LogTag {
    let about = |(part, tag): (&str, LogTag)| target.split("::").any(|name| name == part).then_some(tag);
    [
        ("ice", LogTag::Ice),
        ("stun", LogTag::Ice),
        ("dtls", LogTag::Dtls),
        ("srtp", LogTag::Srtp),
        ("sctp", LogTag::Sctp),
        ("bwe", LogTag::Bwe),
        ("score", LogTag::Score),
        ("rtcp", LogTag::Rtcp),
        ("rtcp_in", LogTag::Rtcp),
        ("rtcp_out", LogTag::Rtcp),
        ("rtx", LogTag::Rtx),
        ("retransmit", LogTag::Rtx),
        ("layers", LogTag::Simulcast),
        ("data", LogTag::Message),
        ("rtp", LogTag::Rtp),
        ("receive", LogTag::Rtp),
    ]
    .into_iter()
    .find_map(about)
    .unwrap_or(LogTag::Info)
}

/// The message of an event, then its fields.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string can't fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::log::{LogLevel, LogTags};

    #[test]
    fn events_become_lines_by_level_and_module_and_what_is_wanted_can_change() {
        let filter = |level, tags: &[&str]| LogFilter { level, tags: LogTags::parse(tags) };
        let (layer, switch, mut lines) = log(filter(LogLevel::Warn, &["ice"]));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let log = || {
                tracing::debug!(target: "sfu_core::transport::ice::agent", "debug");
                tracing::warn!(target: "sfu_core::transport::ice::agent", peer = 7, "careful");
                tracing::warn!(target: "sfu_core::transport::dtls", "other subject");
                tracing::error!(target: "sfu_core::worker", "broken");
            };
            log();
            switch.set(filter(LogLevel::Debug, &["ice"]));
            log();
            switch.set(filter(LogLevel::None, &["ice"]));
            log();
        });
        let lines: Vec<String> = std::iter::from_fn(|| lines.try_next()).collect();
        assert_eq!(
            lines,
            [
                "Wsfu_core::transport::ice::agent | careful peer=7",
                "Esfu_core::worker | broken",
                "Dsfu_core::transport::ice::agent | debug",
                "Wsfu_core::transport::ice::agent | careful peer=7",
                "Esfu_core::worker | broken",
            ]
        );
    }

    #[test]
    fn every_filter_survives_as_bits() {
        for level in [LogLevel::None, LogLevel::Error, LogLevel::Warn, LogLevel::Debug] {
            for tags in [&[][..], &["info"], &["message", "svc"]] {
                let filter = LogFilter { level, tags: LogTags::parse(tags) };
                assert_eq!(LogFilter::from_bits(filter.bits()), filter);
            }
        }
    }
}
