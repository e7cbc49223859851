//! Against the `openssl` program over loopback, in real time. Skipped where it is not installed.
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

const LABEL: &str = "EXTRACTOR-dtls_srtp";
const PROFILES: &str = "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM";

/// A certificate file that goes away with it.
struct PemFile(PathBuf);

impl PemFile {
    fn new(name: &str, certificate: &Certificate) -> Self {
        let path = std::env::temp_dir().join(format!("sfukit-dtls-{}-{name}.pem", std::process::id()));
        let section = |label: &str, der: &[u8]| {
            format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", wrap(der))
        };
        let text = section("PRIVATE KEY", certificate.private_key())
            + &section("CERTIFICATE", &certificate.chain()[0]);
        std::fs::write(&path, text).expect("temporary file");
        Self(path)
    }
}

impl Drop for PemFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn wrap(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n")
}

/// The program with its output line by line; killed when dropped.
struct OpenSsl {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl OpenSsl {
    fn start(arguments: &[&str]) -> Option<Self> {
        let mut child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .inspect_err(|_| crate::testing::skipped("openssl is not installed"))
            .ok()?;
        let stdout = child.stdout.take().expect("piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Some(Self { child, lines })
    }

    fn wait_for(&self, text: &str) -> String {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line =
                self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("openssl never said `{text}`"));
            if line.contains(text) {
                return line;
            }
        }
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Moves datagrams for one endpoint until `done` or ten seconds are over.
fn drive(socket: &UdpSocket, end: &mut Endpoint, done: impl Fn(&Endpoint) -> bool) {
    socket.set_read_timeout(Some(Duration::from_millis(5))).expect("timeout");
    let limit = Instant::now() + Duration::from_secs(10);
    let mut buffer = [0; 4096];
    loop {
        for datagram in end.drain() {
            socket.send(&datagram).expect("loopback");
        }
        if done(end) {
            return;
        }
        assert!(Instant::now() < limit, "nothing more from openssl: {:?}", end.failed);
        if let Ok(len) = socket.recv(&mut buffer) {
            end.dtls.handle_datagram(Instant::now(), &buffer[..len]);
        }
        end.dtls.handle_timeout(Instant::now());
    }
}

/// The keying material as `-keymatexport` prints it.
fn exported(keys: &SrtpKeys, role: Role) -> String {
    let local = (&keys.local_key, &keys.local_salt);
    let remote = (&keys.remote_key, &keys.remote_salt);
    let (client, server) = if role == Role::Client { (local, remote) } else { (remote, local) };
    [&client.0[..], &server.0[..], &client.1[..], &server.1[..]]
        .concat()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}

fn exchange(openssl: &mut OpenSsl, socket: &UdpSocket, end: &mut Endpoint, role: Role) {
    drive(socket, end, |end| end.connected.is_some());
    let material = openssl.wait_for("Keying material: ");
    assert_eq!(material.trim(), format!("Keying material: {}", exported(end.srtp(), role)));
    let stdin = openssl.child.stdin.as_mut().expect("piped");
    stdin.write_all(b"hello from openssl\n").expect("write");
    stdin.flush().expect("flush");
    drive(socket, end, |end| !end.data.is_empty());
    assert_eq!(end.data, [b"hello from openssl\n"]);
    end.dtls.send(Instant::now(), b"hello from us\n").expect("connected");
    drive(socket, end, |_| true);
    openssl.wait_for("hello from us");
}

#[test]
fn openssl_connects_to_us_with_either_certificate_and_small_datagrams() {
    for (name, certificate) in [("client-ec", ec()), ("client-rsa", rsa())] {
        for mtu in ["1200", "256"] {
            for ours in [ec(), rsa()] {
                let file = PemFile::new(name, certificate);
                let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
                let address = socket.local_addr().expect("address").to_string();
                let path = file.0.to_string_lossy();
                // 56 bytes: the length for AES-128-GCM.
                let Some(mut openssl) = OpenSsl::start(&[
                    "s_client",
                    "-dtls1_2",
                    "-connect",
                    &address,
                    "-cert",
                    &path,
                    "-key",
                    &path,
                    "-use_srtp",
                    PROFILES,
                    "-mtu",
                    mtu,
                    "-keymatexport",
                    LABEL,
                    "-keymatexportlen",
                    "56",
                ]) else {
                    return;
                };
                socket.set_read_timeout(Some(Duration::from_secs(10))).expect("timeout");
                let (_, peer) = socket.peek_from(&mut [0; 2048]).expect("client hello");
                socket.connect(peer).expect("connect");
                let context = context(ours, &SrtpProfile::ALL, BROWSER_TIMER);
                let mut server = Endpoint::ours(&context, Role::Server, Instant::now());
                exchange(&mut openssl, &socket, &mut server, Role::Server);
                assert_eq!(server.srtp().profile, SrtpProfile::AeadAes128Gcm);
                let connected = server.connected.as_ref().expect("connected");
                assert_eq!(connected.verify_peer(&[certificate.fingerprint(HashAlgorithm::Sha256)]), Ok(()));
            }
        }
    }
}

#[test]
fn we_connect_to_openssl_with_either_certificate() {
    for (name, certificate) in [("server-ec", ec()), ("server-rsa", rsa())] {
        for ours in [ec(), rsa()] {
            let file = PemFile::new(name, certificate);
            // A port that was free a moment ago.
            let address = UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("address");
            let port = address.port().to_string();
            let path = file.0.to_string_lossy();
            // 60 bytes: the length for AES128_CM, the client's first, which openssl as server follows.
            let Some(mut openssl) = OpenSsl::start(&[
                "s_server",
                "-dtls1_2",
                "-accept",
                &port,
                "-cert",
                &path,
                "-key",
                &path,
                "-use_srtp",
                PROFILES,
                "-Verify",
                "1",
                "-keymatexport",
                LABEL,
                "-keymatexportlen",
                "60",
            ]) else {
                return;
            };
            openssl.wait_for("ACCEPT");
            let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
            socket.connect(address).expect("connect");
            let order = [SrtpProfile::Aes128CmSha1_80];
            let context = context(ours, &order, BROWSER_TIMER);
            let mut client = Endpoint::ours(&context, Role::Client, Instant::now());
            exchange(&mut openssl, &socket, &mut client, Role::Client);
            assert_eq!(client.srtp().profile, SrtpProfile::Aes128CmSha1_80);
        }
    }
}
