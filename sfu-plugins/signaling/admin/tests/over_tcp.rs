//! The same over a real connection, as raw bytes, where a library can't tidy up what a hostile client sends.
mod bench;

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use bench::*;
use sfu_core::http::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn serve(bench: &Bench) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // What the worker's own server does for each request.
    let app = bench.router.clone().layer(from_fn(async |mut request: Request, next: Next| {
        let ConnectInfo(peer) = *request.extensions().get::<ConnectInfo<SocketAddr>>().unwrap();
        let host = request.headers().get("host").and_then(|host| host.to_str().ok()).map(str::to_owned);
        request.extensions_mut().insert(Client { ip: peer.ip(), peer, https: false, host });
        next.run(request).await
    }));
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// Sends bytes and reads the answer until the server closes or `enough` was read.
async fn talk(address: SocketAddr, bytes: &str, enough: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let mut chunk = [0; 4096];
    while !answer.contains(enough) {
        match stream.read(&mut chunk).await.unwrap() {
            0 => break,
            n => answer.push_str(std::str::from_utf8(&chunk[..n]).unwrap()),
        }
    }
    answer
}

#[tokio::test]
async fn a_rebound_name_is_refused_and_a_loopback_name_is_served() {
    let bench = Bench::new("");
    let address = serve(&bench).await;
    let port = address.port();
    for (head, status) in [
        (format!("GET /api/streams HTTP/1.1\r\nHost: 127.0.0.1:{port}"), "200"),
        (format!("GET /api/streams HTTP/1.1\r\nHost: localhost:{port}"), "200"),
        (format!("GET /api/streams HTTP/1.1\r\nHost: evil.example:{port}"), "403"),
        (format!("GET /api/streams HTTP/1.1\r\nHost: localhost:{port}\r\nHost: evil.example"), "403"),
        (format!("GET /api/streams HTTP/1.1\r\nHost: evil.example\r\nHost: localhost:{port}"), "403"),
        (format!("GET http://evil.example/api/streams HTTP/1.1\r\nHost: localhost:{port}"), "403"),
        ("GET /api/streams HTTP/1.1\r\nX-No-Host: 1".into(), "403"),
        ("GET /api/streams HTTP/1.1\r\nHost:".into(), "403"),
        (
            format!(
                "GET /api/streams HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://evil.example:{port}"
            ),
            "403",
        ),
        (
            format!("GET /api/streams HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}"),
            "200",
        ),
        (
            format!("OPTIONS /api/streams HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://evil.example"),
            "403",
        ),
        (format!("GET //api/streams HTTP/1.1\r\nHost: localhost:{port}"), "404"),
    ] {
        let answer = talk(address, &format!("{head}\r\nConnection: close\r\n\r\n"), "\u{0}").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}\n{answer}");
        assert!(!answer.to_ascii_lowercase().contains("access-control-"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_beyond_64_kib_is_refused() {
    let bench = Bench::new("");
    let address = serve(&bench).await;
    let chunk = format!("{:x}\r\n{}\r\n", 16 * 1024, "x".repeat(16 * 1024));
    let bytes = format!(
        "POST /api/plugins/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        chunk.repeat(5)
    );
    let answer = talk(address, &bytes, "too_large").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn events_reach_a_real_connection() {
    use sfu_core::control::{EventBody, Target};
    let bench = Bench::new("");
    let address = serve(&bench).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let mut chunk = [0; 4096];
    while !answer.contains("\r\n\r\n") {
        let n = stream.read(&mut chunk).await.unwrap();
        answer.push_str(std::str::from_utf8(&chunk[..n]).unwrap());
    }
    bench.double.emit(Target::Worker, EventBody::Plugin { plugin: "p".into(), body: 7.into() });
    while !answer.contains(r#""plugin":"p","body":7"#) {
        let n = stream.read(&mut chunk).await.unwrap();
        assert_ne!(n, 0);
        answer.push_str(std::str::from_utf8(&chunk[..n]).unwrap());
    }
}
