use sfu_core::control::{EntityId, RawId};
use sfu_core::plugin::TransportId;

use super::*;
use crate::peer::Device;

fn id<I: EntityId>(index: u32) -> I {
    I::from_raw(RawId::new(0, index, 0))
}

/// Peers by name in rooms by name, each with a data producer and a data consumer of its number.
fn directory(places: &[(&str, &str)]) -> (Directory, Vec<Key>) {
    let mut directory = Directory::default();
    let mut keys = Vec::new();
    for (number, (room, name)) in (0..).zip(places) {
        let label = Label::new(name).expect("a name");
        let (options, config) = (Options::default(), Config::default());
        let (key, _) = directory.admit((id(0), room), label, &options, &config, Instant::now());
        if let Some(peer) = directory.peers.get_mut(key) {
            peer.senders.push(id(number));
            peer.add_ear(id(number), Device::Transport(id::<TransportId>(number)));
        }
        keys.push(key);
    }
    (directory, keys)
}

#[test]
fn a_peer_is_there_as_long_as_something_of_it_is_and_a_room_as_long_as_somebody_is() {
    let (mut directory, keys) = directory(&[("a", "ann"), ("a", "ann"), ("b", "ann")]);
    assert_eq!(keys[0], keys[1]);
    assert_eq!((directory.peers.len(), directory.rooms.len()), (2, 2));
    assert_eq!(directory.remove_sender(keys[0], id(0)), None);
    assert_eq!(directory.remove_ear(keys[0], id(0)), None);
    assert_eq!(directory.remove_ear(keys[0], id(1)), None);
    let gone = directory.remove_sender(keys[0], id(1)).expect("the last thing of it");
    assert_eq!((&*gone.room, &*gone.peer), ("a", "ann"));
    assert_eq!((directory.peers.len(), directory.rooms.len(), directory.by_place.len()), (1, 1, 1));
    assert_eq!(directory.remove_sender(keys[0], id(1)), None, "once");
}

#[test]
fn what_is_gone_without_a_word_is_swept_with_its_places() {
    let (mut directory, keys) = directory(&[("a", "ann"), ("a", "bob")]);
    let config = Config::default();
    directory.enter(keys[0], CircleKind::Group, "g", &config).expect("room for one");
    directory.enter(keys[0], CircleKind::Topic, "t", &config).expect("room for one");
    assert!(directory.watch(keys[0], Some(Form::Text), &config));
    assert_eq!(directory.retain(keys[0], |_| true, |_| false), None, "it still sends");
    assert!(directory.peers.get(keys[0]).is_some_and(|ann| ann.inboxes.is_empty()));
    assert!(directory.retain(keys[0], |_| false, |_| false).is_some());
    let room = directory.rooms.iter().next().expect("bob's room").1;
    assert_eq!((room.groups.len(), room.topics.len(), room.watchers.len()), (0, 0, 0));
    assert_eq!(room.members(), [keys[1]]);
}

#[test]
fn news_say_what_is_otherwise_than_before() {
    let (mut directory, keys) = directory(&[("a", "ann"), ("a", "bob"), ("a", "cat")]);
    let news = |directory: &Directory| {
        let room = directory.rooms.iter().next().expect("a room").1;
        room.news.iter().map(|(name, came)| (name.to_string(), *came)).collect::<Vec<_>>()
    };
    assert!(directory.watch(keys[0], Some(Form::Text), &Config::default()));
    directory.retain(keys[1], |_| false, |_| false);
    assert_eq!(news(&directory), [("bob".to_owned(), false)]);
    let (options, config) = (Options::default(), Config::default());
    let admit = |directory: &mut Directory, name| {
        directory.admit((id(0), "a"), Label::new(name).unwrap(), &options, &config, Instant::now()).0
    };
    let dan = admit(&mut directory, "dan");
    admit(&mut directory, "bob");
    assert_eq!(news(&directory), [("dan".to_owned(), true)], "bob is back before anybody heard");
    directory.retain(dan, |_| false, |_| false);
    assert_eq!(news(&directory), []);
    // Nobody watches any more.
    directory.retain(keys[0], |_| false, |_| false);
    directory.retain(keys[2], |_| false, |_| false);
    assert_eq!(news(&directory), []);
}

#[test]
fn each_device_has_its_oldest_ear_as_inbox() {
    let (mut directory, keys) = directory(&[("a", "ann")]);
    let peer = directory.peers.get_mut(keys[0]).expect("ann");
    let device = |number| Device::Transport(id::<TransportId>(number));
    peer.add_ear(id(5), device(0));
    peer.add_ear(id(6), device(1));
    assert_eq!(peer.inboxes, [id(0), id(6)]);
    peer.retain_ears(|ear| ear != id(0));
    assert_eq!(peer.inboxes, [id(5), id(6)]);
    assert_eq!((peer.ear(device(1)), peer.ear(device(9))), (Some(id(6)), Some(id(5))));
}
