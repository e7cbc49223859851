//! The short-term credentials of ICE (RFC 8445 §5.3).

use arrayvec::ArrayString;

/// Characters of a fragment that we make: 96 bits.
const UFRAG_LEN: usize = 16;
/// Characters of a password that we make: 192 bits.
const PASSWORD_LEN: usize = 32;
/// The 64 `ice-char`s (RFC 8839 §5.4), so that six random bits choose one without bias.
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A username fragment: 4 to 32 `ice-char`s.
pub(crate) type Ufrag = ArrayString<32>;

/// Why credentials were refused or could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// Too short, too long, or with characters that SDP does not allow.
    #[error("ice: ufrag needs 4 to 32 and password 22 to 64 letters, digits, + or /")]
    #[cfg(test)]
    Invalid,
    /// The operating system gave no random bytes.
    #[error("ice: no random bytes for credentials; try again later")]
    Random,
}

/// A username fragment and its password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Credentials {
    ufrag: Ufrag,
    password: ArrayString<64>,
}

impl Credentials {
    /// New random credentials: 16 and 32 characters.
    pub(crate) fn random() -> Result<Self, CredentialsError> {
        let mut bytes = [0; UFRAG_LEN + PASSWORD_LEN];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| CredentialsError::Random)?;
        let mut chars = bytes.iter().map(|byte| char::from(ICE_CHARS[usize::from(byte & 63)]));
        let mut credentials = Self { ufrag: Ufrag::new(), password: ArrayString::new() };
        chars.by_ref().take(UFRAG_LEN).for_each(|char| credentials.ufrag.push(char));
        chars.for_each(|char| credentials.password.push(char));
        Ok(credentials)
    }

    /// Given credentials; refused unless they have 4 to 32 and 22 to 64 `ice-char`s.
    #[cfg(test)]
    pub(crate) fn new(ufrag: &str, password: &str) -> Result<Self, CredentialsError> {
        let is_ice = |text: &str| text.bytes().all(|byte| ICE_CHARS.contains(&byte));
        if ufrag.len() < 4 || password.len() < 22 || !is_ice(ufrag) || !is_ice(password) {
            return Err(CredentialsError::Invalid);
        }
        Ok(Self {
            ufrag: Ufrag::from(ufrag).map_err(|_| CredentialsError::Invalid)?,
            password: ArrayString::from(password).map_err(|_| CredentialsError::Invalid)?,
        })
    }

    /// The username fragment.
    pub(crate) fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// The username fragment, to be kept.
    pub(crate) fn owned_ufrag(&self) -> Ufrag {
        self.ufrag
    }

    /// The password.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, hidden)", self.ufrag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_credentials_are_valid_and_differ() {
        let (one, two) = (Credentials::random().unwrap(), Credentials::random().unwrap());
        assert_ne!(one.ufrag(), two.ufrag());
        assert_ne!(one.password(), two.password());
        assert_eq!((one.ufrag().len(), one.password().len()), (16, 32));
        assert_eq!(Credentials::new(one.ufrag(), one.password()), Ok(one));
    }

    #[test]
    fn short_long_and_strange_credentials_are_refused() {
        let password = "a".repeat(22);
        assert!(Credentials::new("abcd", &password).is_ok());
        for (ufrag, password) in [
            ("abc", password.as_str()),
            ("abcd", &password[1..]),
            ("ab:d", &password),
            ("abcd", "has a space in the middle"),
            (&"u".repeat(33), &password),
            ("abcd", &"p".repeat(65)),
        ] {
            assert_eq!(Credentials::new(ufrag, password), Err(CredentialsError::Invalid));
        }
    }

    #[test]
    fn debug_output_hides_the_password() {
        let credentials = Credentials::random().unwrap();
        assert!(!format!("{credentials:?}").contains(credentials.password()));
    }
}
