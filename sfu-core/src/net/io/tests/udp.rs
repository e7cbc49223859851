//! UDP: batches in, runs out, addresses, full sockets.
use std::collections::HashMap as Map;

use super::*;

fn add(net: &mut Net, address: &str, options: UdpOptions) -> (SocketId, SocketAddr) {
    let id = net.add_udp(address.parse().unwrap(), options).unwrap();
    (id, net.local_addr(id).unwrap())
}

fn socket(net: &mut Net, id: SocketId) -> &mut UdpSocket {
    match net.sockets.get_mut(&id) {
        Some(NetSocket::Udp(udp)) => udp,
        _ => panic!("no UDP socket {id:?}"),
    }
}

fn has_ipv6() -> bool {
    StdUdpSocket::bind("[::1]:0").is_ok()
}

#[test]
fn a_batch_arrives_whole_and_in_order() {
    for gro in [true, false] {
        let mut net = net();
        let (id, address) = add(&mut net, "127.0.0.1:0", UdpOptions { gro, ..UdpOptions::default() });
        let peer = peer("127.0.0.1:0");
        for n in 0..100 {
            peer.send_to(&numbered(n, 4 + n as usize), address).unwrap();
        }
        let got = turn_until(&mut net, |got| got.len() >= 100);
        for (n, (route, datagram)) in got.iter().enumerate() {
            assert_eq!(*datagram, numbered(n as u32, 4 + n));
            assert_eq!(route.remote, peer.local_addr().unwrap());
            assert_eq!((route.socket, route.protocol, route.local), (id, Protocol::Udp, Some(address.ip())));
        }
        assert_eq!(got.len(), 100);
        assert_eq!(net.counters().datagrams_in, 100);
    }
}

#[test]
fn breaking_off_loses_and_repeats_nothing() {
    let mut net = net();
    let (id, address) = add(&mut net, "127.0.0.1:0", UdpOptions::default());
    let (from, _) = add(&mut net, "127.0.0.1:0", UdpOptions::default());
    let mut outbox = Outbox::default();
    for n in 0..150 {
        push(&mut outbox, udp_route(from, address), &numbered(n, 500));
    }
    net.flush(&mut outbox);
    let mut got = Vec::new();
    while got.len() < 150 {
        let before = got.len();
        net.poll(Some(Instant::now() + LONG), |_, route, datagram| {
            assert_eq!(route.socket, id);
            got.push(number(datagram));
            if got.len() % 7 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
        assert!(got.len() - before <= 7);
    }
    assert_eq!(got, (0..150).collect::<Vec<_>>());
}

#[test]
fn a_socket_removed_after_breaking_off_delivers_nothing_more() {
    let mut net = net();
    let (id, address) = add(&mut net, "127.0.0.1:0", UdpOptions::default());
    let peer = peer("127.0.0.1:0");
    for n in 0..3 {
        peer.send_to(&numbered(n, 10), address).unwrap();
    }
    let breaks = |_: Arrival, _: Route, _: &mut [u8]| ControlFlow::Break(());
    net.poll(Some(Instant::now() + LONG), breaks).unwrap();
    net.remove(id);
    let mut more = 0;
    for _ in 0..3 {
        net.poll(Some(Instant::now()), |_, _, _| {
            more += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    assert_eq!(more, 0);
}

#[test]
fn what_came_while_the_thread_was_busy_is_as_old_as_it_is() {
    for (address, gro) in [("127.0.0.1:0", true), ("127.0.0.1:0", false), ("[::]:0", true)] {
        if address.starts_with('[') && !has_ipv6() {
            continue;
        }
        let mut net = net();
        let (_, to) = add(&mut net, address, UdpOptions { gro, ..UdpOptions::default() });
        let to = SocketAddr::new([127, 0, 0, 1].into(), to.port());
        let peer = peer("127.0.0.1:0");
        let mut sent = Vec::new();
        for n in 0..3 {
            let before = Instant::now();
            peer.send_to(&numbered(n, 100), to).unwrap();
            sent.push((before, Instant::now()));
            thread::sleep(Duration::from_millis(20));
        }
        let mut came = Vec::new();
        while came.len() < 3 {
            net.poll(Some(Instant::now() + LONG), |arrival, _, _| {
                came.push(arrival);
                ControlFlow::Continue(())
            })
            .unwrap();
        }
        // Two clocks are compared, read one after the other: a thread may lose its processor between them.
        let slack = Duration::from_millis(10);
        for (n, ((before, after), arrival)) in sent.iter().zip(&came).enumerate() {
            assert!(
                arrival.at + slack >= *before && arrival.at <= *after + slack,
                "{n} of {address}, gro {gro}"
            );
        }
        assert!(came[0].now >= sent[2].1, "they were read in a later turn");
    }
}

#[test]
fn runs_arrive_as_the_same_datagrams_in_order() {
    for (address, wanted) in [("127.0.0.1:0", true), ("[::1]:0", has_ipv6())] {
        if !wanted {
            continue;
        }
        let mut net = net();
        let (id, _) = add(&mut net, address, UdpOptions::default());
        let peers: Vec<_> = (0..5).map(|_| peer(address)).collect();
        // Equal sizes, a shorter last one, growing ones, mixed ones, and more than one call takes.
        let sizes: [&[usize]; 5] = [
            &[1200; 10],
            &[1200, 1200, 1200, 300],
            &[100, 200, 300, 400, 500],
            &[1200, 1200, 60, 60, 1200, 900, 0, 1200],
            &[1000; 150],
        ];
        let mut outbox = Outbox::default();
        for n in 0..150 {
            for (peer, sizes) in peers.iter().zip(sizes) {
                if let Some(&size) = sizes.get(n) {
                    let route = udp_route(id, peer.local_addr().unwrap());
                    let datagram = if size < 4 { vec![] } else { numbered(n as u32, size) };
                    push(&mut outbox, route, &datagram);
                }
            }
        }
        let pushed = outbox.len() as u64;
        net.flush(&mut outbox);
        for (peer, sizes) in peers.iter().zip(sizes) {
            for (n, &size) in sizes.iter().enumerate() {
                let (datagram, _) = receive(peer);
                assert_eq!(datagram.len(), size, "datagram {n} of {sizes:?}");
                assert!(size < 4 || datagram == numbered(n as u32, size));
            }
        }
        let counters = net.counters();
        assert_eq!(counters.datagrams_out, pushed);
        assert_eq!((counters.send_errors, counters.gso_refused), (0, 0));
        assert!(counters.gso_sends >= 5 && counters.sends < 25, "{counters:?}");
    }
}

#[test]
fn coalesced_datagrams_are_taken_apart() {
    // The last one as long as the others, shorter, of a single byte.
    for (last, address) in
        [1200, 77, 1].into_iter().flat_map(|last| [(last, "127.0.0.1:0"), (last, "[::1]:0")])
    {
        if address.starts_with('[') && !has_ipv6() {
            continue;
        }
        let mut net = net();
        let (_, to) = add(&mut net, address, UdpOptions::default());
        let (from, source) = add(&mut net, address, UdpOptions::default());
        let mut outbox = Outbox::default();
        let mut expected: Vec<_> = (0..20).map(|n| numbered(n, 1200)).collect();
        expected.push(vec![9; last]);
        for datagram in &expected {
            push(&mut outbox, udp_route(from, to), datagram);
        }
        net.flush(&mut outbox);
        let got = turn_until(&mut net, |got| got.len() >= 21);
        assert!(got.iter().map(|(_, datagram)| datagram).eq(&expected), "{address}, last {last}");
        assert!(got.iter().all(|(route, _)| route.remote == source));
        assert_eq!(net.counters().datagrams_in, 21);
        assert!(net.counters().messages_in < 21, "{:?}", net.counters());
    }
}

/// Sends `runs` runs of 5 to a peer at `address`; all must arrive in order.
fn send_runs(net: &mut Net, id: SocketId, address: &str, runs: u32) {
    let peer = peer(address);
    let mut outbox = Outbox::default();
    for run in 0..runs {
        for n in 0..5 {
            push(&mut outbox, udp_route(id, peer.local_addr().unwrap()), &numbered(run * 5 + n, 800));
        }
        net.flush(&mut outbox);
        for n in 0..5 {
            assert_eq!(receive(&peer).0, numbered(run * 5 + n, 800));
        }
    }
}

/// What the kernel says of segments that it does not take: no checksums by the device, no such option, too long for the path.
const REFUSALS: [i32; 4] = [libc::EIO, libc::EOPNOTSUPP, libc::EINVAL, libc::EMSGSIZE];

#[test]
fn a_destination_that_takes_no_segments_gets_single_datagrams_and_all_others_still_runs() {
    for errno in REFUSALS {
        let mut net = net();
        let (id, _) = add(&mut net, "127.0.0.1:0", UdpOptions::default());
        socket(&mut net, id).sender.faults.gso = Some(errno);
        send_runs(&mut net, id, "127.0.0.2:0", 20);
        let counters = *net.counters();
        assert_eq!((counters.gso_refused, counters.gso_sends), (1, 0), "asked once: {errno}");
        socket(&mut net, id).sender.faults.gso = None;
        send_runs(&mut net, id, "127.0.0.3:0", 20);
        send_runs(&mut net, id, "127.0.0.2:0", 20);
        let counters = net.counters();
        assert_eq!((counters.gso_refused, counters.gso_sends), (1, 20), "{errno}");
        assert_eq!((counters.datagrams_out, counters.send_errors), (300, 0));
    }
}

#[test]
fn a_system_without_segmentation_sends_one_by_one_from_then_on() {
    for errno in REFUSALS {
        let mut net = net();
        let (id, _) = add(&mut net, "127.0.0.1:0", UdpOptions::default());
        socket(&mut net, id).sender.faults.gso = Some(errno);
        for last in 1..=20 {
            send_runs(&mut net, id, &format!("127.0.0.{last}:0"), 1);
        }
        assert!(!socket(&mut net, id).sender.gso);
        let counters = net.counters();
        assert_eq!((counters.gso_refused, counters.gso_sends, counters.datagrams_out), (16, 0, 100));
    }
}

#[test]
fn a_destination_that_gets_nothing_says_nothing_of_segmentation() {
    let mut net = net();
    let (id, _) = add(&mut net, "127.0.0.1:0", UdpOptions::default());
    let mut outbox = Outbox::default();
    for port in 1..=20 {
        // Refused together, and then each by itself.
        socket(&mut net, id).sender.faults.next = [libc::EINVAL; 4].into();
        for n in 0..3 {
            push(&mut outbox, udp_route(id, ([127, 0, 0, port], 9).into()), &numbered(n, 100));
        }
        net.flush(&mut outbox);
    }
    assert!(socket(&mut net, id).sender.gso);
    assert_eq!(net.counters().send_errors, 60);
}

#[test]
fn one_destination_that_fails_harms_no_other() {
    for errno in
        [libc::EPERM, libc::EACCES, libc::ENETUNREACH, libc::EHOSTUNREACH, libc::EMSGSIZE, libc::EINVAL]
    {
        for gso in [true, false] {
            let mut net = net();
            let (id, _) = add(&mut net, "127.0.0.1:0", UdpOptions { gso, ..UdpOptions::default() });
            let peers = [peer("127.0.0.1:0"), peer("127.0.0.1:0")];
            let mut outbox = Outbox::default();
            for turn in 0..3 {
                // The first run fails: together, and three times one by one.
                socket(&mut net, id).sender.faults.next = match (gso, errno) {
                    (true, libc::EMSGSIZE | libc::EINVAL) => [errno; 4].to_vec().into(),
                    (true, _) => [errno].to_vec().into(),
                    (false, _) => [errno; 3].to_vec().into(),
                };
                for n in 0..3 {
                    push(&mut outbox, udp_route(id, ([127, 0, 0, 9], 9).into()), &numbered(n, 100));
                    for peer in &peers {
                        push(
                            &mut outbox,
                            udp_route(id, peer.local_addr().unwrap()),
                            &numbered(turn * 3 + n, 100),
                        );
                    }
                }
                net.flush(&mut outbox);
                assert!(socket(&mut net, id).sender.faults.next.is_empty(), "{errno} {gso}");
            }
            for peer in &peers {
                for n in 0..9 {
                    assert_eq!(receive(peer).0, numbered(n, 100), "{errno} {gso}");
                }
            }
            let counters = net.counters();
            assert_eq!((counters.send_errors, counters.datagrams_out), (9, 18), "{errno} {gso}");
            assert_eq!(socket(&mut net, id).backlog_len(), 0);
        }
    }
}

#[test]
fn an_answer_of_icmp_to_an_earlier_datagram_takes_none_of_the_next_ones_along() {
    let mut net = net();
    let (id, _) = add(&mut net, "127.0.0.1:0", UdpOptions::default());
    let peer = peer("127.0.0.1:0");
    let mut outbox = Outbox::default();
    // As a connected socket is told: instead of a run, and instead of a single datagram.
    socket(&mut net, id).sender.faults.next = [libc::ECONNREFUSED, 0, libc::ECONNREFUSED, 0].into();
    for (n, size) in [100, 100, 100, 200].into_iter().enumerate() {
        push(&mut outbox, udp_route(id, peer.local_addr().unwrap()), &numbered(n as u32, size));
    }
    net.flush(&mut outbox);
    for n in 0..4 {
        assert_eq!(number(&receive(&peer).0), n);
    }
    assert_eq!((net.counters().send_errors, net.counters().gso_refused), (0, 0));
}

#[test]
fn a_reply_leaves_from_the_address_that_was_hit() {
    let cases = [
        ("0.0.0.0:0", "127.0.0.2", "127.0.0.1:0"),
        ("[::]:0", "127.0.0.3", "127.0.0.1:0"),
        ("[::]:0", "::1", "[::1]:0"),
    ];
    for (bound, hit, peer_address) in cases {
        if bound.starts_with('[') && !has_ipv6() {
            continue;
        }
        let mut net = net();
        let (_, address) = add(&mut net, bound, UdpOptions::default());
        let peer = peer(peer_address);
        let hit = SocketAddr::new(hit.parse().unwrap(), address.port());
        peer.send_to(b"ping", hit).unwrap();
        let got = turn_until(&mut net, |got| !got.is_empty());
        let route = got[0].0;
        assert_eq!((route.remote, route.local), (peer.local_addr().unwrap(), Some(hit.ip())));
        let mut outbox = Outbox::default();
        for n in 0..3 {
            push(&mut outbox, route, &numbered(n, 100));
        }
        net.flush(&mut outbox);
        for n in 0..3 {
            assert_eq!(receive(&peer), (numbered(n, 100), hit));
        }
        assert_eq!(net.counters().gso_sends, 1);
    }
}

#[test]
fn a_full_socket_keeps_the_rest_in_order() {
    for errno in [libc::EAGAIN, libc::ENOBUFS] {
        let mut net = net();
        let (id, _) = add(&mut net, "127.0.0.1:0", UdpOptions::default());
        let peers = [peer("127.0.0.1:0"), peer("127.0.0.1:0")];
        let mut outbox = Outbox::default();
        // The first call of mixed sizes passes, the second is refused; and so is the first try to send the rest.
        socket(&mut net, id).sender.faults.next = [0, errno, errno].into();
        let sizes = [100, 200, 200, 200, 50, 300];
        for turn in 0..2 {
            for n in 0..6 {
                for peer in &peers {
                    let route = udp_route(id, peer.local_addr().unwrap());
                    push(&mut outbox, route, &numbered(turn * 6 + n, sizes[n as usize]));
                }
            }
            net.flush(&mut outbox);
            assert!(outbox.is_empty());
        }
        assert_eq!(socket(&mut net, id).backlog_len(), 23);
        turn_while(&mut net, |net| socket(net, id).backlog_len() > 0);
        for peer in &peers {
            for n in 0..12 {
                assert_eq!(receive(peer).0, numbered(n, sizes[n as usize % 6]));
            }
        }
        assert_eq!((net.counters().would_block, net.counters().datagrams_out), (2, 24));
        // Nothing is left that would keep the loop awake.
        let start = Instant::now();
        turn_until(&mut net, |_| start.elapsed() > Duration::from_millis(5));
        assert!(!socket(&mut net, id).watches_room && net.later.is_empty());
    }
}

#[test]
fn a_run_refused_half_way_continues_where_it_stopped() {
    let mut net = net();
    let (id, _) = add(&mut net, "127.0.0.1:0", UdpOptions { gso: false, ..UdpOptions::default() });
    let peer = peer("127.0.0.1:0");
    socket(&mut net, id).sender.faults.next = [0, 0, libc::EAGAIN].into();
    let mut outbox = Outbox::default();
    for n in 0..5 {
        push(&mut outbox, udp_route(id, peer.local_addr().unwrap()), &numbered(n, 100));
    }
    net.flush(&mut outbox);
    turn_while(&mut net, |net| socket(net, id).backlog_len() > 0);
    for n in 0..5 {
        assert_eq!(number(&receive(&peer).0), n);
    }
}

#[test]
fn a_jam_drops_the_oldest_and_counts_them() {
    let mut net = net();
    let (id, _) = add(&mut net, "127.0.0.1:0", UdpOptions::default());
    let (sink, sink_address) = add(&mut net, "127.0.0.1:0", UdpOptions::default());
    socket(&mut net, id).sender.faults.next = [libc::EAGAIN].into();
    let mut outbox = Outbox::default();
    for n in 0..1324 {
        push(&mut outbox, udp_route(id, sink_address), &numbered(n, 20));
    }
    net.flush(&mut outbox);
    assert_eq!(net.counters().backlog_dropped, 300);
    let got = turn_until(&mut net, |got| got.len() >= 1024);
    let numbers: Vec<u32> = got.iter().map(|(_, datagram)| number(datagram)).collect();
    assert_eq!(numbers, (300..1324).collect::<Vec<_>>());
    assert!(got.iter().all(|(route, _)| route.socket == sink));
}

#[test]
fn a_tiny_send_buffer_keeps_the_order() {
    let mut net = net();
    let (id, _) = add(&mut net, "127.0.0.1:0", UdpOptions { send_buffer: 1, ..UdpOptions::default() });
    let (_, to) = add(&mut net, "127.0.0.1:0", UdpOptions::default());
    let mut outbox = Outbox::default();
    for n in 0..400 {
        push(&mut outbox, udp_route(id, to), &numbered(n, 1200 + n as usize / 100));
    }
    net.flush(&mut outbox);
    let got = turn_until(&mut net, |got| got.len() >= 400);
    let numbers: Vec<u32> = got.iter().map(|(_, datagram)| number(datagram)).collect();
    assert_eq!(numbers, (0..400).collect::<Vec<_>>());
}

#[test]
fn overlong_and_empty_datagrams_are_dropped_and_counted() {
    for gro in [true, false] {
        let mut net = net();
        let (_, address) = add(&mut net, "127.0.0.1:0", UdpOptions { gro, ..UdpOptions::default() });
        let peer = peer("127.0.0.1:0");
        for size in [2048, 2049, 9000, 0, 60_000, 5] {
            peer.send_to(&vec![7; size], address).unwrap();
        }
        let got = turn_until(&mut net, |got| got.len() >= 2);
        assert_eq!(
            got.iter().map(|(_, datagram)| datagram.len()).collect::<Vec<_>>(),
            [2048, 5],
            "gro {gro}"
        );
        assert_eq!((net.counters().truncated, net.counters().unusable), (3, 1), "gro {gro}");
    }
}

#[test]
fn an_icmp_error_is_counted_and_harmless() {
    let mut net = net();
    let (id, address) = add(&mut net, "127.0.0.1:0", UdpOptions::default());
    // Only a connected socket hears of it: connect, hit a closed port, and disconnect by connecting to the real peer.
    // (An address that no other test uses, so that nobody takes the port meanwhile.)
    let closed = peer("127.0.0.9:0").local_addr().unwrap();
    let peer = peer("127.0.0.1:0");
    socket(&mut net, id).sender.socket.connect(&closed.into()).unwrap();
    socket(&mut net, id).sender.socket.send(b"anybody?").unwrap();
    turn_while(&mut net, |net| net.counters().receive_errors == 0);
    socket(&mut net, id).sender.socket.connect(&peer.local_addr().unwrap().into()).unwrap();
    peer.send_to(b"alive", address).unwrap();
    assert_eq!(turn_until(&mut net, |got| !got.is_empty())[0].1, b"alive");
}

#[test]
fn what_cannot_be_reached_is_counted_and_harms_no_other() {
    let mut net = net();
    let (id, _) = add(&mut net, "127.0.0.1:0", UdpOptions::default());
    let peer = peer("127.0.0.1:0");
    let mut outbox = Outbox::default();
    for remote in ["[::1]:9", "127.0.0.1:0", "255.255.255.255:9"] {
        push(&mut outbox, udp_route(id, remote.parse().unwrap()), b"lost");
        push(&mut outbox, udp_route(id, peer.local_addr().unwrap()), remote.as_bytes());
    }
    net.flush(&mut outbox);
    for remote in ["[::1]:9", "127.0.0.1:0", "255.255.255.255:9"] {
        assert_eq!(receive(&peer).0, remote.as_bytes());
    }
    assert_eq!((net.counters().unroutable, net.counters().send_errors), (2, 1));
}

#[test]
fn many_routes_in_random_order_lose_nothing() {
    let mut net = net();
    let (id, _) = add(&mut net, "127.0.0.1:0", UdpOptions::default());
    let sinks: Vec<_> = (0..20).map(|_| add(&mut net, "127.0.0.1:0", UdpOptions::default())).collect();
    let mut expected: Map<SocketId, Vec<Vec<u8>>> = Map::new();
    let (mut outbox, mut seed) = (Outbox::default(), 7_u32);
    for n in 0..1000 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (sink, address) = sinks[(seed >> 8) as usize % sinks.len()];
        let datagram = numbered(n, [1200, 1200, 1200, 300, 80][(seed >> 16) as usize % 5]);
        push(&mut outbox, udp_route(id, address), &datagram);
        expected.entry(sink).or_default().push(datagram);
    }
    net.flush(&mut outbox);
    let mut got: Map<SocketId, Vec<Vec<u8>>> = Map::new();
    for (route, datagram) in turn_until(&mut net, |got| got.len() >= 1000) {
        got.entry(route.socket).or_default().push(datagram);
    }
    assert!(got == expected);
}
