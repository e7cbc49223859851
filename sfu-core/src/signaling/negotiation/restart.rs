//! ICE restarts and trickled candidates.
use super::LocalTransport;
use super::section::{candidate, credentials};
use crate::signaling::sdp::{FragmentSection, IceCredentials, IceFragment, SessionDescription};

/// Whether new credentials mean an ICE restart: username fragment or password differ (RFC 8839 §4.4.1.1.1).
pub fn is_restart(known: &IceCredentials, new: &IceCredentials) -> bool {
    known != new
}

/// The fragment that answers an ICE restart (RFC 9725 §4.3.3): our new credentials and all our candidates, for the first
/// section that `answer` accepted, which is the one that describes the bundled transport.
pub fn restart_fragment(answer: &SessionDescription, local: &LocalTransport<'_>) -> IceFragment {
    let section = answer.media.iter().find(|media| !media.rejected()).map(|media| FragmentSection {
        kind: media.kind.clone(),
        protocol: media.protocol.clone(),
        formats: media.formats.clone(),
        mid: media.mid.clone(),
        ice: Some(credentials(local.ice)),
        candidates: local.candidates.iter().map(candidate).collect(),
        end_of_candidates: true,
    });
    IceFragment {
        ice_lite: true,
        bundle: answer.bundle.clone(),
        media: section.into_iter().collect(),
        ..IceFragment::default()
    }
}
