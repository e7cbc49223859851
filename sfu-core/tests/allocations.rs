//! The media path allocates nothing once it has warmed up.
use std::time::Duration;

use sfu_core::control::SrtpCryptoSuite;
use sfu_core::plugin::{
    Attach, ConsumerInfo, Cx, Nil, Plugin, PluginSet, ProducerInfo, RtpPacket, Verdict, plugin,
};
use sfu_core::testing::{Bench, Build, Media, PeerOptions};
use sfu_counting_allocator::{CountingAllocator, in_process};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Looks at every packet in both directions, and changes what each consumer gets.
#[derive(Default)]
struct Busy {
    packets: u64,
}

#[plugin(id = "busy", on_panic = "forward")]
impl Plugin for Busy {
    type Producer = u64;
    type Consumer = u64;
    type Note = u64;
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<u64> {
        Attach::On(0)
    }
    fn consumer_opened(&mut self, _: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<u64> {
        Attach::On(0)
    }
    fn rtp_in(&mut self, st: &mut u64, _: &mut RtpPacket<'_>, note: &mut u64, _: &mut Cx<'_>) -> Verdict {
        *st += 1;
        *note = *st;
        self.packets += 1;
        if st.is_multiple_of(10) { Verdict::Drop } else { Verdict::Forward }
    }
    fn rtp_out(&mut self, st: &mut u64, packet: &mut RtpPacket<'_>, note: &u64, _: &mut Cx<'_>) -> Verdict {
        *st += note;
        if let Ok(payload) = packet.payload_mut()
            && let Some(first) = payload.first_mut()
        {
            *first ^= 1;
        }
        Verdict::Forward
    }
}

fn allocations_of<S: PluginSet>(mut bench: Bench<S>, media: Media, what: &str) {
    let last = bench.workers() - 1;
    let suite = SrtpCryptoSuite::AeadAes128Gcm;
    let speaker = bench.peer_with(PeerOptions::srtp(suite).without_reports());
    let p = bench.produce(speaker, media);
    for _ in 0..10 {
        let listener = bench.peer_with(PeerOptions::srtp(suite).without_reports().worker(last));
        bench.consume(listener, p);
    }
    let (payload, interval) =
        ([0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0, 1, 0, 1, 7, 7, 7], Duration::from_millis(20));
    // Long enough for stores, histories and every beat of reports to have found their size.
    bench.flood(p, &payload, 4000, interval);
    let mut made = |packets| in_process(|| bench.flood(p, &payload, packets, interval));
    let ((short, _), (long, sent)) = (made(1000), made(3000));
    assert!(sent >= 15_000, "{what}: only {sent} datagrams");
    // Reports are no packets of media, but they go the same way: nothing there either. The pool of packets may find its
    // full size late, by one packet; what is made for each packet would be thousands.
    assert!(
        short <= 1 && long <= 1,
        "{what}: {short} and {long} allocations, the latter over {sent} datagrams"
    );
}

/// Bursts of 100 packets, of which most wait: the queues keep their memory for the next one.
fn allocations_of_bursts() {
    let mut bench = Build::<Nil>::new().pacing(true).start();
    let options = PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm).without_reports();
    let speaker = bench.peer_with(options.clone());
    let p = bench.produce(speaker, Media::vp8());
    for _ in 0..10 {
        let viewer = bench.peer_with(options.clone());
        bench.consume(viewer, p);
    }
    let mut large = [0; 1200];
    large[..11].copy_from_slice(&[0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0, 1, 0, 1]);
    let mut sends = |bursts| {
        (0..bursts)
            .map(|_| {
                bench.flood(p, &large, 100, Duration::ZERO)
                    + bench.flood(p, &large[..100], 50, Duration::from_millis(20))
            })
            .sum::<u64>()
    };
    sends(40);
    let (made, sent) = in_process(|| sends(20));
    assert!(sent >= 20 * 10 * 150, "only {sent} datagrams");
    assert!(made <= 1, "{made} allocations over {sent} datagrams");
    assert!(bench.counter("paced") > 60 * 10 * 80);
}

// One test, so that nothing else of this process is counted.
#[test]
fn a_forwarded_packet_allocates_nothing() {
    allocations_of_bursts();
    for workers in [1, 2] {
        let text = format!("{workers} workers");
        // Of ten viewers some get nothing, others the lowest layers.
        let mut overloaded = Build::<Nil>::new().workers(workers).start();
        overloaded.overload(workers - 1, 5);
        allocations_of(overloaded, Media::vp8(), &format!("{text}, overloaded"));
        for media in [Media::opus(), Media::vp8(), Media::vp8().without_rtx()] {
            allocations_of(
                Build::<Nil>::new().workers(workers).start(),
                media.clone(),
                &format!("{text}, no plugin"),
            );
            allocations_of(
                Build::of::<Busy>().workers(workers).start(),
                media,
                &format!("{text}, a busy plugin"),
            );
        }
    }
}
