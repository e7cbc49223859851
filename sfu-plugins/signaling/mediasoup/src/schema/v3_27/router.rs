//! Routers: what they create, close and hold.
use super::active_speaker_observer::ActiveSpeakerObserverOptions;
use super::audio_level_observer::AudioLevelObserverOptions;
use super::common::{StringString, StringStringArray};
use super::direct_transport::DirectTransportOptions;
use super::pipe_transport::PipeTransportOptions;
use super::plain_transport::PlainTransportOptions;
use super::webrtc_transport::WebRtcTransportOptions;
use crate::flat::schema;

schema! {
    namespace "Router";

    table DumpResponse {
        id: String,
        transport_ids: Vec<String>,
        rtp_observer_ids: Vec<String>,
        map_producer_id_consumer_ids: Vec<StringStringArray>,
        map_consumer_id_producer_id: Vec<StringString>,
        map_producer_id_observer_ids: Vec<StringStringArray>,
        map_data_producer_id_data_consumer_ids: Vec<StringStringArray>,
        map_data_consumer_id_data_producer_id: Vec<StringString>,
    }

    table CreatePipeTransportRequest {
        transport_id: String,
        options: PipeTransportOptions,
    }

    table CreatePlainTransportRequest {
        transport_id: String,
        options: PlainTransportOptions,
    }

    table CreateWebRtcTransportRequest {
        transport_id: String,
        options: WebRtcTransportOptions,
    }

    table CreateDirectTransportRequest {
        transport_id: String,
        options: DirectTransportOptions,
    }

    table CreateAudioLevelObserverRequest {
        rtp_observer_id: String,
        options: AudioLevelObserverOptions,
    }

    table CreateActiveSpeakerObserverRequest {
        rtp_observer_id: String,
        options: ActiveSpeakerObserverOptions,
    }

    table CloseTransportRequest {
        transport_id: String,
    }

    table CloseRtpObserverRequest {
        rtp_observer_id: String,
    }
}
