//! What can be configured, chosen with `enable`, and requested.
use std::collections::BTreeMap;
use std::path::PathBuf;

use sfu_core::plugin::{Error, config, request};

use crate::name::Template;

/// Name of a file where neither configuration nor options say another.
pub(crate) const DEFAULT_FILE: &str = "{stream}-{kind}-{started}-{encoding}.mjr";

/// Smallest queue in bytes: a few packets of full size.
const MIN_QUEUE: usize = 64 * 1024;
/// Largest queue in bytes.
const MAX_QUEUE: usize = 1024 * 1024 * 1024;

/// The table `[plugins.recorder]`.
#[config]
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Folder of the recordings; made, with mode 0750, when the first one begins.
    pub folder: PathBuf,
    /// Template of file names; see the README for what can stand in braces.
    pub file: String,
    /// Video begins with a key frame, also after a pause: what comes before it is left out.
    pub wait_for_key_frame: bool,
    /// Writes through to the disk every 250 ms, so that a power failure loses no more than a crash does.
    pub fsync: bool,
    /// Bytes that may wait for the disk, per media thread; what comes beyond is dropped and counted.
    pub queue_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            folder: "recordings".into(),
            file: DEFAULT_FILE.to_owned(),
            wait_for_key_frame: true,
            fsync: false,
            queue_bytes: 8 * 1024 * 1024,
        }
    }
}

impl Config {
    /// The file name template, after a check of everything.
    pub(crate) fn check(&self) -> Result<Template, Error> {
        if self.folder.as_os_str().is_empty() {
            return Err(Error::at("plugins.recorder.folder", "is empty; `.` is the current folder"));
        }
        if !(MIN_QUEUE..=MAX_QUEUE).contains(&self.queue_bytes) {
            let text = format!("{} is not from {MIN_QUEUE} to {MAX_QUEUE}", self.queue_bytes);
            return Err(Error::at("plugins.recorder.queue_bytes", text));
        }
        Template::parse(&self.file).map_err(|error| Error::at("plugins.recorder.file", error.to_string()))
    }

    /// The first field that another configuration has otherwise, and that threads and queues are made with.
    pub(crate) fn fixed_field_changed(&self, other: &Config) -> Option<&'static str> {
        [
            ("folder", self.folder != other.folder),
            ("fsync", self.fsync != other.fsync),
            ("queue_bytes", self.queue_bytes != other.queue_bytes),
        ]
        .into_iter()
        .find_map(|(field, changed)| changed.then_some(field))
    }
}

/// What may come with `enable`, or stand in `[plugins.recorder.options]` for where it is on by configuration.
#[config]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Template of file names instead of the configured one.
    pub file: Option<String>,
    /// Records only what has all these labels, with values that match: `*` stands for any text, `?` for one character.
    pub only: BTreeMap<String, String>,
}

/// Requests. `start`, `stop` and `status` go to an entity, or to none; `list` and `locate` to none.
#[request]
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Records what is below the target, or the producers with the label `stream` on all media threads.
    Start {
        /// The stream, where the request has no target.
        #[serde(default)]
        stream: Option<String>,
        /// Template of file names instead of the configured one.
        #[serde(default)]
        file: Option<String>,
    },
    /// Ends the recordings of what is below the target, or of the producers with the label `stream`.
    Stop {
        /// The stream, where the request has no target.
        #[serde(default)]
        stream: Option<String>,
    },
    /// The files in the folder, newest first.
    List {
        /// Files at the most; 100 if not given, 1000 is the most.
        #[serde(default)]
        limit: Option<usize>,
    },
    /// Where a recording lies, for who serves it.
    Locate {
        /// Its name, as listed.
        file: String,
    },
    /// What is being recorded.
    Status {},
}

/// Whether `text` matches a pattern with `*` and `?`. Takes time in proportion to the product of the lengths at the most.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` was, and how far the text was taken for it.
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(want) if *want == '?' || want == c => {
                p += 1;
                t += 1;
            }
            _ => match &mut star {
                Some((at, taken)) => {
                    *taken += 1;
                    (p, t) = (*at + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use sfu_core::serde_json::{self, json};

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text) in [("cam-*", "cam-1"), ("*", ""), ("a?c", "abc"), ("*b*b", "abbb"), ("x", "x")] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("cam-*", "xcam-1"), ("a?c", "ac"), ("*b", "abc"), ("", "x"), ("x*y", "xyz")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert!(!matches(&"*a".repeat(100), &"b".repeat(256)));
    }

    #[test]
    fn the_defaults_are_good_and_nonsense_is_named() {
        assert!(Config::default().check().is_ok());
        let wrong = |config: Config| config.check().unwrap_err().to_string();
        let text = wrong(Config { file: "{nope}".into(), ..Config::default() });
        assert!(text.starts_with("plugins.recorder.file: "), "{text}");
        let text = wrong(Config { queue_bytes: 1, ..Config::default() });
        assert!(text.starts_with("plugins.recorder.queue_bytes: 1 is not from"), "{text}");
        assert!(wrong(Config { folder: "".into(), ..Config::default() }).contains("folder"));
    }

    #[test]
    fn requests_read_as_documented() {
        let read = |value| serde_json::from_value::<Request>(value).unwrap();
        assert_eq!(
            read(json!({ "method": "start", "stream": "cam" })),
            Request::Start { stream: Some("cam".into()), file: None }
        );
        assert_eq!(read(json!({ "method": "stop" })), Request::Stop { stream: None });
        assert_eq!(read(json!({ "method": "list" })), Request::List { limit: None });
        assert_eq!(read(json!({ "method": "status" })), Request::Status {});
        assert!(serde_json::from_value::<Request>(json!({ "method": "list", "path": "/" })).is_err());
    }
}
