//! Routing a message allocates nothing once names are known.
mod chat;

use std::sync::atomic::{AtomicU64, Ordering};

use chat::Chat;
use sfu_core::plugin::{
    Attach, Cx, DataMessage, DataProducerInfo, Plugin, Rows, Stats, Target, Verdict, plugin,
};
use sfu_core::serde_json::json;
use sfu_core::testing::build;
use sfu_counting_allocator::{CountingAllocator, so_far};
use sfu_data_router::DataRouter;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// What had been asked for when the last message came to the plugin before the router.
static BEFORE: AtomicU64 = AtomicU64::new(0);

/// Looks at the count before the router gets a message.
#[derive(Default)]
struct Before;

#[plugin(id = "before", on_panic = "forward")]
impl Plugin for Before {
    type DataProducer = ();
    fn data_producer_opened(
        &mut self,
        _: &DataProducerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<()> {
        Attach::On(())
    }
    fn data_in(&mut self, _: &mut (), _: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
        BEFORE.store(so_far(), Ordering::Relaxed);
        Verdict::Forward
    }
}

/// Adds up what was asked for until the router had given a message on.
#[derive(Default)]
struct After {
    messages: u64,
    allocations: u64,
}

#[plugin(id = "after", on_panic = "forward")]
impl Plugin for After {
    type DataProducer = ();
    fn data_producer_opened(
        &mut self,
        _: &DataProducerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<()> {
        Attach::On(())
    }
    fn data_in(&mut self, _: &mut (), msg: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
        self.allocations += so_far() - BEFORE.load(Ordering::Relaxed);
        self.messages += 1;
        assert!(!msg.to().is_empty());
        Verdict::Forward
    }
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("messages", self.messages);
        out.put_sum("allocations", self.allocations);
    }
}

// One test, so that nothing else of this process is counted.
#[test]
fn a_routed_message_allocates_nothing() {
    for workers in [1, 2] {
        let options = json!({ "messages_per_second": 0, "bytes_per_second": 0 });
        let config = json!({ "data-router": { "enabled": true, "options": options } });
        let bench = build!(Before, DataRouter, After).workers(workers).config(config).start();
        let mut chat = Chat { bench };
        let peers: Vec<_> = (0..20).map(|n| chat.peer("hall", &format!("p{n}"))).collect();
        for peer in &peers {
            chat.say(*peer, r#"{"v":1,"join":"group"}"#);
            chat.say(*peer, r#"{"v":1,"subscribe":"topic"}"#);
        }
        let texts = [
            r#"{"v":1,"to":{"peer":"p1"},"body":{"x":[1,2,{"y":"z"}]}}"#,
            r#"{"v":1,"body":"first","to":{"peers":["p1","p2","\u00703"]}}"#,
            r#"{"v":1,"to":{"group":"group"},"body":7}"#,
            r#"{"v":1,"to":{"topic":"topic"},"body":[]}"#,
            r#"{"v":1,"to":"others","body":null}"#,
        ];
        let headers = [
            &b"\xd1\x01\x02p1payload"[..],
            b"\xd1\x02\x02\x02p1\x02p2payload",
            b"\xd1\x03\x05group",
            b"\xd1\x04payload",
            b"\xd1\x05\x05topicpayload",
        ];
        let mut figures = |rounds: usize| {
            for _ in 0..rounds {
                for (text, header) in texts.iter().zip(headers) {
                    chat.say(peers[0], text);
                    chat.say_bytes(peers[0], header);
                }
            }
            chat.heard();
            let stats = chat.bench.stats("after");
            (stats["messages"].as_u64().unwrap(), stats["allocations"].as_u64().unwrap())
        };
        // Until the buffers of messages, which have to hold the new heads, have found their size.
        let (before, warm) = figures(20);
        let (after, cold) = figures(100);
        assert_eq!((before, after), (200, 1200));
        assert_eq!(cold - warm, 0, "{workers} media threads");
    }
}
