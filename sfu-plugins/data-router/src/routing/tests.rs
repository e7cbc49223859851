use std::time::Instant;

use proptest::prelude::*;
use sfu_core::control::{EntityId, RawId};

use super::*;
use crate::message::{Form, Said};
use crate::peer::Device;
use crate::settings::{Config, Options};

fn id<I: EntityId>(index: u32) -> I {
    I::from_raw(RawId::new(0, index, 0))
}

/// So many peers, `0`, `1` …, each with the inbox of its number.
fn room(peers: u32) -> (Directory, Vec<Key>) {
    let mut directory = Directory::default();
    let (options, config) = (Options::default(), Config::default());
    let keys = (0..peers).map(|number| {
        let label = Label::new(&number.to_string()).expect("a name");
        let (key, _) = directory.admit((id(0), "hall"), label, &options, &config, Instant::now());
        if let Some(peer) = directory.peers.get_mut(key) {
            peer.add_ear(id(number), Device::Transport(id(number)));
        }
        key
    });
    let keys = keys.collect();
    (directory, keys)
}

fn numbers(routing: &Routing) -> Vec<usize> {
    routing.chosen.iter().map(|id| id.index()).collect()
}

#[test]
fn one_message_has_so_many_copies_and_the_others_are_counted() {
    let (directory, keys) = room(5000);
    let mut routing = Routing::default();
    let problem = routing.choose(&directory, keys[0], Form::Text, &Destination::Others, 64);
    assert_eq!((problem, routing.chosen.len(), routing.beyond), (None, 4096, 903));
}

#[test]
fn a_list_has_so_many_names() {
    let (directory, keys) = room(10);
    let mut routing = Routing::default();
    let mut choose = |names: &str, most| {
        let to = Destination::Peers(Names::Json(names));
        let problem = routing.choose(&directory, keys[0], Form::Text, &to, most);
        (problem, numbers(&routing))
    };
    assert_eq!(choose(r#""1","2","3""#, 3), (None, vec![1, 2, 3]));
    assert_eq!(choose(r#""1","2","3""#, 2), (Some(Problem::Limit), vec![]));
    assert_eq!(choose(r#""x","1","y","1""#, 64), (Some(Problem::UnknownPeer), vec![1]));
    assert!(String::from_utf8_lossy(&routing.notice).contains(r#""name":"x""#));
}

proptest! {
    #[test]
    fn what_is_delivered_has_its_body_and_can_be_read(
        name in "\\PC{1,20}|[\\x01-\\x7f]{1,20}",
        body in prop::collection::vec(any::<u8>(), 0..300),
        is_text in any::<bool>(),
        is_first in any::<bool>(),
    ) {
        let (mut directory, keys) = room(2);
        let (options, config) = (Options::default(), Config::default());
        let label = Label::new(&name).expect("a name");
        let (sender, _) = directory.admit((id(0), "hall"), label, &options, &config, Instant::now());
        prop_assert!(!keys.contains(&sender) || name == "0" || name == "1");
        let text = sfu_core::serde_json::to_string(&String::from_utf8_lossy(&body)).unwrap();
        let (form, mut payload) = match (is_text, is_first) {
            (true, true) => (Form::Text, format!(r#"{{"v":1,"body":{text},"to":{{"peer":"0"}}}}"#).into_bytes()),
            (true, false) => (Form::Text, format!(r#"{{"v":1,"to":{{"peer":"0"}},"body":{text}}}"#).into_bytes()),
            _ => (Form::Binary, [b"\xd1\x01\x010", &body[..]].concat()),
        };
        let said = if is_text { envelope::read(&payload) } else { header::read(&payload) };
        let Ok(Some(Said::Send { to, body: at })) = said else { panic!("{said:?}") };
        let mut routing = Routing::default();
        prop_assert_eq!(routing.choose(&directory, sender, form, &to, 1), None);
        prop_assert_eq!(numbers(&routing), [0]);
        routing.rewrite(form, &mut payload, at);
        if is_text {
            let value: sfu_core::serde_json::Value = sfu_core::serde_json::from_slice(&payload).unwrap();
            let expected = sfu_core::serde_json::json!({
                "v": 1, "from": name, "body": String::from_utf8_lossy(&body),
            });
            prop_assert_eq!(value, expected);
        } else {
            let expected = [&[0xd1, 0x81, name.len() as u8], name.as_bytes(), &body[..]].concat();
            prop_assert_eq!(payload, expected);
        }
    }
}
