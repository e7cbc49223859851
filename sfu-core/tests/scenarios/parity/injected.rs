//! What a plugin injects passes the plugins below it on the way in, and all others on the way out: on whichever media thread its
//! viewers are.
use std::cell::RefCell;

use sfu_core::plugin::{
    Attach, Cons, ConsumerInfo, Cx, NewRtp, Nil, Plugin, ProducerId, ProducerInfo, RtpPacket, Verdict, plugin,
};
use sfu_core::testing::{self, Build};

use crate::ms;

thread_local! {
    static SEEN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

const INJECTED: &[u8] = b"injected";

macro_rules! watcher {
    ($name:ident, $id:literal, $speaks:literal) => {
        /// Writes down which injected packets it sees; the speaking one injects one for each packet that comes in.
        #[derive(Default)]
        struct $name;

        #[plugin(id = $id, on_panic = "forward")]
        impl Plugin for $name {
            type Producer = ProducerId;
            type Consumer = ();
            fn producer_opened(
                &mut self,
                info: &ProducerInfo<'_>,
                _: &Self::Options,
                _: &mut Cx<'_>,
            ) -> Attach<ProducerId> {
                Attach::On(info.id)
            }
            fn consumer_opened(
                &mut self,
                _: &ConsumerInfo<'_>,
                _: &Self::Options,
                _: &mut Cx<'_>,
            ) -> Attach<()> {
                Attach::On(())
            }
            fn rtp_in(
                &mut self,
                producer: &mut ProducerId,
                packet: &mut RtpPacket<'_>,
                _: &mut (),
                cx: &mut Cx<'_>,
            ) -> Verdict {
                if packet.payload() == INJECTED {
                    SEEN.with_borrow_mut(|seen| seen.push(concat!($id, " in")));
                } else if $speaks {
                    let _ = cx.producer(*producer).inject_rtp(NewRtp::new(0, INJECTED));
                }
                Verdict::Forward
            }
            fn rtp_out(
                &mut self,
                (): &mut (),
                packet: &mut RtpPacket<'_>,
                (): &(),
                _: &mut Cx<'_>,
            ) -> Verdict {
                if packet.payload() == INJECTED {
                    SEEN.with_borrow_mut(|seen| seen.push(concat!($id, " out")));
                }
                Verdict::Forward
            }
        }
    };
}

watcher!(First, "first", false);
watcher!(Speaker, "speaker", true);
watcher!(Last, "last", false);

type Three = Cons<First, Cons<Speaker, Cons<Last, Nil>>>;

#[test]
fn what_is_injected_passes_all_other_plugins_on_its_way_out_on_every_thread() {
    for workers in [1, 2] {
        let mut bench = Build::<Three>::new().workers(workers).start();
        let p = bench.audio_producer();
        let viewers = bench.consumers(p, 2);
        SEEN.take();
        bench.send(p, testing::Rtp::new(960, b"spoken"));
        bench.advance(ms(20));
        let mut seen = SEEN.take();
        assert_eq!(seen.remove(0), "last in", "{workers} workers: only those below hear it come in");
        assert_eq!(seen, ["last out", "first out"].repeat(2), "{workers} workers");
        for viewer in viewers {
            let heard = bench.received(viewer).iter().filter(|packet| packet.payload == INJECTED).count();
            assert_eq!(heard, 1, "{workers} workers");
        }
    }
}
