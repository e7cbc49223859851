//! Who is let in, and who is not.
mod bench;

use axum::http::{Method, StatusCode};
use bench::*;
use serde_json::json;

/// Every route with a request that is good but for what a test does to it.
fn everything() -> Vec<(Method, &'static str, &'static str)> {
    vec![
        (Method::GET, "/api/streams", ""),
        (Method::GET, "/api/streams/cam", ""),
        (Method::DELETE, "/api/streams/cam", ""),
        (Method::POST, "/api/streams/cam/rtp-in", r#"{"kind":"video","codec":"VP8","payloadType":96}"#),
        (Method::POST, "/api/streams/cam/rtp-out", r#"{"ip":"127.0.0.1","port":5004}"#),
        (Method::DELETE, "/api/transports/0.1.0", ""),
        (Method::GET, "/api/sessions", ""),
        (Method::POST, "/api/sessions/0.1.0/kick", ""),
        (Method::GET, "/api/stats", ""),
        (Method::GET, "/api/workers", ""),
        (Method::GET, "/api/plugins", ""),
        (Method::POST, "/api/plugins/recorder", r#"{"request":{}}"#),
        (Method::POST, "/api/plugins/recorder/enable", "{}"),
        (Method::POST, "/api/plugins/recorder/disable", "{}"),
        (Method::PUT, "/api/plugins/recorder/config", "{}"),
        (Method::GET, "/api/events", ""),
        (Method::GET, "/api/openapi.json", ""),
        (Method::GET, "/api/no-such-path", ""),
        (Method::GET, "/api", ""),
        (Method::OPTIONS, "/api/streams", ""),
        (Method::PATCH, "/api/streams", ""),
        (Method::HEAD, "/api/streams", ""),
    ]
}

/// Sends everything with `headers` added, and expects each to be refused before a command reaches the worker.
async fn all_refused(bench: &Bench, from: From, headers: &[(&str, &str)], status: StatusCode, says: &str) {
    for (method, path, body) in everything() {
        let mut all = headers.to_vec();
        all.push(("content-type", "application/json"));
        let head = method == Method::HEAD;
        let answer = bench.send_from(from.clone(), request(method.clone(), path, &all, body)).await;
        assert_eq!(answer.status, status, "{method} {path} {headers:?}");
        assert!(head || answer.error().1.contains(says), "{method} {path}: {:?}", answer.json);
        no_cors(&answer);
    }
    assert_eq!(bench.double.commands(), [], "{headers:?}");
}

fn no_cors(answer: &Answer) {
    for name in answer.headers.keys() {
        assert!(!name.as_str().starts_with("access-control-"), "{name}");
    }
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.headers.get(name).map(|value| value.to_str().unwrap()), Some(value));
    }
}

#[tokio::test]
async fn without_a_token_a_name_that_was_made_to_point_here_is_refused() {
    let bench = Bench::new("");
    for host in [
        "evil.example:8080",
        "evil.example",
        "localhost.evil.example:8080",
        "127.0.0.1.nip.io:8080",
        "0.0.0.0:8080",
        "[::]:8080",
        "192.168.1.7:8080",
        "127.1",
        "localhost.",
        "",
    ] {
        all_refused(
            &bench,
            From::default(),
            &[("host", host)],
            StatusCode::FORBIDDEN,
            "signaling.admin.token",
        )
        .await;
    }
}

#[tokio::test]
async fn without_a_token_two_hosts_or_a_foreign_request_target_are_refused() {
    let bench = Bench::new("");
    let two = [("host", "localhost:8080"), ("host", "evil.example")];
    all_refused(&bench, From::default(), &two, StatusCode::FORBIDDEN, "rebinding").await;
    let absolute = request(Method::GET, "http://evil.example:8080/api/streams", &[], "");
    assert_eq!(bench.send(absolute).await.status, StatusCode::FORBIDDEN);
    let absolute = request(Method::GET, "http://localhost:8080/api/streams", &[], "");
    assert_eq!(bench.send(absolute).await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_a_token_this_machine_is_served_by_its_loopback_names() {
    let bench = Bench::new("");
    for host in ["127.0.0.1:8080", "127.0.0.1", "127.8.9.1:1", "localhost", "LOCALHOST:8080", "[::1]:8080"] {
        let answer = bench.send(request(Method::GET, "/api/streams", &[("host", host)], "")).await;
        assert_eq!(answer.status, StatusCode::OK, "{host}");
        no_cors(&answer);
    }
    let mapped = From { peer: "[::ffff:127.0.0.1]:5".parse().unwrap(), ..From::default() };
    assert_eq!(
        bench.send_from(mapped, request(Method::GET, "/api/streams", &[], "")).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn without_a_token_other_machines_are_refused() {
    let bench = Bench::new("");
    for peer in ["192.168.1.7:5", "[2001:db8::1]:5", "0.0.0.0:5", "[fe80::1]:5"] {
        let from = From { peer: peer.parse().unwrap(), ..From::default() };
        all_refused(&bench, from, &[], StatusCode::FORBIDDEN, "signaling.admin.token").await;
    }
    // A trusted proxy on this machine says who it really is.
    let from = From { ip: Some("192.168.1.7".parse().unwrap()), ..From::default() };
    all_refused(&bench, from, &[], StatusCode::FORBIDDEN, "signaling.admin.token").await;
}

#[tokio::test]
async fn without_a_token_what_a_proxy_passes_on_is_refused() {
    let bench = Bench::new("");
    for header in
        ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded", "via", "x-real-ip"]
    {
        let headers = [(header, "127.0.0.1")];
        all_refused(&bench, From::default(), &headers, StatusCode::FORBIDDEN, "proxy").await;
    }
    let mut old = request(Method::GET, "/api/streams", &[], "");
    *old.version_mut() = axum::http::Version::HTTP_10;
    assert_eq!(bench.send(old).await.status, StatusCode::FORBIDDEN);
    let from = From { forwarded_host: Some("evil.example".into()), ..From::default() };
    all_refused(&bench, from, &[], StatusCode::FORBIDDEN, "rebinding").await;
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_with_and_without_a_token() {
    let bearer = format!("Bearer {TOKEN}");
    for (config, token) in [("", ""), (TOKEN_CONFIG, bearer.as_str())] {
        let bench = Bench::new(config);
        for origin in [
            "https://evil.example",
            "http://evil.example:8080",
            "http://127.0.0.1:3000",
            "http://localhost:8080",
            "https://127.0.0.1:8080",
            "http://127.0.0.1",
            "null",
            "file://",
        ] {
            let headers = [("origin", origin), ("authorization", token)];
            all_refused(&bench, From::default(), &headers, StatusCode::FORBIDDEN, "origin").await;
        }
        for site in ["cross-site", "same-site", "Same-Origin", "x"] {
            let headers = [("sec-fetch-site", site), ("authorization", token)];
            all_refused(&bench, From::default(), &headers, StatusCode::FORBIDDEN, "origin").await;
        }
        let twice = [
            ("origin", "http://127.0.0.1:8080"),
            ("origin", "https://evil.example"),
            ("authorization", token),
        ];
        all_refused(&bench, From::default(), &twice, StatusCode::FORBIDDEN, "origin").await;
        let twice = [("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site"), ("authorization", token)];
        all_refused(&bench, From::default(), &twice, StatusCode::FORBIDDEN, "origin").await;
    }
}

#[tokio::test]
async fn our_own_page_is_served() {
    let bench = Bench::new("");
    for headers in [
        [("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin"), ("host", "127.0.0.1:8080")],
        [("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin"), ("host", "localhost:8080")],
        [("origin", ""), ("sec-fetch-site", "none"), ("host", "[::1]:8080")],
    ] {
        let answer = bench.send(request(Method::GET, "/api/streams", &headers, "")).await;
        assert_eq!(answer.status, StatusCode::OK, "{headers:?}");
        no_cors(&answer);
    }
}

#[tokio::test]
async fn with_a_token_nothing_is_served_without_it() {
    let bench = Bench::new(TOKEN_CONFIG);
    for authorization in [
        "",
        "Bearer",
        "Bearer x",
        "Bearer a-token-of-a-good-lengtH",
        "Bearer a-token-of-a-good-length2",
        "Basic a-token-of-a-good-length",
        "a-token-of-a-good-length",
    ] {
        let headers = [("authorization", authorization)];
        all_refused(&bench, From::default(), &headers, StatusCode::UNAUTHORIZED, "signaling.admin.token")
            .await;
    }
    let twice = [("authorization", "Bearer a-token-of-a-good-length"), ("authorization", "Bearer x")];
    all_refused(&bench, From::default(), &twice, StatusCode::UNAUTHORIZED, "token").await;
    let answer = bench.get("/api/streams?token=a-token-of-a-good-length").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
}

#[tokio::test]
async fn with_the_token_any_host_and_any_machine_is_served() {
    let bench = Bench::new(TOKEN_CONFIG);
    let bearer = format!("Bearer {TOKEN}");
    let away = From { peer: "198.51.100.7:5".parse().unwrap(), ..From::default() };
    for (from, headers) in [
        (away.clone(), vec![("host", "sfu.example")]),
        (away.clone(), vec![("host", "sfu.example:8080"), ("origin", "http://sfu.example:8080")]),
        // Behind a trusted proxy that speaks TLS.
        (
            From { https: true, forwarded_host: Some("sfu.example".into()), ..From::default() },
            vec![("x-forwarded-for", "198.51.100.7"), ("origin", "https://sfu.example")],
        ),
    ] {
        let mut headers = headers;
        headers.push(("authorization", &bearer));
        let answer = bench.send_from(from, request(Method::GET, "/api/streams", &headers, "")).await;
        assert_eq!(answer.status, StatusCode::OK, "{headers:?}");
        no_cors(&answer);
    }
}

#[tokio::test]
async fn what_is_not_marked_as_json_is_refused_even_without_a_body() {
    let bench = Bench::new("");
    for (method, path, body) in
        everything().into_iter().filter(|(m, ..)| *m == Method::POST || *m == Method::PUT)
    {
        for media_type in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/plain; application/json",
            "application/jsonp",
            "text/json",
        ] {
            let answer =
                bench.send(request(method.clone(), path, &[("content-type", media_type)], body)).await;
            assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path} {media_type}");
            assert_eq!(answer.error().0, "media_type");
        }
    }
    let two = [("content-type", "application/json"), ("content-type", "text/plain")];
    let answer = bench.send(request(Method::POST, "/api/plugins/x/enable", &two, "{}")).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(bench.double.commands(), []);
    let charset = [("content-type", "Application/JSON; charset=utf-8")];
    let answer = bench.send(request(Method::POST, "/api/plugins/x/enable", &charset, "{}")).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_body_beyond_64_kib_is_refused() {
    let bench = Bench::new("");
    let filled = |bytes: usize| json!({ "request": "x".repeat(bytes - r#"{"request":""}"#.len()) });
    let good = bench.post("/api/plugins/x", filled(64 * 1024)).await;
    assert_eq!(good.status, StatusCode::OK);
    let large = bench.post("/api/plugins/x", filled(64 * 1024 + 1)).await;
    assert_eq!((large.status, large.error().0), (StatusCode::PAYLOAD_TOO_LARGE, "too_large"));
}

#[tokio::test]
async fn a_request_of_unknown_origin_is_refused() {
    use tower::ServiceExt;
    let bench = Bench::new("");
    let response = bench.router.clone().oneshot(request(Method::GET, "/api/streams", &[], "")).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}
