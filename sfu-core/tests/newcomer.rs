//! A plugin in a crate of its own, whose only dependency is sfu-core, and a worker of it.
#![deny(unused)]

mod counter {
    use sfu_core::plugin::*;
    use sfu_core::serde_json::json;

    #[config]
    pub struct Settings {
        /// Report after so many packets.
        every: u64,
    }

    impl Default for Settings {
        fn default() -> Self {
            Settings { every: 100 }
        }
    }

    #[request]
    pub enum Ask {
        /// The number so far.
        Total,
    }

    pub struct Counter {
        every: u64,
        total: u64,
    }

    /// Counts packets.
    #[plugin(id = "counter")]
    impl Plugin for Counter {
        type Config = Settings;
        type Request = Ask;
        type Producer = u64;

        fn new(config: Settings, _: Start<'_, Self>) -> Result<Self, Error> {
            Ok(Counter { every: config.every, total: 0 })
        }

        fn rtp_in(&mut self, st: &mut u64, _: &mut RtpPacket<'_>, _: &mut (), cx: &mut Cx<'_>) -> Verdict {
            *st += 1;
            self.total += 1;
            if st.is_multiple_of(self.every) {
                cx.notify(Target::Worker, json!({ "packets": self.total }));
            }
            Verdict::Forward
        }

        fn request(&mut self, req: Ask, _: Target, re: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
            match req {
                Ask::Total => re.ok(self.total),
            }
        }
    }
}

sfu_core::worker! {
    /// What this worker is made of.
    pub plugins = [counter::Counter];
    pub signaling = [];
}

#[test]
fn a_worker_is_a_list_of_plugins() {
    use sfu_core::plugin::{Composition, PluginSet};
    assert_eq!(<Worker as Composition>::Plugins::LEN, 1);
    let described = sfu_core::plugin::Description::all();
    assert_eq!(described[0].meta.about, "Counts packets.");
    assert_eq!(
        (described[0].config)()["properties"]["every"]["description"],
        "Report after so many packets."
    );
}
