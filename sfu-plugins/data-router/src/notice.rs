//! What the worker itself says to a peer, in the form in which the peer speaks.
use sfu_core::serde_json;

use crate::header::{VERSION_1, kind, write_names};
use crate::label::{Label, write_name};
use crate::message::{Form, Problem};

/// Names in one message at the most; more come in another one.
pub(crate) const NAMES: usize = 100;

/// Something about a message of the peer is wrong: the name that it is about (or none), and what.
pub(crate) fn error(form: Form, problem: Problem, name: &str, text: &str, out: &mut Vec<u8>) {
    out.clear();
    match form {
        Form::Text => {
            out.extend_from_slice(b"{\"v\":1,\"error\":");
            string(problem.name(), out);
            if !name.is_empty() {
                out.extend_from_slice(b",\"name\":");
                string(name, out);
            }
            out.extend_from_slice(b",\"text\":");
            string(text, out);
            out.push(b'}');
        }
        Form::Binary => {
            out.extend_from_slice(&[VERSION_1, kind::ERROR, problem.number()]);
            write_name(name, out);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// What the peer asked for is done: `what` as in its envelope, `kind` as in its header.
pub(crate) fn done(form: Form, (what, kind): (&str, u8), name: &str, out: &mut Vec<u8>) {
    out.clear();
    match form {
        Form::Text => {
            out.extend_from_slice(b"{\"v\":1,\"done\":");
            string(what, out);
            if !name.is_empty() {
                out.extend_from_slice(b",\"name\":");
                string(name, out);
            }
            out.push(b'}');
        }
        Form::Binary => {
            out.extend_from_slice(&[VERSION_1, kind::DONE, kind]);
            write_name(name, out);
        }
    }
}

/// Who is there: the peer's own name, at most 100 names, and whether more follow in another message.
pub(crate) fn present<'n>(
    form: Form,
    you: &Label,
    names: impl Iterator<Item = &'n Label>,
    more: bool,
    out: &mut Vec<u8>,
) {
    out.clear();
    match form {
        Form::Text => {
            out.extend_from_slice(b"{\"v\":1,\"you\":");
            out.extend_from_slice(you.json.as_bytes());
            out.extend_from_slice(b",\"present\":[");
            for (at, name) in names.enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(name.json.as_bytes());
            }
            out.extend_from_slice(if more { b"],\"more\":true}" } else { b"]}" });
        }
        Form::Binary => {
            out.extend_from_slice(&[VERSION_1, kind::PRESENT]);
            you.write(out);
            out.push(more.into());
            write_names(names.map(|name| &*name.text), out);
        }
    }
}

/// Who came (`true`) and went, at most 100 names.
pub(crate) fn changed<N: AsRef<str>>(form: Form, news: &[(N, bool)], out: &mut Vec<u8>) {
    out.clear();
    let of = |came: bool| news.iter().filter(move |(_, it)| *it == came).map(|(name, _)| name.as_ref());
    match form {
        Form::Text => {
            out.extend_from_slice(b"{\"v\":1,\"joined\":[");
            strings(of(true), out);
            out.extend_from_slice(b"],\"left\":[");
            strings(of(false), out);
            out.extend_from_slice(b"]}");
        }
        Form::Binary => {
            out.extend_from_slice(&[VERSION_1, kind::CHANGED]);
            write_names(of(true), out);
            write_names(of(false), out);
        }
    }
}

fn strings<'n>(names: impl Iterator<Item = &'n str>, out: &mut Vec<u8>) {
    for (at, name) in names.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        string(name, out);
    }
}

fn string(text: &str, out: &mut Vec<u8>) {
    // Writing a string into memory can't fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use sfu_core::serde_json::{Value, json};

    use super::*;

    fn in_both(write: impl Fn(Form, &mut Vec<u8>)) -> (Value, Vec<u8>) {
        let (mut text, mut binary) = (b"old".to_vec(), b"old".to_vec());
        write(Form::Text, &mut text);
        write(Form::Binary, &mut binary);
        (serde_json::from_slice(&text).expect("JSON"), binary)
    }

    #[test]
    fn both_forms_say_the_same() {
        let (text, binary) = in_both(|form, out| error(form, Problem::UnknownPeer, "a\"b", "who?", out));
        assert_eq!(text, json!({"v": 1, "error": "unknown-peer", "name": "a\"b", "text": "who?"}));
        assert_eq!(binary, b"\xd1\xe0\x03\x03a\"bwho?");
        let (text, binary) = in_both(|form, out| error(form, Problem::Rate, "", "slower", out));
        assert_eq!(text, json!({"v": 1, "error": "rate", "text": "slower"}));
        assert_eq!(binary, b"\xd1\xe0\x06\x00slower");
        let (text, binary) = in_both(|form, out| done(form, ("join", kind::JOIN), "g", out));
        assert_eq!(text, json!({"v": 1, "done": "join", "name": "g"}));
        assert_eq!(binary, b"\xd1\xe1\x10\x01g");
        let names = ["ann", "bob"].map(|name| Label::new(name).unwrap());
        let (text, binary) = in_both(|form, out| present(form, &names[1], names.iter(), true, out));
        assert_eq!(text, json!({"v": 1, "you": "bob", "present": ["ann", "bob"], "more": true}));
        assert_eq!(binary, b"\xd1\xe2\x03bob\x01\x02\x03ann\x03bob");
        let news = [("ann", true), ("bob", false), ("cat", true)];
        let (text, binary) = in_both(|form, out| changed(form, &news, out));
        assert_eq!(text, json!({"v": 1, "joined": ["ann", "cat"], "left": ["bob"]}));
        assert_eq!(binary, b"\xd1\xe3\x02\x03ann\x03cat\x01\x03bob");
    }
}
