//! Streams that somebody else publishes: plain RTP through the admin API, other signaling crates.
use std::time::Duration;

use axum::http::StatusCode;
use sfu_core::control::*;
use sfu_core::testing::control_double;

use crate::bench::*;

/// What plain RTP from FFmpeg is described as: payload types of its own, no MID, no extension.
fn options(kind: MediaKind, codec: &str, payload_type: u8, stream: &str) -> ProducerOptions {
    let (clock_rate, channels) = if kind == MediaKind::Audio { (48_000, Some(2)) } else { (90_000, None) };
    let codec = RtpCodecParameters {
        mime_type: codec.into(),
        payload_type,
        clock_rate,
        channels,
        ..RtpCodecParameters::default()
    };
    let mapped = RtpMappingCodec { payload_type, mapped_payload_type: payload_type };
    ProducerOptions {
        kind,
        rtp_parameters: RtpParameters {
            codecs: vec![codec],
            encodings: vec![RtpEncodingParameters::default()],
            ..RtpParameters::default()
        },
        rtp_mapping: RtpMapping {
            codecs: vec![mapped],
            encodings: vec![RtpMappingEncoding {
                rid: None,
                ssrc: None,
                scalability_mode: None,
                mapped_ssrc: 7000 + u32::from(payload_type),
            }],
        },
        paused: false,
        key_frame_request_delay: Duration::from_secs(1),
        packet_ids: false,
        labels: labels(stream),
    }
}

fn labels(stream: &str) -> Labels {
    Labels::new().with("stream", stream).with("role", "publisher").with("via", "rtp-in")
}

/// One medium of plain RTP and its transport.
#[derive(Clone, Copy)]
struct Input {
    transport: TransportId,
    producer: ProducerId,
    router: RouterId,
}

async fn input(control: &ControlHandle, router: RouterId, options: ProducerOptions) -> Input {
    let listen = ListenInfo::udp([127, 0, 0, 1]);
    let plain = PlainTransportOptions {
        labels: options.labels.clone(),
        listen,
        comedia: true,
        ..PlainTransportOptions::default()
    };
    let transport = control.create_plain_transport(router, plain).await.unwrap().id;
    let producer = control.produce(transport, options).await.unwrap().id;
    Input { transport, producer, router }
}

fn vp8(stream: &str) -> ProducerOptions {
    options(MediaKind::Video, "video/VP8", 97, stream)
}

fn opus(stream: &str) -> ProducerOptions {
    options(MediaKind::Audio, "audio/opus", 111, stream)
}

async fn router(bench: &Bench) -> RouterId {
    bench.control.create_router(0, Labels::new()).await.unwrap()
}

/// Audio and video in a router of their own.
async fn both(bench: &Bench) -> [Input; 2] {
    let router = router(bench).await;
    let video = input(&bench.control, router, vp8("a")).await;
    let audio = input(&bench.control, router, opus("a")).await;
    bench.settle().await;
    [video, audio]
}

async fn streams(bench: &Bench) -> serde_json::Value {
    bench.get("/streams").await.json()["streams"].clone()
}

#[tokio::test(start_paused = true)]
async fn what_others_publish_is_listed_and_watched() {
    let bench = Bench::with_workers("", 2).await;
    let [video, audio] = both(&bench).await;
    let viewer = bench.watch("a").await;
    let mut fed_by: Vec<_> =
        bench.consumers().iter().map(|id| bench.double.producer_of(*id).unwrap()).collect();
    fed_by.sort();
    assert_eq!(fed_by, [video.producer, audio.producer]);
    assert!(viewer.answer.contains("VP8/90000") && viewer.answer.contains("opus/48000/2"));
    let listed = &streams(&bench).await[0];
    assert_eq!((&listed["name"], &listed["viewers"]), (&"a".into(), &1.into()));
    assert_eq!(listed["codecs"], serde_json::json!(["audio/opus", "video/VP8"]));
    assert_eq!(listed["publisher"]["state"], "connected");
    assert!(listed["publisher"]["since"].as_u64().unwrap() > 0);
    assert_eq!(bench.delete(&viewer).await, StatusCode::OK);
    assert_eq!(bench.double.open(EntityKind::Producer), 2, "they are not ours to close");
    bench.watch("a").await;
}

#[tokio::test(start_paused = true)]
async fn viewers_join_the_router_of_the_producer_and_it_is_not_closed_after_them() {
    let bench = Bench::with_workers("", 2).await;
    let [video, audio] = both(&bench).await;
    let viewer = bench.watch("a").await;
    let rooms = bench.control.stats(Target::Router(video.router)).await.unwrap().transports;
    assert!(rooms.iter().any(|transport| transport.id == viewer.transport));
    for input in [video, audio] {
        bench.close(input.transport, CloseReason::Requested).await;
    }
    assert!(bench.is_there(&viewer).await);
    assert_eq!(bench.post("/whep/a", WATCH).await.status, StatusCode::NOT_FOUND);
    tokio::time::sleep(seconds(31)).await;
    assert!(!bench.is_there(&viewer).await, "viewers are kept as long as for any publisher");
    assert_eq!(streams(&bench).await, serde_json::json!([]));
    assert_eq!(bench.double.targets(EntityKind::Router), [Target::Router(video.router)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_published_again_gets_the_viewers_that_wait() {
    let bench = Bench::start("").await;
    let inputs = both(&bench).await;
    let viewer = bench.watch("a").await;
    for old in inputs {
        bench.close(old.transport, CloseReason::Peer).await;
    }
    tokio::time::sleep(seconds(20)).await;
    let router = inputs[0].router;
    let video = input(&bench.control, router, vp8("a")).await;
    bench.settle().await;
    assert!(bench.is_there(&viewer).await, "audio may still come");
    let audio = input(&bench.control, router, opus("a")).await;
    tokio::time::sleep(seconds(60)).await;
    assert!(bench.is_there(&viewer).await);
    let mut fed_by: Vec<_> =
        bench.consumers().iter().map(|id| bench.double.producer_of(*id).unwrap()).collect();
    fed_by.sort();
    assert_eq!(fed_by, [video.producer, audio.producer]);
}

#[tokio::test(start_paused = true)]
async fn what_is_published_again_in_another_router_ends_the_viewers_so_that_they_ask_again() {
    let bench = Bench::start("").await;
    let publisher = bench.publish("a").await;
    let viewer = bench.watch("a").await;
    bench.delete(&publisher).await;
    let other = router(&bench).await;
    input(&bench.control, other, vp8("a")).await;
    bench.settle().await;
    assert!(!bench.is_there(&viewer).await);
    assert_eq!(bench.double.targets(EntityKind::Router), [Target::Router(other)], "our own is closed");
    bench.watch("a").await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_of_the_first_medium_is_ended_when_the_second_one_comes() {
    let bench = Bench::start("").await;
    let router = router(&bench).await;
    input(&bench.control, router, opus("a")).await;
    bench.settle().await;
    let early = bench.watch("a").await;
    let listens = bench.join("/whep/a", &without_video(WATCH)).await;
    input(&bench.control, router, vp8("a")).await;
    bench.settle().await;
    assert!(!bench.is_there(&early).await, "its answer has no video");
    assert!(bench.is_there(&listens).await, "it never wanted video");
    bench.watch("a").await;
    assert_eq!(bench.double.open(EntityKind::Consumer), 3);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_get_all_media_of_plain_rtp() {
    let bench = Bench::start("").await;
    let (viewer, _) = tokio::join!(bench.post("/whep/a?wait", WATCH), async {
        tokio::time::sleep(seconds(3)).await;
        let router = router(&bench).await;
        input(&bench.control, router, vp8("a")).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        input(&bench.control, router, opus("a")).await;
    });
    assert_eq!(viewer.status, StatusCode::CREATED);
    assert_eq!(bench.double.open(EntityKind::Consumer), 2);
}

#[tokio::test(start_paused = true)]
async fn one_who_comes_while_the_worker_is_asked_waits_for_the_answer() {
    let bench = Bench::start("").await;
    let router = router(&bench).await;
    bench.double.set_delay(Duration::from_millis(20));
    input(&bench.control, router, vp8("a")).await;
    assert_eq!(bench.post("/whep/a", WATCH).await.status, StatusCode::CREATED);
}

/// A producer that is told of only now, in the same breath as what follows.
async fn untold(bench: &Bench, router: RouterId, options: ProducerOptions) -> Input {
    let made = input(&bench.control, router, ProducerOptions { labels: Labels::new(), ..options }).await;
    bench.settle().await;
    made
}

#[tokio::test(start_paused = true)]
async fn one_who_comes_at_once_after_plain_rtp_was_made_gets_all_of_it() {
    let bench = Bench::start("").await;
    let router = router(&bench).await;
    for (options, codecs) in [(vp8("a"), vec!["VP8/90000"]), (opus("a"), vec!["VP8/90000", "opus/48000/2"])] {
        let made = untold(&bench, router, options).await;
        // Nobody has run since the event was told: it can only be known by asking for it.
        bench.double.emit(made.producer, EventBody::Opened { labels: labels("a") });
        let viewer = bench.post("/whep/a", WATCH).await;
        assert_eq!(viewer.status, StatusCode::CREATED, "{}", viewer.body);
        assert!(codecs.iter().all(|codec| viewer.body.contains(codec)), "{codecs:?}: {}", viewer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn plain_rtp_that_falls_silent_is_lost_and_its_viewers_are_told_until_it_comes_back() {
    let bench = Bench::start("").await;
    let inputs = both(&bench).await;
    for input in inputs {
        bench.double.emit(input.producer, EventBody::StreamStarted { encoding: 0, ssrc: 1 });
    }
    let viewer = bench.watch("a").await;
    let seen = async || {
        bench.settle().await;
        let stats = bench.get(&format!("{}/stats", viewer.location)).await.json();
        (streams(&bench).await[0]["publisher"]["state"].clone(), stats["published"].clone())
    };
    assert_eq!(seen().await, ("connected".into(), true.into()));
    let score =
        |input: Input, score| bench.double.emit(input.producer, EventBody::Score { encoding: 0, score });
    score(inputs[0], 0);
    assert_eq!(seen().await, ("connected".into(), true.into()), "there is still sound");
    score(inputs[1], 0);
    assert_eq!(seen().await, ("lost".into(), false.into()));
    score(inputs[1], 10);
    assert_eq!(seen().await, ("connected".into(), true.into()));
}

#[tokio::test(start_paused = true)]
async fn one_who_comes_after_events_were_missed_gets_what_they_told() {
    let bench = Bench::start("").await;
    let router = router(&bench).await;
    input(&bench.control, router, vp8("a")).await;
    // Neither the event nor the flood was heard yet.
    bench.double.flood();
    assert_eq!(bench.post("/whep/a", WATCH).await.status, StatusCode::CREATED);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_of_the_same_medium_gets_409_and_one_of_another_joins() {
    let bench = Bench::start("").await;
    let router = router(&bench).await;
    let audio = input(&bench.control, router, opus("a")).await;
    bench.settle().await;
    assert_eq!(bench.post("/whip/a", PUBLISH).await.status, StatusCode::CONFLICT);
    assert_eq!(bench.post("/whip/a", &without_video(PUBLISH)).await.status, StatusCode::CONFLICT);
    bench.close(audio.transport, CloseReason::Requested).await;
    let video = input(&bench.control, router, vp8("a")).await;
    bench.settle().await;
    let publisher = bench.join("/whip/a", &without_video(PUBLISH)).await;
    let viewer = bench.watch("a").await;
    assert_eq!(bench.double.open(EntityKind::Consumer), 2, "one of each");
    bench.delete(&publisher).await;
    bench.close(video.transport, CloseReason::Requested).await;
    assert!(bench.is_there(&viewer).await);
}

#[tokio::test(start_paused = true)]
async fn takeover_moves_the_viewers_and_closes_what_others_published() {
    let bench = Bench::start("second_publisher = 'takeover'").await;
    let inputs = both(&bench).await;
    let viewer = bench.watch("a").await;
    bench.double.clear_commands();
    let publisher = bench.publish("a").await;
    assert!(bench.is_there(&viewer).await && bench.is_there(&publisher).await);
    assert_eq!((bench.switches(), bench.double.open(EntityKind::Producer)), (2, 2));
    for input in inputs {
        assert!(!bench.transports().contains(&input.transport));
    }
    let commands = bench.double.commands();
    let switch = commands.iter().rposition(|c| matches!(c, Command::SwitchConsumer { .. })).unwrap();
    let close = commands.iter().position(|c| matches!(c, Command::CloseTransport(_))).unwrap();
    assert!(switch < close);
    let rooms = bench.control.stats(Target::Router(inputs[0].router)).await.unwrap().transports;
    assert!(rooms.iter().any(|transport| transport.id == publisher.transport));
}

#[tokio::test(start_paused = true)]
async fn what_was_published_before_this_signaling_began_is_watched() {
    let (control, double) = control_double(1);
    let router = control.create_router(0, Labels::new()).await.unwrap();
    input(&control, router, vp8("a")).await;
    let bench = Bench::on(control, double, "").await;
    bench.watch("a").await;
    assert_eq!(bench.double.open(EntityKind::Consumer), 1);
}

#[tokio::test(start_paused = true)]
async fn what_came_and_went_unseen_is_found_by_asking() {
    let bench = Bench::start("").await;
    let gone = router(&bench).await;
    let gone = input(&bench.control, gone, vp8("gone")).await;
    bench.settle().await;
    bench.double.close_unseen(gone.transport);
    bench.double.flood();
    let come = router(&bench).await;
    let come = input(&bench.control, come, vp8("come"));
    come.await;
    bench.double.flood();
    bench.settle().await;
    let names: Vec<_> = streams(&bench).await.as_array().unwrap().iter().map(|s| s["name"].clone()).collect();
    assert_eq!(names, ["come"]);
    bench.watch("come").await;
}

#[tokio::test(start_paused = true)]
async fn the_last_of_a_streams_publishers_decides_about_its_end() {
    let bench = Bench::start("").await;
    let publisher = bench.join("/whip/a", &without_video(PUBLISH)).await;
    let Target::Router(router) = bench.double.targets(EntityKind::Router)[0] else { panic!() };
    let video = input(&bench.control, router, vp8("a")).await;
    bench.settle().await;
    bench.delete(&publisher).await;
    let viewer = bench.watch("a").await;
    tokio::time::sleep(seconds(100)).await;
    assert!(bench.is_there(&viewer).await);
    bench.delete(&viewer).await;
    bench.close(video.transport, CloseReason::Requested).await;
    assert_eq!(bench.double.open_entities(), 0, "the router was made here");
}

#[tokio::test(start_paused = true)]
async fn viewers_and_other_labels_publish_nothing() {
    let bench = Bench::start("").await;
    let router = router(&bench).await;
    for labels in [
        Labels::new(),
        Labels::new().with("stream", "a").with("role", "viewer"),
        Labels::new().with("stream", "..").with("role", "publisher"),
        Labels::new().with("role", "publisher"),
    ] {
        input(&bench.control, router, ProducerOptions { labels, ..vp8("a") }).await;
    }
    bench.settle().await;
    assert_eq!(streams(&bench).await, serde_json::json!([]));
    assert_eq!(bench.post("/whep/a", WATCH).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_codec_that_the_router_does_not_list_goes_to_those_who_know_it() {
    let bench = Bench::start("").await;
    let router = router(&bench).await;
    input(&bench.control, router, options(MediaKind::Video, "video/H265", 96, "a")).await;
    bench.settle().await;
    assert_eq!(streams(&bench).await[0]["codecs"], serde_json::json!(["video/H265"]));
    let knows = WATCH.replace(" VP8/90000", " H265/90000");
    let viewer = bench.join("/whep/a", &knows).await;
    assert!(viewer.answer.contains("H265/90000"));
    let answer = bench.post("/whep/a", WATCH).await;
    assert!(answer.status == StatusCode::UNPROCESSABLE_ENTITY || answer.body.contains("H265"));
}
