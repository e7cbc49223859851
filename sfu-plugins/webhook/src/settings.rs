//! What is posted where, and what can be asked.
use std::fmt;
use std::path::PathBuf;

use sfu_core::plugin::{Error, config, request};
use sfu_core::schemars::JsonSchema;
use sfu_core::serde::{Deserialize, Serialize, Serializer};

use crate::endpoint::Endpoint;
use crate::pattern::Pattern;

/// Hooks at the most.
const MAX_HOOKS: usize = 16;
/// Bytes of a secret at the least.
const MIN_SECRET: usize = 16;

/// The table `[plugins.webhook]`.
#[config]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Where events are posted; 16 at the most.
    pub hooks: Vec<Hook>,
    /// PEM file with the certificates of authorities that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
}

/// Events that are posted to one address: an entry of `[[plugins.webhook.hooks]]`.
#[config]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Address that events are posted to, `http://` or `https://`, without user and password.
    pub url: String,
    /// Key of the signature, 16 bytes at the least.
    pub secret: Secret,
    /// Names of events that are posted: `session.closed`, `recorder.*`, `*`.
    pub events: Vec<String>,
    /// Milliseconds that an attempt may take, 1 to 60000.
    pub timeout_ms: u64,
    /// Attempts at the most for what can't be delivered, 1 to 100.
    pub attempts: u32,
    /// Milliseconds until the second attempt; doubled for each that follows.
    pub backoff_ms: u64,
    /// Milliseconds between two attempts at the most.
    pub max_backoff_ms: u64,
    /// Events that may wait, 1 to 100000; beyond it the oldest are dropped and counted.
    pub queue: usize,
    /// Events in one post at the most, 1 to 1000.
    pub batch: usize,
}

impl Default for Hook {
    fn default() -> Self {
        Hook {
            url: String::new(),
            secret: Secret(String::new()),
            events: vec!["*".to_owned()],
            timeout_ms: 5000,
            attempts: 8,
            backoff_ms: 500,
            max_backoff_ms: 60_000,
            queue: 1000,
            batch: 50,
        }
    }
}

impl Config {
    /// Checks everything; answers where each hook posts to, and what.
    pub(crate) fn check(&self) -> Result<Vec<(Endpoint, Vec<Pattern>)>, Error> {
        if self.hooks.len() > MAX_HOOKS {
            let text = format!("{} are too many, {MAX_HOOKS} are the most", self.hooks.len());
            return Err(Error::at("plugins.webhook.hooks", text));
        }
        self.hooks.iter().enumerate().map(|(index, hook)| hook.check(index)).collect()
    }
}

impl Hook {
    fn check(&self, index: usize) -> Result<(Endpoint, Vec<Pattern>), Error> {
        let at = |field: &str| format!("plugins.webhook.hooks[{index}].{field}");
        let endpoint = Endpoint::parse(&self.url).map_err(|text| Error::at(at("url"), text))?;
        if self.secret.0.len() < MIN_SECRET {
            let text = format!("has fewer than {MIN_SECRET} bytes; make one with `openssl rand -hex 32`");
            return Err(Error::at(at("secret"), text));
        }
        for (field, value, range) in [
            ("timeout_ms", self.timeout_ms, 1..=60_000),
            ("attempts", u64::from(self.attempts), 1..=100),
            ("backoff_ms", self.backoff_ms, 1..=self.max_backoff_ms),
            ("max_backoff_ms", self.max_backoff_ms, 1..=3_600_000),
            ("queue", self.queue as u64, 1..=100_000),
            ("batch", self.batch as u64, 1..=1000),
        ] {
            if !range.contains(&value) {
                let text = format!("{value} is not from {} to {}", range.start(), range.end());
                return Err(Error::at(at(field), text));
            }
        }
        if self.events.is_empty() {
            return Err(Error::at(at("events"), "is empty; `*` stands for all"));
        }
        let patterns = self.events.iter().map(|text| Pattern::parse(text));
        let patterns = patterns.collect::<Result<_, _>>().map_err(|text| Error::at(at("events"), text))?;
        Ok((endpoint, patterns))
    }
}

/// A key that is never shown: not in logs, and not in the defaults of a schema.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "sfu_core::serde", transparent)]
#[schemars(crate = "sfu_core::schemars")]
pub struct Secret(pub(crate) String);

impl Secret {
    /// A key.
    pub fn new(key: impl Into<String>) -> Self {
        Secret(key.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("")
    }
}

/// Requests, without a target.
#[request]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// What was delivered, what waits and what was lost, of each hook.
    Status {},
}

#[cfg(test)]
mod tests {
    use sfu_core::serde_json;

    use super::*;

    fn hook() -> Hook {
        Hook { url: "https://a.example/x".into(), secret: Secret::new("0123456789abcdef"), ..Hook::default() }
    }

    fn refusal(hook: Hook) -> String {
        Config { hooks: vec![hook], ca_file: None }.check().expect_err("a refusal").to_string()
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place_and_never_with_the_secret() {
        assert!(Config { hooks: vec![hook()], ca_file: None }.check().is_ok());
        for (hook, at) in [
            (Hook { url: String::new(), ..hook() }, "url"),
            (Hook { secret: Secret::new("short-secret"), ..hook() }, "secret"),
            (Hook { timeout_ms: 0, ..hook() }, "timeout_ms"),
            (Hook { attempts: 0, ..hook() }, "attempts"),
            (Hook { backoff_ms: 70_000, ..hook() }, "backoff_ms"),
            (Hook { queue: 0, ..hook() }, "queue"),
            (Hook { batch: 1001, ..hook() }, "batch"),
            (Hook { events: vec![], ..hook() }, "events"),
            (Hook { events: vec!["no*".into()], ..hook() }, "events"),
        ] {
            let text = refusal(hook);
            assert!(text.starts_with(&format!("plugins.webhook.hooks[0].{at}: ")), "{text}");
            assert!(!text.contains("short-secret") && !text.contains("0123456789abcdef"), "{text}");
        }
    }

    #[test]
    fn a_secret_shows_in_no_text() {
        let config = Config { hooks: vec![hook()], ca_file: None };
        let texts = [format!("{config:?}"), serde_json::to_string(&config).expect("JSON")];
        assert!(texts.iter().all(|text| !text.contains("0123456789abcdef")), "{texts:?}");
    }
}
