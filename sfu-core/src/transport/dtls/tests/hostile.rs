//! What strangers send, and what a broken peer does.
use super::*;

/// Every datagram of a handshake without loss, in order, each with its sender.
fn script(client: &DtlsContext, server: &DtlsContext) -> Vec<(usize, Vec<u8>)> {
    let mut datagrams = Vec::new();
    let mut world = World::ours(client, server);
    let mut fate = |_: usize, from: usize, datagram: &[u8]| {
        datagrams.push((from, datagram.to_vec()));
        vec![datagram.to_vec()]
    };
    assert!(world.connects(Duration::from_secs(5), &mut fate));
    datagrams
}

/// Runs a handshake with `forge(datagram)` added after the datagram of that number, in place of it or before it.
fn with_forged(
    ours: &DtlsContext,
    number: usize,
    place: Place,
    forge: &mut dyn FnMut(&[u8]) -> Vec<u8>,
) -> World {
    let mut world = World::ours(ours, ours);
    let mut fate = |n: usize, _: usize, datagram: &[u8]| match place {
        _ if n != number => vec![datagram.to_vec()],
        Place::After => vec![datagram.to_vec(), forge(datagram)],
        Place::Instead => vec![forge(datagram)],
        Place::Before => vec![forge(datagram), datagram.to_vec()],
    };
    world.connects(Duration::from_secs(40), &mut fate);
    world
}

#[derive(Clone, Copy, Debug)]
enum Place {
    After,
    Instead,
    Before,
}

fn assert_connected(world: &mut World, what: impl Fn() -> String) {
    assert!(both_connected(&world.ends), "{}: {:?} {:?}", what(), world.ends[0].failed, world.ends[1].failed);
    world.assert_data_flows();
}

/// Either side may fail, but with an error and within the time a silent peer is given.
fn assert_decided(world: &World, what: impl Fn() -> String) {
    for end in &world.ends {
        assert!(
            end.connected.is_some() || end.failed.is_some() || end.dtls.poll_timeout().is_none(),
            "{}",
            what()
        );
    }
}

#[test]
fn copies_changed_in_any_one_byte_do_not_disturb_the_handshake() {
    let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
    let script = script(&ours, &ours);
    // Three changes to each byte: one bit, all bits, a high bit; for headers every bit, as lengths, numbers and kinds
    // are there.
    for (number, (_, datagram)) in script.iter().enumerate() {
        for at in 0..datagram.len() {
            let header = at < 40;
            let changes: &[u8] = if header { &[1, 2, 4, 8, 16, 32, 64, 128, 255] } else { &[1, 128, 255] };
            for change in changes {
                let mut forge = |datagram: &[u8]| {
                    let mut copy = datagram.to_vec();
                    // A signature's length varies by a byte from one handshake to the next.
                    if let Some(byte) = copy.get_mut(at) {
                        *byte ^= change;
                    }
                    copy
                };
                let mut world = with_forged(&ours, number, Place::After, &mut forge);
                assert_connected(&mut world, || format!("datagram {number}, byte {at} ^ {change}"));
            }
        }
    }
}

fn mutate(random: &mut Random, datagram: &[u8]) -> Vec<u8> {
    let mut copy = datagram.to_vec();
    for _ in 0..=random.below(4) {
        match random.below(4) {
            0 => copy.truncate(random.below(copy.len() + 1)),
            1 => copy.insert(random.below(copy.len() + 1), random.next() as u8),
            2 => copy.extend_from_slice(datagram),
            _ => {
                let at = random.below(copy.len().max(1));
                if let Some(byte) = copy.get_mut(at) {
                    *byte = random.next() as u8;
                }
            }
        }
    }
    copy
}

#[test]
fn changed_datagrams_never_panic_or_hang_wherever_they_come() {
    let ours = context(rsa(), &SrtpProfile::ALL, BROWSER_TIMER);
    let count = script(&ours, &ours).len();
    for place in [Place::After, Place::Instead, Place::Before] {
        for seed in 0..400 {
            let number = seed as usize % count;
            let mut random = Random(seed);
            let mut forge = |datagram: &[u8]| mutate(&mut random, datagram);
            let mut world = with_forged(&ours, number, place, &mut forge);
            let what = || format!("{place:?} datagram {number}, seed {seed}");
            match place {
                Place::After => assert_connected(&mut world, what),
                Place::Instead | Place::Before => assert_decided(&world, what),
            }
        }
    }
}

#[test]
fn forged_records_in_front_of_every_datagram_do_not_disturb_the_handshake() {
    let record = |kind: u8, body: &[u8]| {
        let mut out = vec![kind, 0xfe, 0xfd, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff];
        out.extend_from_slice(&(body.len() as u16).to_be_bytes());
        out.extend_from_slice(body);
        out
    };
    // Finished, a later message of another kind, one of 16 MB, alerts of both levels, data, unknown kinds.
    let forged = [
        record(22, &[20, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 2, 1, 1]),
        record(22, &[2, 0, 0, 2, 0, 3, 0, 0, 0, 0, 0, 2, 1, 1]),
        record(22, &[11, 0xff, 0xff, 0xff, 0, 1, 0, 0, 0, 0, 0, 1, 1]),
        record(22, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        record(22, b"nonsense"),
        record(21, &[2, 40]),
        record(21, &[1, 0]),
        record(21, &[1, 90]),
        record(20, &[1]),
        record(20, &[7]),
        record(23, b"data"),
        record(99, b"unknown"),
        vec![22],
        vec![0; 1500],
        vec![255; 1500],
    ];
    let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
    let mut world = World::ours(&ours, &ours);
    let mut fate = |_: usize, _: usize, datagram: &[u8]| {
        let mut arriving = forged.to_vec();
        arriving.push(datagram.to_vec());
        arriving
    };
    world.run(Duration::from_secs(30), &mut fate, both_connected);
    assert_connected(&mut world, || "forged records".into());
}

#[test]
fn a_fatal_alert_in_plaintext_ends_a_handshake_that_makes_no_progress_for_five_seconds() {
    let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
    let mut world = World::ours(&ours, &ours);
    let alert = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40];
    let mut fate =
        |_: usize, from: usize, _: &[u8]| if from == 1 { vec![alert.to_vec()] } else { Vec::new() };
    let now = world.now;
    world.ends[0].dtls.handle_datagram(now, &alert);
    world.run(Duration::from_secs(30), &mut fate, |ends| ends[0].failed.is_some());
    assert_eq!(world.ends[0].failed, Some(DtlsError::Library(sfu_dtls_sys::Error::PeerAlert(40))));
    assert_eq!(world.elapsed(), Duration::from_secs(5));
}

#[test]
fn peers_without_a_common_cipher_suite_both_learn_why() {
    // A ClientHello that offers TLS_NULL_WITH_NULL_NULL alone.
    let mut hello = vec![0xfe, 0xfd];
    hello.extend_from_slice(&[7; 32]);
    hello.extend_from_slice(&[0, 0, 0, 2, 0, 0, 1, 0]);
    let mut datagram = vec![22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, hello.len() as u8 + 12];
    datagram.extend_from_slice(&[1, 0, 0, hello.len() as u8, 0, 0, 0, 0, 0, 0, 0, hello.len() as u8]);
    datagram.extend_from_slice(&hello);
    let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
    let now = Instant::now();
    let mut server = Endpoint::ours(&ours, Role::Server, now);
    server.dtls.handle_datagram(now, &datagram);
    let answer = server.drain();
    assert!(matches!(server.failed, Some(DtlsError::Library(sfu_dtls_sys::Error::Protocol(_)))));
    // A fatal alert.
    assert_eq!(answer.len(), 1);
    assert_eq!((answer[0][0], answer[0][13]), (21, 2));
    // Nothing more is answered.
    server.dtls.handle_datagram(now, &datagram);
    assert!(server.drain().is_empty() && server.dtls.poll_timeout().is_none());
}

#[test]
fn noise_never_panics_and_never_gets_an_answer_from_a_server() {
    let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
    let mut random = Random(1);
    let now = Instant::now();
    for _ in 0..200 {
        let mut server = Endpoint::ours(&ours, Role::Server, now);
        for _ in 0..20 {
            let mut datagram: Vec<u8> = (0..random.below(1500)).map(|_| random.next() as u8).collect();
            if let Some(first) = datagram.first_mut() {
                *first = 20 + random.below(44) as u8;
            }
            server.dtls.handle_datagram(now, &datagram);
            assert!(server.drain().is_empty());
        }
        assert!(server.failed.is_none() && server.dtls.poll_timeout().is_none());
    }
}

#[test]
fn changed_datagrams_after_the_handshake_are_ignored() {
    let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
    let script = script(&ours, &ours);
    let mut world = World::ours(&ours, &ours);
    assert!(world.connects(Duration::from_secs(5), &mut deliver));
    let now = world.now;
    let mut random = Random(3);
    world.ends[0].dtls.send(now, b"original").expect("connected");
    let record = world.ends[0].drain().pop().expect("record");
    for _ in 0..2000 {
        let datagram = match random.below(4) {
            0 => script[random.below(script.len())].1.clone(),
            _ => record.clone(),
        };
        let mut forged = mutate(&mut random, &datagram);
        // The unchanged record may be at the front: then it is no forgery.
        if forged.starts_with(&record) {
            forged[20] ^= 1;
        }
        world.ends[1].dtls.handle_datagram(now, &forged);
        world.ends[1].drain();
    }
    // Mutations may have appended the true record; it counts once, and replays never.
    world.ends[1].dtls.handle_datagram(now, &record);
    world.ends[1].dtls.handle_datagram(now, &record);
    world.ends[1].drain();
    assert_eq!(world.ends[1].data, [b"original"]);
    world.ends[1].data.clear();
    assert_connected(&mut world, || "after noise".into());
}
