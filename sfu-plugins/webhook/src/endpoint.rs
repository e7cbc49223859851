//! Where a hook posts to.
use std::fmt;

use hyper::Uri;

/// An address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) tls: bool,
    /// Name or address, without the brackets of IPv6.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// What the header `Host` says.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) path: String,
}

impl Endpoint {
    /// Reads a URL; the error says what is wrong, without the URL, which may hold secrets.
    pub(crate) fn parse(url: &str) -> Result<Endpoint, String> {
        let wanted = "write it as `https://host/path` or `http://host:port/path`";
        if url.is_empty() {
            return Err(format!("is missing; {wanted}"));
        }
        if url.contains('#') {
            return Err("has a fragment, which is never sent; leave out what begins with `#`".to_owned());
        }
        let uri: Uri = url.parse().map_err(|error| format!("is no URL: {error}; {wanted}"))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("begins with neither http:// nor https://; {wanted}")),
        };
        let authority = uri.authority().ok_or_else(|| format!("names no host; {wanted}"))?;
        if authority.as_str().contains('@') {
            return Err("has a user or a password; requests are signed by `secret` instead".to_owned());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(format!("names no host; {wanted}"));
        }
        // The parser takes anything for a port.
        let after_host = authority.as_str().get(authority.host().len()..).unwrap_or_default();
        let port = match after_host.strip_prefix(':') {
            None => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(port) => match port.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err("has a port that is none".to_owned()),
            },
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Endpoint { tls, host, port, authority: authority.as_str().to_owned(), path })
    }
}

/// Without path and query, which may hold secrets.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let endpoint = Endpoint::parse("https://hooks.example/a/b?key=x").expect("a URL");
        assert_eq!((endpoint.tls, endpoint.host.as_str(), endpoint.port), (true, "hooks.example", 443));
        assert_eq!(
            (endpoint.path.as_str(), endpoint.to_string().as_str()),
            ("/a/b?key=x", "https://hooks.example")
        );
        let endpoint = Endpoint::parse("http://[::1]:8080").expect("a URL");
        assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.path.as_str()), ("::1", 8080, "/"));
        assert_eq!(endpoint.authority, "[::1]:8080");
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for url in [
            "",
            "hooks.example",
            "ftp://hooks.example/secret-path",
            "http://",
            "http:///secret-path",
            "https://ann:secret-word@hooks.example",
            "http://a.example:0",
            "http://a.example:70000",
            "http://a.example/secret path",
            "http://a.example/#secret",
        ] {
            let text = Endpoint::parse(url).expect_err(url);
            assert!(!text.contains("secret-") && !text.contains("secret path"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_break_a_header(text in "(https?://)?[ -~\r\n]{0,40}") {
            if let Ok(endpoint) = Endpoint::parse(&text) {
                prop_assert!(hyper::header::HeaderValue::from_str(&endpoint.authority).is_ok());
                prop_assert!(endpoint.path.starts_with('/') || endpoint.path.starts_with('?'));
            }
        }
    }
}
