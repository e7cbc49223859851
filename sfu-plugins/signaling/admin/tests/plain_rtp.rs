//! Plain RTP in and out.
mod bench;

use axum::http::StatusCode;
use bench::*;
use serde_json::{Value, json};
use sfu_core::control::*;
use sfu_core::signaling::{Mounts, Shutdown, Signaling};

fn vp8() -> Value {
    json!({ "kind": "video", "codec": "VP8", "payloadType": 97 })
}

fn opus() -> Value {
    json!({ "kind": "audio", "codec": "opus", "payloadType": 111 })
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn key() -> Value {
    json!({ "cryptoSuite": "AES_CM_128_HMAC_SHA1_80", "keyBase64": "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw" })
}

fn plain_transports(bench: &Bench) -> Vec<PlainTransportOptions> {
    let commands = bench.double.commands().into_iter();
    commands
        .filter_map(|command| match command {
            Command::CreatePlainTransport { options, .. } => Some(options),
            _ => None,
        })
        .collect()
}

fn connects(bench: &Bench) -> Vec<ConnectPlainTransport> {
    let commands = bench.double.commands().into_iter();
    commands
        .filter_map(|command| match command {
            Command::ConnectPlainTransport { peer, .. } => Some(peer),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn rtp_in_makes_a_publisher_like_any_other() {
    let bench = Bench::with_workers("", 2);
    let answer = bench.post("/api/streams/room%2Fcam/rtp-in", vp8()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.json);
    assert_eq!(answer.json["tuple"]["local"], "127.0.0.1:40000");
    assert_eq!(answer.json["rtpParameters"]["codecs"][0]["mimeType"], "video/VP8");
    assert_eq!(answer.json["rtpParameters"]["codecs"][0]["clockRate"], 90_000);
    let [Target::Producer(producer)] = bench.double.targets(EntityKind::Producer)[..] else { panic!() };
    assert_eq!(answer.json["producer"], producer.to_string());
    let labels = bench.double.labels(producer.into()).unwrap();
    let expected = [("role", "publisher"), ("stream", "room/cam"), ("via", "rtp-in")];
    assert!(labels.iter().eq(expected), "{labels:?}");
    let stream = bench.get("/api/streams/room%2Fcam").await.json;
    assert_eq!(stream["live"], true);
    let [options] = &plain_transports(&bench)[..] else { panic!() };
    assert!(options.comedia && options.rtcp_mux && options.srtp.is_none() && options.listen.port == 0);
    assert_eq!(connects(&bench), []);
}

#[tokio::test]
async fn audio_and_video_of_one_stream_share_a_router_even_when_asked_for_at_once() {
    let bench = Bench::with_workers("", 2);
    bench.double.set_delay(std::time::Duration::from_millis(5));
    let (video, audio) = tokio::join!(
        bench.post("/api/streams/cam/rtp-in", vp8()),
        bench.post("/api/streams/cam/rtp-in", opus())
    );
    assert_eq!((video.status, audio.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(video.json["router"], audio.json["router"]);
    assert_eq!(bench.double.open(EntityKind::Router), 1);
    assert_eq!(audio.json["rtpParameters"]["codecs"][0]["channels"], 2);
}

#[tokio::test]
async fn rtp_in_joins_the_router_of_a_stream_that_is_there() {
    let bench = Bench::with_workers("", 2);
    let call = bench.call("cam").await;
    let answer = bench.post("/api/streams/cam/rtp-in", opus()).await;
    assert_eq!(answer.json["router"], call.router.to_string());
    assert_eq!(bench.double.open(EntityKind::Router), 1);
}

#[tokio::test]
async fn a_second_publisher_of_a_kind_is_refused() {
    let bench = Bench::new("");
    bench.call("cam").await;
    let second = bench.post("/api/streams/cam/rtp-in", vp8()).await;
    assert_eq!((second.status, second.error().0), (StatusCode::CONFLICT, "state"));
    assert_eq!(bench.post("/api/streams/cam/rtp-in", opus()).await.status, StatusCode::CREATED);
    assert_eq!(bench.post("/api/streams/cam/rtp-in", opus()).await.status, StatusCode::CONFLICT);
    assert_eq!(plain_transports(&bench).len(), 1);
}

#[tokio::test]
async fn rtp_in_takes_a_given_sender_srtp_and_separate_rtcp() {
    let bench = Bench::new("");
    let body = with(
        json!({ "kind": "video", "codec": "video/h264", "payloadType": 102, "ssrc": 7 }),
        json!({
            "parameters": { "packetization-mode": "1", "profile-level-id": "42e01f" },
            "ip": "127.0.0.1", "port": 6000, "rtcpPort": 6001, "rtcpMux": false, "srtp": key(), "listenPort": 5000
        }),
    );
    let answer = bench.post("/api/streams/cam/rtp-in", body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.json);
    assert_eq!(answer.json["tuple"]["remote"], "127.0.0.1:6000");
    assert_eq!(answer.json["rtcpTuple"]["local"], "127.0.0.1:40001");
    assert_eq!(answer.json["srtp"]["cryptoSuite"], "AES_CM_128_HMAC_SHA1_80");
    assert_eq!(answer.json["rtpParameters"]["encodings"][0]["ssrc"], 7);
    let [options] = &plain_transports(&bench)[..] else { panic!() };
    assert!(!options.comedia && !options.rtcp_mux);
    assert_eq!((options.listen.port, options.srtp), (5000, Some(SrtpCryptoSuite::AesCm128HmacSha1_80)));
    let [peer] = &connects(&bench)[..] else { panic!() };
    assert_eq!((peer.port, peer.rtcp_port), (Some(6000), Some(6001)));
    assert!(peer.srtp.is_some());
    let described =
        bench.control.describe_producer(answer.json["producer"].as_str().unwrap().parse().unwrap());
    let parameters = described.await.unwrap().rtp_parameters.codecs.remove(0).parameters;
    assert_eq!(parameters["profile-level-id"], "42e01f");
}

#[tokio::test]
async fn rtp_in_with_srtp_from_an_address_to_be_learnt_gives_the_key_alone() {
    let bench = Bench::new("");
    let answer =
        bench.post("/api/streams/cam/rtp-in", with(vp8(), json!({ "comedia": true, "srtp": key() }))).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let [peer] = &connects(&bench)[..] else { panic!() };
    assert_eq!((peer.ip, peer.port, peer.srtp.is_some()), (None, None, true));
}

#[tokio::test]
async fn rtp_in_refuses_what_cannot_be_meant_and_makes_nothing() {
    let bench = Bench::new("");
    for (body, status) in [
        (json!({}), 400),
        (json!({ "kind": "video", "codec": "VP8" }), 400),
        (with(vp8(), json!({ "payloadType": 128 })), 400),
        (with(vp8(), json!({ "payloadType": 256 })), 400),
        (with(vp8(), json!({ "payloadType": 72 })), 400),
        (with(vp8(), json!({ "codec": "audio/opus" })), 400),
        (with(vp8(), json!({ "codec": "VP8\r\na=evil" })), 400),
        (with(vp8(), json!({ "codec": "rtx" })), 400),
        (with(vp8(), json!({ "clockRate": 0 })), 400),
        (with(vp8(), json!({ "parameters": { "a\r\nb": "1" } })), 400),
        (with(vp8(), json!({ "parameters": { "a": "1\r\nb=2" } })), 400),
        (with(vp8(), json!({ "ip": "127.0.0.1" })), 400),
        (with(vp8(), json!({ "port": 5000 })), 400),
        (with(vp8(), json!({ "comedia": true, "ip": "127.0.0.1", "port": 5000 })), 400),
        (with(vp8(), json!({ "comedia": false })), 400),
        (with(vp8(), json!({ "rtcpPort": 5001 })), 400),
        (with(vp8(), json!({ "ip": "127.0.0.1", "port": 5000, "rtcpMux": false })), 400),
        (with(vp8(), json!({ "ip": "127.0.0.1", "port": 53 })), 400),
        (with(vp8(), json!({ "unknown": 1 })), 400),
        (with(vp8(), json!({ "ip": "192.0.2.1", "port": 5000 })), 403),
        (with(vp8(), json!({ "listenIp": "0.0.0.0" })), 403),
        (with(vp8(), json!({ "listenIp": "192.168.1.7" })), 403),
    ] {
        let answer = bench.post("/api/streams/cam/rtp-in", body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{body} {:?}", answer.json);
        assert!(!answer.error().1.is_empty());
    }
    assert_eq!(bench.double.commands(), []);
}

#[tokio::test]
async fn rtp_in_that_fails_half_way_leaves_nothing_behind() {
    type Fails = fn(&Command) -> bool;
    let steps: [Fails; 3] = [
        |command| matches!(command, Command::CreatePlainTransport { .. }),
        |command| matches!(command, Command::ConnectPlainTransport { .. }),
        |command| matches!(command, Command::Produce { .. }),
    ];
    for fails in steps {
        for error in [ControlError::limit("control: full"), ControlError::not_found("control: gone")] {
            let bench = Bench::new("");
            bench.double.refuse(move |command| fails(command).then(|| error.clone()));
            let body = with(vp8(), json!({ "ip": "127.0.0.1", "port": 5000 }));
            let answer = bench.post("/api/streams/cam/rtp-in", body).await;
            assert!(answer.status.is_client_error() || answer.status.is_server_error());
            assert_eq!(bench.double.open_entities(), 0);
            bench.double.accept();
            assert_eq!(bench.post("/api/streams/cam/rtp-in", vp8()).await.status, StatusCode::CREATED);
        }
    }
}

#[tokio::test]
async fn rtp_in_that_its_client_gives_up_on_is_made_whole() {
    let bench = Bench::new("");
    bench.double.set_delay(std::time::Duration::from_millis(20));
    let hung_up = tokio::time::timeout(
        std::time::Duration::from_millis(30),
        bench.post("/api/streams/cam/rtp-in", vp8()),
    );
    assert!(hung_up.await.is_err());
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(bench.double.open(EntityKind::Producer), 1);
    assert_eq!(bench.get("/api/streams/cam").await.json["live"], true);
}

#[tokio::test]
async fn closing_the_transport_of_rtp_in_closes_the_router_that_was_made_for_it() {
    let bench = Bench::new("");
    let answer = bench.post("/api/streams/cam/rtp-in", vp8()).await;
    let path = format!("/api/transports/{}", answer.json["transport"].as_str().unwrap());
    assert_eq!(bench.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.double.open_entities(), 0);
    bench.post("/api/streams/cam/rtp-in", vp8()).await;
    assert_eq!(bench.delete("/api/streams/cam").await.status, StatusCode::OK);
    assert_eq!(bench.double.open_entities(), 0);
}

#[tokio::test]
async fn a_router_that_was_made_for_rtp_in_stays_while_somebody_watches() {
    let bench = Bench::new("");
    let answer = bench.post("/api/streams/cam/rtp-in", vp8()).await;
    let router = answer.json["router"].as_str().unwrap().parse().unwrap();
    bench.peer(router, "cam", "viewer").await;
    bench.delete(&format!("/api/transports/{}", answer.json["transport"].as_str().unwrap())).await;
    assert_eq!(bench.double.open(EntityKind::Router), 1);
    // The next publisher comes to where the viewer is.
    let again = bench.post("/api/streams/cam/rtp-in", vp8()).await;
    assert_eq!(again.json["router"], answer.json["router"]);
}

#[tokio::test]
async fn rtp_out_sends_what_rtp_in_brought() {
    let bench = Bench::new("");
    let body = with(vp8(), json!({ "parameters": { "x-test": "1" } }));
    bench.post("/api/streams/cam/rtp-in", body).await;
    bench.double.clear_commands();
    let answer = bench.post("/api/streams/cam/rtp-out", json!({ "ip": "127.0.0.1", "port": 5004 })).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.json);
    assert_eq!(answer.json["tuple"]["remote"], "127.0.0.1:5004");
    let [options] = &plain_transports(&bench)[..] else { panic!() };
    assert!(!options.comedia && options.rtcp_mux);
    assert_eq!(options.labels.get("role"), Some("viewer"));
    assert_eq!(options.listen.ip, std::net::Ipv4Addr::LOCALHOST);
    let sent = &answer.json["consumers"][0];
    assert_eq!(sent["rtpParameters"]["codecs"][0]["payloadType"], 97);
    let ssrc = sent["rtpParameters"]["encodings"][0]["ssrc"].as_u64().unwrap();
    let sdp = answer.json["sdp"].as_str().unwrap();
    let expected = format!(
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=cam\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 5004 RTP/AVP 97\r\n\
         a=rtcp-mux\r\na=rtpmap:97 VP8/90000\r\na=fmtp:97 x-test=1\r\na=ssrc:{ssrc} cname:cam\r\na=recvonly\r\n"
    );
    assert_eq!(sdp, expected);
    let stream = bench.get("/api/streams/cam").await.json;
    assert_eq!(stream["viewers"][0]["labels"]["via"], "rtp-out");
}

#[tokio::test]
async fn rtp_out_of_audio_and_video_on_one_port_has_two_payload_types_and_no_sdp() {
    let bench = Bench::new("");
    bench.post("/api/streams/cam/rtp-in", with(vp8(), json!({ "payloadType": 100 }))).await;
    bench.post("/api/streams/cam/rtp-in", with(opus(), json!({ "payloadType": 100 }))).await;
    let out = |more| with(json!({ "ip": "127.0.0.1", "port": 5004 }), more);
    let both = bench.post("/api/streams/cam/rtp-out", out(json!({}))).await;
    let number = |n: usize| both.json["consumers"][n]["rtpParameters"]["codecs"][0]["payloadType"].as_u64();
    assert_eq!((number(0), number(1)), (Some(100), Some(96)));
    assert_eq!(both.json["sdp"], Value::Null);
    let more = json!({ "kind": "audio", "payloadType": 109, "rtcpPort": 5005, "srtp": key() });
    let audio = bench.post("/api/streams/cam/rtp-out", out(more)).await;
    assert_eq!(audio.json["consumers"].as_array().unwrap().len(), 1);
    let sdp = audio.json["sdp"].as_str().unwrap();
    for line in ["m=audio 5004 RTP/SAVP 109\r\n", "a=rtcp:5005\r\n", "a=rtpmap:109 opus/48000/2\r\n"] {
        assert!(sdp.contains(line), "{sdp}");
    }
    assert!(sdp.contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:b3Vy"), "{sdp}");
}

#[tokio::test]
async fn rtp_out_of_a_publisher_that_may_send_several_codecs_needs_one_named_before_it_sends() {
    let bench = Bench::new("");
    let router = bench.control.create_router(0, Labels::new()).await.unwrap();
    let (_, sends) = bench.peer(router, "cam", "publisher").await;
    let codecs = [("video/VP8", 96), ("video/rtx", 97), ("video/VP9", 98)];
    bench.producer_of(sends, MediaKind::Video, Labels::new(), &codecs).await;
    let out = |more| with(json!({ "ip": "127.0.0.1", "port": 5004 }), more);
    let unknown = bench.post("/api/streams/cam/rtp-out", out(json!({}))).await;
    assert_eq!((unknown.status, unknown.error().0), (StatusCode::CONFLICT, "state"));
    for wrong in ["AV1", "rtx"] {
        let wrong =
            bench.post("/api/streams/cam/rtp-out", out(json!({ "kind": "video", "codec": wrong }))).await;
        assert_eq!(wrong.status, StatusCode::CONFLICT);
    }
    assert_eq!(plain_transports(&bench).len(), 0);
    let named = bench.post("/api/streams/cam/rtp-out", out(json!({ "kind": "video", "codec": "vp9" }))).await;
    assert_eq!(named.status, StatusCode::CREATED, "{:?}", named.json);
    let codec = &named.json["consumers"][0]["rtpParameters"]["codecs"][0];
    assert_eq!((&codec["mimeType"], &codec["payloadType"]), (&json!("video/VP9"), &json!(98)));
    assert!(named.json["sdp"].as_str().unwrap().contains("a=fmtp:98 x-test=1\r\n"));
}

#[tokio::test]
async fn rtp_out_never_uses_a_payload_type_that_looks_like_rtcp() {
    let bench = Bench::new("");
    let router = bench.control.create_router(0, Labels::new()).await.unwrap();
    let (_, sends) = bench.peer(router, "cam", "publisher").await;
    bench.producer_of(sends, MediaKind::Video, Labels::new(), &[("video/VP8", 72)]).await;
    let sent = bench.post("/api/streams/cam/rtp-out", json!({ "ip": "127.0.0.1", "port": 5004 })).await;
    assert_eq!(sent.json["consumers"][0]["rtpParameters"]["codecs"][0]["payloadType"], 96);
}

#[tokio::test]
async fn rtp_out_goes_only_where_the_configuration_allows() {
    let bench = Bench::new("");
    bench.post("/api/streams/cam/rtp-in", vp8()).await;
    bench.double.clear_commands();
    for ip in ["10.0.0.1", "0.0.0.0", "::", "224.1.1.1", "::ffff:10.0.0.1", "255.255.255.255", "2001:db8::1"]
    {
        let answer = bench.post("/api/streams/cam/rtp-out", json!({ "ip": ip, "port": 5004 })).await;
        assert_eq!((answer.status, answer.error().0), (StatusCode::FORBIDDEN, "refused"), "{ip}");
        assert!(answer.error().1.contains("signaling.admin.rtp_out_allow"));
    }
    for (body, status) in [
        (json!({ "ip": "127.0.0.1", "port": 53 }), 400),
        (json!({ "ip": "127.0.0.1", "port": 0 }), 400),
        (json!({ "ip": "127.0.0.1", "port": 5004, "rtcpPort": 22 }), 400),
        (json!({ "ip": "127.0.0.1", "port": 5004, "rtcpPort": 5004 }), 400),
        (json!({ "ip": "127.0.0.1", "port": 5004, "codec": "VP8" }), 400),
        (json!({ "ip": "127.0.0.1", "port": 5004, "payloadType": 96 }), 400),
        (json!({ "ip": "127.0.0.1", "port": 5004, "kind": "video", "payloadType": 200 }), 400),
        (json!({ "ip": "127.0.0.1", "port": 5004, "kind": "video", "payloadType": 72 }), 400),
        (json!({ "ip": "127.0.0.1", "port": 5004, "kind": "video", "codec": "opus/1" }), 400),
        (json!({ "ip": "localhost", "port": 5004 }), 400),
        (json!({ "ip": "127.0.0.1", "port": 70000 }), 400),
    ] {
        let answer = bench.post("/api/streams/cam/rtp-out", body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{body} {:?}", answer.json);
    }
    assert_eq!(bench.double.commands(), []);
    let allowed = Bench::new("rtp_out_allow = ['10.0.0.0/8']");
    allowed.post("/api/streams/cam/rtp-in", vp8()).await;
    let answer =
        allowed.post("/api/streams/cam/rtp-out", json!({ "ip": "::ffff:10.1.2.3", "port": 5004 })).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(connects(&allowed)[0].ip, Some("10.1.2.3".parse().unwrap()));
    assert!(plain_transports(&allowed)[1].listen.ip.is_unspecified());
    let loopback = allowed.post("/api/streams/cam/rtp-out", json!({ "ip": "127.0.0.1", "port": 5004 })).await;
    assert_eq!(loopback.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn rtp_out_of_what_nobody_publishes_is_not_found() {
    let bench = Bench::new("");
    let out = json!({ "ip": "127.0.0.1", "port": 5004 });
    assert_eq!(bench.post("/api/streams/cam/rtp-out", out.clone()).await.status, StatusCode::NOT_FOUND);
    bench.post("/api/streams/cam/rtp-in", vp8()).await;
    let audio = bench.post("/api/streams/cam/rtp-out", with(out, json!({ "kind": "audio" }))).await;
    assert_eq!(audio.status, StatusCode::NOT_FOUND);
    assert!(audio.error().1.contains("audio"));
}

#[tokio::test]
async fn rtp_out_that_fails_half_way_leaves_nothing_behind() {
    let bench = Bench::new("");
    bench.post("/api/streams/cam/rtp-in", vp8()).await;
    let before = bench.double.open_entities();
    type Fails = fn(&Command) -> bool;
    let steps: [Fails; 2] = [
        |command| matches!(command, Command::ConnectPlainTransport { .. }),
        |command| matches!(command, Command::Consume { .. }),
    ];
    for fails in steps {
        bench.double.refuse(move |command| fails(command).then(|| ControlError::refused("x: no")));
        let answer = bench.post("/api/streams/cam/rtp-out", json!({ "ip": "127.0.0.1", "port": 5004 })).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(bench.double.open_entities(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_made_for_plain_rtp_goes_with_what_it_was_made_for() {
    let (control, double) = sfu_core::testing::control_double(1);
    let mounts = Mounts::new();
    let (stop, watch) = Shutdown::new();
    let admin = sfu_admin::Admin::new(toml::from_str(TOKEN_CONFIG).unwrap()).unwrap();
    let run = tokio::spawn(admin.run(control.clone(), mounts.clone(), watch));
    while !mounts.router().has_routes() {
        tokio::task::yield_now().await;
    }
    let bench = Bench { router: mounts.router(), control, double, stop };
    let post = async |path: &str, body: Value| {
        let headers =
            [("content-type", "application/json"), ("authorization", "Bearer a-token-of-a-good-length")];
        bench.send(request(axum::http::Method::POST, path, &headers, &body.to_string())).await
    };
    let started = post("/api/streams/cam/rtp-in", vp8()).await;
    assert_eq!(started.status, StatusCode::CREATED);
    let out = post("/api/streams/cam/rtp-out", json!({ "ip": "127.0.0.1", "port": 5004 })).await;
    assert_eq!(out.status, StatusCode::CREATED);
    assert_eq!(bench.double.open(EntityKind::Transport), 2);
    // The sender of RTP is closed by something else than this API.
    let transport: TransportId = started.json["transport"].as_str().unwrap().parse().unwrap();
    bench.double.close(transport, CloseReason::Plugin);
    for _ in 0..20 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(bench.double.open_entities(), 0);
    bench.stop.send(true).unwrap();
    run.await.unwrap().unwrap();
}

#[tokio::test]
async fn beyond_loopback_it_does_not_start_without_a_token() {
    let (control, _double) = sfu_core::testing::control_double(1);
    let (_stop, watch) = Shutdown::new();
    let admin = sfu_admin::Admin::new(Default::default()).unwrap();
    // Mounts that no server listens for count as not loopback.
    let mounts = Mounts::new();
    let error = admin.run(control, mounts.clone(), watch).await.unwrap_err().to_string();
    assert!(error.starts_with("signaling.admin: ") && error.contains("signaling.admin.token"), "{error}");
    assert!(!mounts.router().has_routes());
}
