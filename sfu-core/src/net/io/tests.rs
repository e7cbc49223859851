//! The network layer on loopback sockets.
mod fairness;
mod hand_over;
mod measure;
mod tcp;
mod udp;

use std::net::UdpSocket as StdUdpSocket;
use std::thread;

use super::*;

const LONG: Duration = Duration::from_secs(10);

fn net() -> Net {
    Net::new(NetOptions::default()).unwrap()
}

/// A plain socket that plays a peer.
fn peer(address: &str) -> StdUdpSocket {
    let peer = StdUdpSocket::bind(address).unwrap();
    socket2::SockRef::from(&peer).set_recv_buffer_size(4 << 20).unwrap();
    peer.set_read_timeout(Some(LONG)).unwrap();
    peer
}

fn receive(peer: &StdUdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 65_536];
    let (len, from) = peer.recv_from(&mut buffer).unwrap();
    (buffer[..len].to_vec(), from)
}

fn udp_route(socket: SocketId, remote: SocketAddr) -> Route {
    Route { socket, protocol: Protocol::Udp, remote, local: None }
}

/// Pushes to the run of `route`.
fn push(outbox: &mut Outbox, route: Route, bytes: &[u8]) {
    let mut hint = outbox.hint_of(&route);
    assert!(outbox.push(route, &mut hint, |slot| {
        slot[..bytes.len()].copy_from_slice(bytes);
        Some(bytes.len())
    }));
}

/// A datagram of `len` bytes (at least 4) that carries its number.
fn numbered(number: u32, len: usize) -> Vec<u8> {
    let mut bytes = vec![number as u8; len];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn number(datagram: &[u8]) -> u32 {
    u32::from_be_bytes(datagram[..4].try_into().unwrap())
}

/// Turns the loop until `enough` of what came, or fails after ten seconds.
fn turn_until(net: &mut Net, enough: impl Fn(&[(Route, Vec<u8>)]) -> bool) -> Vec<(Route, Vec<u8>)> {
    let (end, mut got) = (Instant::now() + LONG, Vec::new());
    while !enough(&got) {
        assert!(Instant::now() < end, "only {} datagrams came", got.len());
        net.poll(Some(Instant::now() + Duration::from_millis(20)), |_, route, datagram| {
            got.push((route, datagram.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    got
}

/// Turns the loop until `done`, or fails after ten seconds.
fn turn_while(net: &mut Net, mut waiting: impl FnMut(&mut Net) -> bool) {
    let end = Instant::now() + LONG;
    while waiting(net) {
        assert!(Instant::now() < end, "it did not happen: {:?}", net.counters());
        net.poll(Some(Instant::now() + Duration::from_millis(5)), |_, _, _| ControlFlow::Continue(()))
            .unwrap();
    }
}

#[test]
fn a_media_thread_can_take_its_sockets_along() {
    fn can_move<T: Send>(_: &T) {}
    can_move(&net());
}

#[test]
fn a_waker_ends_a_wait_from_another_thread() {
    let mut net = net();
    let waker = net.waker();
    let thread = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        waker.wake();
    });
    let turn = net.poll(Some(Instant::now() + LONG), |_, _, _| ControlFlow::Continue(())).unwrap();
    assert!(turn.woken);
    thread.join().unwrap();
}

#[test]
fn wakes_before_a_turn_count_as_one() {
    let mut net = net();
    let waker = net.waker();
    let mut turn = || net.poll(Some(Instant::now()), |_, _, _| ControlFlow::Continue(())).unwrap().woken;
    assert!(!turn());
    waker.wake();
    waker.clone().wake();
    assert!(turn());
    assert!(!turn());
    waker.wake();
    assert!(turn(), "the waker works more than once");
}

#[test]
fn no_wake_is_lost_under_contention() {
    let mut net = net();
    let (sender, receiver) = std::sync::mpsc::channel();
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (waker, sender) = (net.waker(), sender.clone());
            thread::spawn(move || {
                for _ in 0..2_000 {
                    sender.send(()).unwrap();
                    waker.wake();
                }
            })
        })
        .collect();
    let (mut got, end) = (0, Instant::now() + LONG);
    while got < 6_000 {
        assert!(Instant::now() < end, "a wake was lost after {got}");
        let turn = net.poll(Some(end), |_, _, _| ControlFlow::Continue(())).unwrap();
        if turn.woken {
            got += receiver.try_iter().count();
        }
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_turn_ends_at_its_deadline() {
    let mut net = net();
    let best = (0..20)
        .map(|_| {
            let deadline = Instant::now() + Duration::from_micros(3_300);
            let turn = net.poll(Some(deadline), |_, _, _| ControlFlow::Continue(())).unwrap();
            turn.now.checked_duration_since(deadline).expect("the turn ended before its deadline")
        })
        .min();
    assert!(best < Some(Duration::from_millis(1)), "{best:?} late");
}

#[test]
fn a_taken_port_is_named() {
    let mut net = net();
    let address = "127.0.0.1:0".parse().unwrap();
    let udp = net.add_udp(address, UdpOptions::default()).unwrap();
    let taken = net.local_addr(udp).unwrap();
    let error = net.add_udp(taken, UdpOptions::default()).unwrap_err();
    assert!(matches!(error, BindError::Taken { protocol: Protocol::Udp, address } if address == taken));
    assert!(error.to_string().contains(&format!("udp {taken} is taken")), "{error}");

    let tcp = net.add_tcp(address, TcpOptions::default()).unwrap();
    let taken = net.local_addr(tcp).unwrap();
    let error = net.add_tcp(taken, TcpOptions::default()).unwrap_err();
    assert!(matches!(error, BindError::Taken { protocol: Protocol::Tcp, .. }), "{error}");
}

#[test]
fn a_foreign_address_is_refused_with_advice() {
    let error = net().add_udp("203.0.113.1:0".parse().unwrap(), UdpOptions::default()).unwrap_err();
    assert!(matches!(error, BindError::NoSuchAddress { .. }), "{error}");
    assert!(error.to_string().contains("announce"), "{error}");
}

#[test]
fn threads_may_share_a_port_if_they_ask_for_it() {
    let mut net = net();
    let options = UdpOptions { reuse_port: true, ..UdpOptions::default() };
    let first = net.add_udp("127.0.0.1:0".parse().unwrap(), options).unwrap();
    let address = net.local_addr(first).unwrap();
    let second = net.add_udp(address, options).unwrap();
    assert_ne!(first, second);
    assert_eq!(net.local_addr(second), Some(address));
}

#[test]
fn a_removed_socket_is_gone() {
    let mut net = net();
    let id = net.add_udp("127.0.0.1:0".parse().unwrap(), UdpOptions::default()).unwrap();
    let address = net.local_addr(id).unwrap();
    assert!(net.remove(id));
    assert!(!net.remove(id));
    assert_eq!(net.local_addr(id), None);
    let again = net.add_udp("127.0.0.1:0".parse().unwrap(), UdpOptions::default()).unwrap();
    assert_ne!(id, again, "numbers are not used again");
    let mut outbox = Outbox::default();
    push(&mut outbox, udp_route(id, address), b"late");
    net.flush(&mut outbox);
    assert_eq!(net.counters().unroutable, 1);
    assert!(outbox.is_empty());
}
