use std::time::Duration;

use sfu_core::control::{DtlsRole, LinkDump, TransportListen, TransportStats, WebRtcTransportOptions};

use super::Desk;
use super::convert::{
    bitrate, dtls_parameters, dtls_parameters_of, dtls_role, dtls_state, ice_candidate, ice_parameters,
    ice_state, listen_info, sctp_options, tuple,
};
use super::detail::{Announced, Detail, TransportDetail};
use super::limits::Limits;
use super::lookup::wrong_handler;
use super::perform::Answer;
use crate::refusal::Refusal;
use crate::registry::{Link, TransportFacts};
use crate::schema::v3_27::request::Method;
use crate::schema::v3_27::response::Body;
use crate::schema::v3_27::router::CreateWebRtcTransportRequest;
use crate::schema::v3_27::transport::{Dump, RestartIceResponse, Stats};
use crate::schema::v3_27::webrtc_transport::{
    ConnectRequest, ConnectResponse, DumpResponse, GetStatsResponse, IceRole, Listen,
};

impl Desk {
    pub(super) async fn create_webrtc_transport(
        &mut self,
        id: &str,
        body: CreateWebRtcTransportRequest,
        method: Method,
    ) -> Answer {
        let (router_key, router) = self.router(id, method)?;
        self.check_free(&body.transport_id, method)?;
        let options = body.options;
        // Addresses of its own say by themselves which protocols there are, and by their order which is preferred.
        let (mut enabled, mut preferred) = ((true, true), (false, false));
        let (listen, server, announced) = match options.listen {
            Listen::ListenIndividual(individual) => {
                let infos = individual.listen_infos.into_iter().map(|info| listen_info(info, self.ports));
                let infos = infos.collect::<Result<Vec<_>, _>>()?;
                let announced = Announced::of(&infos);
                (TransportListen::Individual(infos), None, announced)
            }
            Listen::ListenServer(listen) => {
                enabled = (options.enable_udp, options.enable_tcp);
                preferred = (options.prefer_udp, options.prefer_tcp);
                let (key, server) = self.webrtc_server(&listen.web_rtc_server_id, method)?;
                let announced = match self.registry.get(key).map(|entry| &entry.detail) {
                    Some(Detail::WebRtcServer(announced)) => announced.clone(),
                    _ => Announced::default(),
                };
                (TransportListen::Server(server), Some(key), announced)
            }
        };
        let base = options.base;
        let defaults = WebRtcTransportOptions::default();
        let options = WebRtcTransportOptions {
            listen,
            enable_udp: enabled.0,
            enable_tcp: enabled.1,
            prefer_udp: preferred.0,
            prefer_tcp: preferred.1,
            ice_consent_timeout: Duration::from_secs(options.ice_consent_timeout.into()),
            initial_outgoing_bitrate: base
                .initial_available_outgoing_bitrate
                .filter(|_| base.enable_bwe)
                .map_or(defaults.initial_outgoing_bitrate, bitrate),
            sctp: sctp_options(&base),
            ..defaults
        };
        let created = self.control.create_webrtc_transport(router, options).await?;
        let facts = TransportFacts {
            id: created.id,
            link: Link::WebRtc,
            has_sctp: base.enable_sctp,
            max_send_message_size: base.max_send_message_size,
            max_receive_message_size: base.max_receive_message_size,
        };
        let detail = TransportDetail { announced, limits: Limits::of(&base), ..TransportDetail::default() };
        self.opened_transport(&body.transport_id, facts, detail, router_key, server, method).await
    }

    pub(super) async fn connect_webrtc_transport(
        &mut self,
        id: &str,
        body: ConnectRequest,
        method: Method,
    ) -> Answer {
        let facts = self.linked(id, Link::WebRtc, method)?;
        let parameters = dtls_parameters_of(body.dtls_parameters);
        let role = self.control.connect_webrtc_transport(facts.id, parameters).await?;
        let dtls_local_role = dtls_role(match role {
            // We decide.
            DtlsRole::Auto => DtlsRole::Server,
            role => role,
        });
        Ok(Some(Body::WebRtcTransportConnectResponse(ConnectResponse { dtls_local_role })))
    }

    pub(super) async fn restart_ice(&mut self, id: &str, method: Method) -> Answer {
        let facts = self.linked(id, Link::WebRtc, method)?;
        let parameters = self.control.restart_ice(facts.id).await?;
        Ok(Some(Body::TransportRestartIceResponse(RestartIceResponse {
            username_fragment: parameters.username_fragment,
            password: parameters.password,
            ice_lite: parameters.ice_lite,
        })))
    }

    /// The transport of this name, whose link has the method.
    pub(super) fn linked(&self, id: &str, link: Link, method: Method) -> Result<TransportFacts, Refusal> {
        let (_, facts) = self.transport(id, method)?;
        if facts.link == link { Ok(facts) } else { Err(wrong_handler(id, method)) }
    }
}

/// The dump of a WebRTC transport.
pub(super) fn dump(base: Dump, link: LinkDump, detail: &TransportDetail) -> Option<Body> {
    let LinkDump::WebRtc {
        ice_parameters: parameters,
        ice_candidates,
        ice_state: state,
        tuple: selected,
        dtls_parameters: dtls,
        dtls_state: dtls_now,
    } = link
    else {
        return None;
    };
    Some(Body::WebRtcTransportDumpResponse(DumpResponse {
        base,
        ice_role: IceRole::Controlled,
        ice_parameters: ice_parameters(parameters),
        ice_candidates: ice_candidates.into_iter().map(ice_candidate).collect(),
        ice_state: ice_state(state),
        ice_selected_tuple: selected.map(|selected| tuple(selected, detail.announced.address(&selected))),
        dtls_parameters: dtls_parameters(dtls),
        dtls_state: dtls_state(dtls_now),
    }))
}

/// The figures of a WebRTC transport.
pub(super) fn stats(base: Stats, stats: &TransportStats, detail: &TransportDetail) -> Body {
    Body::WebRtcTransportGetStatsResponse(GetStatsResponse {
        base,
        ice_role: IceRole::Controlled,
        ice_state: ice_state(stats.ice_state.unwrap_or_default()),
        ice_selected_tuple: stats
            .tuple
            .filter(|selected| selected.remote.is_some())
            .map(|selected| tuple(selected, detail.announced.address(&selected))),
        dtls_state: dtls_state(stats.dtls_state.unwrap_or_default()),
    })
}
