use crate::channel::{Channel, Deframer, Frame, MESSAGE_MAX, Outbox, TooBig, Topic, Urgency};
use crate::flat::decode;
use crate::schema::v3_27::audio_level_observer::{Volume, VolumesNotification};
use crate::schema::v3_27::consumer::{ConsumerScore, RtpNotification, ScoreNotification};
use crate::schema::v3_27::data_consumer::MessageNotification;
use crate::schema::v3_27::log::Log;
use crate::schema::v3_27::message::{Body, Message};
use crate::schema::v3_27::notification::Notification;
use crate::schema::v3_27::report::Report;
use crate::schema::v3_27::response::Response;

/// Sends a notification as the worker would.
fn tell(outbox: &mut Outbox, handler_id: &str, report: Report) {
    let urgency = report.kind().urgency();
    outbox.send::<Message>(urgency, handler_id, &report.about(handler_id).into()).unwrap();
}

fn respond(outbox: &mut Outbox, id: u32) {
    let response = Response { id, accepted: true, body: None, error: None, reason: None };
    outbox.send::<Message>(Urgency::Kept, "", &response.into()).unwrap();
}

fn score(score: u8) -> Report {
    let score = ConsumerScore { score, producer_score: 10, producer_scores: vec![] };
    Report::ConsumerScore(ScoreNotification { score })
}

fn volumes(volume: i8) -> Report {
    let volume = Volume { producer_id: "p".into(), volume };
    Report::AudioLevelObserverVolumes(VolumesNotification { volumes: vec![volume] })
}

fn rtp(length: usize) -> Report {
    Report::ConsumerRtp(RtpNotification { data: vec![0; length] })
}

fn data(number: u32, length: usize) -> Report {
    Report::DataConsumerMessage(MessageNotification { ppid: number, data: vec![0; length] })
}

/// Writes everything and tells what the library sees, in a few words each.
fn drain(outbox: &mut Outbox) -> Vec<String> {
    let written: Vec<u8> = outbox.chunks().flatten().copied().collect();
    outbox.advance(written.len());
    assert!(outbox.is_empty() && !outbox.is_blocked());
    assert_eq!(outbox.pending(), 0);
    read(&written)
}

fn read(written: &[u8]) -> Vec<String> {
    let mut deframer = Deframer::default();
    deframer.push(written);
    let mut seen = Vec::new();
    while let Some(frame) = deframer.next_frame() {
        let Frame::Message(bytes) = frame else { panic!("{frame:?}") };
        seen.push(match decode::<Message>(bytes).unwrap().data {
            Body::Response(response) => format!("response {}", response.id),
            Body::Log(log) => log.data,
            Body::Request(request) => panic!("{request:?}"),
            Body::Notification(Notification { handler_id, event, body }) => {
                match Report::join(event, body).expect("the worker says such things") {
                    Report::ConsumerScore(score) => format!("{handler_id} score {}", score.score.score),
                    Report::AudioLevelObserverVolumes(loud) => {
                        format!("{handler_id} volume {}", loud.volumes[0].volume)
                    }
                    Report::DataConsumerMessage(message) => format!("{handler_id} data {}", message.ppid),
                    other => format!("{handler_id} {:?}", other.kind()),
                }
            }
        });
    }
    seen
}

#[test]
fn while_the_library_reads_nothing_is_left_out() {
    let mut outbox = Outbox::default();
    for number in 0..3 {
        tell(&mut outbox, "a", score(number));
        respond(&mut outbox, u32::from(number));
    }
    assert_eq!(
        drain(&mut outbox),
        ["a score 0", "response 0", "a score 1", "response 1", "a score 2", "response 2"]
    );
}

#[test]
fn while_it_does_not_the_newest_of_each_entity_is_kept_and_comes_after_what_caused_it() {
    let mut outbox = Outbox::default();
    respond(&mut outbox, 1);
    outbox.block();
    tell(&mut outbox, "a", score(1));
    tell(&mut outbox, "b", score(2));
    tell(&mut outbox, "a", volumes(-3));
    respond(&mut outbox, 2);
    tell(&mut outbox, "a", score(4));
    tell(&mut outbox, "a", score(5));
    assert_eq!(drain(&mut outbox), ["response 1", "b score 2", "a volume -3", "response 2", "a score 5"]);
    // Once it reads again, all of them come.
    tell(&mut outbox, "a", score(6));
    tell(&mut outbox, "a", score(7));
    assert_eq!(drain(&mut outbox), ["a score 6", "a score 7"]);
}

#[test]
fn silence_takes_the_place_of_volumes_and_they_of_silence() {
    let mut outbox = Outbox::default();
    respond(&mut outbox, 1);
    outbox.block();
    tell(&mut outbox, "o", volumes(-1));
    tell(&mut outbox, "o", Report::AudioLevelObserverSilence);
    assert_eq!(drain(&mut outbox), ["response 1", "o AudioLevelObserverSilence"]);
    respond(&mut outbox, 2);
    outbox.block();
    tell(&mut outbox, "o", Report::AudioLevelObserverSilence);
    tell(&mut outbox, "o", volumes(-2));
    assert_eq!(drain(&mut outbox), ["response 2", "o volume -2"]);
}

#[test]
fn what_is_written_in_part_is_not_taken_back() {
    let mut outbox = Outbox::default();
    tell(&mut outbox, "a", score(1));
    let first: Vec<u8> = outbox.chunks().flatten().copied().take(5).collect();
    outbox.advance(5);
    outbox.block();
    tell(&mut outbox, "a", score(2));
    tell(&mut outbox, "a", score(3));
    let rest: Vec<u8> = outbox.chunks().flatten().copied().collect();
    outbox.advance(rest.len());
    assert!(outbox.is_empty());
    assert_eq!(read(&[first, rest].concat()), ["a score 1", "a score 3"]);
}

#[test]
fn states_are_never_lost_however_many_there_are() {
    let mut outbox = Outbox::default();
    respond(&mut outbox, 1);
    outbox.block();
    for _ in 0..500 {
        tell(&mut outbox, "c", Report::ConsumerProducerPause);
        tell(&mut outbox, "c", rtp(100_000));
        tell(&mut outbox, "c", Report::ConsumerProducerResume);
    }
    let states = |seen: &[String], state: &str| seen.iter().filter(|text| text.contains(state)).count();
    let seen = drain(&mut outbox);
    assert_eq!((states(&seen, "ProducerPause"), states(&seen, "ProducerResume")), (500, 500));
    assert!(outbox.dropped().rtp > 0);
}

#[test]
fn packets_data_traces_and_logs_are_dropped_and_counted_when_much_waits() {
    let mut outbox = Outbox::default();
    respond(&mut outbox, 1);
    outbox.block();
    // 40 MiB.
    for _ in 0..40_960 {
        tell(&mut outbox, "c", rtp(1_000));
    }
    let seen = outbox.chunks().count() as u64 - 1;
    assert_eq!(outbox.dropped().rtp + seen, 40_960);
    assert!(outbox.pending() < 5 << 20, "{} bytes", outbox.pending());
    assert!(outbox.pending() > 4 << 20, "{} bytes", outbox.pending());

    let before = outbox.pending();
    tell(
        &mut outbox,
        "t",
        Report::DirectTransportRtcp(crate::schema::v3_27::direct_transport::RtcpNotification {
            data: vec![1],
        }),
    );
    tell(&mut outbox, "d", data(1, 10));
    for trace in crate::schema::v3_27::notification::Event::ALL
        .iter()
        .filter(|event| format!("{event:?}").ends_with("Trace"))
    {
        let trace = Report::sample(*trace, &mut crate::schema::catalog::Seed::new(1)).unwrap();
        tell(&mut outbox, "x", trace);
    }
    let log = Message::from(Log { data: "Wtext".into() });
    outbox.send(Urgency::Droppable(crate::channel::Droppable::Log), "", &log).unwrap();
    let dropped = outbox.dropped();
    assert_eq!((dropped.rtcp, dropped.data, dropped.trace, dropped.log), (1, 1, 3, 1));
    assert_eq!(outbox.pending(), before);

    drain(&mut outbox);
    tell(&mut outbox, "d", data(2, 10));
    assert_eq!(drain(&mut outbox), ["d data 2"], "there is room again");
}

#[test]
fn data_of_a_consumer_stays_in_order() {
    let mut outbox = Outbox::default();
    outbox.block();
    let mut seen = Vec::new();
    for number in 0..400 {
        tell(&mut outbox, "a", data(number, 50_000));
        if number % 150 == 149 {
            seen.extend(drain(&mut outbox));
        }
        outbox.block();
    }
    let numbers: Vec<u32> =
        seen.iter().map(|text| text.trim_start_matches("a data ").parse().unwrap()).collect();
    assert!(numbers.is_sorted());
    assert_eq!(numbers.len() as u64 + outbox.dropped().data + outbox.chunks().count() as u64, 400);
    assert!(outbox.dropped().data > 0);
}

#[test]
fn a_response_that_is_too_big_is_an_error_and_is_not_sent() {
    let mut outbox = Outbox::default();
    let log = |length| Message::from(Log { data: "x".repeat(length) });
    let error = outbox.send(Urgency::Kept, "", &log(MESSAGE_MAX)).unwrap_err();
    assert!(matches!(error, TooBig { length } if length > MESSAGE_MAX));
    assert!(error.to_string().contains("message too big"));
    assert!(outbox.is_empty());
    outbox.send(Urgency::Kept, "", &log(MESSAGE_MAX - 100)).unwrap();
}

#[test]
fn requests_wait_while_the_library_does_not_read_so_responses_are_few() {
    let mut channel = Channel::default();
    let requests: Vec<u8> =
        (0..1_000_u32).flat_map(|id| [4_u32, id].map(u32::to_le_bytes).concat()).collect();
    channel.receive(&requests);
    let mut answered = 0;
    let mut most = 0;
    let mut turns = 0;
    while answered < 1_000 {
        turns += 1;
        while let Some(frame) = channel.next_frame() {
            assert_eq!(frame, Frame::Message(&u32::to_le_bytes(answered)));
            let response = Message::from(Response {
                id: answered,
                accepted: true,
                body: None,
                error: None,
                reason: Some("x".repeat(300_000)),
            });
            channel.output().send(Urgency::Kept, "", &response).unwrap();
            answered += 1;
        }
        most = most.max(channel.output().pending());
        assert!(answered == 1_000 || !channel.wants_input());
        // The library reads a little, then nothing, then the rest.
        channel.output().advance(100_000);
        channel.output().block();
        assert!(channel.next_frame().is_none() && !channel.wants_input());
        let rest = channel.output().chunks().map(<[u8]>::len).sum();
        channel.output().advance(rest);
        assert!(channel.wants_input());
    }
    assert!(most < 2 << 20, "{most} bytes");
    assert!(turns > 100);
}

#[test]
fn requests_wait_even_if_little_is_left_to_send() {
    let mut channel = Channel::default();
    channel.receive(&[1, 0, 0, 0, 77]);
    respond(channel.output(), 1);
    channel.output().block();
    assert!(!channel.wants_input());
    assert_eq!(channel.next_frame(), None);
    let rest = channel.output().chunks().map(<[u8]>::len).sum();
    channel.output().advance(rest);
    assert_eq!(channel.next_frame(), Some(Frame::Message(&[77])));
}

#[test]
fn a_stream_that_takes_all_is_not_blocked() {
    let mut channel = Channel::default();
    channel.output().block();
    assert!(channel.wants_input() && !channel.output().is_blocked());
}

#[test]
fn what_is_superseded_leaves_no_memory_behind() {
    let mut outbox = Outbox::default();
    respond(&mut outbox, 1);
    outbox.block();
    for number in 0..100_000_u32 {
        for topic in [Topic::Score, Topic::Layers, Topic::Speaker] {
            let log = Message::from(Log { data: format!("{topic:?} {number}") });
            outbox.send(Urgency::Newest(topic), "x", &log).unwrap();
        }
    }
    assert_eq!(drain(&mut outbox), ["response 1", "Score 99999", "Layers 99999", "Speaker 99999"]);
}
