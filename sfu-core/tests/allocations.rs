//! The media path allocates nothing once it has warmed up.
use std::time::Duration;

use sfu_core::control::{
    ActiveSpeakerObserverOptions, AudioLevelObserverOptions, Command, ConsumerType, Reply, SrtpCryptoSuite,
};
use sfu_core::plugin::{
    Attach, ConsumerInfo, Cx, Nil, Plugin, PluginSet, ProducerInfo, RtpPacket, Verdict, plugin,
};
use sfu_core::testing::{Bench, Build, Media, PeerOptions, vp8_key};
use sfu_counting_allocator::{CountingAllocator, in_process};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// A packet of VP8 that begins a key frame.
const VP8: [u8; 14] = [0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0, 1, 0, 1, 7, 7, 7];

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
    let (payload, interval) = (VP8, Duration::from_millis(20));
    // Long enough for stores, histories and every beat of reports to have found their size.
    bench.flood(p, &payload, 8000, interval);
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

/// What a receiver asks for again, which is written anew for it, and how many times it asked.
fn allocations_of_repairs(peers: PeerOptions, media: Media, kind: ConsumerType, what: &str) {
    let mut bench = Build::<Nil>::new().start();
    let peers = peers.without_reports();
    let speaker = bench.peer_with(peers.clone());
    let p = bench.produce(speaker, media);
    for _ in 0..3 {
        let listener = bench.peer_with(peers.clone());
        bench.try_consume_with(listener, p, |options| options.kind = kind).expect("a consumer");
    }
    let interval = Duration::from_millis(20);
    // From a first packet on the worker knows whose SSRC that is.
    bench.send(p, vp8_key(0));
    bench.flood_asked_again(p, &VP8, 4000, interval);
    let before = bench.counter("retransmitted");
    let (made, (sent, asked)) = in_process(|| bench.flood_asked_again(p, &VP8, 2000, interval));
    let repaired = bench.counter("retransmitted") - before;
    assert!(sent >= 8_000 && asked == 2000, "{what}: {sent} datagrams, {asked} asked for again");
    assert_eq!(repaired, asked, "{what}: each is sent again");
    assert!(made <= 1, "{what}: {made} allocations over {sent} datagrams");
}

/// Speech that observers of volume and of the dominant speaker listen to.
fn allocations_of_observed_speech() {
    let mut bench = Build::<Nil>::new().start();
    let peers = PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm).without_reports();
    let speaker = bench.peer_with(peers.clone());
    let p = bench.produce(speaker, Media::opus());
    let listener = bench.peer_with(peers);
    bench.consume(listener, p);
    let router = bench.router(0);
    let interval = Duration::from_secs(5);
    let levels = AudioLevelObserverOptions { interval, ..Default::default() };
    let speakers = ActiveSpeakerObserverOptions { interval };
    for create in [
        Command::CreateAudioLevelObserver { router, options: levels },
        Command::CreateActiveSpeakerObserver { router, options: speakers },
    ] {
        let Reply::RtpObserver(observer) = bench.command(create) else { panic!("no observer") };
        bench.command(Command::ObserveProducer { observer, producer: p });
    }
    let interval = Duration::from_millis(20);
    bench.flood(p, &[7; 60], 4000, interval);
    let (made, sent) = in_process(|| bench.flood(p, &[7; 60], 2000, interval));
    // What they decide is told, eight times each in these 40 s; that takes a few, what they hear takes none.
    assert!(sent >= 2000 && made <= 64, "observed speech: {made} allocations over {sent} datagrams");
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
    let peers = [
        ("plain", PeerOptions::plain()),
        ("AES-GCM", PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm)),
        ("AES-CM", PeerOptions::srtp(SrtpCryptoSuite::AesCm128HmacSha1_80)),
        ("WebRTC", PeerOptions::webrtc().consent_timeout(Duration::ZERO)),
    ];
    for (name, peers) in peers {
        let repairs = |media, kind, what: &str| {
            allocations_of_repairs(peers.clone(), media, kind, &format!("{name}, {what}"));
        };
        repairs(Media::vp8(), ConsumerType::Simple, "RTX");
        repairs(Media::vp8().without_rtx(), ConsumerType::Simple, "sent again as it was");
        repairs(Media::vp8().simulcast(&["a", "b"]), ConsumerType::Simulcast, "simulcast");
        repairs(Media::vp8().scalability_mode("L1T3"), ConsumerType::Svc, "layers");
    }
    allocations_of_observed_speech();
}
