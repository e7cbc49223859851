//! What is refused and what is dropped, in virtual time, with one media thread and with two.
use std::time::Duration;

use sfu_core::control::{ConsumerId, ProducerId, Target};
use sfu_core::media::is_key_frame;
use sfu_core::plugin::{Codec, Cons, Nil};
use sfu_core::serde_json::{Value, json};
use sfu_core::testing::{Bench, Build, Media, PeerId, PeerOptions, conformance};
use sfu_policy::Policy;

type Alone = Bench<Cons<Policy, Nil>>;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Benches with one media thread and with two, on from the beginning.
fn benches(options: Value) -> impl Iterator<Item = Alone> {
    [1, 2].into_iter().map(move |workers| {
        let config = json!({ "policy": { "enabled": true, "options": options } });
        Build::of::<Policy>().workers(workers).config(config).start()
    })
}

/// A publisher on the first media thread and a viewer on the last.
fn call(bench: &mut Alone, media: Media) -> (PeerId, ProducerId, ConsumerId) {
    let last = bench.workers() - 1;
    let publisher = bench.peer_with(PeerOptions::webrtc());
    let producer = bench.produce(publisher, media);
    let viewer = bench.peer_with(PeerOptions::webrtc().worker(last));
    (publisher, producer, bench.consume(viewer, producer))
}

fn figure(bench: &mut Alone, name: &str) -> u64 {
    bench.stats("policy")[name].as_u64().unwrap_or_else(|| panic!("no figure {name}"))
}

#[test]
fn a_codec_that_is_not_on_the_list_is_refused_and_the_client_reads_why() {
    for mut bench in benches(json!({ "codecs": ["Audio/OPUS", "video/vp9"] })) {
        let peer = bench.peer_with(PeerOptions::webrtc());
        let refused = bench.try_produce(peer, Media::vp8()).expect_err("VP8 is not on the list");
        assert!(
            refused.text.contains("video/VP8 is not allowed")
                && refused.text.contains("Audio/OPUS, video/vp9"),
            "{refused}"
        );
        bench.produce(peer, Media::opus());
        bench.produce(peer, Media::video("video/VP9").rtx());
        assert_eq!(figure(&mut bench, "refused"), 1);
        let notices = bench.notices("policy");
        assert_eq!(notices, [json!({ "event": "policy.refused", "codec": "video/VP8", "late": false })]);
    }
}

#[test]
fn a_name_that_is_no_codec_is_an_error_of_the_configuration() {
    let config = json!({ "policy": { "enabled": true, "options": { "codecs": ["opus"] } } });
    let error = Build::of::<Policy>().config(config).try_start().err().expect("`opus` has no kind");
    let text = error.to_string();
    assert!(text.starts_with("plugins.policy") && text.contains("write one as `audio/opus`"), "{text}");
}

#[test]
fn audio_beyond_its_packets_is_dropped_without_a_gap_and_without_a_nack() {
    // 50 packets a second come.
    for mut bench in benches(json!({ "audio_packets": 25 })) {
        let (_, producer, consumer) = call(&mut bench, Media::opus());
        bench.play(&[producer], seconds(10));
        let received = bench.received(consumer).len();
        // A second's worth at once, and 25 a second.
        assert!((250..=280).contains(&received), "{received}");
        assert_eq!(bench.receiver(consumer).lost(), 0);
        let stats = bench.producer_stats(producer);
        assert_eq!((stats.streams[0].packets_lost, stats.streams[0].nacks), (0, 0));
        let dropped = figure(&mut bench, "dropped_packets");
        assert!(dropped >= 220 && stats.dropped_by_plugins == dropped, "{dropped}");
        let told: u64 = bench.notices("policy").iter().filter_map(|told| told["packets"].as_u64()).sum();
        assert!(told > 0 && told <= dropped, "{told} of {dropped}");
    }
}

#[test]
fn video_beyond_its_packets_goes_on_with_a_key_frame() {
    // 90 packets a second come, three in each frame.
    for mut bench in benches(json!({ "video_packets": 60 })) {
        let (_, producer, consumer) = call(&mut bench, Media::vp8());
        bench.play(&[producer], seconds(10));
        assert_eq!(bench.receiver(consumer).lost(), 0);
        let received = bench.received(consumer);
        assert!((450..=660).contains(&received.len()), "{}", received.len());
        let numbers: Vec<u32> = received.iter().map(|packet| packet.number()).collect();
        let jumps: Vec<usize> = (1..numbers.len()).filter(|at| numbers[*at] != numbers[at - 1] + 1).collect();
        assert!(!jumps.is_empty(), "something was dropped");
        for at in jumps {
            assert!(
                is_key_frame(Codec::Vp8, &received[at].payload),
                "after a drop a key frame comes first: {}",
                numbers[at]
            );
        }
        assert!(bench.sender(producer).plis + bench.sender(producer).firs >= 5);
    }
}

#[test]
fn who_keeps_to_the_limits_loses_nothing() {
    let limits = json!({
        "codecs": ["audio/opus", "video/VP8"],
        "audio_packets": 51, "audio_bitrate": 64_000, "video_packets": 100, "video_bitrate": 1_000_000,
    });
    for mut bench in benches(limits) {
        let (publisher, video, seen) = call(&mut bench, Media::vp8());
        let audio = bench.produce(publisher, Media::opus());
        let viewer = bench.peer_of_consumer(seen);
        let heard = bench.consume(viewer, audio);
        bench.play(&[audio, video], seconds(10));
        for (sent, got) in [(audio, heard), (video, seen)] {
            let packets = bench.producer_stats(sent).streams[0].packets;
            assert_eq!(bench.received(got).len() as u64, packets);
        }
        assert_eq!(figure(&mut bench, "dropped_packets"), 0);
        // The sender of both is told what both may have.
        assert_eq!(bench.transport_stats(publisher).max_incoming_bitrate, 1_064_000);
    }
}

#[test]
fn a_bound_that_was_there_before_stays() {
    let mut bench = Build::of::<Policy>().start();
    let peer = bench.peer_with(PeerOptions::webrtc());
    let transport = bench.transport(peer);
    bench.command(sfu_core::control::Command::SetMaxIncomingBitrate { transport, bitrate: 300_000 });
    bench.enable("policy", Target::Worker, json!({ "video_bitrate": 2_000_000 })).expect("it goes on");
    bench.produce(peer, Media::vp8());
    assert_eq!(bench.transport_stats(peer).max_incoming_bitrate, 300_000);
}

#[test]
fn a_sender_is_told_what_its_producers_may_send_together_as_they_come_and_go() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Policy>().workers(workers).start();
        let peer = bench.peer_with(PeerOptions::webrtc());
        let transport = bench.transport(peer);
        let told = |bench: &mut Alone| bench.transport_stats(peer).max_incoming_bitrate;
        let (audio, _) = (bench.produce(peer, Media::opus()), bench.produce(peer, Media::vp8()));
        let options = json!({ "video_bitrate": 2_000_000, "audio_bitrate": 50_000 });
        bench.enable("policy", transport, options).expect("it goes on");
        assert_eq!(told(&mut bench), 2_050_000, "both were there");
        let other = bench.produce(peer, Media::vp8());
        assert_eq!(told(&mut bench), 4_050_000);
        bench.close(audio);
        bench.close(other);
        assert_eq!(told(&mut bench), 2_000_000);
        bench.disable("policy", transport).expect("it goes off");
        assert_eq!(told(&mut bench), 0, "it may send what it likes again");
    }
}

#[test]
fn switched_on_late_it_limits_what_is_there_and_switched_off_it_lets_go() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Policy>().workers(workers).start();
        let (publisher, producer, consumer) = call(&mut bench, Media::opus());
        let (_, other, unlimited) = call(&mut bench, Media::opus());
        bench.play(&[producer, other], seconds(2));
        assert_eq!(bench.take_received(consumer).len(), 100);
        let transport = bench.transport(publisher);
        bench.enable("policy", transport, json!({ "audio_packets": 10 })).expect("it goes on");
        bench.play(&[producer, other], seconds(5));
        let limited = bench.take_received(consumer).len();
        assert!((50..=65).contains(&limited), "{limited}");
        let status = bench.request("policy", producer, json!({ "method": "status" })).expect("a status");
        assert_eq!(status["producers"][0]["packetRate"], 10, "{status}");
        let elsewhere = bench.request("policy", other, json!({ "method": "status" })).expect("a status");
        assert_eq!(elsewhere, json!({ "producers": [] }));
        bench.disable("policy", transport).expect("it goes off");
        bench.play(&[producer, other], seconds(2));
        assert_eq!(bench.take_received(consumer).len(), 100);
        assert_eq!((bench.received(unlimited).len(), bench.receiver(consumer).lost()), (450, 0));
    }
}

#[test]
fn it_bears_what_every_plugin_has_to_bear() {
    conformance::<Policy>();
}

#[test]
fn its_readme_has_its_configuration() {
    sfu_core::testing::check_readme::<Policy>(include_str!("../README.md"));
}
