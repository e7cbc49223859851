//! One WHIP or WHEP session: what its URL stands for.
use std::fmt;
use std::net::IpAddr;
use std::time::SystemTime;

use axum::http::StatusCode;
use sfu_core::control::{
    ConsumerId, ConsumerType, IceCandidate, Labels, MediaKind, ProducerId, RtpCodecParameters, RtpParameters,
    SessionId, TransportId,
};
use sfu_core::signaling::ortc::RtpCapabilities;
use sfu_core::signaling::sdp::{IceCredentials, SessionDescription};

use crate::config::Permission;
use crate::problem::Problem;
use crate::stream_name::StreamName;

/// 128 random bits, the last part of the session's URL.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId([u8; 16]);

impl ResourceId {
    /// A new one that nobody can guess.
    pub fn random() -> Result<Self, Problem> {
        random().map(ResourceId)
    }

    /// Reads the text form: 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(digit) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(|bits| ResourceId(bits.to_be_bytes()))
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// The id is the right to end the session, so it is not printed in logs.
impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}{:02x}…", self.0[0], self.0[1])
    }
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "whip.session: the system gives no random bytes")
    })?;
    Ok(bytes)
}

/// A new strong entity tag, with its quotes.
pub fn new_etag() -> Result<String, Problem> {
    Ok(format!("\"{:016x}\"", u64::from_be_bytes(random()?)))
}

/// The label that says by which way media comes or goes.
pub const VIA: &str = "via";
/// Its value for all that is made here.
pub const VIA_WHIP: &str = "whip";

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sends media to us.
    Publisher,
    /// Receives media from us.
    Viewer,
}

impl Role {
    /// As in labels.
    pub fn name(self) -> &'static str {
        match self {
            Role::Publisher => "publisher",
            Role::Viewer => "viewer",
        }
    }

    /// What a token must grant.
    pub fn permission(self) -> Permission {
        match self {
            Role::Publisher => Permission::Publish,
            Role::Viewer => Permission::Watch,
        }
    }

    /// Labels of its entities.
    pub fn labels(self, stream: &StreamName) -> Labels {
        Labels::new().with("stream", stream.as_str()).with("role", self.name()).with(VIA, VIA_WHIP)
    }
}

/// One producer of a publisher.
#[derive(Debug, Clone)]
pub struct Produced {
    /// Its id.
    pub id: ProducerId,
    /// Audio or video.
    pub kind: MediaKind,
    /// The kind of consumer that fits it.
    pub consumer_type: ConsumerType,
    /// What viewers can be given of it, in the router's terms.
    pub consumable: RtpParameters,
}

impl Produced {
    /// MIME type of what is sent.
    pub fn codec(&self) -> &str {
        let mut codecs = self.consumable.codecs.iter().filter(|codec| !codec.is_rtx());
        codecs.next().map_or("", |codec| &codec.mime_type)
    }
}

/// One consumer of a viewer.
#[derive(Debug, Clone)]
pub struct Consumed {
    /// Its id.
    pub id: ConsumerId,
    /// What feeds it, or fed it as long as it was there.
    pub producer: ProducerId,
    /// Audio or video.
    pub kind: MediaKind,
    /// The codecs that it can carry without a new answer.
    pub accepted: Vec<RtpCodecParameters>,
}

/// The ICE session as signaling knows it.
pub struct IceSession {
    /// Its entity tag.
    pub etag: String,
    /// The peer's credentials; others mean a restart.
    pub peer: IceCredentials,
}

/// One session.
pub struct Resource {
    /// Last part of its URL.
    pub id: ResourceId,
    /// Its stream.
    pub stream: StreamName,
    /// What it is for.
    pub role: Role,
    /// Its session in the worker.
    pub session: SessionId,
    /// Its transport.
    pub transport: TransportId,
    /// Our candidates, told again after an ICE restart.
    pub candidates: Vec<IceCandidate>,
    /// Our answer.
    pub answer: SessionDescription,
    /// One PATCH at a time.
    pub ice: tokio::sync::Mutex<IceSession>,
    /// A publisher's producers.
    pub producers: Vec<Produced>,
    /// A viewer's consumers; one handover at a time.
    pub consumers: tokio::sync::Mutex<Vec<Consumed>>,
    /// What a viewer would have received, too, had it been there.
    pub unused: Vec<RtpCapabilities>,
    /// The HTTP client's address.
    pub peer: Option<IpAddr>,
    /// When it was made.
    pub since: SystemTime,
}

impl Resource {
    /// One line in the log: somebody publishes or watches.
    pub(crate) fn log_begin(&self) {
        let (stream, session, peer) = (&self.stream, self.id, self.peer());
        match self.role {
            Role::Publisher => {
                let codecs: Vec<&str> = self.producers.iter().map(Produced::codec).collect();
                tracing::info!(%stream, %peer, ?session, codecs = codecs.join(" "), "whip: publish begins");
            }
            Role::Viewer => tracing::info!(%stream, %peer, ?session, "whep: watch begins"),
        }
    }

    /// One line in the log: it is over.
    pub(crate) fn log_end(&self, why: &str) {
        let (stream, session, peer) = (&self.stream, self.id, self.peer());
        let seconds = self.since.elapsed().unwrap_or_default().as_secs();
        match self.role {
            Role::Publisher => tracing::info!(%stream, %peer, ?session, seconds, why, "whip: publish ends"),
            Role::Viewer => tracing::info!(%stream, %peer, ?session, seconds, why, "whep: watch ends"),
        }
    }

    fn peer(&self) -> String {
        self.peer.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form_and_is_not_printed_whole() {
        let id = ResourceId::random().unwrap();
        assert_eq!(ResourceId::parse(&id.to_string()), Some(id));
        assert!(!format!("{id:?}").contains(&id.to_string()));
        assert_ne!(ResourceId::random().unwrap(), id);
    }

    #[test]
    fn a_text_that_is_no_id_is_refused() {
        let upper = "A".repeat(32);
        for text in ["", "0", &"g".repeat(32), &upper, &"0".repeat(33), "+0000000000000000000000000000000"] {
            assert_eq!(ResourceId::parse(text), None, "{text}");
        }
    }
}
