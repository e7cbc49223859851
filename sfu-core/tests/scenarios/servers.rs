//! Servers: ports that several WebRTC transports share.
use std::net::Ipv4Addr;

use sfu_core::control::{
    CloseReason, Command, Dump, ErrorKind, EventBody, LinkDump, ListenInfo, Protocol, Reply, TransportListen,
    WebRtcServerId, WebRtcServerOptions, WebRtcTransportOptions,
};
use sfu_core::plugin::Nil;
use sfu_core::testing::{Bench, Media, PeerOptions};

use crate::{ms, seconds};

fn listen(protocol: Protocol, port: u16) -> ListenInfo {
    ListenInfo { protocol, port, ..ListenInfo::udp(Ipv4Addr::UNSPECIFIED) }
}

fn server(bench: &mut Bench<Nil>, listen: Vec<ListenInfo>) -> WebRtcServerId {
    match bench.command(Command::CreateWebRtcServer(WebRtcServerOptions { listen })) {
        Reply::WebRtcServer(id) => id,
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn transports_share_its_ports_and_close_with_it() {
    for tcp in [false, true] {
        let mut bench = Bench::empty();
        let server = server(&mut bench, vec![listen(Protocol::Udp, 7001), listen(Protocol::Tcp, 7002)]);
        let speaks = |options: PeerOptions| if tcp { options.tcp() } else { options };
        let ann = bench.peer_with(speaks(PeerOptions::webrtc().server(server)));
        let bob = bench.peer_with(speaks(PeerOptions::webrtc().server(server)));
        let p = bench.produce(ann, Media::vp8());
        let c = bench.consume(bob, p);
        bench.play(&[p], seconds(1));
        assert!(bench.received(c).len() >= 90 && bench.receiver(c).lost() == 0, "tcp {tcp}");
        let port = if tcp { 7002 } else { 7001 };
        for peer in [ann, bob] {
            assert_eq!(bench.transport_stats(peer).tuple.expect("a path").local.port(), port);
        }
        let [first, second] = [ann, bob].map(|peer| bench.transport(peer));
        let Reply::Dump(Dump::WebRtcServer(dump)) = bench.command(Command::Dump(server.into())) else {
            panic!()
        };
        assert_eq!((dump.udp[0].port(), dump.tcp[0].port()), (7001, 7002));
        assert_eq!(dump.transports, [first, second]);
        let owners: Vec<_> = dump.username_fragments.iter().map(|(_, transport)| *transport).collect();
        assert_eq!(owners, [first, second]);
        assert_eq!(bench.worker_stats_of(server).transports.len(), 2);
        // One of them goes, the other stays.
        bench.close(first);
        let Reply::Dump(Dump::WebRtcServer(dump)) = bench.command(Command::Dump(server.into())) else {
            panic!()
        };
        assert_eq!(dump.transports, [second]);
        bench.close(server);
        assert_eq!(bench.events_of(second).last(), Some(&EventBody::Closed(CloseReason::Parent)));
        assert_eq!(bench.events_of(server), [EventBody::Closed(CloseReason::Requested)]);
        assert_eq!((bench.open_sockets(0).len(), bench.counter("transports")), (0, 0), "tcp {tcp}");
        let error = bench.try_peer(PeerOptions::webrtc().server(server)).expect_err("closed");
        assert_eq!(error.kind, ErrorKind::NotFound);
    }
}

#[test]
fn all_of_its_addresses_are_bound_or_none() {
    let mut bench = Bench::empty();
    server(&mut bench, vec![listen(Protocol::Udp, 7001)]);
    let wanted = vec![listen(Protocol::Udp, 7005), listen(Protocol::Udp, 7001)];
    let create = Command::CreateWebRtcServer(WebRtcServerOptions { listen: wanted });
    let error = bench.try_command(create).expect_err("taken");
    assert!(error.text.contains(":7001"), "{error}");
    assert_eq!(bench.open_sockets(0).len(), 1, "the first is closed again");
    let none = Command::CreateWebRtcServer(WebRtcServerOptions::default());
    assert_eq!(bench.try_command(none).expect_err("nothing").kind, ErrorKind::Invalid);
}

#[test]
fn candidates_rank_by_preference_then_order_and_internal_addresses_come_last() {
    let mut bench = Bench::empty();
    let announced = |info: ListenInfo, internal| ListenInfo {
        announced_address: Some("sfu.example.org".into()),
        expose_internal_ip: internal,
        ..info
    };
    let id = server(
        &mut bench,
        vec![
            announced(ListenInfo { port: 7001, ..ListenInfo::udp([192, 0, 2, 50]) }, true),
            announced(
                ListenInfo { port: 7002, protocol: Protocol::Tcp, ..ListenInfo::udp([192, 0, 2, 50]) },
                false,
            ),
            ListenInfo { port: 7003, ..ListenInfo::udp([192, 0, 2, 51]) },
        ],
    );
    let router = bench.router(0);
    let mut create = |udp, tcp, enable_udp| {
        let options = WebRtcTransportOptions {
            listen: TransportListen::Server(id),
            prefer_udp: udp,
            prefer_tcp: tcp,
            enable_udp,
            ..Default::default()
        };
        match bench.command(Command::CreateWebRtcTransport { router, options }) {
            Reply::WebRtcTransport(created) => created,
            other => panic!("unexpected {other:?}"),
        }
    };
    let rank = |local: u32| (64 << 24) + (local << 8) + 255;
    let told = |created: &sfu_core::control::WebRtcTransportCreated| -> Vec<(String, u16, u32)> {
        let all = created.ice_candidates.iter();
        all.map(|candidate| (candidate.address.clone(), candidate.port, candidate.priority)).collect()
    };
    let both = create(true, false, true);
    assert_eq!(
        told(&both),
        [
            ("sfu.example.org".to_owned(), 7001, rank(11_000)),
            ("192.0.2.50".to_owned(), 7001, rank(11_000) - 1000),
            ("sfu.example.org".to_owned(), 7002, rank(9_900)),
            ("192.0.2.51".to_owned(), 7003, rank(10_800)),
        ]
    );
    assert_eq!(told(&create(false, true, false)), [("sfu.example.org".to_owned(), 7002, rank(10_900))]);
    let Reply::Dump(Dump::Transport(dump)) = bench.command(Command::Dump(both.id.into())) else { panic!() };
    let LinkDump::WebRtc { ice_parameters, ice_candidates, tuple, .. } = dump.link else { panic!() };
    assert_eq!((ice_parameters, ice_candidates, tuple), (both.ice_parameters, both.ice_candidates, None));
}

#[test]
fn both_names_of_a_restarted_transport_lead_to_it_until_the_new_one_is_used() {
    let mut bench = Bench::empty();
    let server = server(&mut bench, vec![listen(Protocol::Udp, 7001)]);
    let ann = bench.peer_with(PeerOptions::webrtc().server(server));
    let names = |bench: &mut Bench<Nil>| match bench.command(Command::Dump(server.into())) {
        Reply::Dump(Dump::WebRtcServer(dump)) => dump.username_fragments.len(),
        other => panic!("unexpected {other:?}"),
    };
    let parameters = bench.restart_ice(ann);
    bench.advance(seconds(1));
    assert_eq!(names(&mut bench), 2);
    bench.use_restart(ann, parameters);
    bench.advance(seconds(6));
    assert_eq!(names(&mut bench), 1);
    let p = bench.produce(ann, Media::opus());
    let c = bench.consume(ann, p);
    bench.play(&[p], ms(200));
    assert_eq!(bench.received(c).len(), 10);
}
