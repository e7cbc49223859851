//! The media thread allocates nothing for a packet that is handed out.
#![cfg(unix)]
use std::io::{Read, copy, sink};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use sfu_core::serde_json::json;
use sfu_core::testing::{Build, Media, PeerOptions};
use sfu_counting_allocator::{CountingAllocator, on_thread};
use sfu_tap::Tap;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn a_packet_that_is_handed_out_costs_the_media_thread_no_allocation() {
    for workers in [1, 2] {
        let path = std::env::temp_dir().join(format!("sfu-tap-{}-allocations.sock", std::process::id()));
        // With room for all: that something is dropped is told, and events are no part of the media path.
        let table = json!({
            "enabled": true, "listen": format!("unix:{}", path.display()),
            "queue_frames": 100_000, "queue_bytes": 64 << 20, "ring_bytes": 16 << 20,
        });
        let mut bench = Build::of::<Tap>().workers(workers).config(json!({ "tap": table })).start();
        let mut reader = UnixStream::connect(&path).expect("a listener");
        // With the greeting it is known.
        reader.read_exact(&mut [0; 5]).expect("a greeting");
        let reading = std::thread::spawn(move || copy(&mut reader, &mut sink()).expect("frames"));
        let peer = bench.peer_with(PeerOptions::plain().without_reports().worker(workers - 1));
        let audio = bench.produce(peer, Media::opus());
        let payload = [0xfc; 80];
        let interval = Duration::from_millis(20);
        bench.flood(audio, &payload, 4000, interval);
        let mut made = |packets| on_thread(|| bench.flood(audio, &payload, packets, interval)).0;
        let (short, long) = (made(1000), made(3000));
        assert!(long <= short + 2, "{short} for 1000 packets and {long} for 3000, {workers} media threads");
        let stats = bench.stats("tap");
        let made: u64 = ["frames", "dropped_ring_full"].iter().filter_map(|name| stats[*name].as_u64()).sum();
        assert!(made > 0, "packets were handed out");
        bench.stop();
        assert!(reading.join().expect("a reader") > 1000);
    }
}
