use sfu_core::control::{EntityId, RawId};

use super::*;

fn id<I: EntityId>(index: u32) -> I {
    I::from_raw(RawId::new(0, index, 0))
}

/// A router with two transports; a producer on the first, a consumer of it on each, an observer.
fn room() -> Registry<()> {
    let mut room = Registry::default();
    let transport = |index| {
        Entity::Transport(TransportFacts {
            id: id(index),
            link: Link::WebRtc,
            has_sctp: false,
            max_send_message_size: 1,
            max_receive_message_size: 1,
        })
    };
    let router = room.insert("router", Entity::Router(id(0)), (), None).unwrap();
    let one = room.insert("one", transport(1), (), Some(router)).unwrap();
    let two = room.insert("two", transport(2), (), Some(router)).unwrap();
    let producer = room.insert("producer", Entity::Producer(id(3)), (), Some(one)).unwrap();
    let near = room.insert("near", Entity::Consumer(id(4)), (), Some(one)).unwrap();
    let far = room.insert("far", Entity::Consumer(id(5)), (), Some(two)).unwrap();
    let observer = room.insert("observer", Entity::RtpObserver(id(6)), (), Some(router)).unwrap();
    for dependent in [near, far, observer] {
        room.connect(producer, dependent);
    }
    room
}

fn names<'a>(entries: impl Iterator<Item = (Key, &'a Entry<()>)>) -> Vec<&'a str> {
    entries.map(|(_, entry)| entry.id.as_str()).collect()
}

fn close(room: &mut Registry<()>, id: &str) -> Vec<String> {
    let key = room.find(id).unwrap();
    room.remove(key).into_iter().map(|entry| entry.id).collect()
}

#[test]
fn a_producer_takes_its_consumers_with_it_and_leaves_its_observer() {
    let mut room = room();
    assert_eq!(close(&mut room, "producer"), ["near", "far"]);
    assert_eq!(names(room.iter()), ["router", "one", "two", "observer"]);
    let observer = room.find("observer").unwrap();
    assert_eq!(room.sources(observer, Kind::Producer).count(), 0);
    assert_eq!(room.of_target(id::<sfu_core::control::ConsumerId>(5)), None);
}

#[test]
fn of_a_transport_only_consumers_elsewhere_are_told() {
    let mut room = room();
    assert_eq!(close(&mut room, "one"), ["far"]);
    assert_eq!(names(room.iter()), ["router", "two", "observer"]);
}

#[test]
fn of_a_router_nothing_is_told_and_nothing_is_left() {
    let mut room = room();
    assert_eq!(close(&mut room, "router"), [""; 0]);
    assert_eq!((room.iter().count(), room.names.len(), room.targets.len()), (0, 0, 0));
}

#[test]
fn a_name_is_taken_until_its_owner_is_closed() {
    let mut room = room();
    let again = |room: &mut Registry<()>| room.insert("far", Entity::Consumer(id(9)), (), None);
    assert_eq!(again(&mut room), Err(NameTaken));
    close(&mut room, "far");
    assert!(again(&mut room).is_ok());
    assert_eq!(room.name_of(id::<sfu_core::control::ConsumerId>(9)), Some("far"));
}

#[test]
fn relations_are_seen_from_both_sides_by_kind_and_in_order() {
    let mut room = room();
    let (producer, observer) = (room.find("producer").unwrap(), room.find("observer").unwrap());
    assert_eq!(names(room.dependents(producer, Kind::Consumer)), ["near", "far"]);
    assert_eq!(names(room.dependents(producer, Kind::RtpObserver)), ["observer"]);
    assert_eq!(names(room.children(room.find("one").unwrap(), Kind::Consumer)), ["near"]);
    room.disconnect(producer, observer);
    assert_eq!(names(room.dependents(producer, Kind::RtpObserver)), [""; 0]);
    assert_eq!(names(room.sources(observer, Kind::Producer)), [""; 0]);
}

#[test]
fn the_name_and_the_router_of_what_closed_are_still_known() {
    let mut room = room();
    let router = room.find("router");
    let far = Target::from(id::<sfu_core::control::ConsumerId>(5));
    assert_eq!(room.place_of(far), (Some("far"), router));
    close(&mut room, "producer");
    assert_eq!(room.place_of(far), (Some("far"), router), "it went with its producer");
    assert_eq!(room.place_of(id::<sfu_core::control::ProducerId>(3).into()), (Some("producer"), router));
    assert_eq!(room.place_of(Target::Worker), (None, None));
}
