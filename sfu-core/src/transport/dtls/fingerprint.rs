//! Certificate fingerprints, as `a=fingerprint` carries them.
use std::fmt;

use arrayvec::ArrayVec;
use aws_lc_rs::{constant_time, digest};

/// A hash for certificate fingerprints (RFC 8122 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum HashAlgorithm {
    /// 20 bytes. Weak, but still legal in SDP.
    Sha1,
    /// 28 bytes.
    Sha224,
    /// 32 bytes. What everyone uses.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

impl HashAlgorithm {
    /// Every algorithm.
    pub(crate) const ALL: [Self; 5] = [Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name in SDP, such as `sha-256`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha-1",
            Self::Sha224 => "sha-224",
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    /// The algorithm of that name in SDP, in upper or lower case.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    fn digest(self, data: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha224 => &digest::SHA224,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, data)
    }

    fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// Hash of a certificate in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    algorithm: HashAlgorithm,
    hash: ArrayVec<u8, 64>,
}

/// Why a fingerprint was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FingerprintError {
    /// An algorithm we do not have.
    #[error("fingerprint: unknown hash `{0}`, use sha-256")]
    UnknownAlgorithm(String),
    /// Not the right number of hexadecimal pairs with colons between.
    #[error("fingerprint: `{value}` is not a {algorithm} hash, write its bytes as AA:BB:CC")]
    Malformed {
        /// Name of the hash.
        algorithm: &'static str,
        /// What was given, cut to 200 characters.
        value: String,
    },
}

impl Fingerprint {
    /// Hashes a certificate given in DER.
    pub(crate) fn of(algorithm: HashAlgorithm, certificate: &[u8]) -> Self {
        let hash = algorithm.digest(certificate).as_ref().iter().copied().take(64).collect();
        Self { algorithm, hash }
    }

    /// Reads the two words of `a=fingerprint:sha-256 AA:BB:…`, in upper or lower case.
    pub(crate) fn parse(algorithm: &str, value: &str) -> Result<Self, FingerprintError> {
        let Some(algorithm) = HashAlgorithm::from_name(algorithm) else {
            return Err(FingerprintError::UnknownAlgorithm(algorithm.chars().take(40).collect()));
        };
        let malformed = || FingerprintError::Malformed {
            algorithm: algorithm.name(),
            value: value.chars().take(200).collect(),
        };
        let mut hash = ArrayVec::new();
        for pair in value.split(':') {
            let &[high, low] = pair.as_bytes() else { return Err(malformed()) };
            let (Some(high), Some(low)) = (hex_digit(high), hex_digit(low)) else { return Err(malformed()) };
            hash.try_push(high << 4 | low).map_err(|_| malformed())?;
        }
        if hash.len() == algorithm.len() { Ok(Self { algorithm, hash }) } else { Err(malformed()) }
    }

    /// The hash as `AA:BB:…`.
    pub(crate) fn value(&self) -> String {
        let pairs: Vec<String> = self.hash.iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }

    /// Whether this is the fingerprint of `certificate`, given in DER. Takes the same time wherever they differ.
    pub(crate) fn matches(&self, certificate: &[u8]) -> bool {
        let hash = self.algorithm.digest(certificate);
        constant_time::verify_slices_are_equal(hash.as_ref(), &self.hash).is_ok()
    }
}

impl fmt::Display for Fingerprint {
    /// As in SDP: `sha-256 AA:BB:…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm.name(), self.value())
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hashes_as_the_standard_says() {
        // FIPS 180 examples: the hashes of "abc".
        let sha1 = Fingerprint::of(HashAlgorithm::Sha1, b"abc");
        assert_eq!(sha1.to_string(), "sha-1 A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D");
        let sha256 = Fingerprint::of(HashAlgorithm::Sha256, b"abc");
        assert!(sha256.value().starts_with("BA:78:16:BF:8F:01:CF:EA") && sha256.value().len() == 95);
    }

    #[test]
    fn every_algorithm_reads_what_it_writes_in_either_case_and_matches_only_its_certificate() {
        for algorithm in HashAlgorithm::ALL {
            let fingerprint = Fingerprint::of(algorithm, b"certificate");
            let again = Fingerprint::parse(algorithm.name(), &fingerprint.value()).expect("own form");
            assert_eq!(again, fingerprint);
            let lower =
                Fingerprint::parse(&algorithm.name().to_uppercase(), &fingerprint.value().to_lowercase());
            assert_eq!(lower.as_ref(), Ok(&fingerprint));
            assert!(fingerprint.matches(b"certificate") && !fingerprint.matches(b"certificatf"));
        }
    }

    #[test]
    fn wrong_lengths_and_hashes_are_refused() {
        let value = Fingerprint::of(HashAlgorithm::Sha256, b"x").value();
        assert!(matches!(Fingerprint::parse("md5", &value), Err(FingerprintError::UnknownAlgorithm(_))));
        assert!(Fingerprint::parse("sha-1", &value).is_err());
        assert!(Fingerprint::parse("sha-512", &value).is_err());
        assert!(Fingerprint::parse("sha-256", &value[..value.len() - 3]).is_err());
        assert!(Fingerprint::parse("sha-256", &format!("{value}:")).is_err());
        assert!(Fingerprint::parse("sha-256", &value.replace(':', "")).is_err());
        assert!(Fingerprint::parse("sha-256", "").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(algorithm in "sha-(1|224|256|384|512)|.{0,8}", value in ".{0,300}") {
            let _ = Fingerprint::parse(&algorithm, &value);
        }
    }
}
