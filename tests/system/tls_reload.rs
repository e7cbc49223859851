//! A renewed certificate is served without a restart.
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use sfu_tests::worker::Start;
use sfu_tests::{http, system_test};

/// Writes a new certificate for `localhost` and its key, as a renewal would: whole files, moved into place.
fn renew(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    for (name, text) in [("key.pem", made.signing_key.serialize_pem()), ("cert.pem", made.cert.pem())] {
        let fresh = folder.join(format!("{name}.new"));
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(&fresh, folder.join(name)).unwrap();
    }
    made.cert.der().clone()
}

system_test! {
    async fn a_changed_certificate_is_served_without_a_restart(workers) {
        let folder = tempfile::tempdir().unwrap();
        let first = renew(folder.path());
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut worker = Start::with_workers(workers)
            .argument("--tls-cert")
            .argument(path("cert.pem"))
            .argument("--tls-key")
            .argument(path("key.pem"))
            .start();
        let address: SocketAddr = worker.url().strip_prefix("https://").expect("an https URL").parse().unwrap();
        let get = async |trusted| http::get_over_tls(address, "localhost", "/", trusted).await;
        assert_eq!(get(&first).await.unwrap().status, 200);
        let second = renew(folder.path());
        let start = Instant::now();
        while let Err(error) = get(&second).await {
            assert!(start.elapsed() < Duration::from_secs(15), "the new certificate is not served: {error}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(get(&first).await.is_err(), "the old certificate is still served");
        assert!(worker.is_running());
        // A file that is broken, as in the middle of a careless renewal, changes nothing.
        std::fs::write(folder.path().join("cert.pem"), "no certificate").unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(get(&second).await.unwrap().status, 200);
    }
}
