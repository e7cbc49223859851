//! The text form: a JSON envelope.
use std::ops::Range;

use crate::json::{Scanner, Text};
use crate::label::Label;
use crate::message::{Destination, Malformed, Names, Said};

/// What an envelope has besides `v`.
#[derive(Default)]
struct Members<'a> {
    to: Option<Destination<'a>>,
    body: Option<Range<usize>>,
    control: Option<Said<'a>>,
}

/// Reads a message; none if it is not in this form: an object whose first member is `v`.
pub(crate) fn read(payload: &[u8]) -> Result<Option<Said<'_>>, Malformed> {
    let Ok(text) = std::str::from_utf8(payload) else {
        // Nobody's browser sends this; it may be anything.
        return Ok(None);
    };
    let mut scanner = Scanner::new(text);
    if !begins(&mut scanner) {
        return Ok(None);
    }
    let version = scanner.value()?;
    if scanner.slice(version) != "1" {
        return Err(Malformed::version("the envelope is of another version; this is version 1"));
    }
    let mut members = Members::default();
    loop {
        scanner.space();
        if scanner.take(b'}') {
            break;
        }
        if !scanner.take(b',') {
            return Err(Malformed::new("a comma or an end is expected"));
        }
        scanner.space();
        member(&mut scanner, &mut members)?;
    }
    scanner.space();
    if !scanner.is_at_end() {
        return Err(Malformed::new("something follows the envelope"));
    }
    match members {
        Members { to: Some(to), body: Some(body), control: None } => Ok(Some(Said::Send { to, body })),
        Members { to: None, body: None, control: Some(control) } => Ok(Some(control)),
        _ => Err(Malformed::new(
            "an envelope has `to` and `body`, or one of `join`, `leave`, `subscribe`, `unsubscribe` and `presence`",
        )),
    }
}

/// Reads `{"v":`, if the text begins with it.
fn begins(scanner: &mut Scanner<'_>) -> bool {
    scanner.space();
    let is_object = scanner.take(b'{');
    scanner.space();
    is_object && scanner.peek() == Some(b'"') && scanner.member().is_ok_and(|name| name.raw() == "v")
}

fn member<'a>(scanner: &mut Scanner<'a>, members: &mut Members<'a>) -> Result<(), Malformed> {
    let name = scanner.member()?.raw();
    let was_there = match name {
        "to" => members.to.replace(destination(scanner)?).is_some(),
        "body" => members.body.replace(scanner.value()?).is_some(),
        _ => {
            let control = match name {
                "join" => Said::Join(self::name(scanner)?),
                "leave" => Said::Leave(self::name(scanner)?),
                "subscribe" => Said::Subscribe(self::name(scanner)?),
                "unsubscribe" => Said::Unsubscribe(self::name(scanner)?),
                "presence" => Said::Presence(scanner.boolean()?),
                _ => return Err(Malformed::new("the envelope has a member that is none")),
            };
            members.control.replace(control).is_some()
        }
    };
    if was_there {
        Err(Malformed::new("the envelope has a member twice, or asks for two things"))
    } else {
        Ok(())
    }
}

/// A name: a string that is not empty.
fn name<'a>(scanner: &mut Scanner<'a>) -> Result<Text<'a>, Malformed> {
    let name = scanner.string()?;
    if name.raw().is_empty() { Err(Malformed::new("a name is empty")) } else { Ok(name) }
}

fn destination<'a>(scanner: &mut Scanner<'a>) -> Result<Destination<'a>, Malformed> {
    const NONE: Malformed =
        Malformed::new("`to` is \"others\", or an object with one of `peer`, `peers`, `group` and `topic`");
    if scanner.peek() == Some(b'"') {
        return if scanner.string()?.raw() == "others" { Ok(Destination::Others) } else { Err(NONE) };
    }
    if !scanner.take(b'{') {
        return Err(NONE);
    }
    scanner.space();
    let to = match scanner.member()?.raw() {
        "peer" => Destination::Peer(name(scanner)?),
        "peers" => Destination::Peers(names(scanner)?),
        "group" => Destination::Group(name(scanner)?),
        "topic" => Destination::Topic(name(scanner)?),
        _ => return Err(NONE),
    };
    scanner.space();
    if scanner.take(b'}') { Ok(to) } else { Err(NONE) }
}

/// An array of names.
fn names<'a>(scanner: &mut Scanner<'a>) -> Result<Names<'a>, Malformed> {
    const NONE: Malformed = Malformed::new("an array of names is expected");
    if !scanner.take(b'[') {
        return Err(NONE);
    }
    let start = scanner.position();
    scanner.space();
    if scanner.take(b']') {
        return Ok(Names::Json(""));
    }
    loop {
        name(scanner)?;
        scanner.space();
        if scanner.take(b']') {
            return Ok(Names::Json(scanner.slice(start..scanner.position() - 1)));
        }
        if !scanner.take(b',') {
            return Err(NONE);
        }
        scanner.space();
    }
}

/// Writes what comes before the body of a delivered message; a closing brace comes behind it.
#[inline]
pub(crate) fn write(to: &Destination<'_>, from: &Label, circle: Option<&Label>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"v\":1,\"from\":");
    out.extend_from_slice(from.json.as_bytes());
    if let Some(circle) = circle {
        let member: &[u8] = if matches!(to, Destination::Group(_)) { b",\"group\":" } else { b",\"topic\":" };
        out.extend_from_slice(member);
        out.extend_from_slice(circle.json.as_bytes());
    }
    out.extend_from_slice(b",\"body\":");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sfu_core::serde_json::{Value, json};

    use super::*;
    use crate::message::Problem;

    fn unescaped(name: Text<'_>) -> String {
        name.read(&mut String::new()).unwrap().to_owned()
    }

    #[test]
    fn members_may_come_in_any_order_with_any_space() {
        for text in [
            r#"{"v":1,"to":{"peer":"ann"},"body":[1, "}"]}"#,
            r#"{"v":1,"body":[1, "}"],"to":{"peer":"ann"}}"#,
            " {\t\"v\" : 1 ,\r\n\"to\" : { \"peer\" : \"ann\" } , \"body\" : [1, \"}\"] } \n",
            r#"{"v":1,"to":{"peer":"a\u006en"},"body":[1, "}"]}"#,
        ] {
            let Ok(Some(Said::Send { to: Destination::Peer(name), body })) = read(text.as_bytes()) else {
                panic!("{text}: {:?}", read(text.as_bytes()))
            };
            assert_eq!((unescaped(name).as_str(), &text[body]), ("ann", "[1, \"}\"]"), "{text}");
        }
    }

    #[test]
    fn each_destination_and_each_wish_is_read() {
        let said = |text: &str| format!("{:?}", read(text.as_bytes()).unwrap().unwrap());
        assert!(said(r#"{"v":1,"to":"others","body":0}"#).contains("Others"));
        assert!(said(r#"{"v":1,"to":{"group":"g"},"body":0}"#).contains("Group"));
        assert!(said(r#"{"v":1,"to":{"topic":"g"},"body":0}"#).contains("Topic"));
        for (member, what) in
            [("join", "Join"), ("leave", "Leave"), ("subscribe", "Subscribe"), ("unsubscribe", "Unsubscribe")]
        {
            assert!(said(&format!(r#"{{"v":1,"{member}":"g"}}"#)).contains(what));
        }
        assert!(said(r#"{"v":1,"presence":true}"#).contains("Presence(true)"));
    }

    #[test]
    fn lists_are_read_name_by_name() {
        for (list, expected) in [
            (r#"[]"#, vec![]),
            (r#"[ ]"#, vec![]),
            (r#"["ann"]"#, vec!["ann"]),
            (r#"[ "a,n]n" , "b\"ob" ]"#, vec!["a,n]n", "b\"ob"]),
        ] {
            let text = format!(r#"{{"v":1,"to":{{"peers":{list}}},"body":0}}"#);
            let Ok(Some(Said::Send { to: Destination::Peers(names), .. })) = read(text.as_bytes()) else {
                panic!("{text}")
            };
            assert_eq!(names.map(unescaped).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_malformed_and_what_does_not_begin_with_v_is_none_of_ours() {
        for bad in [
            r#"{"v":1}"#,
            r#"{"v":1"#,
            r#"{"v":1,}"#,
            r#"{"v":1,"to":{"peer":"ann"}}"#,
            r#"{"v":1,"body":1}"#,
            r#"{"v":1,"to":{"peer":""},"body":1}"#,
            r#"{"v":1,"to":{"peer":7},"body":1}"#,
            r#"{"v":1,"to":{},"body":1}"#,
            r#"{"v":1,"to":"all","body":1}"#,
            r#"{"v":1,"to":{"peers":["ann",]},"body":1}"#,
            r#"{"v":1,"to":{"peers":["ann" "bob"]},"body":1}"#,
            r#"{"v":1,"to":{"peer":"ann","group":"g"},"body":1}"#,
            r#"{"v":1,"to":"others","to":"others","body":1}"#,
            r#"{"v":1,"to":"others","body":1,"body":2}"#,
            r#"{"v":1,"to":"others","body":1,"from":"eve"}"#,
            r#"{"v":1,"to":"others","body":1]}"#,
            r#"{"v":1,"to":"others","body":1},"from":"eve"}"#,
            r#"{"v":1,"join":"g","leave":"g"}"#,
            r#"{"v":1,"join":"g","body":1}"#,
            r#"{"v":1,"presence":1}"#,
        ] {
            assert_eq!(read(bad.as_bytes()).map_err(|bad| bad.problem), Err(Problem::Malformed), "{bad}");
        }
        for version in [r#"{"v":2,"whatever":1}"#, r#"{"v":"1"}"#, r#"{"v":1.0}"#] {
            assert_eq!(
                read(version.as_bytes()).map_err(|bad| bad.problem),
                Err(Problem::Version),
                "{version}"
            );
        }
        for other in [
            &b""[..],
            b"hello",
            b"{}",
            b"[1]",
            b"\"v\"",
            br#"{"to":"others","v":1,"body":1}"#,
            b"{\"v\"",
            b"\xff{",
        ] {
            assert_eq!(read(other), Ok(None));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = read(&bytes);
        }

        #[test]
        fn a_damaged_envelope_is_read_without_harm(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut text = br#"{"v":1,"to":{"peers":["ann","b\u006fb"]},"body":{"a":[1,{"b":"c"}]}}"#.to_vec();
            let at = at.index(text.len());
            text[at] = byte;
            if let Ok(Some(Said::Send { to: Destination::Peers(names), body })) = read(&text) {
                prop_assert_eq!(names.count(), 2);
                prop_assert!(sfu_core::serde_json::from_slice::<Value>(&text[body]).is_ok());
            }
        }

        #[test]
        fn what_is_written_is_read(names in prop::collection::vec("\\PC{1,40}|[\\x00-\\x7f]{1,40}", 1..5), body in "\\PC{0,40}") {
            let body = json!({ "said": body }).to_string();
            let text = format!(r#"{{"v":1,"body":{body},"to":{{"peers":{}}}}}"#, json!(names));
            let Ok(Some(Said::Send { to: Destination::Peers(read), body: at })) = read(text.as_bytes()) else {
                panic!("{text}")
            };
            prop_assert_eq!(&text[at], &body);
            prop_assert_eq!(read.map(unescaped).collect::<Vec<_>>(), names);
        }
    }
}
