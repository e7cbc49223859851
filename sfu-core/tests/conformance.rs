//! What `conformance` and `check_readme` find fault with: each plugin here has one.
use std::time::Duration;

use sfu_core::plugin::*;
use sfu_core::testing::{check_readme, conformance, conformance_with};

/// Keeps nothing of what it is told, and cannot be told wrongly.
#[config]
#[derive(Default)]
struct Limit {
    /// Packets per second.
    limit: u32,
}

macro_rules! faulty {
    ($name:ident, $id:literal { $($body:tt)* }) => {
        #[derive(Default)]
        struct $name;
        #[plugin(id = $id, on_panic = "forward")]
        impl Plugin for $name { $($body)* }
    };
}

/// Takes whatever it is given.
#[derive(Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(crate = "sfu_core::serde", default)]
#[schemars(crate = "sfu_core::schemars")]
struct Lax {
    #[allow(dead_code, reason = "nobody reads it")]
    limit: u32,
}

use sfu_core::{schemars, serde};

/// Its schema says 3, which it refuses.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(crate = "sfu_core::serde", default, deny_unknown_fields)]
#[schemars(crate = "sfu_core::schemars")]
struct Torn {
    #[serde(deserialize_with = "not_three")]
    limit: u32,
}

impl Default for Torn {
    fn default() -> Self {
        Torn { limit: 3 }
    }
}

fn not_three<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    match serde::Deserialize::deserialize(from)? {
        3 => Err(serde::de::Error::custom("3 is not allowed")),
        other => Ok(other),
    }
}

#[request]
enum Ask {
    /// Nothing.
    Nothing,
}

faulty!(Sound, "sound" { type Config = Limit; });
faulty!(LaxConfig, "lax-config" { type Config = Lax; });
faulty!(LaxOptions, "lax-options" { type Options = Lax; });
faulty!(TornConfig, "torn-config" { type Config = Torn; });
faulty!(TornOptions, "torn-options" { type Options = Torn; });
faulty!(LaxRequest, "lax-request" {
    type Request = sfu_core::serde_json::Value;
    fn request(
        &mut self,
        _: sfu_core::serde_json::Value,
        _: Target,
        re: Responder,
        _: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        re.ok(());
    }
});
faulty!(Silent, "silent" {
    type Request = Ask;
    fn request(&mut self, _: Ask, _: Target, _: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {}
});
faulty!(Restless, "restless" {
    fn tick(&mut self, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        cx.wake_at(cx.now() + Duration::from_millis(5));
    }
});
faulty!(Trusting, "trusting" {
    type Producer = ();
    fn rtp_in(&mut self, _: &mut (), pkt: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        // A payload may be shorter.
        if pkt.payload()[3] == 0 { Verdict::Drop } else { Verdict::Forward }
    }
});
faulty!(Credulous, "credulous" {
    type DataProducer = ();
    fn data_in(&mut self, _: &mut (), msg: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
        // Not every message is UTF-8.
        assert!(std::str::from_utf8(msg.payload()).is_ok());
        Verdict::Forward
    }
});
faulty!(NoDataConsumers, "no-data-consumers" {
    type DataConsumer = ();
    fn data_consumer_closed(&mut self, _: DataConsumerId, _: (), _: &mut Cx<'_>) {
        panic!("it did not think of that");
    }
});
faulty!(Slow, "slow" {
    type Consumer = ();
    fn consumer_opened(&mut self, _: &ConsumerInfo<'_>, _: &NoConfig, _: &mut Cx<'_>) -> Attach<()> {
        sfu_core::testing::spend(Duration::from_millis(20));
        Attach::On(())
    }
});

#[test]
fn a_sound_plugin_conforms() {
    conformance::<Sound>();
    conformance_with::<Sound>(sfu_core::serde_json::json!({ "limit": 3 }));
}

macro_rules! found {
    ($($test:ident: $plugin:ident, $text:literal;)*) => {$(
        #[test]
        #[should_panic(expected = $text)]
        fn $test() {
            conformance::<$plugin>();
        }
    )*};
}
found! {
    a_config_that_takes_any_field_is_found: LaxConfig, "takes unknown fields in its configuration";
    options_that_take_any_field_are_found: LaxOptions, "takes unknown fields in its options";
    a_config_that_refuses_its_own_defaults_is_found: TornConfig, "does not take the defaults of its own schema";
    options_that_refuse_their_own_defaults_are_found: TornOptions, "defaults of the schema of its options";
    requests_of_any_method_are_found: LaxRequest, "takes a request of an unknown method";
    a_request_that_is_not_answered_is_found: Silent, "drops `nothing`";
    a_plugin_that_keeps_its_thread_busy_is_found: Restless, "keeps media threads busy";
    a_hook_that_trusts_in_payloads_is_found: Trusting, "`trusting` failed";
    a_hook_that_trusts_in_messages_is_found: Credulous, "`credulous` failed";
    a_kind_that_is_not_thought_of_is_found: NoDataConsumers, "`no-data-consumers` failed";
    a_slow_hook_is_found: Slow, "`slow` failed";
}

#[test]
fn a_readme_that_tells_the_truth_is_taken() {
    check_readme::<Sound>("# Sound\n\n```toml\n[plugins.sound]\nlimit = 3  # packets\n```\n");
    check_readme::<Sound>("```toml\n[plugins.sound]\nenabled = true\n# limit = 3\n```\n");
}

#[test]
#[should_panic(expected = "has no example of its configuration")]
fn a_readme_without_an_example_is_found() {
    check_readme::<Sound>("# Sound\n\nIt has a `limit`.\n");
}

#[test]
#[should_panic(expected = "unknown field `limits`")]
fn an_example_that_a_worker_refuses_is_found() {
    check_readme::<Sound>("```toml\n[plugins.sound]\nlimits = 3\n# limit\n```\n");
}

#[test]
#[should_panic(expected = "names its field `limit`")]
fn a_field_that_the_readme_keeps_quiet_about_is_found() {
    check_readme::<Sound>("```toml\n[plugins.sound]\nenabled = true\n```\n");
}
