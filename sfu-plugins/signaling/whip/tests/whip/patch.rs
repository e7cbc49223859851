//! `PATCH /sessions/<id>`: trickle ICE and ICE restart (RFC 9725 §4.3).
use axum::http::{Method, StatusCode};
use sfu_core::control::{Command, ControlError};

use crate::bench::*;

const TYPE: (&str, &str) = ("content-type", "application/trickle-ice-sdpfrag");

fn candidates(ufrag: &str, pwd: &str) -> String {
    format!(
        "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n\
         a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag {ufrag} network-id 1\r\n\
         a=candidate:2 1 udp 2122260222 1b0e7a2c-0000-4000-8000-000000000000.local 61765 typ host\r\n\
         a=end-of-candidates\r\n"
    )
}

fn current() -> String {
    let of = |name: &str| PUBLISH.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    candidates(&of("a=ice-ufrag:"), &of("a=ice-pwd:"))
}

fn new() -> String {
    candidates("ysXw", "vw5LmwG4y/e6dPP/zAP9Gp5k")
}

async fn patch(bench: &Bench, peer: &Peer, condition: Option<&str>, body: &str) -> Answer {
    let mut headers = vec![TYPE];
    headers.extend(condition.map(|tag| ("if-match", tag)));
    bench.send(Method::PATCH, &peer.location, &headers, body).await
}

#[tokio::test(start_paused = true)]
async fn trickled_candidates_are_taken_with_204_and_without_an_entity_tag() {
    let bench = Bench::start("").await;
    let peer = bench.publish("a").await;
    let before = bench.double.commands().len();
    let answer = patch(&bench, &peer, Some(&peer.etag), &current()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
    assert!(!answer.headers.contains_key("etag"));
    let bare = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
    assert_eq!(patch(&bench, &peer, Some(&peer.etag), bare).await.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.double.commands().len(), before, "the worker need not know");
}

#[tokio::test(start_paused = true)]
async fn a_missing_or_outdated_entity_tag_is_428_or_412() {
    let bench = Bench::start("").await;
    let peer = bench.publish("a").await;
    assert_eq!(patch(&bench, &peer, None, &current()).await.status, StatusCode::PRECONDITION_REQUIRED);
    for wrong in ["\"other\"", "nonsense", "", peer.etag.trim_matches('"'), &format!("W/{}", peer.etag)] {
        let status = patch(&bench, &peer, Some(wrong), &current()).await.status;
        assert_eq!(status, StatusCode::PRECONDITION_FAILED, "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn new_credentials_restart_ice_and_get_new_ones_with_a_new_entity_tag() {
    let bench = Bench::start("").await;
    let peer = bench.publish("a").await;
    for star in ["*", "\"*\""] {
        let body = new().replace("ysXw", &format!("ysXw{}", star.len()));
        let answer = patch(&bench, &peer, Some(star), &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(answer.header("content-type"), TYPE.1);
        assert!(answer.headers.contains_key("etag") && answer.header("etag") != peer.etag);
        for line in
            ["a=ice-lite", "a=ice-ufrag:ufrag", "a=ice-pwd:password", "a=candidate:1 1 udp", "a=mid:0"]
        {
            assert!(answer.body.contains(line), "{line} is missing in {}", answer.body);
        }
        assert!(!peer.answer.contains(answer.body.lines().find(|l| l.starts_with("a=ice-pwd:")).unwrap()));
        // The first ICE session is over: its tag is worth nothing, and the new one is.
        let status = patch(&bench, &peer, Some(&peer.etag), &body).await.status;
        assert_eq!(status, StatusCode::PRECONDITION_FAILED);
        let status = patch(&bench, &peer, Some(answer.header("etag")), &body).await.status;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }
    let restarts = bench.double.commands().iter().filter(|c| matches!(c, Command::RestartIce(_))).count();
    assert_eq!(restarts, 2);
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_fails_keeps_the_session() {
    let bench = Bench::start("").await;
    let peer = bench.publish("a").await;
    bench
        .double
        .refuse(|c| matches!(c, Command::RestartIce(_)).then(|| ControlError::internal("control: oops")));
    let status = patch(&bench, &peer, Some("*"), &new()).await.status;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(bench.is_there(&peer).await);
    let status = patch(&bench, &peer, Some(&peer.etag), &current()).await.status;
    assert_eq!(status, StatusCode::NO_CONTENT, "the old ICE session stands");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_fragment_is_refused() {
    let bench = Bench::start("").await;
    let peer = bench.publish("a").await;
    for body in ["", "\r\n"] {
        assert_eq!(
            patch(&bench, &peer, Some(&peer.etag), body).await.status,
            StatusCode::BAD_REQUEST,
            "{body:?}"
        );
    }
    let headers = [("content-type", "application/sdp"), ("if-match", "*")];
    let answer = bench.send(Method::PATCH, &peer.location, &headers, &new()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let big = "a=x\r\n".repeat(20_000);
    assert_eq!(patch(&bench, &peer, Some(&peer.etag), &big).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let short = candidates("abcd", "short");
    assert_eq!(patch(&bench, &peer, Some("*"), &short).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_session_is_404() {
    let bench = Bench::start("").await;
    let peer = bench.publish("a").await;
    assert_eq!(bench.delete(&peer).await, StatusCode::OK);
    assert_eq!(bench.delete(&peer).await, StatusCode::NOT_FOUND);
    assert_eq!(patch(&bench, &peer, Some("*"), &new()).await.status, StatusCode::NOT_FOUND);
    assert_eq!(bench.get("/sessions/nonsense").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn delete_ignores_entity_tags() {
    let bench = Bench::start("").await;
    let peer = bench.publish("a").await;
    let answer = bench.send(Method::DELETE, &peer.location, &[("if-match", "\"other\"")], "").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(bench.double.open_entities(), 0);
}
