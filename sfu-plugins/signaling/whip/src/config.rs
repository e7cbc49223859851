//! The table `[signaling.whip]`.
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// What a token, or a request without one, may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// Publish a stream (WHIP).
    Publish,
    /// Watch a stream (WHEP) and see that it is there.
    Watch,
}

/// What happens to a second publisher of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecondPublisher {
    /// It gets 409 while the first one is connected.
    #[default]
    Refuse,
    /// The first one is closed; viewers go over to the second.
    Takeover,
}

/// A text that never reaches a log.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// One bearer token and what it grants.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// The token. Give this or `token_hash`.
    #[serde(default)]
    pub token: Option<Secret>,
    /// SHA-256 of the token in hexadecimal, so that the file holds no secret.
    #[serde(default)]
    pub token_hash: Option<String>,
    /// What it may do.
    pub allow: Vec<Permission>,
    /// Patterns of stream names: `*` stands for anything within a segment, `**` for any number of segments.
    #[serde(default = "any_path")]
    pub paths: Vec<String>,
}

fn any_path() -> Vec<String> {
    vec!["**".into()]
}

/// A STUN or TURN server that clients are told of (`Link: …; rel="ice-server"`).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IceServerConfig {
    /// `stun:host:port`, `turn:host:port?transport=udp` …
    pub url: String,
    /// User name, for TURN.
    #[serde(default)]
    pub username: Option<String>,
    /// Password, for TURN.
    #[serde(default)]
    pub credential: Option<Secret>,
}

/// Configuration of WHIP, WHEP and the page.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Serve everybody without a token, beyond loopback too.
    pub open: bool,
    /// Bearer tokens. With none, everybody may publish and watch (refused beyond loopback unless `open`).
    pub tokens: Vec<TokenConfig>,
    /// What a request without a token may do although there are tokens.
    pub anonymous: Vec<Permission>,
    /// Origins whose pages may use WHIP, WHEP and the list of streams; `*` for any.
    pub allowed_origins: Vec<String>,
    /// What happens to a second publisher.
    pub second_publisher: SecondPublisher,
    /// Servers that clients are told of.
    pub ice_servers: Vec<IceServerConfig>,
    /// Prefix of the `Location` of sessions (`https://sfu.example/base`); without it the path alone is given.
    pub public_url: Option<String>,
    /// Seconds without a consent check until a peer counts as lost, 10–60.
    pub consent_timeout_s: u64,
    /// Seconds from lost consent until a peer that did not say goodbye is closed.
    pub lost_peer_timeout_s: u64,
    /// Seconds that viewers of a stream without publisher are kept.
    pub keep_viewers_s: u64,
    /// Seconds that a new peer has to connect.
    pub connect_timeout_s: u64,
    /// Seconds that `?wait` waits for a publisher at the most.
    pub max_wait_s: u64,
    /// `Retry-After` for a stream without publisher, in seconds.
    pub retry_after_s: u64,
    /// Streams at the most.
    pub max_streams: usize,
    /// Viewers of one stream at the most.
    pub max_viewers_per_stream: usize,
    /// WHEP requests that wait at the same time at the most.
    pub max_waiting: usize,
    /// Requests to `/streams/events` at the same time at the most.
    pub max_event_streams: usize,
    /// What we assume at first that a viewer can receive, bit/s.
    pub initial_outgoing_bitrate: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            open: false,
            tokens: Vec::new(),
            anonymous: Vec::new(),
            allowed_origins: vec!["*".into()],
            second_publisher: SecondPublisher::Refuse,
            ice_servers: Vec::new(),
            public_url: None,
            consent_timeout_s: 30,
            lost_peer_timeout_s: 10,
            keep_viewers_s: 30,
            connect_timeout_s: 30,
            max_wait_s: 30,
            retry_after_s: 2,
            max_streams: 1000,
            max_viewers_per_stream: 10_000,
            max_waiting: 1000,
            max_event_streams: 256,
            initial_outgoing_bitrate: 600_000,
        }
    }
}

impl Config {
    /// Refuses what can't be meant, with what to write instead.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (place, token) in self.tokens.iter().enumerate() {
            if token.token.is_some() == token.token_hash.is_some() {
                return Err(format!("tokens[{place}]: give either `token` or `token_hash`"));
            }
            if token.allow.is_empty() {
                return Err(format!("tokens[{place}]: `allow` is empty; list `publish`, `watch` or both"));
            }
        }
        if let Some(origin) = self.allowed_origins.iter().find(|o| *o != "*" && !is_origin(o)) {
            return Err(format!(
                "allowed_origins: `{origin}` is no origin; write `https://example.org` without a path, or `*`"
            ));
        }
        for server in &self.ice_servers {
            let scheme = server.url.split(':').next().unwrap_or_default();
            if !matches!(scheme, "stun" | "stuns" | "turn" | "turns") || !is_header_text(&server.url) {
                return Err(format!("ice_servers: `{}` is no `stun:` or `turn:` URL", server.url));
            }
            let secret = server.credential.as_ref().map(|secret| secret.0.as_str());
            if server.username.as_deref().into_iter().chain(secret).any(|text| !is_header_text(text)) {
                return Err(
                    "ice_servers: user name and credential must be printable ASCII without quotes".into()
                );
            }
        }
        if let Some(url) = &self.public_url
            && (!(url.starts_with("https://") || url.starts_with("http://"))
                || url.ends_with('/')
                || !is_header_text(url))
        {
            return Err(format!("public_url: `{url}` must begin with `https://` and end without `/`"));
        }
        if !(10..=60).contains(&self.consent_timeout_s) {
            return Err("consent_timeout_s: must be 10 to 60".into());
        }
        let long = [self.lost_peer_timeout_s, self.keep_viewers_s, self.connect_timeout_s, self.max_wait_s];
        if long.into_iter().any(|seconds| seconds > 3600) {
            return Err(
                "lost_peer_timeout_s, keep_viewers_s, connect_timeout_s, max_wait_s: at most 3600".into()
            );
        }
        if self.connect_timeout_s == 0 || self.max_streams == 0 || self.max_viewers_per_stream == 0 {
            return Err("connect_timeout_s, max_streams, max_viewers_per_stream: at least 1".into());
        }
        Ok(())
    }

    pub(crate) fn max_wait(&self) -> Duration {
        Duration::from_secs(self.max_wait_s)
    }
}

/// `scheme://host[:port]` without anything behind it.
fn is_origin(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty() && !host.is_empty() && !host.contains(['/', '*', '?', '#']) && is_header_text(host)
    })
}

/// May stand inside a quoted header value.
fn is_header_text(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'<' | b'>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good_and_an_empty_table_gives_them() {
        let config: Config = toml::from_str("").unwrap();
        assert!(config.check().is_ok());
        assert_eq!((config.lost_peer_timeout_s, config.keep_viewers_s), (10, 30));
        assert_eq!(config.allowed_origins, ["*"]);
    }

    #[test]
    fn an_unknown_field_is_refused() {
        assert!(toml::from_str::<Config>("opne = true").is_err());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in [
            "[[tokens]]\nallow = ['watch']",
            "[[tokens]]\ntoken = 'a'\ntoken_hash = 'b'\nallow = ['watch']",
            "[[tokens]]\ntoken = 'a'\nallow = []",
            "allowed_origins = ['https://x/path']",
            "allowed_origins = ['example.org']",
            "ice_servers = [{ url = 'http://x' }]",
            "ice_servers = [{ url = 'turn:x', username = 'a\"b' }]",
            "public_url = 'https://x/'",
            "consent_timeout_s = 5",
            "max_streams = 0",
        ] {
            assert!(toml::from_str::<Config>(text).unwrap().check().is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let config: Config = toml::from_str(
            "ice_servers = [{ url = 'turn:x', username = 'u', credential = 'hush-a' }]\n\
             [[tokens]]\ntoken = 'hush-b'\nallow = ['publish']",
        )
        .unwrap();
        assert!(config.check().is_ok());
        assert!(!format!("{config:?}").contains("hush"));
    }
}
