//! Cross-origin requests and `OPTIONS`.
use axum::http::{Method, StatusCode};

use crate::bench::*;

#[tokio::test(start_paused = true)]
async fn options_needs_no_token_and_names_the_type_to_post() {
    let bench = Bench::start("[[tokens]]\ntoken = 't'\nallow = ['publish']").await;
    for path in ["/whip/a", "/whep/room/b", "/sessions/00000000000000000000000000000000", "/streams"] {
        let headers = [("origin", "https://page.example"), ("access-control-request-method", "POST")];
        let answer = bench.send(Method::OPTIONS, path, &headers, "").await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("accept-post"), "application/sdp");
        for method in ["POST", "PATCH", "DELETE"] {
            assert!(answer.header("access-control-allow-methods").contains(method));
        }
        for header in ["Authorization", "Content-Type", "If-Match"] {
            assert!(answer.header("access-control-allow-headers").contains(header));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_may_read_the_headers_that_it_needs_and_refusals_too() {
    let bench = Bench::start("").await;
    let headers = [("origin", "https://page.example"), ("content-type", "application/sdp")];
    for body in [PUBLISH, "nonsense"] {
        let answer = bench.send(Method::POST, "/whip/a", &headers, body).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        for header in ["Location", "Link", "ETag", "Accept-Patch", "Retry-After"] {
            assert!(answer.header("access-control-expose-headers").contains(header), "{header}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_listed_origins_are_allowed_where_origins_are_listed() {
    let bench = Bench::start("allowed_origins = ['https://good.example', 'http://localhost:3000']").await;
    let ask = async |origin: &str| bench.send(Method::OPTIONS, "/whip/a", &[("origin", origin)], "").await;
    let good = ask("https://good.example").await;
    assert_eq!(good.header("access-control-allow-origin"), "https://good.example");
    assert_eq!(good.header("vary"), "Origin");
    assert_eq!(
        ask("http://localhost:3000").await.header("access-control-allow-origin"),
        "http://localhost:3000"
    );
    for bad in ["https://evil.example", "https://good.example.evil", "http://good.example", "null"] {
        let answer = ask(bad).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{bad}");
        assert_eq!(answer.header("vary"), "Origin");
    }
}
