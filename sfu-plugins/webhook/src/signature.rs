//! The signature of a post.
use std::fmt::Write;

use aws_lc_rs::hmac;

/// Makes signatures with one secret.
pub(crate) struct Signer(hmac::Key);

impl Signer {
    /// With a secret.
    pub(crate) fn new(secret: &str) -> Self {
        Signer(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    /// `sha256=` and HMAC-SHA256 (RFC 2104) of `<timestamp>.<body>` in lower-case hex; the timestamp is in Unix seconds.
    pub(crate) fn sign(&self, timestamp: u64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(timestamp.to_string().as_bytes());
        context.update(b".");
        context.update(body);
        format!("sha256={}", hex(context.sign().as_ref()))
    }
}

/// Bytes in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_what_openssl_says() {
        // printf '1700000000.{"events":[]}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let signature = Signer::new("0123456789abcdef").sign(1_700_000_000, b"{\"events\":[]}");
        assert_eq!(signature, "sha256=1f1c43683e76ee83b09613ab56fa5bdd3ce55f3ee41db00a92e22eea0376899e");
    }
}
