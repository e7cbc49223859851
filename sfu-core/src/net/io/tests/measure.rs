//! What a datagram costs on loopback; run by hand in an optimised build.
use super::*;
use crate::net::RunHint;
use crate::net::sys::thread_time as cpu;

/// CPU nanoseconds for each datagram of `turns` turns of `packets` of 1200 bytes to 20 routes: push and copy, flush.
fn cost(gso: bool, packets: usize, turns: u32) -> f64 {
    let mut net = net();
    let id =
        net.add_udp("127.0.0.1:0".parse().unwrap(), UdpOptions { gso, ..UdpOptions::default() }).unwrap();
    let small = UdpOptions { recv_buffer: 8192, ..UdpOptions::default() };
    // Full sockets that nobody reads: the receiving half is not what is measured.
    let routes: Vec<_> = (0..20)
        .map(|_| {
            let sink = net.add_udp("127.0.0.1:0".parse().unwrap(), small).unwrap();
            udp_route(id, net.local_addr(sink).unwrap())
        })
        .collect();
    let (mut outbox, payload) = (Outbox::default(), [7; 1200]);
    let mut turn = |net: &mut Net| {
        for _ in 0..packets {
            for route in &routes {
                push(&mut outbox, *route, &payload);
            }
        }
        net.flush(&mut outbox);
    };
    turn(&mut net);
    let start = cpu();
    for _ in 0..turns {
        turn(&mut net);
    }
    (cpu() - start).as_nanos() as f64 / f64::from(turns) / (packets * routes.len()) as f64
}

#[test]
#[ignore = "measures; needs an optimised build and --nocapture"]
fn nanoseconds_per_datagram() {
    for packets in [1, 2, 3, 10] {
        let best = |gso| (0..9).map(|_| cost(gso, packets, 200)).fold(f64::INFINITY, f64::min);
        let (single, run) = (best(false), best(true));
        println!("{packets:>2} x 1200 B to 20 routes: single sends {single:.0} ns, runs {run:.0} ns");
    }
}

#[test]
#[ignore = "measures; needs an optimised build and --nocapture"]
fn nanoseconds_per_push() {
    let mut outbox = Outbox::default();
    for routes in [1, 50, 500] {
        let mut routes: Vec<_> = (0..routes)
            .map(|n| (udp_route(SocketId(1), ([127, 0, 0, 1], 1000 + n).into()), RunHint::default()))
            .collect();
        let mut best = f64::INFINITY;
        for _ in 0..20 {
            let start = cpu();
            for _ in 0..10 {
                for _ in 0..10 {
                    for (route, hint) in &mut routes {
                        outbox.push(std::hint::black_box(*route), hint, |_| Some(1200));
                    }
                }
                outbox.clear();
            }
            best = best.min((cpu() - start).as_nanos() as f64 / 100.0 / routes.len() as f64);
        }
        println!("push to {} routes, 10 packets each: {best:.1} ns", routes.len());
    }
}

#[test]
#[ignore = "measures; needs an optimised build and --nocapture"]
fn nanoseconds_per_received_datagram() {
    for gro in [true, false] {
        let mut best = f64::INFINITY;
        for _ in 0..9 {
            let mut net = net();
            let options = UdpOptions { gro, ..UdpOptions::default() };
            let id = net.add_udp("127.0.0.1:0".parse().unwrap(), options).unwrap();
            let from = net.add_udp("127.0.0.1:0".parse().unwrap(), UdpOptions::default()).unwrap();
            let route = udp_route(from, net.local_addr(id).unwrap());
            let (mut outbox, mut got) = (Outbox::default(), 0_u32);
            for _ in 0..50 {
                for _ in 0..10 {
                    push(&mut outbox, route, &[7; 1200]);
                }
                net.flush(&mut outbox);
            }
            let start = cpu();
            while got < 500 {
                net.poll(Some(Instant::now()), |_, _, _| {
                    got += 1;
                    ControlFlow::Continue(())
                })
                .unwrap();
            }
            best = best.min((cpu() - start).as_nanos() as f64 / 500.0);
        }
        println!("receive, gro {gro}: {best:.0} ns");
    }
}
