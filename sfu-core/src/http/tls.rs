//! TLS with certificate files that may be replaced while running.
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// The acceptor of the moment.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: Arc<RwLock<TlsAcceptor>>,
    cert: PathBuf,
    key: PathBuf,
}

impl Tls {
    /// Reads certificate and key.
    pub(crate) fn load(cert: &Path, key: &Path) -> Result<Tls, String> {
        let acceptor = Arc::new(RwLock::new(acceptor(cert, key)?));
        Ok(Tls { acceptor, cert: cert.to_owned(), key: key.to_owned() })
    }

    /// For a new connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Reads the files again whenever one changes; what can't be used is reported and the old one stays.
    pub(crate) async fn watch(self) {
        let stamp = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
        let mut seen: (Option<SystemTime>, Option<SystemTime>) = (stamp(&self.cert), stamp(&self.key));
        loop {
            tokio::time::sleep(RELOAD_INTERVAL).await;
            let now = (stamp(&self.cert), stamp(&self.key));
            if now == seen {
                continue;
            }
            match acceptor(&self.cert, &self.key) {
                Ok(fresh) => {
                    *self.acceptor.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = fresh;
                    seen = now;
                    tracing::info!("http.tls: the certificate was read again");
                }
                // The two files may be replaced one after the other: it is tried again.
                Err(error) => tracing::warn!("{error}; the certificate of before stays in use"),
            }
        }
    }
}

fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, String> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| {
            format!(
                "http.tls_cert: {}: {error}; a PEM file with the certificate chain is needed",
                cert.display()
            )
        })?;
    if chain.is_empty() {
        return Err(format!("http.tls_cert: {} holds no certificate", cert.display()));
    }
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        format!("http.tls_key: {}: {error}; a PEM file with the private key is needed", key.display())
    })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("http.tls: {error}"))?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .map_err(|error| format!("http.tls_cert: {error}; certificate and key must belong together"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
