//! A viewer made of webrtc-rs: the fifth independent stack, and the one that shows every packet.
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use tokio::sync::watch;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder,
    RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription, Registry,
    register_default_interceptors,
};

use crate::{http, rtp};

/// What arrived of one SSRC.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Received {
    /// `video/VP8` …
    pub codec: String,
    /// Packets, in order of arrival.
    pub packets: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Sequence numbers, extended, in order of arrival.
    pub sequence: Vec<u64>,
    /// When each packet came, and whether it begins a key frame (of VP8; padding alone begins none).
    pub arrivals: Vec<(Instant, bool)>,
}

impl Received {
    /// Sequence numbers between the lowest and the highest that never came.
    pub fn missing(&self) -> u64 {
        let mut seen = self.sequence.clone();
        seen.sort_unstable();
        seen.dedup();
        match (seen.first(), seen.last()) {
            (Some(first), Some(last)) => last - first + 1 - seen.len() as u64,
            _ => 0,
        }
    }

    fn take(&mut self, sequence: u16, payload: &[u8]) {
        self.packets += 1;
        self.bytes += payload.len() as u64;
        self.arrivals.push((Instant::now(), rtp::vp8_begins_key_frame(payload)));
        let last = self.sequence.last().copied().unwrap_or(1 << 16 | u64::from(sequence));
        // Nearest number with these low bits.
        let ahead = sequence.wrapping_sub(last as u16) as i16;
        self.sequence.push(last.saturating_add_signed(i64::from(ahead)));
    }
}

#[derive(Clone)]
struct Handler {
    state: watch::Sender<RTCPeerConnectionState>,
    gathered: watch::Sender<bool>,
    received: Arc<Mutex<HashMap<u32, Received>>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.send_replace(true);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let received = self.received.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
                let ssrc = packet.header.ssrc;
                let known = received.lock().unwrap().contains_key(&ssrc);
                let codec = if known { None } else { track.codec(ssrc).await };
                let mut received = received.lock().unwrap();
                let of = received.entry(ssrc).or_default();
                if let Some(codec) = codec {
                    of.codec = codec.mime_type;
                }
                of.take(packet.header.sequence_number, &packet.payload);
            }
        });
    }
}

/// A webrtc-rs peer that watches a stream.
pub struct Viewer {
    peer: Box<dyn PeerConnection>,
    state: watch::Receiver<RTCPeerConnectionState>,
    received: Arc<Mutex<HashMap<u32, Received>>>,
    location: String,
}

impl Viewer {
    /// Posts an offer to a WHEP endpoint and waits until connected; panics with the reason otherwise.
    pub async fn watch(whep: &str) -> Viewer {
        let (state, mut state_receiver) = watch::channel(RTCPeerConnectionState::New);
        let (gathered, mut gathered_receiver) = watch::channel(false);
        let received = Arc::new(Mutex::new(HashMap::new()));
        let handler = Handler { state, gathered, received: received.clone() };
        let mut codecs = MediaEngine::default();
        codecs.register_default_codecs().expect("webrtc-rs registers its codecs");
        let interceptors =
            register_default_interceptors(Registry::new(), &mut codecs).expect("webrtc-rs NACKs");
        let peer = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().build())
            .with_media_engine(codecs)
            .with_interceptor_registry(interceptors)
            .with_handler(Arc::new(handler))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await
            .expect("webrtc-rs makes a peer");
        for kind in [RtpCodecKind::Audio, RtpCodecKind::Video] {
            let receive = RTCRtpTransceiverInit {
                direction: RTCRtpTransceiverDirection::Recvonly,
                ..RTCRtpTransceiverInit::default()
            };
            peer.add_transceiver_from_kind(kind, Some(receive)).await.expect("webrtc-rs adds a transceiver");
        }
        let offer = peer.create_offer(None).await.expect("webrtc-rs makes an offer");
        peer.set_local_description(offer).await.expect("webrtc-rs takes its own offer");
        let _ = tokio::time::timeout(Duration::from_secs(5), gathered_receiver.wait_for(|done| *done)).await;
        let offer = peer.local_description().await.expect("webrtc-rs has an offer").sdp;
        let answer = http::post_sdp(whep, &offer).await;
        assert_eq!(answer.status, 201, "POST {whep}: {}\n{offer}", answer.text());
        let location = answer.header("location").to_owned();
        let description = RTCSessionDescription::answer(answer.text()).expect("an SDP answer");
        peer.set_remote_description(description).await.unwrap_or_else(|error| {
            panic!("webrtc-rs refuses the answer: {error}\n{}", answer.text());
        });
        let connected = state_receiver.wait_for(|state| *state == RTCPeerConnectionState::Connected);
        let connected =
            tokio::time::timeout(Duration::from_secs(15), connected).await.is_ok_and(|r| r.is_ok());
        assert!(connected, "webrtc-rs is {:?} after 15 s\n{}", *state_receiver.borrow(), answer.text());
        Viewer { peer: Box::new(peer), state: state_receiver, received, location }
    }

    /// Its state.
    pub fn state(&self) -> RTCPeerConnectionState {
        *self.state.borrow()
    }

    /// The path of its session.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// What arrived so far, by SSRC.
    pub fn received(&self) -> HashMap<u32, Received> {
        self.received.lock().unwrap().clone()
    }

    /// The figures of the stream with this codec (`video/VP8`), if any of it came.
    pub fn of(&self, codec: &str) -> Option<Received> {
        self.received().into_values().find(|received| received.codec.eq_ignore_ascii_case(codec))
    }

    /// Waits until so many packets of a codec came; panics with what came instead after `limit`.
    pub async fn receives(&self, codec: &str, packets: u64, limit: Duration) -> Received {
        let start = Instant::now();
        loop {
            if let Some(received) = self.of(codec)
                && received.packets >= packets
            {
                return received;
            }
            if start.elapsed() > limit {
                let came: Vec<_> =
                    self.received().into_iter().map(|(s, r)| (s, r.codec, r.packets)).collect();
                panic!(
                    "fewer than {packets} packets of {codec} within {limit:?}; came: {came:?}, {:?}",
                    self.state()
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it.
    pub async fn close(self) {
        let _ = self.peer.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_counts_gaps_but_neither_disorder_nor_wrapping() {
        let mut received = Received::default();
        for sequence in [65534, 65535, 1, 0, 3, 3] {
            received.take(sequence, &[0]);
        }
        assert_eq!((received.packets, received.missing()), (6, 1));
        assert_eq!(Received::default().missing(), 0);
    }
}
