//! How much memory associations take, and that they give it back. Linux tells.
#![cfg(target_os = "linux")]
use std::process::Command;

use super::*;

const ALONE: &str = "SFUKIT_TEST_ALONE";

/// Runs `test`, the function `name` of this module, in a process of its own: the memory of tests running beside would
/// be counted too.
fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    let path = format!("{}::{name}", module_path!().split_once("::").expect("crate and module").1);
    let output = Command::new(std::env::current_exe().expect("test program"))
        .args(["--exact", &path, "--include-ignored", "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .expect("test program");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    println!("{text}");
}

/// Anonymous resident memory of this process in kB: pages of the program itself come and go as the kernel likes.
fn resident_kb() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("RssAnon");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("number")
}

fn flood(server: &mut Endpoint, random: &mut Random) {
    let now = Instant::now();
    for _ in 0..2000 {
        let (kind, sequence) = [(1, 0), (11, 1), (16, 2), (15, 3), (20, 4)][random.below(5)];
        let offset = (random.below(16000) as u32).to_be_bytes();
        let mut datagram = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 28];
        // 16384 bytes announced, 16 given, anywhere, and never all.
        datagram.extend_from_slice(&[kind, 0, 0x40, 0, 0, sequence]);
        datagram.extend_from_slice(&[offset[1], offset[2], offset[3] & 0xf0, 0, 0, 16]);
        datagram.extend_from_slice(&[random.next() as u8; 16]);
        server.dtls.handle_datagram(now, &datagram);
        assert!(server.drain().is_empty());
    }
}

#[test]
fn a_flood_of_handshake_fragments_keeps_memory_bounded() {
    alone("a_flood_of_handshake_fragments_keeps_memory_bounded", || {
        let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
        let mut random = Random(9);
        let mut servers: Vec<Endpoint> =
            (0..20).map(|_| Endpoint::ours(&ours, Role::Server, Instant::now())).collect();
        let before = resident_kb();
        servers.iter_mut().for_each(|server| flood(server, &mut random));
        let once = resident_kb().saturating_sub(before);
        for _ in 0..9 {
            servers.iter_mut().for_each(|server| flood(server, &mut random));
        }
        let grown = resident_kb().saturating_sub(before);
        // Four messages of 16 kB and their maps are kept at most, and a read buffer.
        assert!(grown < 20 * 120 && grown < once + 500, "{once} kB more after the flood, {grown} after ten");
    });
}

#[test]
fn ended_associations_leave_nothing_behind() {
    alone("ended_associations_leave_nothing_behind", || {
        let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
        let round = || {
            for stage in 0..500 {
                // Dropped at every stage, and after completion.
                let mut world = World::ours(&ours, &ours);
                world.run(DELAY * (stage % 6), &mut deliver, |_| false);
            }
        };
        round();
        let before = resident_kb();
        (0..6).for_each(|_| round());
        let grown = resident_kb().saturating_sub(before);
        // A leak of 100 bytes for each of the 6000 would show.
        assert!(grown < 600, "{grown} kB more after 6000 associations");
    });
}

#[test]
fn an_established_association_takes_less_than_ten_kilobytes() {
    alone("an_established_association_takes_less_than_ten_kilobytes", || {
        let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
        let connect = || {
            let mut world = World::ours(&ours, &ours);
            assert!(world.connects(Duration::from_secs(5), &mut deliver));
            world
        };
        let _warm: Vec<World> = (0..50).map(|_| connect()).collect();
        let before = resident_kb();
        let worlds: Vec<World> = (0..500).map(|_| connect()).collect();
        let each = resident_kb().saturating_sub(before) * 1024 / (2 * worlds.len());
        println!("{each} bytes per established association");
        assert!(each < 10_000, "{each} bytes");
    });
}
