//! Bearer tokens (RFC 6750) and what they grant.
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

use crate::config::{Config, Permission};
use crate::stream_name::StreamName;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 1024;

/// Who sent a request, as far as its token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer {
    /// No token.
    Anonymous,
    /// The token at this place of the configuration.
    Token(usize),
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// A token is needed.
    #[error("whip.token: a bearer token is needed")]
    Missing,
    /// The header is no bearer token, or the token is not known.
    #[error("whip.token: the bearer token is not known")]
    Unknown,
    /// The token does not grant this.
    #[error("whip.token: the token does not grant this stream")]
    NotGranted,
}

/// The configured tokens; only their hashes are kept.
pub struct Tokens {
    grants: Vec<Grant>,
    anonymous: Vec<Permission>,
}

struct Grant {
    hash: [u8; 32],
    allow: Vec<Permission>,
    paths: Vec<String>,
}

impl Tokens {
    /// Takes the tokens out of a configuration; the error says which hash is none.
    pub fn new(config: &Config) -> Result<Self, String> {
        let mut grants = Vec::new();
        for (place, token) in config.tokens.iter().enumerate() {
            let hash = match (&token.token, &token.token_hash) {
                (Some(text), None) if !text.0.is_empty() && text.0.len() <= MAX_TOKEN => {
                    hash(text.0.as_bytes())
                }
                (None, Some(hex)) => parse_hash(hex).ok_or_else(|| {
                    format!("tokens[{place}]: token_hash must be SHA-256 in 64 hexadecimal digits")
                })?,
                _ => {
                    return Err(format!(
                        "tokens[{place}]: give a `token` of 1 to 1024 bytes, or its `token_hash`"
                    ));
                }
            };
            grants.push(Grant { hash, allow: token.allow.clone(), paths: token.paths.clone() });
        }
        let anonymous = if config.open || grants.is_empty() {
            vec![Permission::Publish, Permission::Watch]
        } else {
            config.anonymous.clone()
        };
        Ok(Tokens { grants, anonymous })
    }

    /// Who sent a request with this `Authorization` header.
    ///
    /// A token is compared with every configured one, each in constant time.
    pub fn bearer(&self, authorization: Option<&[u8]>) -> Result<Bearer, Denied> {
        let Some(header) = authorization else { return Ok(Bearer::Anonymous) };
        // A worker without tokens ignores one: clients such as OBS always send what they were given.
        if self.grants.is_empty() {
            return Ok(Bearer::Anonymous);
        }
        let (scheme, token) = match header.split_at_checked(7) {
            Some((scheme, token)) => (scheme, token.trim_ascii()),
            None => return Err(Denied::Unknown),
        };
        if !scheme.eq_ignore_ascii_case(b"bearer ") || token.is_empty() || token.len() > MAX_TOKEN {
            return Err(Denied::Unknown);
        }
        let presented = hash(token);
        let mut found = None;
        for (place, grant) in self.grants.iter().enumerate() {
            if verify_slices_are_equal(&grant.hash, &presented).is_ok() {
                found = Some(place);
            }
        }
        found.map(Bearer::Token).ok_or(Denied::Unknown)
    }

    /// Whether the bearer may do this to a stream.
    pub fn grants(&self, bearer: Bearer, permission: Permission, stream: &StreamName) -> bool {
        if self.anonymous.contains(&permission) {
            return true;
        }
        match bearer {
            Bearer::Anonymous => false,
            Bearer::Token(place) => self.grants.get(place).is_some_and(|grant| {
                grant.allow.contains(&permission)
                    && grant.paths.iter().any(|pattern| matches(pattern, stream.as_str()))
            }),
        }
    }

    /// Whether the bearer may do this to any stream at all.
    pub fn grants_any(&self, bearer: Bearer, permission: Permission) -> bool {
        self.anonymous.contains(&permission)
            || matches!(bearer, Bearer::Token(place)
                if self.grants.get(place).is_some_and(|grant| grant.allow.contains(&permission)))
    }

    /// Lets a request through, or says why not.
    pub fn check(
        &self,
        authorization: Option<&[u8]>,
        permission: Permission,
        stream: &StreamName,
    ) -> Result<(), Denied> {
        let bearer = self.bearer(authorization)?;
        match (self.grants(bearer, permission, stream), bearer) {
            (true, _) => Ok(()),
            (false, Bearer::Anonymous) => Err(Denied::Missing),
            (false, Bearer::Token(_)) => Err(Denied::NotGranted),
        }
    }
}

fn hash(token: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, token).as_ref());
    out
}

fn parse_hash(hex: &str) -> Option<[u8; 32]> {
    let hex = hex.strip_prefix("sha256:").unwrap_or(hex).as_bytes();
    let mut out = [0; 32];
    if hex.len() != 64 {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(hex.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok().filter(|p| p.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(out)
}

/// Whether a path matches a pattern: `*` for anything within a segment, `**` for any number of segments.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    // Table of prefixes instead of recursion: the time stays pattern × path whatever the pattern is.
    let mut reach = vec![false; path.len() + 1];
    reach[0] = true;
    for part in pattern {
        let mut next = vec![false; path.len() + 1];
        if part == "**" {
            let mut reached = false;
            for (slot, before) in next.iter_mut().zip(&reach) {
                reached |= *before;
                *slot = reached;
            }
        } else {
            for (at, segment) in path.iter().enumerate() {
                next[at + 1] = reach[at] && matches_segment(part.as_bytes(), segment.as_bytes());
            }
        }
        reach = next;
    }
    reach[path.len()]
}

fn matches_segment(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((star_p, star_t)) => {
                    star = Some((star_p, star_t + 1));
                    p = star_p + 1;
                    t = star_t + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|b| *b == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(text: &str) -> Tokens {
        Tokens::new(&toml::from_str(text).unwrap()).unwrap()
    }
    fn name(text: &str) -> StreamName {
        StreamName::parse(text).unwrap()
    }

    #[test]
    fn a_token_grants_what_it_lists_and_nothing_else() {
        let tokens = tokens(
            "[[tokens]]\ntoken = 'pub'\nallow = ['publish']\npaths = ['room/*']\n\
             [[tokens]]\ntoken = 'view'\nallow = ['watch']",
        );
        let check = |header: &str, permission, stream: &str| {
            tokens.check(Some(header.as_bytes()), permission, &name(stream))
        };
        assert_eq!(check("Bearer pub", Permission::Publish, "room/a"), Ok(()));
        assert_eq!(check("bearer  pub ", Permission::Publish, "room/a"), Ok(()));
        assert_eq!(check("Bearer pub", Permission::Publish, "room/a/b"), Err(Denied::NotGranted));
        assert_eq!(check("Bearer pub", Permission::Publish, "other"), Err(Denied::NotGranted));
        assert_eq!(check("Bearer pub", Permission::Watch, "room/a"), Err(Denied::NotGranted));
        assert_eq!(check("Bearer view", Permission::Watch, "any/thing"), Ok(()));
        assert_eq!(tokens.check(None, Permission::Watch, &name("a")), Err(Denied::Missing));
        for bad in ["Bearer nope", "Bearer ", "Basic pub", "pub", "", "Bearerpub", "Bearer pub2"] {
            assert_eq!(check(bad, Permission::Publish, "room/a"), Err(Denied::Unknown), "{bad}");
        }
    }

    #[test]
    fn a_token_can_be_given_as_its_hash() {
        let hex = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"; // of "secret"
        let tokens = tokens(&format!("[[tokens]]\ntoken_hash = '{hex}'\nallow = ['publish']"));
        assert_eq!(tokens.bearer(Some(b"Bearer secret")), Ok(Bearer::Token(0)));
        for bad in ["", "zz", &hex[1..], &format!("+{}", &hex[1..])] {
            let config = toml::from_str(&format!("[[tokens]]\ntoken_hash = '{bad}'\nallow = ['watch']"));
            assert!(Tokens::new(&config.unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn without_tokens_everybody_may_do_everything_and_a_stray_token_is_ignored() {
        let tokens = tokens("");
        assert_eq!(tokens.check(None, Permission::Publish, &name("a")), Ok(()));
        assert_eq!(tokens.check(Some(b"Bearer x"), Permission::Watch, &name("a")), Ok(()));
    }

    #[test]
    fn anonymous_requests_may_do_what_the_configuration_says() {
        let tokens = tokens("anonymous = ['watch']\n[[tokens]]\ntoken = 't'\nallow = ['publish']");
        assert_eq!(tokens.check(None, Permission::Watch, &name("a")), Ok(()));
        assert_eq!(tokens.check(None, Permission::Publish, &name("a")), Err(Denied::Missing));
        assert_eq!(tokens.check(Some(b"Bearer t"), Permission::Watch, &name("a")), Ok(()));
    }

    #[test]
    fn patterns_match_whole_paths() {
        for (pattern, path, fits) in [
            ("room/*", "room/a", true),
            ("room/*", "room/a/b", false),
            ("room/*", "room", false),
            ("**", "a/b/c", true),
            ("room/**", "room/a/b", true),
            ("room/**", "room", true),
            ("**/cam", "a/b/cam", true),
            ("**/cam", "a/b/cam2", false),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcd", false),
            ("*", "x", true),
            ("*", "x/y", false),
            ("", "x", false),
            ("x", "X", false),
        ] {
            assert_eq!(matches(pattern, path), fits, "{pattern} {path}");
        }
    }

    proptest! {
        #[test]
        fn any_pattern_ends_and_a_path_matches_itself(pattern in "[a*/.]{0,40}", path in "[a/.]{0,40}") {
            let _ = matches(&pattern, &path);
            prop_assert!(matches(&path, &path));
            prop_assert!(matches("**", &path));
        }
    }
}
