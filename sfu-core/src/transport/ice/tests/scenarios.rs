//! What a peer may do in the life of a transport.

use super::*;

#[test]
fn the_first_check_connects_and_use_candidate_completes() {
    let mut world = World::new();
    assert_eq!(world.agent.state(), IceState::New);
    assert!(!world.agent.is_validated(1));
    assert_eq!(
        world.accepted(1, check()),
        [IceEvent::Selected(1), IceEvent::StateChanged(IceState::Connected)]
    );
    assert!(world.agent.is_validated(1));
    assert_eq!(world.accepted(1, nominating()), [IceEvent::StateChanged(IceState::Completed)]);
    assert_eq!(world.accepted(1, check()), [], "later checks change nothing");
    assert_eq!(world.agent.counters().accepted, 3);
}

#[test]
fn a_first_check_that_nominates_completes_at_once() {
    let mut world = World::new();
    assert_eq!(
        world.accepted(1, nominating()),
        [IceEvent::Selected(1), IceEvent::StateChanged(IceState::Completed)]
    );
}

#[test]
fn the_peer_moves_to_another_route_by_nominating_it() {
    let mut world = World::new();
    world.accepted(1, nominating());
    assert_eq!(world.accepted(2, check()), [], "a check alone does not move media");
    assert_eq!(world.agent.selected(), Some(1));
    assert_eq!(world.accepted(2, nominating()), [IceEvent::Selected(2)]);
    assert!(world.agent.is_validated(1), "media that is still on its way on the old route is read");
    assert_eq!(world.agent.state(), IceState::Completed);
}

#[test]
fn the_highest_nomination_wins_under_either_number() {
    for kind in [attribute::NOMINATION, attribute::GOOG_NOMINATION] {
        let mut world = World::new();
        let nominate = |value| Check { nomination: Some((kind, value)), ..nominating() };
        assert_eq!(
            world.accepted(1, nominate(5)),
            [IceEvent::Selected(1), IceEvent::StateChanged(IceState::Completed)]
        );
        assert_eq!(world.accepted(2, nominate(4)), [], "an older nomination that was overtaken");
        assert_eq!(world.accepted(2, nominate(5)), []);
        assert_eq!(world.accepted(2, nominate(6)), [IceEvent::Selected(2)]);
        assert_eq!(world.accepted(1, Check { use_candidate: false, ..nominate(7) }), [IceEvent::Selected(1)]);
    }
}

#[test]
fn a_restart_keeps_the_old_credentials_until_the_new_ones_are_used() {
    let mut world = World::new();
    world.accepted(1, Check { nomination: Some((attribute::NOMINATION, 9)), ..nominating() });
    assert_eq!(world.agent.restart(renewed()), None);
    assert_eq!((world.agent.local_ufrag(), world.agent.previous_ufrag()), ("renewed", Some("ours")));
    assert_eq!(world.accepted(1, check()), [], "the peer does not know yet");
    let fresh =
        Check { credentials: renewed(), nomination: Some((attribute::NOMINATION, 1)), ..nominating() };
    assert_eq!(
        world.accepted(2, fresh),
        [IceEvent::UfragRetired(Ufrag::from("ours").unwrap()), IceEvent::Selected(2)],
        "nominations start anew"
    );
    assert_eq!(world.refused(1, &check().bytes()), Some(401));
    assert_eq!(world.agent.counters().wrong_username, 1);
    assert_eq!(world.agent.previous_ufrag(), None);
}

#[test]
fn a_second_restart_tells_which_fragment_it_drops() {
    let mut world = World::new();
    world.agent.restart(renewed());
    let third = Credentials::random().unwrap();
    assert_eq!(world.agent.restart(third), Some(Ufrag::from("ours").unwrap()));
    assert_eq!(world.refused(1, &check().bytes()), Some(401));
    world.accepted(1, Check { credentials: renewed(), ..check() });
    assert_eq!(world.agent.previous_ufrag(), Some("renewed"));
}

#[test]
fn silence_disconnects_and_a_new_check_reconnects() {
    let mut world = World::new();
    assert_eq!(world.agent.poll_timeout(), None);
    world.accepted(1, nominating());
    world.accepted(2, check());
    world.pass(29);
    assert_eq!(world.agent.handle_timeout(world.now).as_slice(), []);
    world.accepted(1, check());
    let deadline = world.agent.poll_timeout().unwrap();
    assert_eq!(deadline, world.now + Duration::from_secs(30));
    world.now = deadline;
    assert_eq!(
        world.agent.handle_timeout(world.now).as_slice(),
        [
            IceEvent::RouteRemoved(1),
            IceEvent::RouteRemoved(2),
            IceEvent::StateChanged(IceState::Disconnected)
        ]
    );
    assert!(!world.agent.is_validated(1) && world.agent.selected().is_none());
    assert_eq!(world.agent.poll_timeout(), None);
    assert_eq!(world.agent.handle_timeout(world.now).as_slice(), []);
    assert_eq!(
        world.accepted(3, nominating()),
        [IceEvent::Selected(3), IceEvent::StateChanged(IceState::Completed)]
    );
}

#[test]
fn consent_does_not_come_from_refused_checks() {
    let mut world = World::new();
    world.accepted(1, nominating());
    world.pass(20);
    assert_eq!(world.refused(1, &Check { controlled: true, ..check() }.bytes()), Some(487));
    world.pass(10);
    assert_eq!(world.agent.handle_timeout(world.now).len(), 2);
}

#[test]
fn the_consent_timeout_is_kept_within_its_bounds() {
    let mut world = World::new();
    world.accepted(1, check());
    for (seconds, expected) in [(1, Some(10)), (45, Some(45)), (255, Some(60)), (0, None)] {
        world.agent.set_consent_timeout(ConsentTimeout::from_seconds(seconds));
        let wait = world.agent.poll_timeout().map(|deadline| (deadline - world.now).as_secs());
        assert_eq!(wait, expected, "{seconds}");
    }
    world.pass(100_000);
    assert_eq!(world.agent.handle_timeout(world.now).as_slice(), []);
}

#[test]
fn a_ninth_route_takes_the_place_of_the_oldest_that_is_not_selected() {
    let mut world = World::new();
    world.accepted(1, nominating());
    for route in 2..=8 {
        assert_eq!(world.accepted(route, check()), []);
    }
    assert_eq!(world.accepted(9, check()), [IceEvent::RouteRemoved(2)]);
    assert_eq!(world.accepted(10, nominating()), [IceEvent::RouteRemoved(3), IceEvent::Selected(10)]);
    assert_eq!(world.accepted(11, check()), [IceEvent::RouteRemoved(1)]);
    assert_eq!(world.agent.routes(), [4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(world.agent.counters().evicted_routes, 3);
}

#[test]
fn a_closed_connection_gives_way_to_another_route_or_disconnects() {
    let mut world = World::new();
    world.accepted(1, nominating());
    world.accepted(2, check());
    world.accepted(3, check());
    assert_eq!(world.agent.remove_route(2).as_slice(), [IceEvent::RouteRemoved(2)]);
    assert_eq!(world.agent.remove_route(1).as_slice(), [IceEvent::RouteRemoved(1), IceEvent::Selected(3)]);
    assert_eq!(world.agent.remove_route(9).as_slice(), []);
    assert_eq!(
        world.agent.remove_route(3).as_slice(),
        [IceEvent::RouteRemoved(3), IceEvent::StateChanged(IceState::Disconnected)]
    );
    assert_eq!(
        world.accepted(4, check()),
        [IceEvent::Selected(4), IceEvent::StateChanged(IceState::Connected)]
    );
}
