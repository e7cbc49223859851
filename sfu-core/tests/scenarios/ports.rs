//! WebRTC transports on ports of their own.
use std::net::Ipv4Addr;

use sfu_core::control::{DtlsState, ErrorKind, ListenInfo, Protocol};
use sfu_core::plugin::Nil;
use sfu_core::testing::{Bench, Media, PeerOptions};

use crate::{ms, seconds};

fn listen(protocol: Protocol, port: u16, port_range: Option<(u16, u16)>) -> ListenInfo {
    ListenInfo { protocol, port, port_range, ..ListenInfo::udp(Ipv4Addr::UNSPECIFIED) }
}

/// The local ports of all open sockets, sorted.
fn ports(bench: &Bench<Nil>) -> Vec<u16> {
    let mut ports: Vec<u16> = bench.open_sockets(0).iter().map(|address| address.port()).collect();
    ports.sort_unstable();
    ports
}

#[test]
fn media_flows_over_them_and_no_socket_stays_open_behind_a_closed_transport() {
    for tcp in [false, true] {
        let mut bench = Bench::empty();
        let own = |udp, tcp| vec![listen(Protocol::Udp, udp, None), listen(Protocol::Tcp, tcp, None)];
        let speaks = |options: PeerOptions| if tcp { options.tcp() } else { options };
        let ann = bench.peer_with(speaks(PeerOptions::webrtc().own_ports(own(7001, 7002))));
        let bob = bench.peer_with(speaks(PeerOptions::webrtc().own_ports(own(7003, 7004)).dtls_server()));
        let connections: &[u16] = if tcp { &[7002, 7004] } else { &[] };
        let mut expected = [&[7001, 7002, 7003, 7004], connections].concat();
        expected.sort_unstable();
        assert_eq!(ports(&bench), expected, "tcp {tcp}");
        let p = bench.produce(ann, Media::vp8());
        let c = bench.consume(bob, p);
        bench.play(&[p], seconds(1));
        assert!(bench.received(c).len() >= 90, "tcp {tcp}");
        assert_eq!(bench.receiver(c).lost(), 0);
        bench.pli(c);
        assert_eq!(bench.sender(p).plis, 1);
        for (peer, udp, over_tcp) in [(ann, 7001, 7002), (bob, 7003, 7004)] {
            let tuple = bench.transport_stats(peer).tuple.expect("a path");
            let (protocol, port) = if tcp { (Protocol::Tcp, over_tcp) } else { (Protocol::Udp, udp) };
            assert_eq!((tuple.protocol, tuple.local.port()), (protocol, port));
        }
        // The shared port knows nothing of them.
        let stranger = bench.check(ann).bytes();
        bench.send_to_worker(0, "198.51.100.9:4000".parse().unwrap(), &stranger);
        assert!(bench.strays().is_empty());

        let transport = bench.transport(ann);
        bench.close(transport);
        assert_eq!(ports(&bench).len(), expected.len() / 2, "tcp {tcp}: only bob's are left");
        let transport = bench.transport(bob);
        bench.close(transport);
        assert_eq!(ports(&bench), [0u16; 0], "tcp {tcp}");
        bench.advance(seconds(1));
        assert_eq!(bench.counter("transports"), 0);
    }
}

#[test]
fn a_connection_to_the_shared_port_is_closed_with_its_transport_too() {
    let mut bench = Bench::empty();
    let peer = bench.peer_with(PeerOptions::webrtc().tcp());
    assert_eq!(bench.open_sockets(0).len(), 1);
    let transport = bench.transport(peer);
    bench.close(transport);
    assert_eq!(bench.open_sockets(0).len(), 0);
}

#[test]
fn a_range_of_ports_is_used_up_and_refused_clearly_and_used_again() {
    let mut bench = Bench::empty();
    let udp = |range| PeerOptions::webrtc().own_ports(vec![listen(Protocol::Udp, 0, Some(range))]);
    let peers = [0; 3].map(|_| bench.peer_with(udp((40_000, 40_002))));
    assert_eq!(ports(&bench), [40_000, 40_001, 40_002]);
    let error = bench.try_peer(udp((40_000, 40_002))).expect_err("no port is left");
    assert_eq!(error.kind, ErrorKind::Limit);
    let text = error.to_string();
    assert!(text.contains("control.listen: no udp port of the range 40000–40002 is left"), "{text}");
    assert!(text.contains("close transports or widen it"), "{text}");
    // The same numbers are free for TCP, and what was opened before a refusal is closed again.
    let (tcp, full) = (listen(Protocol::Tcp, 0, Some((40_000, 40_002))), (40_000, 40_002));
    let half = PeerOptions::webrtc().own_ports(vec![tcp, listen(Protocol::Udp, 0, Some(full))]);
    assert_eq!(bench.try_peer(half).expect_err("no port is left").kind, ErrorKind::Limit);
    assert_eq!(ports(&bench), [40_000, 40_001, 40_002]);
    // Media flows by a port of the range; a freed one is taken again.
    let p = bench.produce(peers[0], Media::opus());
    let transport = bench.transport(peers[1]);
    bench.close(transport);
    let viewer = bench.peer_with(udp((40_000, 40_002)));
    let c = bench.consume(viewer, p);
    bench.play(&[p], ms(200));
    assert_eq!(bench.received(c).len(), 10);
    assert_eq!(bench.transport_stats(viewer).dtls_state, Some(DtlsState::Connected));
}

#[test]
fn a_fixed_port_is_taken_once_and_wins_over_a_range() {
    let mut bench = Bench::empty();
    let fixed = || PeerOptions::webrtc().own_ports(vec![listen(Protocol::Udp, 7001, Some((8000, 8001)))]);
    bench.peer_with(fixed());
    assert_eq!(ports(&bench), [7001]);
    assert_eq!(bench.try_peer(fixed()).expect_err("the port is taken").kind, ErrorKind::Limit);
    for range in [(0, 10), (9, 8)] {
        let wrong = PeerOptions::webrtc().own_ports(vec![listen(Protocol::Udp, 0, Some(range))]);
        let error = bench.try_peer(wrong).expect_err("no range");
        assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains("the first and the last"), "{error}");
    }
    assert_eq!(ports(&bench), [7001]);
}
