//! Our own certificate: made at start, or given by the operator.
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};

use super::fingerprint::{Fingerprint, HashAlgorithm};
use super::pem;

/// A certificate, its issuers and its private key.
#[derive(Clone)]
pub(crate) struct Certificate {
    chain: Vec<Vec<u8>>,
    private_key: Vec<u8>,
}

/// Why no certificate could be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    /// The generator failed.
    #[error("dtls certificate: cannot be generated ({0}), give one as PEM files instead")]
    Generate(String),
    /// A file cannot be read.
    #[error("dtls certificate: {path}: cannot be read ({reason}), check the path and its permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// A section of a file is cut short or not base64.
    #[error("dtls certificate: {path}: the section `{label}` is damaged, make the file anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What stands after BEGIN.
        label: String,
    },
    /// A file has no certificate in it.
    #[error("dtls certificate: {0}: holds no `BEGIN CERTIFICATE` section, give a certificate in PEM form")]
    NoCertificate(PathBuf),
    /// A file has no private key in it.
    #[error("dtls certificate: {0}: holds no `BEGIN PRIVATE KEY` section, give an EC or RSA key in PEM form")]
    NoPrivateKey(PathBuf),
    /// The key asks for a password.
    #[error("dtls certificate: {0}: the private key is encrypted, decrypt it with `openssl pkey`")]
    Encrypted(PathBuf),
}

impl Certificate {
    /// Makes a self-signed ECDSA P-256 certificate with a fresh key, as browsers do (RFC 8827 section 6.5).
    pub(crate) fn generate() -> Result<Self, CertificateError> {
        Self::self_signed(|| KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256))
            .map_err(|e| CertificateError::Generate(e.to_string()))
    }

    fn self_signed(key: impl FnOnce() -> Result<KeyPair, rcgen::Error>) -> Result<Self, rcgen::Error> {
        let key = key()?;
        let mut params = CertificateParams::new(Vec::new())?;
        // Peers compare the fingerprint and nothing else; a name would only tell who we are.
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "sfukit");
        let certificate = params.self_signed(&key)?;
        Ok(Self { chain: vec![certificate.der().to_vec()], private_key: key.serialize_der() })
    }

    /// Reads a certificate with its chain, the own one first, and an unencrypted EC or RSA key from PEM files, which
    /// may be one and the same. Whether they belong together shows when the context is made.
    pub(crate) fn from_pem_files(certificate: &Path, private_key: &Path) -> Result<Self, CertificateError> {
        let chain: Vec<Vec<u8>> = read(certificate)?
            .into_iter()
            .filter(|section| section.label == "CERTIFICATE")
            .map(|section| section.der)
            .collect();
        if chain.is_empty() {
            return Err(CertificateError::NoCertificate(certificate.to_path_buf()));
        }
        for section in read(private_key)? {
            match section.label.as_str() {
                "PRIVATE KEY" | "EC PRIVATE KEY" | "RSA PRIVATE KEY" => {
                    return Ok(Self { chain, private_key: section.der });
                }
                "ENCRYPTED PRIVATE KEY" => {
                    return Err(CertificateError::Encrypted(private_key.to_path_buf()));
                }
                _ => {}
            }
        }
        Err(CertificateError::NoPrivateKey(private_key.to_path_buf()))
    }

    /// The fingerprint to announce in signaling.
    pub(crate) fn fingerprint(&self, algorithm: HashAlgorithm) -> Fingerprint {
        Fingerprint::of(algorithm, self.chain.first().map_or(&[], Vec::as_slice))
    }

    pub(super) fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    pub(super) fn private_key(&self) -> &[u8] {
        &self.private_key
    }

    /// A self-signed RSA certificate, like GStreamer's.
    #[cfg(test)]
    pub(super) fn generate_rsa() -> Self {
        Self::self_signed(|| KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256)).expect("rsa key generation")
    }
}

fn read(path: &Path) -> Result<Vec<pem::Section>, CertificateError> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| CertificateError::Read { path: path.to_path_buf(), reason: e.to_string() })?;
    pem::sections(&text).map_err(|label| CertificateError::Damaged { path: path.to_path_buf(), label })
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn write(name: &str, sections: &[(&str, &[u8])]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("sfukit-certificate-{}-{name}.pem", std::process::id()));
        let text: String = sections
            .iter()
            .map(|(label, der)| {
                format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
            })
            .collect();
        std::fs::write(&path, text).expect("temporary file");
        path
    }

    #[test]
    fn two_generated_certificates_differ() {
        let (a, b) = (Certificate::generate().expect("one"), Certificate::generate().expect("two"));
        assert_ne!(a.fingerprint(HashAlgorithm::Sha256), b.fingerprint(HashAlgorithm::Sha256));
        assert!(a.fingerprint(HashAlgorithm::Sha256).matches(&a.chain()[0]));
    }

    #[test]
    fn a_pem_file_gives_back_the_certificate_and_its_key() {
        for made in [Certificate::generate().expect("certificate"), Certificate::generate_rsa()] {
            let parts = [
                ("EC PARAMETERS", &[1][..]),
                ("PRIVATE KEY", made.private_key()),
                ("CERTIFICATE", &made.chain()[0]),
            ];
            let file = write("both", &parts);
            let read = Certificate::from_pem_files(&file, &file).expect("readable");
            assert_eq!((read.chain(), read.private_key()), (made.chain(), made.private_key()));
            let _ = std::fs::remove_file(file);
        }
    }

    #[test]
    fn errors_name_the_file_and_what_to_do() {
        let good = write("certificate", &[("CERTIFICATE", &[1])]);
        let locked = write("locked", &[("ENCRYPTED PRIVATE KEY", &[1])]);
        let absent = Path::new("/nonexistent/key.pem");
        let cases = [
            (good.as_path(), absent, "check the path"),
            (absent, good.as_path(), "check the path"),
            (locked.as_path(), good.as_path(), "BEGIN CERTIFICATE"),
            (good.as_path(), good.as_path(), "BEGIN PRIVATE KEY"),
            (good.as_path(), locked.as_path(), "decrypt it"),
        ];
        for (certificate, key, advice) in cases {
            let error = Certificate::from_pem_files(certificate, key).err().expect("refused").to_string();
            let named = [certificate, key].iter().any(|path| error.contains(&path.display().to_string()));
            assert!(named && error.contains(advice), "{error}");
        }
        for file in [good, locked] {
            let _ = std::fs::remove_file(file);
        }
    }
}
