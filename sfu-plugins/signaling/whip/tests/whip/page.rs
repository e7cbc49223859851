//! The page.
use axum::http::{Method, StatusCode};

use crate::bench::*;

#[tokio::test(start_paused = true)]
async fn the_page_is_served_with_a_strict_policy() {
    let bench = Bench::start("").await;
    for path in ["/", "/index.html"] {
        let page = bench.get(path).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
        // The test pattern is drawn by a worker; its tone may come from a blob.
        assert!(policy.contains("worker-src 'self'") && policy.contains("media-src 'self' blob:"));
        assert!(page.body.to_lowercase().starts_with("<!doctype html>"));
        assert_eq!(page.header("access-control-allow-origin"), "", "the page is for itself");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_did_not_change_is_not_sent_again() {
    let bench = Bench::start("").await;
    let etag = bench.get("/").await.header("etag").to_owned();
    for given in [etag.clone(), format!("\"x\", W/{etag}"), "*".into()] {
        let answer = bench.send(Method::GET, "/", &[("if-none-match", &given)], "").await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert_eq!(answer.header("etag"), etag);
    }
    let answer = bench.send(Method::GET, "/", &[("if-none-match", "\"x\"")], "").await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_file_of_the_page_is_404_and_files_are_read_only() {
    let bench = Bench::start("").await;
    for path in ["/nothing", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "/page/index.html", "//"] {
        let status = bench.get(path).await.status;
        assert!(matches!(status, StatusCode::NOT_FOUND) || path == "//", "{path} {status}");
    }
    assert_eq!(bench.send(Method::POST, "/", &[], "").await.status, StatusCode::METHOD_NOT_ALLOWED);
    let head = bench.send(Method::HEAD, "/", &[], "").await;
    assert_eq!(head.status, StatusCode::OK);
}
