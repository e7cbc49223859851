//! Turns: whoever is flooded starves nobody.
use std::io::Write;
use std::net::TcpStream;

use super::*;
use crate::net::receive::BUDGET;

const TURNS: u32 = 50;

fn udp(net: &mut Net, options: UdpOptions) -> (SocketId, SocketAddr) {
    let id = net.add_udp("127.0.0.1:0".parse().unwrap(), options).unwrap();
    (id, net.local_addr(id).unwrap())
}

/// One turn; how many datagrams came by each socket.
fn turn(net: &mut Net) -> HashMap<SocketId, usize> {
    let mut came = HashMap::new();
    net.poll(Some(Instant::now() + LONG), |_, route, _| {
        *came.entry(route.socket).or_default() += 1;
        ControlFlow::Continue(())
    })
    .unwrap();
    came
}

#[test]
fn a_flooded_socket_leaves_others_a_place_in_every_turn() {
    for gro in [true, false] {
        let mut net = net();
        let (busy, busy_at) = udp(&mut net, UdpOptions { gro, ..UdpOptions::default() });
        let (quiet, quiet_at) = udp(&mut net, UdpOptions { gro, ..UdpOptions::default() });
        let peer = peer("127.0.0.1:0");
        for n in 0..TURNS {
            // More than a turn reads, so that some is always left.
            for n in 0..64 {
                peer.send_to(&numbered(n, 100), busy_at).unwrap();
            }
            peer.send_to(&numbered(n, 100), quiet_at).unwrap();
            let came = turn(&mut net);
            assert_eq!(came.get(&quiet), Some(&1), "turn {n}, gro {gro}: {came:?}");
            assert!(came.get(&busy).is_some_and(|&came| came <= BUDGET), "turn {n}, gro {gro}: {came:?}");
        }
    }
}

#[test]
fn a_flood_of_coalesced_datagrams_is_taken_by_the_datagram_and_not_by_the_message() {
    let mut net = net();
    let (busy, busy_at) = udp(&mut net, UdpOptions::default());
    let (quiet, quiet_at) = udp(&mut net, UdpOptions::default());
    let (from, _) = udp(&mut net, UdpOptions::default());
    let (mut outbox, peer) = (Outbox::default(), peer("127.0.0.1:0"));
    let mut flood = |net: &mut Net, messages: u32| {
        for message in 0..messages {
            for n in 0..64 {
                push(&mut outbox, udp_route(from, busy_at), &numbered(message * 64 + n, 100));
            }
            net.flush(&mut outbox);
        }
    };
    // Nobody knows beforehand how full messages are; after the first turn it is known.
    flood(&mut net, 40);
    let first = turn(&mut net);
    if first.get(&busy).is_some_and(|&came| came <= 32) {
        return crate::testing::skipped("this system does not coalesce datagrams");
    }
    for n in 0..TURNS {
        flood(&mut net, 6);
        peer.send_to(&numbered(n, 100), quiet_at).unwrap();
        let came = turn(&mut net);
        assert_eq!(came.get(&quiet), Some(&1), "turn {n}: {came:?}");
        assert_eq!(came.get(&busy), Some(&BUDGET), "turn {n}");
    }
    // Single datagrams come in whole batches again.
    peer.send_to(&numbered(0, 100), busy_at).unwrap();
    while turn(&mut net).get(&busy) == Some(&BUDGET) {}
    for n in 0..80 {
        peer.send_to(&numbered(n, 100), busy_at).unwrap();
    }
    let most = (0..4).filter_map(|_| turn(&mut net).get(&busy).copied()).max();
    assert_eq!(most, Some(32));
}

#[test]
fn a_connection_that_is_broken_off_each_time_is_not_read_for_ever() {
    const FRAMES: u32 = 500;
    let mut net = net();
    let listener = net.add_tcp("127.0.0.1:0".parse().unwrap(), TcpOptions::default()).unwrap();
    let address = net.local_addr(listener).unwrap();
    let mut peers: Vec<_> = (0..2).map(|_| TcpStream::connect(address).unwrap()).collect();
    turn_while(&mut net, |net| net.counters().tcp_accepted < 2);
    for peer in &mut peers {
        let frame = [&100_u16.to_be_bytes()[..], &[7; 100]].concat();
        peer.write_all(&frame.repeat(FRAMES as usize)).unwrap();
    }
    let mut heard = Vec::new();
    while heard.first().is_none_or(|first| heard.iter().all(|other| other == first)) {
        assert!(heard.len() < FRAMES as usize, "the other was not heard before all of the first");
        net.poll(Some(Instant::now() + LONG), |_, route, _| {
            heard.push(route.socket);
            ControlFlow::Break(())
        })
        .unwrap();
    }
    assert!(heard.len() < FRAMES as usize / 2, "heard after {} frames of the first", heard.len());
}
