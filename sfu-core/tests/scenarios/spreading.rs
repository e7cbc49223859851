//! A room that outgrows its media thread.
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};
use sfu_core::control::{
    CloseReason, Command, ConsumerId, Dump, ErrorKind, EventBody, Labels, ListenInfo, PlainTransportOptions,
    ProducerId, Protocol, Reply, RouterId, Target, TransportId, TransportListen, WebRtcServerId,
    WebRtcServerOptions, WebRtcTransportOptions,
};
use sfu_core::plugin::{
    Attach, Cx, Nil, Plugin, PluginSet, Refusal, Responder, RouterInfo, Rows, TransportInfo, plugin,
};
use sfu_core::testing::{Bench, Build, PeerOptions};

use crate::{ms, seconds};

/// Transports and consumers that a room has on its media thread before it takes another one.
const ROOM: usize = 192;

fn two<S: PluginSet>(build: Build<S>) -> Bench<S> {
    build.workers(2).start()
}

/// Viewers of a producer, where the worker places them.
fn viewers<S: PluginSet>(bench: &mut Bench<S>, producer: ProducerId, count: usize) -> Vec<ConsumerId> {
    (0..count)
        .map(|_| {
            let peer = bench.peer_with(PeerOptions::plain().placed());
            bench.consume(peer, producer)
        })
        .collect()
}

/// How many there are on each media thread.
fn by_thread(consumers: &[ConsumerId]) -> [usize; 2] {
    [0, 1].map(|worker| consumers.iter().filter(|id| id.worker() == worker).count())
}

#[test]
fn a_small_room_stays_on_one_thread() {
    let mut bench = two(Build::<Nil>::new());
    let p = bench.video_producer();
    let all = viewers(&mut bench, p, 40);
    assert_eq!(by_thread(&all), [40, 0]);
    assert_eq!(bench.counter("routers"), 1);
}

#[test]
fn viewers_of_a_large_room_are_on_both_threads_and_each_gets_every_packet() {
    let mut bench = two(Build::<Nil>::new());
    let p = bench.video_producer();
    let all = viewers(&mut bench, p, 200);
    let [here, there] = by_thread(&all);
    assert!(here.abs_diff(there) <= 2, "{here} and {there}");
    bench.play(&[p], seconds(2));
    let sent = bench.worker_stats().producers[0].streams[0].packets;
    assert!(sent > 180, "{sent}");
    for c in &all {
        let receiver = bench.receiver(*c);
        assert_eq!((receiver.packets.len() as u64, receiver.lost()), (sent, 0), "{c}");
    }
    assert_eq!(bench.counter("relay_lost"), 0);
    // One room outside, whatever it is inside.
    assert_eq!(bench.counter("routers"), 1);
    let router = bench.router(0);
    let stats = bench.worker_stats();
    assert!(stats.transports.iter().all(|transport| transport.router == router));
    assert!(stats.consumers.iter().all(|consumer| consumer.producer == p));
    let sent_each = stats.consumers.iter().map(|consumer| consumer.stream.packets);
    assert!(sent_each.clone().all(|packets| packets == sent), "{:?}", sent_each.collect::<Vec<_>>());
}

#[test]
fn key_frames_that_viewers_of_both_threads_need_are_one() {
    let mut bench = two(Build::<Nil>::new());
    let p = bench.video_producer();
    let all = viewers(&mut bench, p, 200);
    bench.play(&[p], seconds(2));
    let before = bench.sender(p).plis;
    for c in &all {
        bench.pli(*c);
    }
    assert_eq!(bench.sender(p).plis - before, 1);
}

#[test]
fn what_comes_and_goes_keeps_the_threads_even() {
    let mut bench = two(Build::<Nil>::new());
    let p = bench.audio_producer();
    let mut all = viewers(&mut bench, p, 200);
    // All of one thread leave, others come.
    let (gone, left): (Vec<_>, Vec<_>) = all.iter().partition(|c| c.worker() == 1);
    let transports: BTreeMap<ConsumerId, TransportId> =
        bench.worker_stats().consumers.iter().map(|consumer| (consumer.id, consumer.transport)).collect();
    for c in &gone {
        bench.close(transports[c]);
    }
    all = left;
    // Nobody there needs the packets any more.
    bench.play(&[p], ms(100));
    assert_eq!(bench.counter("producers"), 1);
    let come = viewers(&mut bench, p, gone.len());
    all.extend(&come);
    let [here, there] = by_thread(&all);
    assert!(here.abs_diff(there) <= 2, "{here} and {there}");
    bench.play(&[p], seconds(1));
    for c in &come {
        assert_eq!(bench.receiver(*c).numbers().len(), 50, "{c}");
    }
}

#[test]
fn closing_the_producer_or_the_router_closes_all_of_both_threads() {
    for with_router in [false, true] {
        let mut bench = two(Build::<Nil>::new());
        let p = bench.audio_producer();
        let all = viewers(&mut bench, p, 200);
        let router = bench.router(0);
        let target: Target = if with_router { router.into() } else { p.into() };
        bench.close(target);
        for c in &all {
            assert_eq!(bench.events_of(*c).last(), Some(&EventBody::Closed(CloseReason::Parent)), "{c}");
        }
        assert_eq!((bench.counter("consumers"), bench.counter("producers")), (0, 0));
        if with_router {
            assert_eq!((bench.counter("transports"), bench.counter("routers")), (0, 0));
            assert_eq!(bench.events_of(router).last(), Some(&EventBody::Closed(CloseReason::Requested)));
        }
    }
}

#[test]
fn figures_of_the_router_are_those_of_all_its_parts() {
    let mut bench = two(Build::<Nil>::new());
    let p = bench.audio_producer();
    let all = viewers(&mut bench, p, 200);
    bench.play(&[p], ms(200));
    let router = bench.router(0);
    let Reply::Stats(stats) = bench.command(Command::Stats(router.into())) else { panic!("no figures") };
    assert_eq!((stats.transports.len(), stats.producers.len()), (201, 1));
    let mut of: Vec<ConsumerId> = stats.consumers.iter().map(|consumer| consumer.id).collect();
    let mut all = all;
    of.sort_unstable();
    all.sort_unstable();
    assert_eq!(of, all);
}

/// A transport of the room that belongs to no session.
fn loose<S: PluginSet>(bench: &mut Bench<S>, router: RouterId) -> TransportId {
    let options =
        PlainTransportOptions { listen: ListenInfo::udp([192, 0, 2, 1]), ..PlainTransportOptions::default() };
    match bench.command(Command::CreatePlainTransport { router, options }) {
        Reply::PlainTransport(created) => created.id,
        other => panic!("no transport: {other:?}"),
    }
}

#[test]
fn transports_spread_without_being_told_where_to() {
    let mut bench = two(Build::<Nil>::new());
    let router = bench.router(0);
    let all: Vec<TransportId> = (0..2 * ROOM).map(|_| loose(&mut bench, router)).collect();
    assert!(all[..ROOM].iter().all(|id| id.worker() == 0));
    assert!(all[ROOM..].iter().all(|id| id.worker() == 1));
    assert_eq!(loose(&mut bench, router).worker(), 0);
    assert_eq!(loose(&mut bench, router).worker(), 1);
}

#[test]
fn a_part_that_is_named_is_the_place_itself() {
    let mut bench = Build::<Nil>::new().workers(3).spread_at(1).start();
    let router = bench.router(0);
    loose(&mut bench, router);
    let part = bench.place(router);
    assert_eq!(part.worker(), 1);
    for _ in 0..5 {
        assert_eq!(loose(&mut bench, part).worker(), 1);
    }
}

#[test]
fn a_consumer_goes_over_to_a_producer_of_another_thread() {
    let mut bench = two(Build::<Nil>::new());
    let (first, second) = (bench.audio_producer(), bench.audio_producer());
    viewers(&mut bench, first, 100);
    let far = viewers(&mut bench, first, 2).into_iter().find(|c| c.worker() == 1).unwrap();
    bench.play(&[first, second], ms(200));
    bench.command(Command::SwitchConsumer { consumer: far, producer: second });
    bench.take_received(far);
    bench.play(&[first, second], ms(200));
    assert_eq!(bench.received(far).len(), 10);
    assert_eq!(bench.receiver(far).lost(), 0);
    let stats = bench.worker_stats();
    assert_eq!(stats.consumers.iter().find(|consumer| consumer.id == far).unwrap().producer, second);
}

/// Says which threads answer.
#[derive(Default)]
struct Rooms;

#[plugin(id = "rooms", off, on_panic = "forward")]
impl Plugin for Rooms {
    type Router = String;
    type Request = serde_json::Value;
    fn router_opened(
        &mut self,
        router: &RouterInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<String> {
        Attach::On(router.labels.get("room").unwrap_or_default().to_owned())
    }
    fn request(&mut self, _: Value, at: Target, re: Responder, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let Target::Router(router) = at else { return re.error(400, "rooms: ask about a router") };
        let rooms: Vec<&String> = rows.get(router).into_iter().collect();
        re.ok(json!({ "threads": [cx.worker()], "rooms": rooms }));
    }
}

#[test]
fn what_is_said_to_a_router_holds_in_parts_that_it_has_and_gets() {
    for before in [true, false] {
        let mut bench = two(Build::of::<Rooms>());
        let p = bench.audio_producer();
        let router = bench.router(0);
        let on = |bench: &mut Bench<_>| bench.enable("rooms", router, json!(null)).unwrap();
        if before {
            on(&mut bench);
        }
        viewers(&mut bench, p, 120);
        if !before {
            on(&mut bench);
        }
        let answer = bench.request("rooms", router, json!({})).unwrap();
        assert_eq!(answer, json!({ "threads": [0, 1], "rooms": ["test", "test"] }), "{before}");
        bench.disable("rooms", router).unwrap();
        let answer = bench.request("rooms", router, json!({})).unwrap();
        assert_eq!(answer, json!({ "threads": [0, 1], "rooms": [] }), "{before}");
    }
}

/// Wants no router on the second thread.
#[derive(Default)]
struct Picky;

#[plugin(id = "picky", on_panic = "forward")]
impl Plugin for Picky {
    type Router = ();
    fn router_opened(&mut self, _: &RouterInfo<'_>, _: &Self::Options, cx: &mut Cx<'_>) -> Attach<()> {
        if cx.worker() == 0 { Attach::On(()) } else { Attach::Refuse(Refusal::new("picky: not here")) }
    }
}

#[test]
fn a_room_that_may_not_spread_stays_whole() {
    let mut bench = two(Build::of::<Picky>());
    let p = bench.audio_producer();
    let all = viewers(&mut bench, p, 120);
    assert_eq!(by_thread(&all), [120, 0]);
    bench.play(&[p], ms(100));
    assert_eq!(bench.counter("routers"), 1);
}

/// A plugin that closes its router.
#[derive(Default)]
struct Closes;

#[plugin(id = "closes", on_panic = "forward")]
impl Plugin for Closes {
    type Transport = ();
    type Request = serde_json::Value;
    fn transport_opened(&mut self, _: &TransportInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn request(&mut self, _: Value, at: Target, re: Responder, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        if let Target::Transport(id) = at
            && let Some(router) = cx.view().transport(id).map(|transport| transport.router)
        {
            cx.close(router);
        }
        re.ok(json!({}));
    }
}

#[test]
fn a_plugin_that_closes_a_part_closes_the_room() {
    let mut bench = two(Build::of::<Closes>());
    let p = bench.audio_producer();
    viewers(&mut bench, p, 120);
    let far = bench.worker_stats().transports.iter().map(|it| it.id).find(|id| id.worker() == 1).unwrap();
    bench.request("closes", far, json!({})).unwrap();
    bench.advance(ms(1));
    assert_eq!((bench.counter("transports"), bench.counter("routers")), (0, 0));
}

/// What a server on this port says of where a new transport of the room is reached.
fn served<S: PluginSet>(bench: &mut Bench<S>, router: RouterId, server: WebRtcServerId) -> (u8, Vec<u16>) {
    let options = WebRtcTransportOptions {
        listen: TransportListen::Server(server),
        ..WebRtcTransportOptions::default()
    };
    match bench.command(Command::CreateWebRtcTransport { router, options }) {
        Reply::WebRtcTransport(created) => {
            (created.id.worker(), created.ice_candidates.iter().map(|candidate| candidate.port).collect())
        }
        other => panic!("no transport: {other:?}"),
    }
}

fn server<S: PluginSet>(bench: &mut Bench<S>, port: u16) -> WebRtcServerId {
    let of = |protocol| ListenInfo { port, protocol, ..ListenInfo::udp(Ipv4Addr::UNSPECIFIED) };
    let listen = vec![of(Protocol::Udp), of(Protocol::Tcp)];
    match bench.command(Command::CreateWebRtcServer(WebRtcServerOptions { listen })) {
        Reply::WebRtcServer(id) => id,
        other => panic!("no server: {other:?}"),
    }
}

#[test]
fn a_server_takes_the_next_ports_for_another_thread_once_that_is_needed() {
    let mut bench = two(Build::<Nil>::new());
    let (id, router) = (server(&mut bench, 7000), bench.router(0));
    for _ in 0..ROOM {
        assert_eq!(served(&mut bench, router, id), (0, vec![7000, 7000]));
    }
    assert_eq!(bench.open_sockets(1).len(), 0);
    assert_eq!(served(&mut bench, router, id), (1, vec![7001, 7001]));
    assert_eq!(served(&mut bench, router, id), (1, vec![7001, 7001]), "the same sockets");
    assert_eq!(bench.open_sockets(1).len(), 2);
    let Reply::Dump(Dump::WebRtcServer(dump)) = bench.command(Command::Dump(id.into())) else { panic!() };
    let ports = |sockets: &[SocketAddr]| sockets.iter().map(SocketAddr::port).collect::<Vec<_>>();
    assert_eq!((ports(&dump.udp), ports(&dump.tcp)), (vec![7000, 7001], vec![7000, 7001]));
    assert_eq!((dump.transports.len(), dump.username_fragments.len()), (ROOM + 2, ROOM + 2));
    assert_eq!(bench.worker_stats_of(id).transports.len(), ROOM + 2);
    assert_eq!(bench.counter("webrtc_servers"), 1);
    bench.close(id);
    assert_eq!(
        (bench.counter("transports"), bench.open_sockets(0).len(), bench.open_sockets(1).len()),
        (0, 0, 0)
    );
    assert_eq!(bench.events_of(id), [EventBody::Closed(CloseReason::Requested)]);
}

#[test]
fn where_the_next_port_is_taken_the_room_stays_where_its_server_is() {
    let mut bench = two(Build::<Nil>::new());
    let (id, router) = (server(&mut bench, u16::MAX), bench.router(0));
    let places: Vec<_> = (0..ROOM + 10).map(|_| served(&mut bench, router, id).0).collect();
    assert!(places.iter().all(|worker| *worker == 0));
    // A room of another thread has no other place.
    let router = match bench.command_on(1, Command::CreateRouter { labels: Labels::new() }) {
        Ok(Reply::Router(id)) => id,
        other => panic!("no router: {other:?}"),
    };
    let options =
        WebRtcTransportOptions { listen: TransportListen::Server(id), ..WebRtcTransportOptions::default() };
    let error = bench.try_command(Command::CreateWebRtcTransport { router, options }).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit, "{error}");
}

#[test]
fn a_room_of_another_thread_than_its_server_gets_the_next_ports() {
    let mut bench = two(Build::<Nil>::new());
    let (id, router) = (server(&mut bench, 7000), bench.router(1));
    assert_eq!(served(&mut bench, router, id), (1, vec![7001, 7001]));
}
