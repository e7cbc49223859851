//! A worker with a certificate of one's own, of the kind that fewest programs make any more: RSA.
use std::time::Duration;

use serde_json::json;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::front::Front;
use sfu_tests::media::output;
use sfu_tests::peer::Viewer;
use sfu_tests::stream::{self, Publish};
use sfu_tests::worker::Start;
use sfu_tests::{needs, system_test};

/// The fingerprints of the certificates that the browser's peers showed in DTLS.
const SHOWN: &str = "
    const report = await raw.sessions.up.pc.getStats();
    const transports = [...report.values()].filter(s => s.type === 'transport');
    return transports.map(s => report.get(s.remoteCertificateId)?.fingerprint ?? null);";

system_test! {
    async fn rsa_certificate_files_are_used(workers) {
        needs!("openssl", "chromium", "node");
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (cert, key) = (path("cert.pem"), path("key.pem"));
        output("openssl", &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=worker", "-keyout",
            &key, "-out", &cert]).unwrap();
        let told = output("openssl", &["x509", "-in", &cert, "-noout", "-fingerprint", "-sha256"]).unwrap();
        let fingerprint = told.trim().rsplit('=').next().unwrap().to_owned();
        let worker = Start::with_workers(workers)
            .config(&format!("[rtc]\ndtls_cert = \"{cert}\"\ndtls_key = \"{key}\""))
            .start();
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let up = browser.open(front.url()).await;
        stream::publish(&up, &front.whip("call"), &Publish { codec: Some("VP8"), ..Publish::default() }).await;
        let shown = up.evaluate(SHOWN, json!(null)).await;
        assert_eq!(shown, json!([fingerprint]), "the certificate in the handshake is that of the file");
        let answer = up.evaluate("return raw.sessions.up.answer", json!(null)).await;
        assert!(answer.as_str().unwrap().contains(&format!("a=fingerprint:sha-256 {fingerprint}")), "{answer}");
        let viewer = Viewer::watch(&worker.whep("call")).await;
        viewer.receives("video/VP8", 50, Duration::from_secs(10)).await;
        viewer.receives("audio/opus", 50, Duration::from_secs(10)).await;
    }
}
