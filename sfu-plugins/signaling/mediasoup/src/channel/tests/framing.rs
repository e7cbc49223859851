use proptest::prelude::*;

use crate::channel::{Channel, Deframer, Frame, MESSAGE_MAX};

fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = (message.len() as u32).to_le_bytes().to_vec();
    frame.extend(message);
    frame
}

/// Messages, or the length of one that is too long.
fn frames(deframer: &mut Deframer) -> Vec<Result<Vec<u8>, u32>> {
    let mut frames = Vec::new();
    while let Some(frame) = deframer.next_frame() {
        frames.push(match frame {
            Frame::Message(bytes) => Ok(bytes.to_vec()),
            Frame::TooBig { length } => Err(length),
        });
    }
    frames
}

proptest! {
    #[test]
    fn however_the_stream_is_cut_the_messages_are_the_same(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
        sizes in prop::collection::vec(1..300_usize, 1..50),
    ) {
        let stream: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
        let mut deframer = Deframer::default();
        let mut seen = Vec::new();
        let mut rest = stream.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, later) = rest.split_at(rest.len().min(*size));
            rest = later;
            deframer.push(piece);
            seen.extend(frames(&mut deframer));
        }
        prop_assert_eq!(seen, messages.into_iter().map(Ok).collect::<Vec<_>>());
    }

    #[test]
    fn any_stream_is_cut_into_something(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..20),
    ) {
        let mut deframer = Deframer::default();
        for piece in pieces {
            deframer.push(&piece);
            frames(&mut deframer);
        }
    }
}

#[test]
fn byte_by_byte_and_two_in_one_are_the_same() {
    let stream = [framed(b"first"), framed(b""), framed(b"second")].concat();
    let expected = vec![Ok(b"first".to_vec()), Ok(vec![]), Ok(b"second".to_vec())];
    let mut deframer = Deframer::default();
    deframer.push(&stream);
    assert_eq!(frames(&mut deframer), expected);
    let mut seen = Vec::new();
    for byte in stream {
        deframer.push(&[byte]);
        seen.extend(frames(&mut deframer));
    }
    assert_eq!(seen, expected);
}

#[test]
fn the_longest_message_passes_and_its_memory_is_given_back() {
    let longest = vec![7; MESSAGE_MAX - 4];
    let mut deframer = Deframer::default();
    for piece in framed(&longest).chunks(65_536) {
        deframer.push(piece);
    }
    assert_eq!(deframer.next_frame(), Some(Frame::Message(&longest)));
    assert_eq!(deframer.next_frame(), None);
    assert!(deframer.held() <= 64 << 10, "{}", deframer.held());
    deframer.push(&framed(b"next"));
    assert_eq!(frames(&mut deframer), [Ok(b"next".to_vec())]);
}

#[test]
fn a_message_that_is_too_long_is_told_once_skipped_and_not_kept() {
    let length = MESSAGE_MAX as u32 - 3;
    let mut deframer = Deframer::default();
    deframer.push(&framed(b"before"));
    deframer.push(&length.to_le_bytes());
    assert_eq!(frames(&mut deframer), [Ok(b"before".to_vec()), Err(length)]);
    let mut rest = length as usize;
    while rest > 0 {
        let piece = rest.min(60_000);
        // The last piece has the next message behind it.
        let mut bytes = vec![0xff; piece];
        rest -= piece;
        if rest == 0 {
            bytes.extend(framed(b"after"));
        }
        deframer.push(&bytes);
        assert!(deframer.held() <= 128 << 10);
        let expected = if rest == 0 { vec![Ok(b"after".to_vec())] } else { vec![] };
        assert_eq!(frames(&mut deframer), expected);
    }
}

#[test]
fn after_the_end_nothing_of_the_same_read_is_handled() {
    let mut channel = Channel::default();
    channel.receive(&[framed(b"close"), framed(b"late")].concat());
    assert_eq!(channel.next_frame(), Some(Frame::Message(b"close")));
    channel.close();
    channel.receive(&framed(b"later"));
    assert_eq!(channel.next_frame(), None);
    assert!(!channel.wants_input());
}
