//! `POST /whip/<stream>`: answers and refusals.
use axum::http::{Method, StatusCode};
use sfu_core::control::{Command, ControlError, EntityKind, MediaKind};

use crate::bench::*;

#[tokio::test(start_paused = true)]
async fn an_offer_is_answered_with_a_session_and_its_producers() {
    let config = "ice_servers = [{ url = 'stun:stun.example' }, { url = 'turn:turn.example?transport=udp', \
                  username = 'u', credential = 'c' }]";
    let bench = Bench::start(config).await;
    let answer = bench.post("/whip/room/cam", PUBLISH).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/sdp");
    assert_eq!(answer.header("accept-patch"), "application/trickle-ice-sdpfrag");
    assert!(answer.header("location").starts_with("/sessions/"));
    let etag = answer.header("etag");
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 8, "a strong entity tag: {etag}");
    let links: Vec<_> = answer.headers.get_all("link").iter().map(|v| v.to_str().unwrap()).collect();
    assert_eq!(links[0], "<stun:stun.example>; rel=\"ice-server\"");
    assert_eq!(
        links[1],
        "<turn:turn.example?transport=udp>; rel=\"ice-server\"; username=\"u\"; credential=\"c\"; \
         credential-type=\"password\""
    );
    for line in ["a=ice-lite", "a=setup:passive", "a=recvonly", "a=candidate:1 1 udp"] {
        assert!(answer.body.contains(line), "{line} is missing in {}", answer.body);
    }
    assert_eq!(bench.double.open(EntityKind::Producer), 2);
    for kind in [EntityKind::Session, EntityKind::Transport, EntityKind::Producer] {
        for target in bench.double.targets(kind) {
            let labels = bench.double.labels(target).unwrap();
            assert_eq!((labels.get("stream"), labels.get("role")), (Some("room/cam"), Some("publisher")));
        }
    }
    let commands = bench.double.commands();
    let kinds: Vec<MediaKind> = commands
        .iter()
        .filter_map(|c| if let Command::Produce { options, .. } = c { Some(options.kind) } else { None })
        .collect();
    assert_eq!(kinds, [MediaKind::Audio, MediaKind::Video]);
}

#[tokio::test(start_paused = true)]
async fn the_location_begins_with_the_public_url_if_there_is_one() {
    let bench = Bench::start("public_url = 'https://sfu.example/base'").await;
    let answer = bench.post("/whip/a", PUBLISH).await;
    assert!(answer.header("location").starts_with("https://sfu.example/base/sessions/"));
}

#[tokio::test(start_paused = true)]
async fn offers_of_other_encoders_are_answered() {
    for (name, sdp) in [
        ("firefox", include_str!("../../../../../sfu-core/src/signaling/testdata/firefox-publish.sdp")),
        ("ffmpeg", include_str!("../../../../../sfu-core/src/signaling/testdata/ffmpeg-publish.sdp")),
        ("gstreamer", include_str!("../../../../../sfu-core/src/signaling/testdata/gstreamer-publish.sdp")),
        ("obs", include_str!("../../../../../sfu-core/src/signaling/testdata/libdatachannel-publish.sdp")),
        ("data channel", include_str!("../../../../../sfu-core/src/signaling/testdata/chromium-data.sdp")),
        ("simulcast", include_str!("../../../../../sfu-core/src/signaling/testdata/chromium-simulcast.sdp")),
    ] {
        let bench = Bench::start("").await;
        let answer = bench.post("/whip/a", sdp).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{name}: {}", answer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_name_is_refused() {
    let bench = Bench::start("").await;
    for name in ["..", "a/../b", "a//b", "a/", "%2e%2e", "a%20b", &"x".repeat(129)] {
        let answer = bench.post(&format!("/whip/{name}"), PUBLISH).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}");
    }
    for path in ["/whip/", "/whip", "/whep/", "/sessions/", "/sessions/x/y"] {
        let status = bench.post(path, PUBLISH).await.status;
        assert!(status.is_client_error(), "{path} {status}");
    }
    assert_eq!(bench.double.open_entities(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_offer_is_refused_before_anything_is_made() {
    let bench = Bench::start("").await;
    let post = async |content_type: &str, body: Vec<u8>| {
        let headers = [("content-type", content_type)];
        bench.send_bytes(Method::POST, "/whip/a", &headers, body).await.status
    };
    let sdp = || PUBLISH.as_bytes().to_vec();
    assert_eq!(post("text/plain", sdp()).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(post("application/sdpx", sdp()).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(
        bench.send(Method::POST, "/whip/a", &[], PUBLISH).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(post("application/sdp", b"hello".to_vec()).await, StatusCode::BAD_REQUEST);
    assert_eq!(post("application/sdp", Vec::new()).await, StatusCode::BAD_REQUEST);
    assert_eq!(post("application/sdp", vec![0xff, 0xfe, 0x00]).await, StatusCode::BAD_REQUEST);
    assert_eq!(post("application/sdp", vec![b'a'; 65 * 1024]).await, StatusCode::PAYLOAD_TOO_LARGE);
    let no_ice = PUBLISH.replace("a=ice-ufrag", "a=x-ufrag");
    assert_eq!(post("application/sdp", no_ice.into()).await, StatusCode::UNPROCESSABLE_ENTITY);
    let receives = PUBLISH.replace("a=sendonly", "a=recvonly").replace("a=sendrecv", "a=recvonly");
    assert_eq!(post("application/sdp", receives.into()).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(bench.double.commands().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_offer_is_taken_whole_or_not_at_all() {
    let bench = Bench::start("").await;
    let mut offer = String::new();
    let mut in_video = false;
    for line in PUBLISH.lines() {
        in_video |= line.starts_with("m=video");
        let line = if in_video && line.starts_with("a=rtpmap:") && !line.contains("rtx/") {
            let (front, _) = line.split_once(' ').unwrap();
            format!("{front} STRANGER/90000")
        } else {
            line.to_owned()
        };
        offer += &format!("{line}\r\n");
    }
    assert_eq!(bench.post("/whip/a", &offer).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(bench.double.open_entities(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_media_type_with_parameters_and_capitals_is_good() {
    let bench = Bench::start("").await;
    let headers = [("content-type", "Application/SDP; charset=utf-8")];
    assert_eq!(bench.send(Method::POST, "/whip/a", &headers, PUBLISH).await.status, StatusCode::CREATED);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_client_does_not_accept_is_refused() {
    let bench = Bench::start("").await;
    let headers = [("content-type", "application/sdp"), ("accept", "text/html")];
    assert_eq!(
        bench.send(Method::POST, "/whip/a", &headers, PUBLISH).await.status,
        StatusCode::NOT_ACCEPTABLE
    );
}

#[tokio::test(start_paused = true)]
async fn other_methods_are_refused_and_get_has_no_content() {
    let bench = Bench::start("").await;
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = bench.send(method.clone(), "/whip/a", &[], "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert!(answer.header("allow").contains("POST"));
    }
    assert_eq!(bench.get("/whip/a").await.status, StatusCode::NO_CONTENT);
    let peer = bench.publish("a").await;
    for method in [Method::PUT, Method::POST] {
        let answer =
            bench.send(method, &peer.location, &[("content-type", "application/sdp")], PUBLISH).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_problem_statement() {
    let bench = Bench::start("").await;
    let answer = bench.post("/whip/a", "hello").await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["status"], 400);
    assert!(answer.json()["detail"].as_str().unwrap().len() > 10);
}

#[tokio::test(start_paused = true)]
async fn the_refusal_of_a_plugin_is_403_and_other_errors_have_their_status() {
    for (error, status) in [
        (ControlError::refused("recorder: no"), StatusCode::FORBIDDEN),
        (ControlError::limit("control: full"), StatusCode::SERVICE_UNAVAILABLE),
        (ControlError::stopped("control: stopping"), StatusCode::SERVICE_UNAVAILABLE),
        (ControlError::invalid("control.produce: no codecs"), StatusCode::UNPROCESSABLE_ENTITY),
        (ControlError::internal("control: oops"), StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let bench = Bench::start("").await;
        bench.double.refuse(move |command| matches!(command, Command::Produce { .. }).then(|| error.clone()));
        let answer = bench.post("/whip/a", PUBLISH).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers.contains_key("retry-after"), status == StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(bench.double.open_entities(), 0, "nothing may be left");
    }
}

#[tokio::test(start_paused = true)]
async fn more_streams_than_allowed_are_refused_until_one_ends() {
    let bench = Bench::start("max_streams = 1").await;
    let first = bench.publish("a").await;
    let refused = bench.post("/whip/b", PUBLISH).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(bench.delete(&first).await, StatusCode::OK);
    bench.publish("b").await;
}

#[tokio::test(start_paused = true)]
async fn streams_are_spread_over_the_workers() {
    let bench = Bench::with_workers("", 2).await;
    for stream in ["a", "b"] {
        assert_eq!(bench.post(&format!("/whip/{stream}"), PUBLISH).await.status, StatusCode::CREATED);
        assert_eq!(bench.post(&format!("/whep/{stream}"), WATCH).await.status, StatusCode::CREATED);
    }
    let mut workers: Vec<u8> = bench.transports().iter().map(|id| id.worker()).collect();
    workers.sort_unstable();
    assert_eq!(workers, [0, 0, 1, 1]);
}
