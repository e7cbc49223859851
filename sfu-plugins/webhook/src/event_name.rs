//! What events are called.
use std::borrow::Cow;

use sfu_core::control::{EntityKind, Event, EventBody, Target};
use sfu_core::serde_json::{self, Value};

/// The name of an event: `session.opened`, `producer.stream_started`; of plugins what they call it, such as `recorder.stopped`.
pub(crate) fn event_name(event: &Event) -> Cow<'static, str> {
    match &event.body {
        EventBody::Plugin { plugin, body } => match body.get("event").and_then(Value::as_str) {
            Some(name) if name.split_once('.').is_some_and(|(first, _)| first == plugin) => {
                name.to_owned().into()
            }
            // Nobody can pass for another plugin, or for the core.
            Some(name) => format!("{plugin}.{name}").into(),
            None => format!("{plugin}.event").into(),
        },
        EventBody::PluginFault { .. } => "plugin.fault".into(),
        body => format!("{}.{}", subject(event.target), what(body)).into(),
    }
}

/// What belongs to an event.
pub(crate) fn event_data(event: &Event) -> Value {
    match &event.body {
        EventBody::Plugin { body, .. } => body.clone(),
        body => {
            let mut value = serde_json::to_value(body).unwrap_or_default();
            value.get_mut("data").map(Value::take).unwrap_or_default()
        }
    }
}

fn subject(target: Target) -> &'static str {
    match target {
        Target::Worker => "worker",
        Target::WebRtcServer(_) => "webrtc_server",
        Target::RtpObserver(_) => "rtp_observer",
        other => match other.kind() {
            Some(EntityKind::Session) => "session",
            Some(EntityKind::Router) => "router",
            Some(EntityKind::Transport) => "transport",
            Some(EntityKind::Producer) => "producer",
            Some(EntityKind::Consumer) => "consumer",
            Some(EntityKind::DataProducer) => "data_producer",
            Some(EntityKind::DataConsumer) => "data_consumer",
            None => "worker",
        },
    }
}

/// The tag of an event, without writing out the rest of those that come often.
fn what(body: &EventBody) -> Cow<'static, str> {
    let known = match body {
        EventBody::Opened { .. } => "opened",
        EventBody::Closed(_) => "closed",
        EventBody::IceState(_) => "ice_state",
        EventBody::DtlsState(_) => "dtls_state",
        EventBody::SctpState(_) => "sctp_state",
        EventBody::Paused { .. } => "paused",
        EventBody::Resumed { .. } => "resumed",
        EventBody::Score { .. } => "score",
        EventBody::ConsumerScore(_) => "consumer_score",
        EventBody::Layers(_) => "layers",
        EventBody::AudioLevels(_) => "audio_levels",
        EventBody::Silence => "silence",
        EventBody::DominantSpeaker(_) => "dominant_speaker",
        EventBody::Trace(_) => "trace",
        EventBody::StreamStarted { .. } => "stream_started",
        EventBody::KeyFrameRequested => "key_frame_requested",
        other => {
            let tag = serde_json::to_value(other).ok();
            let tag = tag.as_ref().and_then(|value| value.get("event")?.as_str());
            return tag.unwrap_or("event").to_owned().into();
        }
    };
    known.into()
}

#[cfg(test)]
mod tests {
    use sfu_core::control::{CloseReason, DtlsState, EntityId, IceState, ProducerId, RawId, SctpState};
    use sfu_core::serde_json::json;

    use super::*;

    fn name(target: Target, body: EventBody) -> String {
        event_name(&Event { target, body }).into_owned()
    }

    #[test]
    fn events_of_the_core_are_called_by_what_they_are_about() {
        let id = ProducerId::from_raw(RawId::new(0, 1, 0));
        let started = EventBody::StreamStarted { encoding: 0, ssrc: 1 };
        assert_eq!(name(id.into(), started), "producer.stream_started");
        let bodies = [
            EventBody::Opened { labels: Default::default() },
            EventBody::Closed(CloseReason::Peer),
            EventBody::IceState(IceState::Connected),
            EventBody::DtlsState(DtlsState::Connected),
            EventBody::DtlsCertificate("x".into()),
            EventBody::SctpState(SctpState::Connected),
            EventBody::Paused { by_producer: false },
            EventBody::Resumed { by_producer: false },
            EventBody::Score { encoding: 0, score: 1 },
            EventBody::ConsumerScore(Default::default()),
            EventBody::Layers(None),
            EventBody::BufferedAmountLow { buffered_amount: 1 },
            EventBody::SendBufferFull,
            EventBody::AudioLevels(vec![]),
            EventBody::Silence,
            EventBody::DominantSpeaker(id),
            EventBody::KeyFrameRequested,
            EventBody::Overload { worker: 0, level: 1 },
            EventBody::VideoOrientation { camera: false, flip: false, rotation: 0 },
        ];
        for body in bodies {
            let tag = serde_json::to_value(&body).expect("JSON")["event"].as_str().expect("a tag").to_owned();
            assert_eq!(name(id.into(), body), format!("producer.{tag}"));
        }
    }

    #[test]
    fn no_plugin_passes_for_another() {
        let named = |event: Value| {
            let body = json!({ "event": event });
            name(Target::Worker, EventBody::Plugin { plugin: "recorder".into(), body })
        };
        assert_eq!(named(json!("recorder.stopped")), "recorder.stopped");
        assert_eq!(named(json!("session.closed")), "recorder.session.closed");
        assert_eq!(named(json!("recorder-2.x")), "recorder.recorder-2.x");
        assert_eq!(named(json!(7)), "recorder.event");
        let fault = EventBody::PluginFault { plugin: "p".into(), step: "slow".into(), text: String::new() };
        assert_eq!(name(Target::Worker, fault), "plugin.fault");
    }
}
