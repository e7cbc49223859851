//! Every loss is survived.
use super::*;

/// Runs a handshake in which the datagrams numbered in `dropped` are lost.
fn connects_without(client: &DtlsContext, server: &DtlsContext, dropped: &[usize]) -> World {
    let mut world = World::ours(client, server);
    let mut fate = |number: usize, _: usize, datagram: &[u8]| {
        if dropped.contains(&number) { Vec::new() } else { vec![datagram.to_vec()] }
    };
    let connected = world.connects(PATIENCE, &mut fate);
    assert!(connected, "lost {dropped:?}: {:?} {:?}", world.ends[0].failed, world.ends[1].failed);
    world
}

/// Certificates of client and server: each kind in each role.
fn certificate_pairs() -> [(&'static Certificate, &'static Certificate); 4] {
    [(ec(), ec()), (rsa(), ec()), (ec(), rsa()), (rsa(), rsa())]
}

/// Loses each datagram by itself and each pair of datagrams, and wants the handshake to succeed all the same.
///
/// `world` makes the two ends anew. Losing one changes what is sent after it: the second of a pair is any datagram that follows
/// then, repetitions included.
pub(super) fn lose_every_one_and_every_two(text: &str, world: impl Fn() -> World) {
    let without = |dropped: &[usize]| {
        let mut world = world();
        let mut fate = |number: usize, _: usize, datagram: &[u8]| {
            if dropped.contains(&number) { Vec::new() } else { vec![datagram.to_vec()] }
        };
        let connected = world.connects(PATIENCE, &mut fate);
        assert!(connected, "{text}, lost {dropped:?}: {:?} {:?}", world.ends[0].failed, world.ends[1].failed);
        world
    };
    let count = without(&[]).sent;
    assert!(count >= 4, "{text}: {count}");
    for first in 0..count {
        let mut world = without(&[first]);
        let with_loss = world.sent;
        world.assert_works();
        for second in first + 1..with_loss {
            without(&[first, second]).assert_works();
        }
    }
}

/// Runs handshakes at 10 % loss, one for each seed from 1 to `seeds`: of a thousand at most one may not be done in [`PATIENCE`].
pub(super) fn lose_a_tenth(text: &str, seeds: u64, world: impl Fn() -> World) {
    let mut failed = Vec::new();
    let mut slowest = Duration::ZERO;
    for seed in 1..=seeds {
        let mut random = Random(seed);
        let mut world = world();
        let mut fate = |_: usize, _: usize, datagram: &[u8]| {
            if random.below(10) == 0 { Vec::new() } else { vec![datagram.to_vec()] }
        };
        if !world.connects(PATIENCE, &mut fate) {
            failed.push(seed);
        }
        slowest = slowest.max(world.elapsed());
    }
    assert!(failed.len() as u64 <= seeds / 1000, "{text}: failed with the seeds {failed:?}");
    println!("{text}: {seeds} handshakes at 10 % loss, {} failed, slowest {slowest:?}", failed.len());
}

/// 1000, and ten times as many with `SFU_TEST_LONG` set.
fn seeds() -> u64 {
    if std::env::var_os("SFU_TEST_LONG").is_some() { 10_000 } else { 1000 }
}

#[test]
fn without_loss_two_round_trips_suffice() {
    for (client, server) in timer_pairs() {
        let (client, server) =
            (context(ec(), &SrtpProfile::ALL, client), context(ec(), &SrtpProfile::ALL, server));
        let mut world = connects_without(&client, &server, &[]);
        assert_eq!(world.elapsed(), 4 * DELAY);
        world.assert_works();
    }
}

#[test]
fn any_one_or_two_datagrams_may_be_lost() {
    for (client_timer, server_timer) in timer_pairs() {
        for (client, server) in certificate_pairs() {
            let (client, server) = (
                context(client, &SrtpProfile::ALL, client_timer),
                context(server, &SrtpProfile::ALL, server_timer),
            );
            let text = format!("timers {client_timer:?} and {server_timer:?}");
            lose_every_one_and_every_two(&text, || World::ours(&client, &server));
        }
    }
}

#[test]
fn of_many_small_datagrams_any_one_or_two_may_be_lost() {
    for (client, server) in timer_pairs() {
        let [client, server] = [client, server].map(|initial| {
            let timers = DtlsTimers { initial, max: Duration::from_secs(3) };
            DtlsContext::new(rsa(), &SrtpProfile::ALL, timers, 256).expect("context")
        });
        let count = connects_without(&client, &server, &[]).sent;
        assert!(count >= 12, "an RSA certificate in 256 byte datagrams: {count}");
        lose_every_one_and_every_two("small datagrams", || World::ours(&client, &server));
    }
}

#[test]
fn reordering_and_duplication_do_no_harm() {
    let ours = context(rsa(), &SrtpProfile::ALL, BROWSER_TIMER);
    for seed in 0..50 {
        let mut random = Random(seed);
        let mut held: [Option<Vec<u8>>; 2] = [None, None];
        let mut world = World::ours(&ours, &ours);
        let mut fate = |_: usize, from: usize, datagram: &[u8]| match random.below(3) {
            0 => vec![datagram.to_vec(), datagram.to_vec()],
            1 => held[from].replace(datagram.to_vec()).into_iter().collect(),
            _ => [Some(datagram.to_vec()), held[from].take()].into_iter().flatten().collect(),
        };
        assert!(world.connects(PATIENCE, &mut fate), "seed {seed}");
    }
}

#[test]
fn of_a_thousand_handshakes_at_ten_percent_loss_at_most_one_fails() {
    for (client, server) in timer_pairs() {
        let text = format!("timers {client:?} and {server:?}");
        let (client, server) =
            (context(ec(), &SrtpProfile::ALL, client), context(ec(), &SrtpProfile::ALL, server));
        lose_a_tenth(&text, seeds(), || World::ours(&client, &server));
    }
}

#[test]
fn a_silent_peer_is_given_up_after_twelve_repetitions() {
    let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
    let mut world = World::ours(&ours, &ours);
    world.run(Duration::from_secs(60), &mut |_: usize, _: usize, _: &[u8]| Vec::new(), |ends| {
        ends[0].failed.is_some()
    });
    assert_eq!(world.ends[0].failed, Some(DtlsError::Library(sfu_dtls_sys::Error::Timeout)));
    assert_eq!(world.sent, 13);
    // 50 + 100 + … + 1600 ms, then 3 s seven times.
    assert_eq!(world.elapsed(), Duration::from_millis(3150 + 21_000));
    assert_eq!(world.ends[0].dtls.poll_timeout(), None);
}

#[test]
fn the_same_script_gives_the_same_course() {
    let ours = context(rsa(), &SrtpProfile::ALL, BROWSER_TIMER);
    let course = || {
        let mut random = Random(7);
        let mut lengths = Vec::new();
        let mut world = World::ours(&ours, &ours);
        let mut fate = |_: usize, from: usize, datagram: &[u8]| {
            lengths.push((from, datagram.len()));
            if random.below(4) == 0 { Vec::new() } else { vec![datagram.to_vec()] }
        };
        assert!(world.connects(PATIENCE, &mut fate));
        let elapsed = world.elapsed();
        (lengths, elapsed)
    };
    assert_eq!(course(), course());
}
