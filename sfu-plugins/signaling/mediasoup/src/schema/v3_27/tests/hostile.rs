//! Bytes that nobody honest would send.
use proptest::prelude::*;

use super::catalog;
use crate::channel::{Channel, Droppable, Frame, MESSAGE_MAX, Urgency};
use crate::flat::{FlatError, decode, encode};
use crate::schema::catalog::Seed;
use crate::schema::v3_27::call::Call;
use crate::schema::v3_27::log::Log;
use crate::schema::v3_27::message::{Body, Message};
use crate::schema::v3_27::request::{Method, Request};
use crate::schema::v3_27::rtp_parameters::MediaKind;
use crate::schema::v3_27::rtp_stream::{BaseStats, SendStats, Stats, StatsData};
use crate::schema::v3_27::{Refused, read};

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read_by_every_table(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for table in catalog().tables {
            let _ = (table.decode)(&bytes);
        }
        let _ = read(&bytes);
    }

    #[test]
    fn a_message_with_changed_bytes_is_refused_or_read(
        number in 0..240_u64,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        for table in catalog().tables.iter().filter(|table| {
            ["Message.Message", "Request.Request", "Response.Response"].contains(&table.name)
        }) {
            let (bytes, _) = (table.sample)(&mut Seed::new(number));
            let mut bytes = bytes[4..].to_vec();
            for (place, value) in &changes {
                let at = place.index(bytes.len());
                bytes[at] = *value;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            let _ = (table.decode)(&bytes);
            let _ = read(&bytes);
        }
    }

    #[test]
    fn a_message_with_changed_offsets_is_refused_or_read(
        number in 0..240_u64,
        place in any::<prop::sample::Index>(),
        offset in prop_oneof![any::<u32>(), 0..400_u32, (u32::MAX - 400)..=u32::MAX],
    ) {
        let table = catalog().tables.into_iter().find(|table| table.name == "Message.Message").unwrap();
        let (bytes, _) = (table.sample)(&mut Seed::new(number));
        let mut bytes = bytes[4..].to_vec();
        let at = place.index(bytes.len() / 4) * 4;
        bytes[at..at + 4].copy_from_slice(&offset.to_le_bytes());
        let _ = read(&bytes);
    }
}

/// Real requests with some bytes changed, and lengths that promise too much, in one stream.
#[test]
fn of_many_damaged_messages_each_gets_an_answer_or_a_line_in_the_log() {
    let count = if std::env::var_os("SFU_TEST_LONG").is_some() { 1_000_000 } else { 50_000 };
    let mut channel = Channel::default();
    let mut seed = Seed::new(2);
    let (mut answered, mut logged, mut done, mut skipped) = (0, 0, 0, 0);
    let mut most = 0;
    for number in 0..count {
        let method = Method::ALL[number as usize % Method::ALL.len()];
        let call = Call::sample(method, &mut Seed::new(u64::from(number))).unwrap();
        let request = Request { id: number, method, handler_id: "x".into(), body: call.into_body() };
        let mut bytes = Vec::new();
        encode(&Message { data: Body::Request(request) }, &mut bytes);
        for _ in 0..seed.bits() % 4 {
            let at = 4 + seed.bits() as usize % (bytes.len() - 4);
            bytes[at] = seed.bits() as u8;
        }
        if number % 1_000 == 999 {
            // A message that is too long, as a whole: the stream goes on behind it.
            channel.receive(&(MESSAGE_MAX as u32).to_le_bytes());
            let piece = vec![number as u8; 1 << 20];
            for _ in 0..8 {
                channel.receive(&piece);
                assert_eq!(channel.next_frame().is_some(), skipped == number / 1_000);
                skipped = number / 1_000 + 1;
            }
        }
        channel.receive(&bytes);
        let Some(Frame::Message(frame)) = channel.next_frame() else { panic!("message {number} is lost") };
        match read(frame) {
            Ok(_) => done += 1,
            Err(refused) => match refused.response() {
                Some(response) => {
                    answered += 1;
                    channel.output().send::<Message>(Urgency::Kept, "", &response.into()).unwrap();
                }
                None => {
                    logged += 1;
                    let log = Message::from(Log { data: format!("E{refused}") });
                    channel.output().send(Urgency::Droppable(Droppable::Log), "", &log).unwrap();
                }
            },
        }
        most = most.max(channel.output().pending());
        let sent = channel.output().chunks().map(<[u8]>::len).sum();
        channel.output().advance(sent);
    }
    assert_eq!((done + answered + logged, skipped), (count, count / 1_000));
    assert!(done > 10_000 && answered > 1_000 && logged > 1_000, "{done}, {answered}, {logged}");
    assert!(most < 10_000, "{most} bytes");
}

/// Cut anywhere, a request has no id, or is answered.
#[test]
fn a_message_that_is_cut_short_is_refused() {
    let table = catalog().tables.into_iter().find(|table| table.name == "Message.Message").unwrap();
    for number in 0..24 {
        let (bytes, _) = (table.sample)(&mut Seed::new(number));
        for length in 0..bytes.len() - 4 {
            match read(&bytes[4..4 + length]) {
                Ok(_) | Err(Refused::Broken(_)) => {}
                Err(refused) => {
                    assert_eq!(refused.request().is_some(), bytes_are_a_request(&bytes), "{refused:?}")
                }
            }
        }
    }
}

/// Statistics hold statistics; whoever sends them too deep must not fill the stack.
#[test]
fn statistics_in_statistics_have_an_end() {
    let base = BaseStats {
        timestamp: 1,
        ssrc: 2,
        kind: MediaKind::Audio,
        mime_type: "audio/opus".into(),
        packets_lost: 0,
        fraction_lost: 0,
        jitter: 0,
        packets_discarded: 0,
        packets_retransmitted: 0,
        packets_repaired: 0,
        nack_count: 0,
        nack_packet_count: 0,
        pli_count: 0,
        fir_count: 0,
        rid: None,
        rtx_ssrc: None,
        rtx_packets_discarded: 0,
        round_trip_time: 0.0,
        score: 10,
    };
    let nested = |levels| {
        (0..levels).fold(Stats { data: StatsData::BaseStats(base.clone()) }, |base, _| {
            let base = Box::new(base);
            let sent = SendStats { base, packet_count: 1, byte_count: 2, bitrate: 3 };
            Stats { data: StatsData::SendStats(sent) }
        })
    };
    let bytes = |levels| {
        let mut bytes = Vec::new();
        encode(&nested(levels), &mut bytes);
        bytes.split_off(4)
    };
    // Each level is two tables, and the innermost too.
    assert_eq!(decode(&bytes(15)), Ok(nested(15)));
    assert_eq!(decode::<Stats>(&bytes(16)), Err(FlatError::TooDeep { limit: 32 }));
    assert_eq!(decode::<Stats>(&bytes(500)), Err(FlatError::TooDeep { limit: 32 }));
}

fn bytes_are_a_request(bytes: &[u8]) -> bool {
    crate::flat::with_root(&bytes[4..], |message| message.value::<u8>(0)) == Ok(Some(1))
}
