//! Where readers are.
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use sfu_core::schemars::JsonSchema;
use sfu_core::serde::{Deserialize, Serialize};

/// A place in the words of the configuration: `unix:/path` or `tcp:127.0.0.1:port`.
///
/// Media leaves as it is, without encryption, so TCP is for this machine alone: other than loopback addresses are refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(crate = "sfu_core::serde", try_from = "String")]
#[schemars(crate = "sfu_core::schemars")]
pub struct Address(String);

/// The same, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A Unix socket.
    Unix(PathBuf),
    /// A loopback address.
    Tcp(SocketAddr),
}

impl Address {
    /// What the text means.
    pub(crate) fn place(&self) -> Result<Place, String> {
        let text = &self.0;
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.is_empty() {
                true => Err(format!("`{text}` names no file; write one as `unix:/run/tap.sock`")),
                false => Ok(Place::Unix(path.into())),
            };
        }
        let Some(address) = text.strip_prefix("tcp:") else {
            return Err(format!("`{text}` is no address; write `unix:/path` or `tcp:127.0.0.1:port`"));
        };
        let address: SocketAddr = address.parse().map_err(|_| {
            format!("`{text}` is not an IP address and a port; write one as `tcp:127.0.0.1:7000`")
        })?;
        if !address.ip().is_loopback() {
            let text = format!(
                "`{text}` is not on this machine, and frames leave without encryption; use 127.0.0.1 or ::1, \
                 and a tunnel to go farther"
            );
            return Err(text);
        }
        Ok(Place::Tcp(address))
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let address = Address(text);
        address.place().map(|_| address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_place_on_this_machine_is_refused_with_what_to_write() {
        let place = |text: &str| Address::try_from(text.to_owned()).and_then(|address| address.place());
        assert_eq!(place("unix:/run/a b"), Ok(Place::Unix("/run/a b".into())));
        assert_eq!(place("tcp:127.0.0.1:7"), Ok(Place::Tcp(([127, 0, 0, 1], 7).into())));
        assert!(place("tcp:[::1]:7").is_ok());
        for (text, told) in [
            ("unix:", "unix:/run/tap.sock"),
            ("/run/tap.sock", "write `unix:/path`"),
            ("tcp:localhost:7", "tcp:127.0.0.1:7000"),
            ("tcp:192.0.2.1:7", "use 127.0.0.1"),
            ("tcp:0.0.0.0:7", "use 127.0.0.1"),
        ] {
            let error = place(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
