//! Closing: a hook can still see what closes, on whichever media thread it lies.
use std::cell::RefCell;

use sfu_core::control::{CloseReason, EventBody};
use sfu_core::plugin::{Attach, ConsumerId, ConsumerInfo, Cx, Plugin, ProducerId, Target, plugin};
use sfu_core::testing::Build;

thread_local! {
    static SEEN: RefCell<Vec<(ConsumerId, bool)>> = const { RefCell::new(Vec::new()) };
}

/// Looks at each consumer that closes.
#[derive(Default)]
struct Looker;

#[plugin(id = "looker", on_panic = "forward")]
impl Plugin for Looker {
    type Consumer = ();
    fn consumer_opened(&mut self, _: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn consumer_closed(&mut self, id: ConsumerId, (): (), cx: &mut Cx<'_>) {
        let is_there = cx.view().consumer(id).is_some();
        SEEN.with_borrow_mut(|seen| seen.push((id, is_there)));
    }
}

#[test]
fn consumers_whose_producer_closes_can_be_seen_in_their_last_hook() {
    for workers in [1, 2] {
        for whole_session in [false, true] {
            let mut bench = Build::of::<Looker>().workers(workers).start();
            let ann = bench.peer();
            let p: ProducerId = bench.produce(ann, sfu_core::testing::Media::opus());
            let mut viewers = bench.consumers(p, 3);
            SEEN.take();
            let closing: Target = if whole_session { bench.session(ann).into() } else { p.into() };
            bench.close(closing);
            bench.advance(crate::ms(20));
            let mut seen = SEEN.take();
            seen.sort_unstable_by_key(|(id, _)| *id);
            viewers.sort_unstable();
            let expected: Vec<_> = viewers.iter().map(|id| (*id, true)).collect();
            assert_eq!(seen, expected, "{workers} workers, the whole session: {whole_session}");
            let told = bench.events().iter().filter(|event| {
                matches!(event.target, Target::Consumer(_))
                    && matches!(event.body, EventBody::Closed(CloseReason::Parent))
            });
            assert_eq!(told.count(), 3, "{workers} workers");
        }
    }
}
