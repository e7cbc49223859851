//! What is shown, and what can be asked.
use std::fmt;

use sfu_core::plugin::{Error, config, request};
use sfu_core::schemars::JsonSchema;
use sfu_core::serde::{Deserialize, Serialize};

/// Most series that can be allowed.
const MAX_SERIES: usize = 1_000_000;

/// Labels that series have of their own.
const TAKEN: [&str; 14] = [
    "worker",
    "router",
    "transport",
    "producer",
    "consumer",
    "data_producer",
    "data_consumer",
    "encoding",
    "kind",
    "codec",
    "direction",
    "reason",
    "plugin",
    "le",
];

/// How far down the figures go.
#[config]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Media threads and plugins.
    #[default]
    Worker,
    /// Routers, too.
    Router,
    /// Transports, too.
    Transport,
    /// Producers and consumers with their streams, too.
    Stream,
}

/// The table `[plugins.metrics]`.
#[config]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How far down the figures go.
    pub detail: Detail,
    /// Series at the most, 1 to 1000000; what is beyond is left out and counted.
    pub max_series: usize,
    /// Labels of entities (`room`, `stream`, `user` …) that series get, below the level of media threads.
    pub labels: Vec<LabelName>,
}

impl Default for Config {
    fn default() -> Self {
        let labels = ["room", "stream"].map(|name| LabelName(name.to_owned()));
        Config { detail: Detail::Worker, max_series: 10_000, labels: labels.into() }
    }
}

impl Config {
    /// Checks what types can't.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !(1..=MAX_SERIES).contains(&self.max_series) {
            let text = format!("{} is not from 1 to {MAX_SERIES}", self.max_series);
            return Err(Error::at("plugins.metrics.max_series", text));
        }
        for (at, label) in self.labels.iter().enumerate() {
            if self.labels.iter().take(at).any(|other| other == label) {
                let text = format!("`{label}` stands there twice; remove one");
                return Err(Error::at("plugins.metrics.labels", text));
            }
        }
        Ok(())
    }
}

/// Name of a label that series may have: letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(crate = "sfu_core::serde", try_from = "String")]
#[schemars(crate = "sfu_core::schemars")]
pub struct LabelName(String);

impl LabelName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LabelName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let begins_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !begins_well || !text.chars().all(good) || text.starts_with("__") || text.len() > 64 {
            return Err(format!(
                "`{}` can't name a label of a series; take letters, digits and `_`, and no digit first",
                text.chars().take(40).collect::<String>()
            ));
        }
        if TAKEN.contains(&text.as_str()) {
            return Err(format!(
                "series have a label `{text}` of their own; put another one on your entities"
            ));
        }
        Ok(LabelName(text))
    }
}

impl fmt::Display for LabelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Requests, without a target.
#[request]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// All figures as text: `contentType` and `text`.
    Text {
        /// The `Accept` of who wants them: OpenMetrics where it names that, else Prometheus' text format.
        #[serde(default)]
        accept: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_labels_are_such_as_prometheus_takes_and_not_taken() {
        for good in ["room", "_user", "A9"] {
            assert!(LabelName::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "9a", "a-b", "é", "__name__", "worker", "le", &"a".repeat(65)] {
            assert!(LabelName::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn nonsense_is_named() {
        let label = || LabelName::try_from("room".to_owned()).unwrap();
        let twice = Config { labels: vec![label(), label()], ..Config::default() };
        assert!(twice.check().unwrap_err().to_string().starts_with("plugins.metrics.labels: `room`"));
        let none = Config { max_series: 0, ..Config::default() };
        assert!(none.check().unwrap_err().to_string().starts_with("plugins.metrics.max_series: 0 is not"));
        assert!(Config::default().check().is_ok());
    }
}
