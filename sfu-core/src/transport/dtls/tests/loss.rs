//! Every loss is survived.
use super::*;

/// Runs a handshake in which the datagrams numbered in `dropped` are lost.
fn connects_without(client: &DtlsContext, server: &DtlsContext, dropped: &[usize]) -> World {
    let mut world = World::ours(client, server);
    let mut fate = |number: usize, _: usize, datagram: &[u8]| {
        if dropped.contains(&number) { Vec::new() } else { vec![datagram.to_vec()] }
    };
    let connected = world.connects(Duration::from_secs(30), &mut fate);
    assert!(connected, "lost {dropped:?}: {:?} {:?}", world.ends[0].failed, world.ends[1].failed);
    world
}

/// Timers of client and server: a browser's, the standard's, and both mixtures.
fn timer_pairs() -> [(Duration, Duration); 4] {
    [
        (BROWSER_TIMER, BROWSER_TIMER),
        (CLASSIC_TIMER, BROWSER_TIMER),
        (BROWSER_TIMER, CLASSIC_TIMER),
        (CLASSIC_TIMER, CLASSIC_TIMER),
    ]
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
    for (client, server) in timer_pairs() {
        let (client, server) =
            (context(ec(), &SrtpProfile::ALL, client), context(ec(), &SrtpProfile::ALL, server));
        let count = connects_without(&client, &server, &[]).sent;
        assert!(count >= 4);
        for first in 0..count {
            // Losing the first changes what is sent after: go through all that follow then, repetitions included.
            let mut world = connects_without(&client, &server, &[first]);
            let with_loss = world.sent;
            world.assert_works();
            for second in first + 1..with_loss {
                connects_without(&client, &server, &[first, second]).assert_works();
            }
        }
    }
}

#[test]
fn small_datagrams_in_great_number_may_be_lost_one_by_one_and_in_pairs() {
    let timers = DtlsTimers { initial: BROWSER_TIMER, max: Duration::from_secs(3) };
    let small = DtlsContext::new(rsa(), &SrtpProfile::ALL, timers, 256).expect("context");
    let count = connects_without(&small, &small, &[]).sent;
    assert!(count >= 12, "an RSA certificate in 256 byte datagrams: {count}");
    for first in 0..count {
        for second in first..count.min(first + 3) {
            connects_without(&small, &small, &[first, second]);
        }
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
        assert!(world.connects(Duration::from_secs(30), &mut fate), "seed {seed}");
    }
}

/// A hundred times as many seeds with `SFUKIT_LONG` set.
#[test]
fn of_a_thousand_handshakes_at_ten_percent_loss_at_most_one_fails() {
    let seeds = if std::env::var_os("SFUKIT_LONG").is_some() { 100_000 } else { 1000 };
    for (client, server) in [(BROWSER_TIMER, BROWSER_TIMER), (CLASSIC_TIMER, BROWSER_TIMER)] {
        let (client, server) =
            (context(ec(), &SrtpProfile::ALL, client), context(ec(), &SrtpProfile::ALL, server));
        let mut failed = Vec::new();
        let mut slowest = Duration::ZERO;
        for seed in 1..=seeds {
            let mut random = Random(seed);
            let mut world = World::ours(&client, &server);
            let mut fate = |_: usize, _: usize, datagram: &[u8]| {
                if random.below(10) == 0 { Vec::new() } else { vec![datagram.to_vec()] }
            };
            if !world.connects(Duration::from_secs(30), &mut fate) {
                failed.push(seed);
            }
            slowest = slowest.max(world.elapsed());
        }
        assert!(failed.len() as u64 <= seeds / 1000, "failed: {failed:?}");
        println!("{seeds} handshakes at 10 % loss: {} failed, slowest {slowest:?}", failed.len());
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
        assert!(world.connects(Duration::from_secs(30), &mut fate));
        let elapsed = world.elapsed();
        (lengths, elapsed)
    };
    assert_eq!(course(), course());
}
