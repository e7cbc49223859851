//! Whether a worker may listen where it is told to, without tokens.
use sfu_core::signaling::SignalingError;

use crate::Config;

/// Refuses to serve WHIP and WHEP beyond loopback without a token, unless the configuration says `open`.
///
/// `listen` is named in the error.
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
        for config in [&bare, &open, &token] {
            assert!(check(true, "http://127.0.0.1:8080", config).is_ok());
        }
        let refused = check(false, "http://192.0.2.1:8080", &bare).unwrap_err().to_string();
        assert!(refused.contains("http://192.0.2.1:8080") && refused.contains("--open"), "{refused}");
        assert!(check(false, "x", &open).is_ok() && check(false, "x", &token).is_ok());
    }
}
