//! Whether a worker may listen where it is told to, without tokens.
use std::net::SocketAddr;

use sfu_core::signaling::SignalingError;

use crate::Config;

/// Refuses to serve WHIP and WHEP beyond loopback without a token, unless the configuration says `open`.
///
/// Called with each address of the shared HTTP server before it listens.
pub fn check_exposure(listen: SocketAddr, config: &Config) -> Result<(), SignalingError> {
    check(listen.ip().to_canonical().is_loopback(), &listen.to_string(), config)
}

pub(crate) fn check(loopback: bool, listen: &str, config: &Config) -> Result<(), SignalingError> {
    if loopback || config.open || !config.tokens.is_empty() {
        return Ok(());
    }
    Err(SignalingError {
        id: "whip",
        text: format!(
            "{listen} is reachable from other machines and no token is configured, so everybody could publish and \
             watch; add [[signaling.whip.tokens]], listen on 127.0.0.1, or say --open (signaling.whip.open = true)"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_loopback_a_token_or_open_is_needed() {
        let bare = Config::default();
        let open = Config { open: true, ..Config::default() };
        let token: Config = toml::from_str("[[tokens]]\ntoken = 't'\nallow = ['watch']").unwrap();
        for inside in ["127.0.0.1:8080", "127.9.9.9:1", "[::1]:8080", "[::ffff:127.0.0.1]:80"] {
            assert!(check_exposure(inside.parse().unwrap(), &bare).is_ok(), "{inside}");
        }
        for outside in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080", "[2001:db8::1]:8080"] {
            let outside = outside.parse().unwrap();
            assert!(check_exposure(outside, &bare).unwrap_err().to_string().contains("--open"));
            assert!(check_exposure(outside, &open).is_ok());
            assert!(check_exposure(outside, &token).is_ok());
        }
    }
}
