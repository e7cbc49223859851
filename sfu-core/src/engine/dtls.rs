//! DTLS of a WebRTC transport: when it begins, and what its keys set free.
use std::time::Instant;

use super::Engine;
use super::transport::{Link, Protection};
use crate::control::{DtlsRole, DtlsState, EventBody, TransportId};
use crate::net::Route;
use crate::transport::dtls::{AwsLcDtls, Connected, Dtls, Output, Role};
use crate::transport::srtp::{
    KeyingMaterial, MasterKey, OpenerLimits, Profile, SrtpError, SrtpOpener, SrtpSealer,
};

impl Engine {
    /// Takes a DTLS datagram: only from a path that ICE validated, only once signaling has told the fingerprint.
    pub(super) fn receive_dtls(&mut self, now: Instant, route: Route, data: &[u8]) {
        let Some(id) = self.demux.transport(&route) else {
            self.counters.unknown_source += 1;
            return;
        };
        let Some(transport) = self.transports.get_mut(id) else { return };
        transport.counters.received.add(now, data.len());
        transport.counters.other_received.add(now, data.len());
        match &mut transport.link {
            Link::WebRtc(link) if link.ice.is_validated(route) && link.dtls.is_some() => {
                if let Some(dtls) = &mut link.dtls {
                    let counter = match dtls.handle_datagram(now, data) {
                        true => &mut self.counters.dtls_taken,
                        false => &mut self.counters.dtls_dropped,
                    };
                    *counter += 1;
                }
                self.drive_dtls(now, id);
            }
            _ => self.counters.dtls_refused += 1,
        }
    }

    /// Begins the handshake once there is a path and signaling has told role and fingerprint.
    pub(super) fn start_dtls(&mut self, now: Instant, id: TransportId) {
        let Some(transport) = self.transports.get_mut(id) else { return };
        let Link::WebRtc(link) = &mut transport.link else { return };
        if link.dtls.is_some() || link.dtls_state != DtlsState::New || link.ice.selected().is_none() {
            return;
        }
        let role = match link.role {
            Some(DtlsRole::Client) => Role::Client,
            Some(_) => Role::Server,
            None => return,
        };
        match AwsLcDtls::new(&self.config.dtls, role, now) {
            Ok(dtls) => {
                link.dtls = Some(dtls);
                self.set_dtls_state(id, DtlsState::Connecting);
                self.drive_dtls(now, id);
            }
            Err(error) => {
                tracing::error!("engine.dtls: {error}");
                self.set_dtls_state(id, DtlsState::Failed);
            }
        }
    }

    /// Takes out what DTLS has to say after each call to it.
    pub(super) fn drive_dtls(&mut self, now: Instant, id: TransportId) {
        let mut has_data = false;
        loop {
            let Some(transport) = self.transports.get_mut(id) else { return };
            let route = transport.route();
            let Link::WebRtc(link) = &mut transport.link else { return };
            let Some(dtls) = &mut link.dtls else { return };
            match dtls.poll(&mut self.scratch[..]) {
                Output::Datagram(len) => {
                    let (Some(route), Some(datagram)) = (route, self.scratch.get(..len)) else { continue };
                    transport.counters.sent.add(now, len);
                    transport.counters.other_sent.add(now, len);
                    self.outbox.push(route, &mut transport.run, |slot| {
                        slot.get_mut(..len)?.copy_from_slice(datagram);
                        Some(len)
                    });
                }
                Output::Connected(connected) => self.dtls_connected(now, id, *connected),
                Output::Data(len) => {
                    let is_taken = match (&mut transport.sctp, self.scratch.get(..len)) {
                        (Some(sctp), Some(packet)) if link.dtls_state == DtlsState::Connected => {
                            has_data = true;
                            sctp.association.handle_packet(now, packet)
                        }
                        _ => false,
                    };
                    let counter = match is_taken {
                        true => &mut self.counters.sctp_taken,
                        false => &mut self.counters.sctp_dropped,
                    };
                    *counter += 1;
                }
                Output::Closed => {
                    self.set_dtls_state(id, DtlsState::Closed);
                    self.cut_off_sctp(now, id);
                }
                Output::Failed(error) => {
                    tracing::debug!("engine.dtls: transport {id}: {error}");
                    self.counters.dtls_failed += 1;
                    self.set_dtls_state(id, DtlsState::Failed);
                    self.cut_off_sctp(now, id);
                }
                Output::Idle => {
                    if let Some(deadline) = dtls.poll_timeout() {
                        self.arm(id, deadline);
                    }
                    break;
                }
            }
        }
        if has_data {
            self.drive_sctp(now, id);
        }
    }

    fn dtls_connected(&mut self, now: Instant, id: TransportId, connected: Connected) {
        let Some(transport) = self.transports.get_mut(id) else { return };
        let Link::WebRtc(link) = &mut transport.link else { return };
        if let Err(error) = connected.verify_peer(&link.fingerprints) {
            tracing::warn!("engine.dtls: transport {id}: {error}");
            self.counters.fingerprint_mismatch += 1;
            if let Some(dtls) = &mut link.dtls {
                dtls.close(now);
            }
            self.set_dtls_state(id, DtlsState::Failed);
            return;
        }
        let certificate = connected.peer_certificate_pem();
        match connected.srtp.map(srtp_session) {
            Some(Ok((sealer, opener))) => {
                transport.protection =
                    Protection::Srtp { sealer: Box::new(sealer), opener: Box::new(opener) };
            }
            Some(Err(error)) => tracing::error!("engine.dtls: transport {id}: {error}"),
            // The peer wants no media.
            None => {}
        }
        self.counters.dtls_connected += 1;
        self.change(id, EventBody::DtlsCertificate(certificate));
        self.set_dtls_state(id, DtlsState::Connected);
        self.transport_connected(now, id);
    }

    fn set_dtls_state(&mut self, id: TransportId, state: DtlsState) {
        let Some(transport) = self.transports.get_mut(id) else { return };
        let Link::WebRtc(link) = &mut transport.link else { return };
        // What failed stays failed, also when its farewell closes it.
        if link.dtls_state == state || link.dtls_state == DtlsState::Failed {
            return;
        }
        link.dtls_state = state;
        if matches!(state, DtlsState::Failed | DtlsState::Closed) {
            transport.protection = Protection::Pending;
        }
        self.change(id, EventBody::DtlsState(state));
    }

    /// Media can flow from now on: what was waiting for the path asks for a beginning.
    pub(super) fn transport_connected(&mut self, now: Instant, id: TransportId) {
        let Some(transport) = self.transports.get_mut(id) else { return };
        let (consumers, producers) = (transport.consumers.clone(), transport.producers.clone());
        transport.reports_due.get_or_insert(now + super::rtcp_out::FIRST_REPORT);
        let due = transport.reports_due;
        for consumer in consumers {
            self.request_key_frame_for(now, consumer, false);
        }
        for producer in producers {
            self.producer_wanted(now, producer);
        }
        if let Some(due) = due {
            self.arm(id, due);
        }
        self.begin_sctp(now, id);
    }
}

/// SRTP in both directions from what DTLS agreed on.
fn srtp_session(keys: crate::transport::dtls::SrtpKeys) -> Result<(SrtpSealer, SrtpOpener), SrtpError> {
    let profile = Profile::from_id(keys.profile.id()).ok_or(SrtpError::KeyLength)?;
    let local = MasterKey::new(profile, &keys.local_key, &keys.local_salt)?;
    let remote = MasterKey::new(profile, &keys.remote_key, &keys.remote_salt)?;
    session(&KeyingMaterial { profile, local, remote })
}

/// SRTP in both directions.
pub(super) fn session(keys: &KeyingMaterial) -> Result<(SrtpSealer, SrtpOpener), SrtpError> {
    Ok((
        SrtpSealer::new(keys.profile, &keys.local)?,
        SrtpOpener::new(keys.profile, &keys.remote, OpenerLimits::default())?,
    ))
}
