//! How a plugin begins and ends, and what it is called.
use std::cell::RefCell;

use serde_json::json;
use sfu_core::control::EventBody;
use sfu_core::plugin::{
    Attach, Cx, Error, Plugin, ProducerId, ProducerInfo, Rows, RtpPacket, Start, Stats, Target, Verdict,
    config, plugin,
};
use sfu_core::testing::Build;

use crate::ms;

thread_local! {
    static JOURNAL: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn note(entry: String) {
    JOURNAL.with_borrow_mut(|journal| journal.push(entry));
}

/// Writes down its life.
struct Life {
    name: String,
    packets: u32,
}

#[config]
#[derive(Debug, Default, Clone)]
struct Named {
    name: String,
}

/// Writes down its life.
#[plugin(id = "life")]
impl Plugin for Life {
    type Config = Named;
    type Shared = String;
    type Producer = ();
    fn shared(config: &Named) -> Result<String, Error> {
        if config.name.is_empty() {
            return Err(Error::new("needs a name"));
        }
        note(format!("shared {}", config.name));
        Ok(config.name.clone())
    }
    fn new(config: Named, start: Start<'_, Self>) -> Result<Self, Error> {
        note(format!("new {} {} of {}", start.shared(), start.worker(), start.workers()));
        Ok(Life { name: config.name, packets: 0 })
    }
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_in(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &mut (), cx: &mut Cx<'_>) -> Verdict {
        self.packets += 1;
        if self.packets == 1 {
            note("first packet".into());
            cx.notify(Target::Worker, json!("here"));
        }
        Verdict::Forward
    }
    fn producer_closed(&mut self, _: ProducerId, (): (), _: &mut Cx<'_>) {
        note(format!("closed after {} packets", self.packets));
    }
    fn stop(&mut self, cx: &mut Cx<'_>) {
        note(format!("stop {} {}", self.name, cx.worker()));
    }
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("packets", self.packets);
    }
}

#[test]
fn a_plugin_begins_before_media_and_ends_after_all_is_closed() {
    for workers in [1, 2] {
        JOURNAL.take();
        let refused = Build::of::<Life>().workers(workers).try_start().err().expect("it has no name");
        assert_eq!(refused.to_string(), "plugins.life: needs a name");
        assert_eq!(JOURNAL.take(), [""; 0], "nothing else of it runs");
        let config = json!({ "life": { "name": "ann" } });
        let mut bench = Build::of::<Life>().workers(workers).config(config).start();
        let p = bench.audio_producer();
        let c = bench.consumer(p);
        bench.play(&[p], ms(100));
        assert_eq!(bench.received(c).len(), 5);
        bench.stop();
        let mut expected = vec!["shared ann".to_owned()];
        expected.extend((0..workers).map(|worker| format!("new ann {worker} of {workers}")));
        expected.extend(["first packet".to_owned(), "closed after 5 packets".to_owned()]);
        expected.extend((0..workers).map(|worker| format!("stop ann {worker}")));
        assert_eq!(JOURNAL.take(), expected);
    }
}

#[test]
fn a_plugin_is_known_by_what_its_attribute_says() {
    assert_eq!(
        (Life::META.id, Life::META.version, Life::META.about),
        ("life", env!("CARGO_PKG_VERSION"), "Writes down its life.")
    );
    for workers in [1, 2] {
        let config = json!({ "life": { "name": "ann" } });
        let mut bench = Build::of::<Life>().workers(workers).config(config).start();
        let p = bench.audio_producer();
        bench.play(&[p], ms(100));
        // Its events, figures and requests go by its id, without a call.
        let told = EventBody::Plugin { plugin: "life".into(), body: json!("here") };
        assert!(bench.events_of(Target::Worker).contains(&told));
        assert_eq!(bench.stats("life")["packets"], 5);
    }
}
