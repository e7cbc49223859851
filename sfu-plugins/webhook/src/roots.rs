//! Whom a server's certificate may come from.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use sfu_core::plugin::Error;

/// Where systems keep the authorities that they trust: Debian, Fedora, older Fedora, SUSE, Alpine and the BSDs.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// TLS that trusts the system's authorities (`SSL_CERT_FILE` names another file), and those of a file.
pub(crate) fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    let at = "plugins.webhook.ca_file";
    let mut roots = RootCertStore::empty();
    if let Some(bundle) = system_bundle() {
        // One that can't be read is worth no failure: servers whose authority it has are refused later, with a text.
        for certificate in CertificateDer::pem_file_iter(&bundle).into_iter().flatten().flatten() {
            let _ = roots.add(certificate);
        }
    }
    if let Some(file) = ca_file {
        let wrong = |error: String| {
            Error::at(at, format!("{}: {error}; a PEM file with certificates is needed", file.display()))
        };
        let all = CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
        let before = roots.len();
        for certificate in all {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(wrong("holds no certificate".to_owned()));
        }
    }
    if roots.is_empty() {
        let text =
            "this system has no certificates of authorities; name a file, or install `ca-certificates`";
        return Err(Error::at(at, text));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::at("plugins.webhook", format!("no TLS: {error}")))?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn system_bundle() -> Option<PathBuf> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    named.into_iter().chain(BUNDLES.iter().map(PathBuf::from)).find(|path| path.is_file())
}
