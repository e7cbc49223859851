//! What can be configured, chosen with `enable`, and requested.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use sfu_core::plugin::{Error, config, request};
use sfu_core::{schemars, serde};

use crate::name::Template;

/// Name of a file where neither configuration nor options say another.
pub(crate) const DEFAULT_FILE: &str = "{stream}-{kind}-{started}-{encoding}.mjr";

/// Name of a participant's file, where neither configuration nor options say another.
pub(crate) const DEFAULT_PARTICIPANT_FILE: &str = "{participant}-{started}";

/// Smallest limit of a file in bytes.
const MIN_FILE: u64 = 100_000;
/// Smallest queue in bytes: a few packets of full size.
const MIN_QUEUE: usize = 64 * 1024;
/// Largest queue in bytes.
const MAX_QUEUE: usize = 1024 * 1024 * 1024;

/// What recordings are written as.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(crate = "sfu_core::serde", rename_all = "lowercase")]
#[schemars(crate = "sfu_core::schemars")]
pub enum FileFormat {
    /// Janus MJR: RTP packets as they came.
    #[default]
    Mjr,
    /// Played as it is: WebM, or Matroska where H264 is in it.
    Webm,
    /// Opus in Ogg, played as it is; video is left out.
    Ogg,
    /// RTP and sender reports as a packet capture, for Wireshark.
    Pcapng,
}

/// What goes into one file.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(crate = "sfu_core::serde", rename_all = "lowercase")]
#[schemars(crate = "sfu_core::schemars")]
pub enum Per {
    /// One encoding of a producer.
    #[default]
    Stream,
    /// All that a participant sends; WebM and pcapng only.
    Participant,
}

/// What becomes of video that depends on a frame that was lost.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(crate = "sfu_core::serde", rename_all = "snake_case")]
#[schemars(crate = "sfu_core::schemars")]
pub enum AfterLoss {
    /// It is left out, until the next key frame.
    #[default]
    KeyFrame,
    /// It is kept, and shown damaged.
    Keep,
}

impl FileFormat {
    /// Whether files of it are played as they are.
    pub fn is_played(self) -> bool {
        matches!(self, FileFormat::Webm | FileFormat::Ogg)
    }
}

/// When a file is full, and another one begins. 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Bytes.
    pub max_bytes: u64,
    /// Seconds.
    pub max_seconds: u64,
}

impl Limits {
    /// Whether a file of so many bytes that has lasted so long is full.
    pub fn reached(&self, bytes: u64, lasted: Duration) -> bool {
        (self.max_bytes > 0 && bytes >= self.max_bytes)
            || (self.max_seconds > 0 && lasted >= Duration::from_secs(self.max_seconds))
    }
}

/// What a request may choose for what it starts.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
#[serde(crate = "sfu_core::serde")]
pub struct Choice {
    /// Template of file names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What it is written as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<FileFormat>,
    /// What goes into one file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<Per>,
}

/// The table `[plugins.recorder]`.
#[config]
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Folder of the recordings; made, with mode 0750, when the first one begins.
    pub folder: PathBuf,
    /// Template of file names; see the README for what can stand in braces.
    pub file: String,
    /// What recordings are written as.
    pub format: FileFormat,
    /// What goes into one file.
    pub per: Per,
    /// Bytes after which a file ends and another one begins, with the next key frame; 0: no limit.
    pub max_bytes: u64,
    /// Seconds after which a file ends and another one begins, with the next key frame; 0: no limit.
    pub max_seconds: u64,
    /// What becomes of video that depends on a lost frame, in files that are played as they are.
    pub after_loss: AfterLoss,
    /// Video begins with a key frame, also after a pause: what comes before it is left out. Files that are played as they are
    /// always begin with one, captures never.
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
            format: FileFormat::default(),
            per: Per::default(),
            max_bytes: 0,
            max_seconds: 0,
            after_loss: AfterLoss::default(),
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
        if self.max_bytes > 0 && self.max_bytes < MIN_FILE {
            let text = format!("{} is less than {MIN_FILE}; 0 is no limit", self.max_bytes);
            return Err(Error::at("plugins.recorder.max_bytes", text));
        }
        if let Some(error) = wrong_together(self.format, self.per) {
            return Err(Error::at("plugins.recorder.per", error));
        }
        Template::parse(&self.file).map_err(|error| Error::at("plugins.recorder.file", error.to_string()))
    }

    /// When a file is full.
    pub(crate) fn limits(&self) -> Limits {
        Limits { max_bytes: self.max_bytes, max_seconds: self.max_seconds }
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
    /// What it is written as, instead of the configured one.
    pub format: Option<FileFormat>,
    /// What goes into one file, instead of what is configured.
    pub per: Option<Per>,
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
        /// What it is written as, instead of the configured one.
        #[serde(default)]
        format: Option<FileFormat>,
        /// What goes into one file, instead of what is configured.
        #[serde(default)]
        per: Option<Per>,
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

/// Why a format and what goes into one file don't go together.
pub(crate) fn wrong_together(format: FileFormat, per: Per) -> Option<&'static str> {
    let wrong = per == Per::Participant && !matches!(format, FileFormat::Webm | FileFormat::Pcapng);
    wrong.then_some("`participant` takes `format = \"webm\"` or `\"pcapng\"`: other files hold one stream")
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
        let text = wrong(Config { max_bytes: 1000, ..Config::default() });
        assert!(text.starts_with("plugins.recorder.max_bytes: 1000 is less than"), "{text}");
        let text = wrong(Config { per: Per::Participant, ..Config::default() });
        assert!(text.starts_with("plugins.recorder.per: `participant` takes"), "{text}");
    }

    #[test]
    fn requests_read_as_documented() {
        let read = |value| serde_json::from_value::<Request>(value).unwrap();
        assert_eq!(
            read(json!({ "method": "start", "stream": "cam" })),
            Request::Start { stream: Some("cam".into()), file: None, format: None, per: None }
        );
        assert_eq!(
            read(json!({ "method": "start", "format": "webm", "per": "participant" })),
            Request::Start {
                stream: None,
                file: None,
                format: Some(FileFormat::Webm),
                per: Some(Per::Participant)
            }
        );
        assert_eq!(read(json!({ "method": "stop" })), Request::Stop { stream: None });
        assert_eq!(read(json!({ "method": "list" })), Request::List { limit: None });
        assert_eq!(read(json!({ "method": "status" })), Request::Status {});
        assert!(serde_json::from_value::<Request>(json!({ "method": "list", "path": "/" })).is_err());
    }
}
