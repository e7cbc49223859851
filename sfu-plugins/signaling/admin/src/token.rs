//! The token that lets a request in.
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

/// Characters of a token at least: fewer can be guessed over the network.
const MIN_LEN: usize = 16;

/// The hash of the token; the token itself is not kept.
pub(crate) struct Token([u8; 32]);

impl Token {
    /// Checks a configured token.
    pub(crate) fn new(text: &str) -> Result<Token, String> {
        if text.len() < MIN_LEN {
            return Err(format!(
                "token: needs at least {MIN_LEN} characters; `openssl rand -base64 24` makes a good one"
            ));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("token: only printable ASCII without spaces fits into a header".into());
        }
        Ok(Token(hash(text.as_bytes())))
    }

    /// Whether an `Authorization` header brings the token. Takes the same time for every wrong one of a length.
    pub(crate) fn is_in(&self, authorization: &[u8]) -> bool {
        let Some((scheme, presented)) = authorization.split_at_checked(7) else { return false };
        scheme.eq_ignore_ascii_case(b"bearer ")
            && verify_slices_are_equal(&self.0, &hash(presented.trim_ascii())).is_ok()
    }
}

fn hash(text: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, text).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_alone_is_accepted() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(token.is_in(b"Bearer 0123456789abcdef"));
        assert!(token.is_in(b"bearer  0123456789abcdef "));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Bearer 0123456789ABCDEF",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
            "Bearer0123456789abcdef",
        ] {
            assert!(!token.is_in(wrong.as_bytes()), "{wrong}");
        }
    }
}
