//! Taking redundancy off and adding it allocates nothing.
use std::time::Duration;

use sfu_core::control::{MediaKind, RtpCodecParameters, RtpParameters};
use sfu_core::serde_json::json;
use sfu_core::testing::{Build, Media, PeerOptions};
use sfu_counting_allocator::{CountingAllocator, on_thread};
use sfu_red::Red;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn a_packet_with_redundancy_costs_no_allocation_neither_on_the_way_in_nor_on_the_way_out() {
    for workers in [1, 2] {
        let config = json!({ "red": { "enabled": true, "options": { "packets": 2 } } });
        let mut bench = Build::of::<Red>().workers(workers).config(config).start();
        let mut parameters = RtpParameters::single(RtpCodecParameters::opus(111), 0x0011_0000);
        let red = RtpCodecParameters {
            mime_type: "audio/red".into(),
            payload_type: 63,
            ..RtpCodecParameters::opus(63)
        };
        parameters.codecs.insert(0, red);
        let speaker = bench.peer_with(PeerOptions::plain().without_reports());
        let p = bench.produce(speaker, Media::with_parameters(MediaKind::Audio, parameters));
        for _ in 0..3 {
            let listener = bench.peer_with(PeerOptions::plain().without_reports().worker(workers - 1));
            bench.consume(listener, p);
        }
        // One earlier packet of 80 bytes, 960 units ago, and one of its own.
        let mut payload = (0x8000_0000 | 111 << 24 | 960 << 10 | 80u32).to_be_bytes().to_vec();
        payload.push(111);
        payload.extend([0xfc; 160]);
        let interval = Duration::from_millis(20);
        bench.flood(p, &payload, 4000, interval);
        let mut made = |packets| on_thread(|| bench.flood(p, &payload, packets, interval));
        let ((short, _), (long, sent)) = (made(1000), made(3000));
        assert!(sent >= 9000, "{sent}");
        assert!(long <= short + 2, "{short} for 1000 packets and {long} for 3000, {workers} media threads");
        let stats = bench.stats("red");
        assert_eq!((&stats["received_packets"], &stats["sent_packets"]), (&json!(8000), &json!(24_000)));
    }
}
