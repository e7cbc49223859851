//! Handshakes per second of CPU: `cargo test --release -p sfu-core handshakes_per_second -- --ignored --nocapture`.
use super::*;

/// Time one role takes of `count` handshakes, making and freeing the association included.
fn measure(server: &DtlsContext, client: &DtlsContext, count: u32) -> [Duration; 2] {
    let mut spent = [Duration::ZERO; 2];
    let now = Instant::now();
    let mut out = [0; 2048];
    for _ in 0..count {
        let mut ends: [Option<AwsLcDtls>; 2] = [None, None];
        let mut waiting: [Vec<Vec<u8>>; 2] = [Vec::new(), Vec::new()];
        for turn in 0..8 {
            let side = turn % 2;
            let begin = Instant::now();
            let end = ends[side].get_or_insert_with(|| {
                let (context, role) = if side == 0 { (client, Role::Client) } else { (server, Role::Server) };
                AwsLcDtls::new(context, role, now).expect("association")
            });
            for datagram in std::mem::take(&mut waiting[side]) {
                end.handle_datagram(now, &datagram);
            }
            loop {
                match end.poll(&mut out) {
                    Output::Datagram(len) => waiting[1 - side].push(out[..len].to_vec()),
                    Output::Connected(_) => {}
                    Output::Idle => break,
                    other => panic!("{other:?}"),
                }
            }
            spent[side] += begin.elapsed();
        }
        for side in 0..2 {
            let begin = Instant::now();
            drop(ends[side].take());
            spent[side] += begin.elapsed();
        }
    }
    spent
}

#[test]
#[ignore = "a measurement"]
fn handshakes_per_second() {
    for (name, server) in [("EC", ec()), ("RSA", rsa())] {
        let server = context(server, &SrtpProfile::ALL, BROWSER_TIMER);
        let client = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
        measure(&server, &client, 200);
        let count = 100;
        // The best of many rounds: other work on the machine only ever adds.
        let rounds = (0..40).map(|_| measure(&server, &client, count));
        let best = |a: [Duration; 2], b: [Duration; 2]| [a[0].min(b[0]), a[1].min(b[1])];
        let [c, s] = rounds.reduce(best).expect("rounds");
        let (c, s) = (c / count, s / count);
        println!(
            "{name} server: {s:?} = {:.0} handshakes per CPU second; EC client: {c:?} = {:.0}",
            1.0 / s.as_secs_f64(),
            1.0 / c.as_secs_f64()
        );
    }
}
