//! A target as requests write it.
use std::borrow::Cow;
use std::str::FromStr;

use serde::de::Error;
use sfu_core::control::Target;

/// `worker`, or a kind and an id: `producer:0.17.1`. In JSON also the form of events: `{"producer": "0.17.1"}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TargetText(pub(crate) Target);

impl FromStr for TargetText {
    type Err = String;

    fn from_str(text: &str) -> Result<TargetText, String> {
        if text == "worker" {
            return Ok(TargetText(Target::Worker));
        }
        let shown: String = text.chars().take(60).collect();
        let bad = || {
            format!(
                "api.target: `{shown}` is no target; write `worker`, or session, router, transport, producer, \
                 consumer, data_producer or data_consumer with an id: `producer:0.17.1`"
            )
        };
        let id = |_| bad();
        Ok(TargetText(match text.split_once(':').ok_or_else(bad)? {
            ("session", raw) => Target::Session(raw.parse().map_err(id)?),
            ("router", raw) => Target::Router(raw.parse().map_err(id)?),
            ("transport", raw) => Target::Transport(raw.parse().map_err(id)?),
            ("producer", raw) => Target::Producer(raw.parse().map_err(id)?),
            ("consumer", raw) => Target::Consumer(raw.parse().map_err(id)?),
            ("data_producer", raw) => Target::DataProducer(raw.parse().map_err(id)?),
            ("data_consumer", raw) => Target::DataConsumer(raw.parse().map_err(id)?),
            _ => return Err(bad()),
        }))
    }
}

impl<'de> serde::Deserialize<'de> for TargetText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<TargetText, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text.parse().map_err(D::Error::custom),
            other => serde_json::from_value(other).map(TargetText).map_err(D::Error::custom),
        }
    }
}

impl schemars::JsonSchema for TargetText {
    fn schema_name() -> Cow<'static, str> {
        "Target".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let kinds = "session|router|transport|producer|consumer|data_producer|data_consumer";
        schemars::json_schema!({
            "description": "`worker`, or a kind and an id: `producer:0.17.1`; also as events write it: `{\"producer\": \"0.17.1\"}`",
            "oneOf": [
                { "type": "string", "pattern": format!(r"^(worker|({kinds}):\d+\.\d+\.\d+)$") },
                { "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": { "type": "string" } }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sfu_core::control::{EntityId, ProducerId, RawId};

    #[test]
    fn both_forms_name_the_same_target() {
        let producer = Target::Producer(ProducerId::from_raw(RawId::new(0, 17, 1)));
        assert_eq!("producer:0.17.1".parse(), Ok(TargetText(producer)));
        for json in [r#""producer:0.17.1""#, r#"{"producer":"0.17.1"}"#] {
            assert_eq!(serde_json::from_str::<TargetText>(json).unwrap().0, producer, "{json}");
        }
        assert_eq!(serde_json::from_str::<TargetText>(r#""worker""#).unwrap().0, Target::Worker);
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for text in
            ["", "producer", "producer:", "producer:1", "room:0.1.1", "Producer:0.1.1", "worker:0.1.1"]
        {
            assert!(text.parse::<TargetText>().is_err(), "{text}");
        }
        for json in ["null", "1", "[]", "{}", r#"{"room":"0.1.1"}"#, r#"{"producer":"x"}"#] {
            assert!(serde_json::from_str::<TargetText>(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_read(text in "[a-z_]{0,14}:?[0-9.]{0,12}") {
            let _ = text.parse::<TargetText>();
        }
    }
}
