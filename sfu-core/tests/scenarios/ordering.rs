//! Datagrams of one turn: what one changes is told before the hooks of the next.
use std::cell::RefCell;

use sfu_core::control::DtlsState;
use sfu_core::plugin::{
    Attach, Cx, Plugin, ProducerEvent, ProducerId, ProducerInfo, Rows, RtpPacket, TransportEvent,
    TransportId, TransportInfo, Verdict, plugin,
};
use sfu_core::testing::{self, Bench, Build, Conditions, Media, PeerOptions};

use crate::{ms, seconds};

thread_local! {
    static JOURNAL: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn note(entry: String) {
    JOURNAL.with_borrow_mut(|journal| journal.push(entry));
}

fn journal() -> Vec<String> {
    JOURNAL.take()
}

/// Writes down what its hooks see. Ticks end turns; it asks for one with everything it sees.
#[derive(Default)]
struct Scribe;

#[plugin(id = "scribe", on_panic = "forward")]
impl Plugin for Scribe {
    type Transport = ();
    type Producer = ProducerId;
    fn transport_opened(&mut self, _: &TransportInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn transport_event(
        &mut self,
        _: TransportId,
        event: &TransportEvent,
        _: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        if *event == TransportEvent::DtlsState(DtlsState::Connected) {
            note("connected".into());
            cx.wake_at(cx.now());
        }
    }
    fn producer_opened(
        &mut self,
        info: &ProducerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<ProducerId> {
        Attach::On(info.id)
    }
    fn producer_event(
        &mut self,
        _: ProducerId,
        event: &ProducerEvent,
        _: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        if matches!(event, ProducerEvent::StreamStarted { .. }) {
            note("started".into());
        }
    }
    fn producer_closed(&mut self, _: ProducerId, id: ProducerId, _: &mut Cx<'_>) {
        note(format!("closed {}", id.index()));
    }
    fn rtp_in(
        &mut self,
        id: &mut ProducerId,
        packet: &mut RtpPacket<'_>,
        _: &mut (),
        cx: &mut Cx<'_>,
    ) -> Verdict {
        let number = u32::from_be_bytes(*packet.payload().last_chunk().unwrap());
        note(format!("packet {number} of {}", id.index()));
        cx.wake_at(cx.now());
        // The number of a packet that ends its producer.
        if number == 13 {
            cx.close(*id);
        }
        Verdict::Forward
    }
    fn tick(&mut self, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        note("end of the turn".into());
    }
}

/// Everything arrives 10 ms later, and what was sent at one moment in one turn.
fn far() -> Conditions {
    Conditions::delay(ms(10))
}

#[test]
fn dtls_is_connected_before_the_first_packet_behind_it() {
    let mut bench = Bench::of::<Scribe>();
    // As the server of DTLS a peer is done with its own last flight, and may send media right behind it.
    let peer = bench.peer_with(PeerOptions::webrtc().dtls_server().to_worker(far()).silent());
    let p = bench.produce(peer, Media::opus());
    bench.begin_checks(peer);
    assert!(bench.advance_until(seconds(5), |bench| bench.is_connected(peer)));
    assert_eq!(journal(), [""; 0], "the last flight is on its way");
    bench.send(p, testing::opus(1));
    bench.send(p, testing::opus(2));
    bench.advance(ms(10));
    assert_eq!(journal(), ["connected", "packet 1 of 0", "started", "packet 2 of 0", "end of the turn"]);
    assert_eq!(bench.counter("media_refused"), 0);
}

#[test]
fn a_closed_producer_is_closed_before_the_next_packet() {
    let mut bench = Build::of::<Scribe>().start();
    let [ann, bob] = [0; 2].map(|_| bench.peer_with(PeerOptions::plain().to_worker(far())));
    let [p, q] = [ann, bob].map(|peer| bench.produce(peer, Media::opus()));
    let c = bench.consumer(p);
    bench.send(p, testing::opus(1));
    bench.send(q, testing::opus(1));
    bench.advance(ms(10));
    journal();
    for (producer, n) in [(p, 2), (q, 2), (p, 13), (p, 14), (q, 3)] {
        bench.send(producer, testing::opus(n));
    }
    bench.advance(ms(10));
    assert_eq!(
        journal(),
        ["packet 2 of 0", "packet 2 of 1", "packet 13 of 0", "closed 0", "packet 3 of 1", "end of the turn"]
    );
    // What it had passed before is not taken back.
    assert_eq!(bench.receiver(c).numbers(), [1, 2, 13]);
}
