//! What can be configured, chosen with `enable`, and requested.
use sfu_core::control::MediaKind;
use sfu_core::plugin::{Error, config, request};

use crate::address::{Address, Place};

/// Smallest ring and smallest queue in bytes: a few packets, a small key frame.
const MIN_BYTES: usize = 64 * 1024;
/// Largest ring and largest queue in bytes.
const MAX_BYTES: usize = 1024 * 1024 * 1024;
/// Most frames that a queue may hold.
const MAX_FRAMES: usize = 1_000_000;

/// The table `[plugins.tap]`.
#[config]
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Connects to a reader there: `unix:/path` or `tcp:127.0.0.1:port`. Tried again every half a second.
    pub connect: Option<Address>,
    /// Lets up to 16 readers connect there: `unix:/path` or `tcp:127.0.0.1:port`.
    pub listen: Option<Address>,
    /// Frames that may wait for a reader; what comes beyond is dropped for this reader and counted.
    pub queue_frames: usize,
    /// Bytes that may wait for a reader, 64 KiB to 1 GiB; a frame that is longer never gets there.
    pub queue_bytes: usize,
    /// Bytes of packets that may wait to become frames, per media thread, 64 KiB to 1 GiB.
    pub ring_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            connect: None,
            listen: None,
            queue_frames: 1024,
            queue_bytes: 8 * 1024 * 1024,
            ring_bytes: 4 * 1024 * 1024,
        }
    }
}

/// Where readers come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nowhere: nothing is configured.
    Nowhere,
    /// The worker connects to one.
    Connect(Place),
    /// They connect to the worker.
    Listen(Place),
}

impl Config {
    /// Where readers come from, after a check of everything.
    pub(crate) fn check(&self) -> Result<Way, Error> {
        for (field, value, range) in [
            ("queue_frames", self.queue_frames, 1..=MAX_FRAMES),
            ("queue_bytes", self.queue_bytes, MIN_BYTES..=MAX_BYTES),
            ("ring_bytes", self.ring_bytes, MIN_BYTES..=MAX_BYTES),
        ] {
            if !range.contains(&value) {
                let text = format!("{value} is not from {} to {}", range.start(), range.end());
                return Err(Error::at(format!("plugins.tap.{field}"), text));
            }
        }
        let place = |field: &str, address: &Address| {
            address.place().map_err(|text| Error::at(format!("plugins.tap.{field}"), text))
        };
        match (&self.connect, &self.listen) {
            (Some(_), Some(_)) => Err(Error::at(
                "plugins.tap.listen",
                "`connect` is there, too; leave one of them out".to_owned(),
            )),
            (Some(address), None) => Ok(Way::Connect(place("connect", address)?)),
            (None, Some(address)) => Ok(Way::Listen(place("listen", address)?)),
            (None, None) => Ok(Way::Nowhere),
        }
    }
}

/// Which streams are handed out: the options of `enable`, and of `[plugins.tap.options]`. Whatever is left out selects all.
#[config]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// `audio` or `video` alone.
    pub kind: Option<MediaKind>,
    /// One encoding of a simulcast sender alone, by its index from 0, the lowest.
    pub encoding: Option<u8>,
}

/// Requests, about an entity and what is below it, or about all.
#[request]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Streams that are handed out, and who reads them.
    List {},
}

#[cfg(test)]
mod tests {
    use super::*;
    use sfu_core::serde_json::{self, json};

    #[test]
    fn the_defaults_are_good_and_nonsense_is_named() {
        assert_eq!(Config::default().check(), Ok(Way::Nowhere));
        let read = |value| serde_json::from_value::<Config>(value);
        let wrong = |value| read(value).unwrap().check().unwrap_err().to_string();
        let text = wrong(json!({ "queue_bytes": 1 }));
        assert!(text.starts_with("plugins.tap.queue_bytes: 1 is not from"), "{text}");
        let text = wrong(json!({ "queue_frames": 0 }));
        assert!(text.starts_with("plugins.tap.queue_frames: 0"), "{text}");
        let text = wrong(json!({ "connect": "unix:/a", "listen": "unix:/b" }));
        assert!(text.contains("leave one of them out"), "{text}");
        assert!(read(json!({ "listen": "tcp:0.0.0.0:1" })).is_err());
        let options: Options = serde_json::from_value(json!({ "kind": "audio", "encoding": 2 })).unwrap();
        assert_eq!(options, Options { kind: Some(MediaKind::Audio), encoding: Some(2) });
    }
}
