//! The binary form: a header, then the payload.
use crate::json::Text;
use crate::label::{Label, write_name};
use crate::message::{Destination, Malformed, Names, Said};

/// The high half of the first byte of a message in this form.
const MARK: u8 = 0xd0;
/// The first byte: the mark, and version 1.
pub(crate) const VERSION_1: u8 = MARK | 1;

/// What the second byte says.
pub(crate) mod kind {
    /// For one peer.
    pub(crate) const PEER: u8 = 0x01;
    /// For several peers.
    pub(crate) const PEERS: u8 = 0x02;
    /// For the members of a group.
    pub(crate) const GROUP: u8 = 0x03;
    /// For everybody else in the room.
    pub(crate) const OTHERS: u8 = 0x04;
    /// For the subscribers of a topic.
    pub(crate) const TOPIC: u8 = 0x05;
    /// Joins a group.
    pub(crate) const JOIN: u8 = 0x10;
    /// Leaves a group.
    pub(crate) const LEAVE: u8 = 0x11;
    /// Subscribes to a topic.
    pub(crate) const SUBSCRIBE: u8 = 0x12;
    /// Unsubscribes from a topic.
    pub(crate) const UNSUBSCRIBE: u8 = 0x13;
    /// Asks who is there.
    pub(crate) const PRESENCE: u8 = 0x14;
    /// Added to what a message is for, where it is delivered.
    pub(crate) const DELIVERED: u8 = 0x80;
    /// From the worker: something is wrong.
    pub(crate) const ERROR: u8 = 0xe0;
    /// From the worker: a group or topic is joined or left.
    pub(crate) const DONE: u8 = 0xe1;
    /// From the worker: who is there.
    pub(crate) const PRESENT: u8 = 0xe2;
    /// From the worker: who came and went.
    pub(crate) const CHANGED: u8 = 0xe3;
}

/// A name with its length before it, and what lies behind; none if it is empty, cut off or no UTF-8.
#[inline]
pub(crate) fn name(bytes: &[u8]) -> Option<(Text<'_>, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty())?;
    Some((Text::plain(name), rest))
}

/// Reads a message; none if it is not in this form.
pub(crate) fn read(payload: &[u8]) -> Result<Option<Said<'_>>, Malformed> {
    const CUT_OFF: Malformed = Malformed::new("the header is cut off");
    const NO_NAME: Malformed = Malformed::new("a name is empty, cut off or no UTF-8");
    let Some((first, rest)) = payload.split_first().filter(|(first, _)| **first & 0xf0 == MARK) else {
        return Ok(None);
    };
    if *first != VERSION_1 {
        return Err(Malformed::version("the header is of another version; this is version 1, 0xd1"));
    }
    let (kind, rest) = rest.split_first().ok_or(CUT_OFF)?;
    let (to, behind) = match *kind {
        kind::OTHERS => (Destination::Others, rest),
        kind::PEER | kind::GROUP | kind::TOPIC => {
            let (name, behind) = name(rest).ok_or(NO_NAME)?;
            let to = match *kind {
                kind::PEER => Destination::Peer(name),
                kind::GROUP => Destination::Group(name),
                _ => Destination::Topic(name),
            };
            (to, behind)
        }
        kind::PEERS => {
            let (count, names) = rest.split_first().ok_or(CUT_OFF)?;
            let mut behind = names;
            for _ in 0..*count {
                behind = name(behind).ok_or(NO_NAME)?.1;
            }
            let length = names.len() - behind.len();
            (Destination::Peers(Names::Binary(names.get(..length).unwrap_or_default())), behind)
        }
        _ => return control(*kind, rest).map(Some),
    };
    Ok(Some(Said::Send { to, body: payload.len() - behind.len()..payload.len() }))
}

/// Reads what a message asks of the worker.
fn control(kind: u8, rest: &[u8]) -> Result<Said<'_>, Malformed> {
    if kind == kind::PRESENCE {
        return match rest {
            [0] => Ok(Said::Presence(false)),
            [1] => Ok(Said::Presence(true)),
            _ => Err(Malformed::new("presence is followed by one byte, 0 or 1")),
        };
    }
    if !(kind::JOIN..=kind::UNSUBSCRIBE).contains(&kind) {
        return Err(Malformed::new("the header has a kind that is none"));
    }
    let name = name(rest).filter(|(_, behind)| behind.is_empty()).map(|(name, _)| name);
    let name = name.ok_or(Malformed::new("the kind is followed by one name and nothing else"))?;
    Ok(match kind {
        kind::JOIN => Said::Join(name),
        kind::LEAVE => Said::Leave(name),
        kind::SUBSCRIBE => Said::Subscribe(name),
        _ => Said::Unsubscribe(name),
    })
}

/// Writes the header of a delivered message: whom it is from, and the group or topic that it is for.
#[inline]
pub(crate) fn write(to: &Destination<'_>, from: &Label, circle: Option<&Label>, out: &mut Vec<u8>) {
    let kind = match to {
        Destination::Peer(_) => kind::PEER,
        Destination::Peers(_) => kind::PEERS,
        Destination::Group(_) => kind::GROUP,
        Destination::Others => kind::OTHERS,
        Destination::Topic(_) => kind::TOPIC,
    };
    out.extend_from_slice(&[VERSION_1, kind::DELIVERED | kind]);
    from.write(out);
    if let Some(circle) = circle {
        circle.write(out);
    }
}

/// Writes how many names follow, and the first 255 of them.
pub(crate) fn write_names<'n>(names: impl Iterator<Item = &'n str>, out: &mut Vec<u8>) {
    let at = out.len();
    out.push(0);
    let mut count = 0_u8;
    for name in names.take(usize::from(u8::MAX)) {
        write_name(name, out);
        count += 1;
    }
    if let Some(place) = out.get_mut(at) {
        *place = count;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::Problem;

    /// A message as a client writes it.
    fn written(kind: u8, names: &[String], payload: &[u8]) -> Vec<u8> {
        let mut message = vec![VERSION_1, kind];
        if kind == kind::PEERS {
            write_names(names.iter().map(String::as_str), &mut message);
        } else if let Some(name) = names.first() {
            write_name(name, &mut message);
        }
        message.extend_from_slice(payload);
        message
    }

    #[test]
    fn each_destination_is_read_from_its_bytes() {
        let ann = || Text::plain("ann");
        fn to(message: &[u8]) -> (Destination<'_>, Vec<u8>) {
            match read(message) {
                Ok(Some(Said::Send { to, body })) => (to, message[body].to_vec()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(to(b"\xd1\x01\x03annhello"), (Destination::Peer(ann()), b"hello".to_vec()));
        assert_eq!(to(b"\xd1\x03\x03ann"), (Destination::Group(ann()), vec![]));
        assert_eq!(to(b"\xd1\x04\x03ann"), (Destination::Others, b"\x03ann".to_vec()));
        assert_eq!(to(b"\xd1\x05\x03ann\xd1"), (Destination::Topic(ann()), b"\xd1".to_vec()));
        let (list, body) = to(b"\xd1\x02\x02\x03ann\x03bob!");
        let Destination::Peers(names) = list else { panic!("{list:?}") };
        assert_eq!(names.map(|name| name.raw()).collect::<Vec<_>>(), ["ann", "bob"]);
        assert_eq!(body, b"!");
        assert_eq!(to(b"\xd1\x02\x00!").1, b"!");
        assert_eq!(read(b"\xd1\x12\x03ann"), Ok(Some(Said::Subscribe(ann()))));
        assert_eq!(read(b"\xd1\x14\x01"), Ok(Some(Said::Presence(true))));
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_malformed_and_what_has_no_mark_is_none_of_ours() {
        for bad in [
            &b"\xd1"[..],
            b"\xd1\x01",
            b"\xd1\x01\x00",
            b"\xd1\x01\x04ann",
            b"\xd1\x01\x01\xff",
            b"\xd1\x02",
            b"\xd1\x02\x02\x01a",
            b"\xd1\x10\x01a!",
            b"\xd1\x14",
            b"\xd1\x14\x02",
            b"\xd1\x14\x01\x01",
            b"\xd1\x00",
            b"\xd1\x81\x01a",
            b"\xd1\xe0",
        ] {
            assert_eq!(read(bad).map_err(|bad| bad.problem), Err(Problem::Malformed), "{bad:?}");
        }
        assert_eq!(read(b"\xd2\x01\x03ann").map_err(|bad| bad.problem), Err(Problem::Version));
        for other in [&b""[..], b"\x00", b"\xc1\x01", b"\xe1\x01", b"{\"v\":1}"] {
            assert_eq!(read(other), Ok(None));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..80), ours in any::<bool>()) {
            if let (true, Some(first)) = (ours, bytes.first_mut()) {
                *first = VERSION_1;
            }
            if let Ok(Some(Said::Send { to, body })) = read(&bytes) {
                prop_assert!(body.end == bytes.len() && body.start >= 2 && body.start <= body.end);
                if let Destination::Peers(names) = to {
                    prop_assert_eq!(names.count(), usize::from(bytes[2]));
                }
            }
        }

        #[test]
        fn what_is_written_is_read(
            kind in 1_u8..=5,
            names in prop::collection::vec("\\PC{1,60}", 1..5),
            payload in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let message = written(kind, if kind == kind::OTHERS { &[] } else { &names }, &payload);
            let Ok(Some(Said::Send { to, body })) = read(&message) else { panic!("{message:?}") };
            prop_assert_eq!(&message[body], &payload[..]);
            match to {
                Destination::Peers(read) => prop_assert!(read.map(|name| name.raw()).eq(names.iter())),
                Destination::Peer(name) | Destination::Group(name) | Destination::Topic(name) => {
                    prop_assert_eq!(name.raw(), &names[0]);
                }
                Destination::Others => {}
            }
        }
    }
}
