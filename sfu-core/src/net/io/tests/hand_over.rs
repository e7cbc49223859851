//! A port that goes from one network layer to another while its peers go on.
use super::*;

fn options() -> UdpOptions {
    UdpOptions { may_hand_over: true, ..UdpOptions::default() }
}

/// Sockets of an old and a new owner on all addresses of either family, and on one alone.
fn places() -> [SocketAddr; 3] {
    ["[::]:0", "0.0.0.0:0", "127.0.0.1:0"].map(|place| place.parse().unwrap())
}

#[test]
fn known_peers_stay_and_all_others_go_to_the_new_owner() {
    for place in places() {
        let (mut old, mut new) = (net(), net());
        let socket = old.add_udp(place, options()).unwrap();
        let port = old.local_addr(socket).unwrap().port();
        let taken = new.add_udp(SocketAddr::new(place.ip(), port), options());
        assert!(taken.is_err(), "{place}: it was not given away yet");
        let peers: Vec<StdUdpSocket> = (0..3).map(|_| peer("127.0.0.1:0")).collect();
        let stranger = peer("127.0.0.1:0");
        let send = |from: &StdUdpSocket, number: u32| {
            from.send_to(&numbered(number, 100), ("127.0.0.1", port)).unwrap();
        };
        for peer in &peers {
            send(peer, 0);
        }
        let known: Vec<Route> =
            turn_until(&mut old, |got| got.len() == 3).iter().map(|(route, _)| *route).collect();
        // What the kernel holds when the port changes hands is not lost.
        for number in 1..50 {
            peers.iter().for_each(|peer| send(peer, number));
        }
        old.hand_over(socket, &known).unwrap();
        let other = new.add_udp(SocketAddr::new(place.ip(), port), options()).unwrap();
        for number in 50..100 {
            peers.iter().for_each(|peer| send(peer, number));
            send(&stranger, number);
        }
        let got = turn_until(&mut old, |got| got.len() == 3 * 99);
        for (route, peer) in known.iter().zip(&peers) {
            assert_eq!(route.remote, peer.local_addr().unwrap());
            let mut numbers: Vec<u32> =
                got.iter().filter(|(from, _)| from == route).map(|(_, datagram)| number(datagram)).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, (1..100).collect::<Vec<_>>(), "{place}: by the same route as before");
        }
        let strangers = turn_until(&mut new, |got| got.len() == 50);
        assert!(
            strangers.iter().all(|(route, _)| {
                route.remote == stranger.local_addr().unwrap() && route.socket == other
            })
        );
        // What is sent leaves from the address that the peer knows.
        let mut outbox = Outbox::default();
        for route in &known {
            push(&mut outbox, *route, b"to you");
        }
        old.flush(&mut outbox);
        for peer in &peers {
            assert_eq!(
                receive(peer),
                (b"to you".to_vec(), SocketAddr::new([127, 0, 0, 1].into(), port)),
                "{place}"
            );
        }
        assert!(old.remove(socket));
        assert!(old.sockets.is_empty() && old.branches.is_empty());
    }
}

#[test]
fn a_port_without_peers_is_free_for_the_next() {
    let (mut old, mut new) = (net(), net());
    let place: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let socket = old.add_udp(place, options()).unwrap();
    let address = old.local_addr(socket).unwrap();
    old.hand_over(socket, &[]).unwrap();
    new.add_udp(address, options()).unwrap();
    peer("127.0.0.1:0").send_to(&numbered(1, 20), address).unwrap();
    assert_eq!(turn_until(&mut new, |got| got.len() == 1).len(), 1);
}
