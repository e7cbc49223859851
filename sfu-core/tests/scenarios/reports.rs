//! Reports: round trip, loss, clocks; feedback on arrivals.
use std::time::{Duration, Instant};

use sfu_core::control::EventBody;
use sfu_core::plugin::{Cx, Nil, Plugin, Responder, Rows, Target, plugin, request};
use sfu_core::serde_json::json;
use sfu_core::testing::{Build, Conditions, Direction, Media, PeerOptions};

use crate::{ms, seconds};

#[test]
fn the_round_trip_is_that_of_the_path() {
    let mut bench = Build::<Nil>::new().start();
    let ann =
        bench.peer_with(PeerOptions::webrtc().path(Conditions::delay(ms(30))).clock_ahead(seconds(1234)));
    let bob = bench.peer_with(PeerOptions::webrtc().path(Conditions::delay(ms(45))));
    let p = bench.produce(ann, Media::vp8());
    let c = bench.consume(bob, p);
    bench.play(&[p], seconds(6));
    let seen = bench.consumer_stats(c).stream.round_trip_time.expect("a round trip");
    assert!((85.0..95.0).contains(&seen), "{seen} ms to the receiver");
    // A sender that receives nothing reports on nothing: it is asked by an extended report.
    let asked = bench.producer_stats(p).streams[0].round_trip_time.expect("a round trip to the sender");
    assert!((55.0..65.0).contains(&asked), "{asked} ms to the sender");
    let told =
        bench.sender(p).reports.iter().rev().find_map(|report| report.round_trip).expect("a round trip");
    assert!((55..65).contains(&told.as_millis()), "{told:?} told to the sender");
}

#[test]
fn reports_tell_the_loss_of_each_side() {
    let mut bench = Build::<Nil>::new().seed(3).start();
    let ann = bench.peer_with(PeerOptions::plain().to_worker(Conditions::perfect().loss(0.2)));
    let p = bench.produce(ann, Media::opus().without("nack"));
    let bob = bench.peer();
    let c = bench.consume(bob, p);
    bench.set_path(bob, Direction::ToPeer, Conditions::perfect().loss(0.1));
    bench.play(&[p], seconds(10));
    let last = *bench.sender(p).reports.last().expect("receiver reports");
    assert!((60..140).contains(&last.cumulative_lost), "{last:?}");
    let told: Vec<u8> = bench.sender(p).reports.iter().map(|report| report.fraction_lost).collect();
    assert!(told.iter().any(|fraction| (20..100).contains(fraction)), "{told:?}");
    let out = bench.consumer_stats(c).stream;
    // What was lost before the worker is missing at the receiver too.
    assert!((100..200).contains(&out.packets_lost), "{out:?}");
    assert!(bench.producer_stats(p).streams[0].score < 10);
}

#[test]
fn each_change_of_the_score_is_told_once() {
    for media in [Media::opus(), Media::vp8(), Media::vp8().simulcast(&["l", "h"])] {
        let mut bench = Build::<Nil>::new().start();
        let ann = bench.peer();
        let p = bench.produce(ann, media);
        let bob = bench.peer();
        let c = bench.consume(bob, p);
        bench.play(&[p], seconds(8));
        bench.advance(seconds(8));
        bench.play(&[p], seconds(8));
        let mut told = std::collections::BTreeMap::<u8, Vec<u8>>::new();
        for body in bench.events_of(p) {
            if let EventBody::Score { encoding, score } = body {
                told.entry(encoding).or_default().push(score);
            }
        }
        assert!(!told.is_empty());
        for (encoding, scores) in told {
            assert_eq!(scores, [0, 10], "encoding {encoding}: silent, and back; nothing at the start");
        }
        let scores: Vec<_> =
            bench.events_of(c).into_iter().filter(|body| matches!(body, EventBody::Score { .. })).collect();
        assert!(scores.windows(2).all(|pair| pair[0] != pair[1]), "{scores:?}");
    }
}

#[test]
fn sender_reports_of_one_source_are_in_step() {
    let mut bench = Build::<Nil>::new().start();
    let late = Conditions::delay(ms(40)).jitter(ms(10));
    let ann = bench.peer_with(PeerOptions::webrtc().path(late).clock_ahead(seconds(77)));
    let bob = bench.peer_with(PeerOptions::webrtc().path(Conditions::delay(ms(20))));
    let (audio, video) = (bench.produce(ann, Media::opus()), bench.produce(ann, Media::vp8()));
    let (heard, seen) = (bench.consume(bob, audio), bench.consume(bob, video));
    bench.play(&[audio, video], seconds(10));
    // Both media were captured at the moment they were sent: mapped by their reports they must lie so.
    let wall = |bench: &sfu_core::testing::Bench<Nil>, c, rate: f64| {
        let receiver = bench.receiver(c);
        let report = *receiver.sender_reports.iter().rfind(|report| report.ssrc == receiver.ssrc()).unwrap();
        let packet = receiver.packets.iter().rfind(|packet| packet.at <= report.at).unwrap().clone();
        let ticks = f64::from(packet.timestamp.wrapping_sub(report.rtp_timestamp) as i32) / rate;
        let sent = (report.ntp as f64) / 4_294_967_296.0 + ticks;
        (sent, packet.at)
    };
    let (audio_sent, audio_at) = wall(&bench, heard, 48_000.0);
    let (video_sent, video_at) = wall(&bench, seen, 90_000.0);
    let apart = if audio_at > video_at {
        audio_at.duration_since(video_at).as_secs_f64()
    } else {
        -video_at.duration_since(audio_at).as_secs_f64()
    };
    let error = (audio_sent - video_sent - apart).abs();
    assert!(error < 0.03, "audio and video are {error:.3} s apart");
    assert!(bench.receiver(heard).cname.is_some());
    assert_eq!(bench.receiver(heard).cname, bench.receiver(seen).cname);
}

/// Tells what it sees of the clocks of senders.
#[derive(Default)]
struct Clocks;

/// What it is asked.
#[request]
#[derive(Debug)]
enum Question {
    /// The clock of an encoding, and how long ago it showed this time, in milliseconds.
    Clock { encoding: u8 },
}

#[plugin(id = "clocks")]
impl Plugin for Clocks {
    type Request = Question;
    fn request(
        &mut self,
        Question::Clock { encoding }: Question,
        at: Target,
        re: Responder,
        _: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        let Target::Producer(id) = at else { return re.error(400, "name a producer") };
        re.ok(match cx.view().sender_clock(id, encoding) {
            Some(clock) => json!({
                "rtp": clock.rtp_timestamp,
                "ntp": clock.ntp.to_bits() >> 32,
                "ahead": clock.offset >> 32,
                "ago": cx.now().saturating_duration_since(clock.at).as_millis() as u64,
                "sent": [clock.packets, clock.octets],
            }),
            None => json!(null),
        });
    }
}

#[test]
fn plugins_see_the_clock_of_each_sender() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Clocks>().workers(workers).start();
        let options =
            PeerOptions::plain().worker(workers - 1).without_reports().path(Conditions::delay(ms(40)));
        let ann = bench.peer_with(options);
        let p = bench.produce(ann, Media::opus());
        bench.play(&[p], seconds(1));
        let look = |bench: &mut sfu_core::testing::Bench<_>, encoding: u8| {
            bench.request("clocks", p, json!({ "method": "clock", "encoding": encoding })).unwrap()
        };
        assert_eq!(look(&mut bench, 0), json!(null), "before its first report");
        let (ssrc, _) = bench.sender(p).ssrcs(0).unwrap();
        let mut report = vec![0x80, 200, 0, 6];
        report.extend(ssrc.to_be_bytes());
        report.extend((3_958_000_000_u64 << 32).to_be_bytes());
        report.extend(4_242_u32.to_be_bytes());
        report.extend(7_u32.to_be_bytes());
        report.extend(700_u32.to_be_bytes());
        bench.send_rtcp(ann, &report);
        bench.advance(ms(40));
        let seen = look(&mut bench, 0);
        assert_eq!(
            (&seen["rtp"], &seen["ntp"], &seen["ago"]),
            (&json!(4242), &json!(3_958_000_000_u64), &json!(0)),
            "{seen}"
        );
        assert_eq!(seen["sent"], json!([7, 700]), "{seen}");
        // It is eleven days late.
        assert!((-990_000..-980_000).contains(&seen["ahead"].as_i64().unwrap()), "{seen}");
        bench.advance(ms(500));
        assert_eq!(look(&mut bench, 0)["ago"], 500);
        assert_eq!(look(&mut bench, 1), json!(null), "there is no such encoding");
    }
}

#[test]
fn sender_reports_count_what_was_sent() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.audio_producer();
    let c = bench.consumer(p);
    // Reports are written at multiples of 20 ms; no packet shall leave at the same moment.
    bench.advance(ms(7));
    bench.play(&[p], seconds(3));
    let receiver = bench.receiver(c);
    let report = receiver.sender_reports.last().unwrap();
    let arrived: Vec<_> = receiver.packets.iter().filter(|packet| packet.at <= report.at).collect();
    assert_eq!(report.packets as usize, arrived.len());
    assert_eq!(report.octets as usize, arrived.iter().map(|packet| packet.payload.len()).sum::<usize>());
}

#[test]
fn transport_wide_feedback_is_what_arrived_when_it_arrived() {
    let mut bench = Build::<Nil>::new().seed(11).start();
    let conditions = Conditions::delay(ms(20)).jitter(ms(5)).loss(0.05);
    let ann = bench.peer_with(PeerOptions::webrtc());
    let p = bench.produce(ann, Media::vp8().without("nack"));
    bench.set_path(ann, Direction::ToWorker, conditions);
    bench.play(&[p], seconds(4));
    bench.advance(ms(500));
    let feedback = bench.sender(p).transport_feedback.clone();
    assert!(feedback.len() > 15, "{} messages", feedback.len());
    for (n, message) in feedback.iter().enumerate() {
        assert_eq!(usize::from(message.count), n % 256, "the count goes up by one");
    }
    let sent = bench.transport_sent(ann).to_vec();
    let told: Vec<(u16, Option<i64>)> = feedback.iter().flat_map(|message| message.packets.clone()).collect();
    let arrived = told.iter().filter(|(_, at)| at.is_some()).count();
    let lost = told.len() - arrived;
    assert!((5..60).contains(&lost), "{lost} lost of {}", told.len());
    // Each arrival lies within delay and jitter behind its departure, on one common clock.
    let spread = spread(&told, &sent);
    assert!(spread < 6_000, "arrivals spread over {spread} µs");
}

/// By how much the time from departure to arrival, as feedback tells it, differs among packets, in µs.
fn spread(told: &[(u16, Option<i64>)], sent: &[(u16, Instant)]) -> i64 {
    let began = sent[0].1;
    let mut offsets: Vec<i64> = Vec::new();
    for (number, at) in told {
        let Some(at) = at else { continue };
        let departed = sent.iter().find(|(other, _)| other == number).expect("a number that was sent").1;
        offsets.push(at - departed.duration_since(began).as_micros() as i64);
    }
    offsets.iter().max().unwrap() - offsets.iter().min().unwrap()
}

#[test]
fn feedback_does_not_blame_the_path_for_what_waited_for_a_busy_thread() {
    let mut bench = Build::<Nil>::new().seed(11).start();
    let ann = bench.peer_with(PeerOptions::webrtc());
    let p = bench.produce(ann, Media::vp8().without("nack"));
    bench.set_path(ann, Direction::ToWorker, Conditions::delay(ms(20)));
    for _ in 0..40 {
        bench.stall(0, true);
        bench.play(&[p], ms(45));
        bench.stall(0, false);
        bench.play(&[p], ms(5));
    }
    bench.advance(ms(500));
    let feedback = bench.sender(p).transport_feedback.clone();
    let told: Vec<(u16, Option<i64>)> = feedback.iter().flat_map(|message| message.packets.clone()).collect();
    assert!(told.len() > 100, "{} packets", told.len());
    let spread = spread(&told, bench.transport_sent(ann));
    assert!(spread < 1_000, "arrivals spread over {spread} µs");
}

#[test]
fn without_transport_wide_feedback_remb_tells_an_estimate() {
    let mut bench = Build::<Nil>::new().start();
    let ann = bench.peer_with(PeerOptions::webrtc());
    let p = bench.produce(ann, Media::vp8().without("transport-cc"));
    bench.play(&[p], seconds(5));
    let rembs = &bench.sender(p).rembs;
    assert!((3..=7).contains(&rembs.len()), "{rembs:?}");
    assert!(rembs.iter().all(|bitrate| *bitrate >= 30_000), "{rembs:?}");
    assert!(bench.sender(p).transport_feedback.is_empty());
    let told = bench.transport_stats(ann).available_incoming_bitrate;
    assert!(told.is_some());
}

#[test]
fn a_limit_is_told_to_senders_with_and_without_transport_wide_feedback() {
    for media in [Media::vp8(), Media::vp8().without("transport-cc")] {
        let mut bench = Build::<Nil>::new().start();
        let ann = bench.peer_with(PeerOptions::webrtc());
        let p = bench.produce(ann, media);
        let transport = bench.transport(ann);
        bench.play(&[p], seconds(1));
        bench.command(sfu_core::control::Command::SetMaxIncomingBitrate { transport, bitrate: 300_000 });
        bench.play(&[p], seconds(4));
        let last = *bench.sender(p).rembs.last().expect("REMB");
        assert!(last <= 300_000 && last > 290_000, "{last}");
    }
}

#[test]
fn the_receivers_estimate_is_shown() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.video_producer();
    let c = bench.consumer(p);
    bench.remb(c, 700_000);
    let peer = bench.peer_of_consumer(c);
    let shown = bench.transport_stats(peer).available_outgoing_bitrate.unwrap();
    assert!((699_000..=700_000).contains(&shown), "{shown}");
}

#[test]
fn an_idle_worker_sleeps() {
    let mut bench = Build::<Nil>::new().start();
    let ann = bench.peer_with(PeerOptions::webrtc().without_reports());
    let p = bench.produce(ann, Media::vp8());
    bench.play(&[p], seconds(1));
    // An hour of nothing but consent checks must not take for ever.
    let began = std::time::Instant::now();
    bench.advance(Duration::from_secs(3600));
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(bench.is_connected(ann));
}
