use sfu_core::control::{ConnectPlainTransport, LinkDump, PlainTransportOptions, TransportStats};

use super::Desk;
use super::convert::{
    bitrate, crypto_suite, ip_address, listen_info, sctp_options, srtp_parameters, srtp_parameters_of, tuple,
};
use super::detail::{Announced, TransportDetail};
use super::limits::Limits;
use super::perform::Answer;
use crate::refusal::Refusal;
use crate::registry::{Link, TransportFacts};
use crate::schema::v3_27::plain_transport::{
    ConnectRequest, ConnectResponse, DumpResponse, GetStatsResponse,
};
use crate::schema::v3_27::request::Method;
use crate::schema::v3_27::response::Body;
use crate::schema::v3_27::router::CreatePlainTransportRequest;
use crate::schema::v3_27::transport::{Dump, ListenInfo, Protocol, Stats};

impl Desk {
    pub(super) async fn create_plain_transport(
        &mut self,
        id: &str,
        body: CreatePlainTransportRequest,
        method: Method,
    ) -> Answer {
        let (router_key, router) = self.router(id, method)?;
        self.check_free(&body.transport_id, method)?;
        let options = body.options;
        let base = options.base;
        let srtp = match (options.enable_srtp, options.srtp_crypto_suite) {
            (true, None) => {
                return Err(Refusal::type_error("signaling.mediasoup: enableSrtp needs srtpCryptoSuite"));
            }
            (true, Some(suite)) => Some(crypto_suite(suite)),
            (false, _) => None,
        };
        let listen = listen_info(udp(options.listen_info)?, self.ports)?;
        let rtcp_listen = match options.rtcp_listen_info.filter(|_| !options.rtcp_mux) {
            Some(info) => Some(listen_info(udp(info)?, self.ports)?),
            None => None,
        };
        let detail = TransportDetail {
            announced: Announced::of([&listen]),
            announced_rtcp: Announced::of([rtcp_listen.as_ref().unwrap_or(&listen)]),
            limits: Limits::of(&base),
            ..TransportDetail::default()
        };
        let options = PlainTransportOptions {
            listen,
            rtcp_listen,
            rtcp_mux: options.rtcp_mux,
            comedia: options.comedia,
            srtp,
            sctp: sctp_options(&base),
            initial_outgoing_bitrate: base
                .initial_available_outgoing_bitrate
                .filter(|_| base.enable_bwe)
                .map(bitrate),
            ..PlainTransportOptions::default()
        };
        let created = self.control.create_plain_transport(router, options).await?;
        let facts = TransportFacts {
            id: created.id,
            link: Link::Plain,
            has_sctp: base.enable_sctp,
            max_send_message_size: base.max_send_message_size,
            max_receive_message_size: base.max_receive_message_size,
        };
        self.opened_transport(&body.transport_id, facts, detail, router_key, None, method).await
    }

    pub(super) async fn connect_plain_transport(
        &mut self,
        id: &str,
        body: ConnectRequest,
        method: Method,
    ) -> Answer {
        let facts = self.linked(id, Link::Plain, method)?;
        let peer = ConnectPlainTransport {
            ip: body.ip.as_deref().map(ip_address).transpose()?,
            port: body.port,
            rtcp_port: body.rtcp_port,
            srtp: body.srtp_parameters.map(srtp_parameters_of),
        };
        let connected = self.control.connect_plain_transport(facts.id, peer).await?;
        let (key, _) = self.transport(id, method)?;
        let default = TransportDetail::default();
        let detail = self.registry.get(key).and_then(|entry| entry.detail.transport()).unwrap_or(&default);
        // With comedia there is no path yet.
        let path = connected.tuple;
        let rtcp_path = connected.rtcp_tuple;
        Ok(Some(Body::PlainTransportConnectResponse(ConnectResponse {
            tuple: path.remote.map(|_| tuple(path, detail.announced.address(&path))),
            rtcp_tuple: rtcp_path
                .filter(|path| path.remote.is_some())
                .map(|path| tuple(path, detail.announced_rtcp.address(&path))),
            srtp_parameters: connected.srtp_parameters.map(srtp_parameters),
        })))
    }
}

/// The only protocol of plain and pipe transports.
pub(super) fn udp(info: ListenInfo) -> Result<ListenInfo, Refusal> {
    match info.protocol {
        Protocol::Udp => Ok(info),
        Protocol::Tcp => Err(Refusal::type_error(
            "signaling.mediasoup: listenInfo.protocol has to be udp: RTP runs on UDP alone here",
        )),
    }
}

/// The dump of a plain transport.
pub(super) fn dump(base: Dump, link: LinkDump, detail: &TransportDetail) -> Option<Body> {
    let LinkDump::Plain { rtcp_mux, comedia, tuple: path, rtcp_tuple, srtp_parameters: srtp } = link else {
        return None;
    };
    Some(Body::PlainTransportDumpResponse(DumpResponse {
        base,
        rtcp_mux,
        comedia,
        tuple: tuple(path, detail.announced.address(&path)),
        rtcp_tuple: rtcp_tuple.map(|path| tuple(path, detail.announced_rtcp.address(&path))),
        srtp_parameters: srtp.map(srtp_parameters),
    }))
}

/// The figures of a plain transport; how it was made, the dump says.
pub(super) fn stats(
    base: Stats,
    stats: &TransportStats,
    link: &LinkDump,
    detail: &TransportDetail,
) -> Option<Body> {
    let LinkDump::Plain { rtcp_mux, comedia, tuple: path, .. } = link else { return None };
    let path = stats.tuple.unwrap_or(*path);
    Some(Body::PlainTransportGetStatsResponse(GetStatsResponse {
        base,
        rtcp_mux: *rtcp_mux,
        comedia: *comedia,
        tuple: tuple(path, detail.announced.address(&path)),
        rtcp_tuple: stats.rtcp_tuple.map(|path| tuple(path, detail.announced_rtcp.address(&path))),
    }))
}
