//! The one transport that all media of an offer share.
use super::NegotiationError;
use crate::control::{DtlsParameters, DtlsRole};
use crate::signaling::sdp::{IceCredentials, MediaDescription, SessionDescription, Setup};

/// What an offer says of the peer's transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerTransport {
    /// The peer's ICE credentials; others in a later offer or fragment mean an ICE restart.
    pub ice: IceCredentials,
    /// The peer's fingerprints and role, as `ConnectWebRtcTransport` wants them.
    pub dtls: DtlsParameters,
    /// What we answer to `a=setup`: `active` to a passive peer, else `passive`.
    pub setup: Setup,
    /// Whether the peer also answers ICE-lite.
    pub ice_lite: bool,
}

/// The shared transport of the accepted sections, given by their indices.
///
/// With a BUNDLE group all must be in it, and its first section decides (RFC 9143 §7.2). Without one, several sections
/// are taken only if they have the same ICE credentials, so that one transport serves them all anyway.
pub(super) fn shared_transport(
    offer: &SessionDescription,
    accepted: &[usize],
) -> Result<PeerTransport, NegotiationError> {
    let sections = || accepted.iter().filter_map(|i| offer.media.get(*i).map(|media| (*i, media)));
    let in_group = |media: &MediaDescription| {
        let group = offer.bundle.as_deref().unwrap_or_default();
        media.mid.as_ref().is_some_and(|mid| group.contains(mid))
    };
    let (first, first_media) = sections().next().ok_or(NegotiationError::NothingToReceive)?;
    let strangers = sections().skip(1).find(|(_, media)| {
        let bundled = in_group(first_media) && in_group(media);
        let same = offer.bundle.is_none() && media.ice.is_some() && media.ice == first_media.ice;
        !(bundled || same)
    });
    if let Some((section, _)) = strangers {
        return Err(NegotiationError::NotBundled { section });
    }
    // The group's first section may be one that we reject, such as data channels; it describes the transport all the
    // same. What it leaves out is looked up in the first section that we accept.
    let tagged = offer.media.iter().find(|media| in_group(first_media) && in_group(media));
    let tagged = tagged.unwrap_or(first_media);
    let ice = tagged.ice.clone().or_else(|| first_media.ice.clone());
    let ice = ice.ok_or(NegotiationError::NoIce { section: first })?;
    let fingerprints = [tagged, first_media].into_iter().find(|media| !media.fingerprints.is_empty());
    let fingerprints =
        fingerprints.ok_or(NegotiationError::NoFingerprint { section: first })?.fingerprints.clone();
    let (role, setup) = match tagged.setup.or(first_media.setup) {
        // An offer without a=setup is an active one (RFC 4145 §4.1).
        Some(Setup::Active) | None => (DtlsRole::Client, Setup::Passive),
        Some(Setup::Actpass) => (DtlsRole::Auto, Setup::Passive),
        Some(Setup::Passive) => (DtlsRole::Server, Setup::Active),
        Some(Setup::Holdconn) => return Err(NegotiationError::HeldConnection { section: first }),
    };
    let dtls = DtlsParameters { role, fingerprints };
    Ok(PeerTransport { ice, dtls, setup, ice_lite: offer.ice_lite })
}
