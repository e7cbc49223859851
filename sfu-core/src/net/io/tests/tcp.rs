//! ICE-TCP: framing, bounds, deadlines.
use std::io::{Read, Write};
use std::net::TcpStream;

use super::*;

fn listen(net: &mut Net) -> SocketAddr {
    let id = net.add_tcp("127.0.0.1:0".parse().unwrap(), TcpOptions::default()).unwrap();
    net.local_addr(id).unwrap()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    [&(datagram.len() as u16).to_be_bytes(), datagram].concat()
}

fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut header = [0; 2];
    stream.read_exact(&mut header).unwrap();
    let mut frame = vec![0; usize::from(u16::from_be_bytes(header))];
    stream.read_exact(&mut frame).unwrap();
    frame
}

/// Whether the other side closed the connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 16]), Ok(0))
        || stream.take_error().is_ok_and(|error| error.is_some())
        || stream.write(b"x").is_err()
}

fn with(options: NetOptions) -> (Net, SocketAddr) {
    let mut net = Net::new(options).unwrap();
    let address = listen(&mut net);
    (net, address)
}

#[test]
fn frames_survive_any_fragmentation() {
    let (mut net, address) = with(NetOptions::default());
    let frames: Vec<Vec<u8>> =
        (0..40).map(|n| numbered(n, [4, 2048, 100, 1200, 5][n as usize % 5])).collect();
    let stream: Vec<u8> = frames.iter().flat_map(|frame| framed(frame)).collect();
    for piece in [1, 2, 3, 1000, 2049, 2051, 8200, stream.len()] {
        let mut peer = connect(address);
        let bytes = stream.clone();
        let writer = thread::spawn(move || {
            for (n, piece) in bytes.chunks(piece).enumerate() {
                peer.write_all(piece).unwrap();
                if n % 500 == 0 {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            peer
        });
        let got = turn_until(&mut net, |got| got.len() >= frames.len());
        let peer = writer.join().unwrap();
        assert!(got.iter().map(|(_, frame)| frame).eq(&frames), "in pieces of {piece}");
        let route = got[0].0;
        assert_eq!((route.protocol, route.local), (Protocol::Tcp, Some(address.ip())));
        assert_eq!(route.remote, peer.local_addr().unwrap());
        assert!(got.iter().all(|(other, _)| *other == route));
    }
}

#[test]
fn breaking_off_between_frames_loses_nothing() {
    let (mut net, address) = with(NetOptions::default());
    let mut peer = connect(address);
    let stream: Vec<u8> = (0..30).flat_map(|n| framed(&numbered(n, 500))).collect();
    peer.write_all(&stream).unwrap();
    let (mut got, end) = (Vec::new(), Instant::now() + LONG);
    while got.len() < 30 {
        assert!(Instant::now() < end);
        let before = got.len();
        net.poll(Some(end), |_, _, frame| {
            got.push(number(frame));
            ControlFlow::Break(())
        })
        .unwrap();
        assert!(got.len() <= before + 1);
    }
    assert_eq!(got, (0..30).collect::<Vec<_>>());
}

#[test]
fn answers_are_framed_and_in_order() {
    let (mut net, address) = with(NetOptions::default());
    let mut peer = connect(address);
    peer.write_all(&framed(b"hello")).unwrap();
    let route = turn_until(&mut net, |got| !got.is_empty())[0].0;
    let mut outbox = Outbox::default();
    for n in 0..20 {
        push(&mut outbox, route, &numbered(n, 4 + 50 * n as usize));
    }
    net.flush(&mut outbox);
    for n in 0..20 {
        assert_eq!(read_frame(&mut peer), numbered(n, 4 + 50 * n as usize));
    }
    assert_eq!(net.counters().datagrams_out, 20);
}

#[test]
fn an_overlong_frame_closes_the_connection() {
    let (mut net, address) = with(NetOptions::default());
    let mut peer = connect(address);
    peer.write_all(&framed(b"fine")).unwrap();
    let route = turn_until(&mut net, |got| !got.is_empty())[0].0;
    net.confirm(route.socket);
    peer.write_all(&2049_u16.to_be_bytes()).unwrap();
    turn_while(&mut net, |net| net.counters().tcp_oversize == 0);
    assert_eq!(net.events().collect::<Vec<_>>(), [NetEvent::TcpClosed(route.socket)]);
    assert!(is_closed(&mut peer));
    assert_eq!(net.local_addr(route.socket), None);
}

#[test]
fn a_closing_peer_is_reported_after_its_last_frame() {
    let (mut net, address) = with(NetOptions::default());
    let mut peer = connect(address);
    peer.write_all(&[framed(b"one"), framed(b"two"), vec![0, 9, 1]].concat()).unwrap();
    drop(peer);
    let got = turn_until(&mut net, |got| got.len() >= 2);
    turn_while(&mut net, |net| net.counters().tcp_closed == 0);
    assert_eq!(net.events().collect::<Vec<_>>(), [NetEvent::TcpClosed(got[0].0.socket)]);
    assert_eq!(net.events().count(), 0);
}

#[test]
fn an_idle_connection_is_closed_unless_its_peer_is_confirmed() {
    // Long enough to confirm one on a busy machine.
    let timeout = Duration::from_millis(400);
    let (mut net, address) = with(NetOptions { tcp_confirm_timeout: timeout, ..NetOptions::default() });
    let (mut idle, mut chatty, mut valid) = (connect(address), connect(address), connect(address));
    valid.write_all(&framed(b"valid")).unwrap();
    let route = turn_until(&mut net, |got| !got.is_empty())[0].0;
    net.confirm(route.socket);
    // Frames alone do not keep a connection open.
    chatty.write_all(&framed(b"who are you?")).unwrap();
    let start = Instant::now();
    // Without another deadline the loop must wake by itself.
    while net.counters().tcp_unconfirmed < 2 {
        assert!(start.elapsed() < LONG);
        net.poll(Some(start + LONG), |_, _, _| ControlFlow::Continue(())).unwrap();
    }
    assert!(start.elapsed() < LONG / 2);
    assert!(is_closed(&mut idle) && is_closed(&mut chatty));
    valid.write_all(&framed(b"still here")).unwrap();
    assert_eq!(turn_until(&mut net, |got| !got.is_empty())[0].1, b"still here");
}

#[test]
fn connections_are_bounded() {
    let options = NetOptions { max_tcp_connections: 3, max_tcp_unconfirmed: 2, ..NetOptions::default() };
    let (mut net, address) = with(options);
    let mut peers: Vec<_> = (0..3).map(|_| connect(address)).collect();
    turn_while(&mut net, |net| net.counters().tcp_accepted < 3);
    assert_eq!(net.counters().tcp_unconfirmed, 1, "the oldest gave way");
    assert!(is_closed(&mut peers[0]));
    for peer in &mut peers[1..] {
        peer.write_all(&framed(b"valid")).unwrap();
        let route = turn_until(&mut net, |got| !got.is_empty())[0].0;
        net.confirm(route.socket);
    }
    let _third = connect(address);
    turn_while(&mut net, |net| net.counters().tcp_accepted < 4);
    let mut fourth = connect(address);
    turn_while(&mut net, |net| net.counters().tcp_refused == 0);
    assert!(is_closed(&mut fourth));
}

#[test]
fn connections_have_the_buffers_that_their_listener_was_given() {
    let mut net = Net::new(NetOptions::default()).unwrap();
    let options =
        TcpOptions { recv_buffer: Some(20_000), send_buffer: Some(30_000), ..TcpOptions::default() };
    let id = net.add_tcp("127.0.0.1:0".parse().unwrap(), options).unwrap();
    let mut peer = connect(net.local_addr(id).unwrap());
    peer.write_all(&framed(b"hello")).unwrap();
    let route = turn_until(&mut net, |got| !got.is_empty())[0].0;
    let Some(NetSocket::Tcp(connection)) = net.sockets.get(&route.socket) else { panic!("closed") };
    let fd = connection.fd();
    let socket = socket2::SockRef::from(&fd);
    // The kernel doubles what it is told.
    assert_eq!((socket.recv_buffer_size().unwrap(), socket.send_buffer_size().unwrap()), (40_000, 60_000));
}

#[test]
fn a_stalled_peer_costs_whole_frames_and_no_more_memory() {
    let (mut net, address) = with(NetOptions { tcp_send_buffer: 100_000, ..NetOptions::default() });
    let mut peer = connect(address);
    peer.write_all(&framed(b"hello")).unwrap();
    let route = turn_until(&mut net, |got| !got.is_empty())[0].0;
    let (mut outbox, mut n) = (Outbox::default(), 0);
    while net.counters().tcp_dropped < 100 {
        for _ in 0..50 {
            push(&mut outbox, route, &numbered(n, 1200));
            n += 1;
        }
        net.flush(&mut outbox);
        net.poll(Some(Instant::now()), |_, _, _| ControlFlow::Continue(())).unwrap();
        assert!(n < 100_000, "nothing was dropped");
    }
    let sent = net.counters().datagrams_out;
    let Some(NetSocket::Tcp(connection)) = net.sockets.get(&route.socket) else { panic!("closed") };
    assert!(connection.output_len() <= 100_000);
    let reader = thread::spawn(move || {
        let frames: Vec<_> = (0..sent).map(|_| read_frame(&mut peer)).collect();
        (peer, frames)
    });
    turn_while(&mut net, |_| !reader.is_finished());
    let (_peer, frames) = reader.join().unwrap();
    let Some(NetSocket::Tcp(connection)) = net.sockets.get(&route.socket) else { panic!("closed") };
    assert!(connection.output_capacity() <= 16 * 1024, "what only the stall needed is given back");
    assert!(frames.iter().all(|frame| *frame == numbered(number(frame), 1200)));
    assert!(frames.iter().map(|frame| number(frame)).is_sorted());
}

#[test]
fn a_peer_that_reads_nothing_holds_up_no_other() {
    let (mut net, address) = with(NetOptions { tcp_send_buffer: 20_000, ..NetOptions::default() });
    let mut peers = [connect(address), connect(address)];
    let mut routes = Vec::new();
    for peer in &mut peers {
        peer.write_all(&framed(b"hello")).unwrap();
        routes.push(turn_until(&mut net, |got| !got.is_empty())[0].0);
    }
    let [_deaf, reader] = &mut peers;
    let mut outbox = Outbox::default();
    let mut n = 0;
    while net.counters().tcp_dropped < 200 {
        for _ in 0..50 {
            push(&mut outbox, routes[0], &numbered(0, 1200));
        }
        push(&mut outbox, routes[1], &numbered(n, 1200));
        net.flush(&mut outbox);
        assert_eq!(number(&read_frame(reader)), n);
        n += 1;
        assert!(n < 2_000, "nothing was dropped");
    }
    let Some(NetSocket::Tcp(stalled)) = net.sockets.get(&routes[0].socket) else { panic!("closed") };
    assert!(stalled.output_capacity() <= 40_000 + 1202, "{}", stalled.output_capacity());
}

#[test]
fn a_connection_closed_while_sending_is_reported() {
    let (mut net, address) = with(NetOptions::default());
    let mut peer = connect(address);
    peer.write_all(&framed(b"hello")).unwrap();
    let route = turn_until(&mut net, |got| !got.is_empty())[0].0;
    drop(peer);
    let (mut outbox, end) = (Outbox::default(), Instant::now() + LONG);
    // The loop is not turned: only sending can find out.
    while net.counters().tcp_closed == 0 {
        assert!(Instant::now() < end);
        push(&mut outbox, route, b"anybody?");
        net.flush(&mut outbox);
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(net.events().collect::<Vec<_>>(), [NetEvent::TcpClosed(route.socket)]);
}

#[test]
fn a_removed_connection_closes_without_an_event() {
    let (mut net, address) = with(NetOptions { max_tcp_connections: 1, ..NetOptions::default() });
    let mut peer = connect(address);
    peer.write_all(&framed(b"hello")).unwrap();
    let route = turn_until(&mut net, |got| !got.is_empty())[0].0;
    assert!(net.remove(route.socket));
    assert!(is_closed(&mut peer));
    assert_eq!(net.events().count(), 0);
    let _next = connect(address);
    turn_while(&mut net, |net| net.counters().tcp_accepted < 2);
}
