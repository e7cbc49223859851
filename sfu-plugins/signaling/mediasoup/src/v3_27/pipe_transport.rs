use sfu_core::control::{
    Command, ConnectPlainTransport, LinkDump, PipeTransportOptions, Reply, TransportStats,
};

use super::Desk;
use super::convert::{ip_address, listen_info, sctp_options, srtp_parameters, srtp_parameters_of, tuple};
use super::detail::{Announced, TransportDetail};
use super::lookup::unexpected;
use super::perform::Answer;
use super::plain_transport::udp;
use crate::registry::{Link, TransportFacts};
use crate::schema::v3_27::pipe_transport::{ConnectRequest, ConnectResponse, DumpResponse, GetStatsResponse};
use crate::schema::v3_27::request::Method;
use crate::schema::v3_27::response::Body;
use crate::schema::v3_27::router::CreatePipeTransportRequest;
use crate::schema::v3_27::transport::{Dump, Stats};

impl Desk {
    pub(super) async fn create_pipe_transport(
        &mut self,
        id: &str,
        body: CreatePipeTransportRequest,
        method: Method,
    ) -> Answer {
        let (router_key, router) = self.router(id, method)?;
        self.check_free(&body.transport_id, method)?;
        let options = body.options;
        let base = options.base;
        let listen = listen_info(udp(options.listen_info)?, self.ports)?;
        let detail = TransportDetail { announced: Announced::of([&listen]), ..TransportDetail::default() };
        let options = PipeTransportOptions {
            listen,
            enable_rtx: options.enable_rtx,
            enable_srtp: options.enable_srtp,
            sctp: sctp_options(&base),
            ..PipeTransportOptions::default()
        };
        let created = match self.control.command(Command::CreatePipeTransport { router, options }).await? {
            Reply::PipeTransport(created) => created,
            other => return Err(unexpected(&other)),
        };
        let facts = TransportFacts {
            id: created.id,
            link: Link::Pipe,
            has_sctp: base.enable_sctp,
            max_send_message_size: base.max_send_message_size,
            max_receive_message_size: base.max_receive_message_size,
        };
        self.opened_transport(&body.transport_id, facts, detail, router_key, None, method).await
    }

    pub(super) async fn connect_pipe_transport(
        &mut self,
        id: &str,
        body: ConnectRequest,
        method: Method,
    ) -> Answer {
        let facts = self.linked(id, Link::Pipe, method)?;
        let peer = ConnectPlainTransport {
            ip: Some(ip_address(&body.ip)?),
            port: body.port,
            rtcp_port: None,
            srtp: body.srtp_parameters.map(srtp_parameters_of),
        };
        let connected =
            match self.control.command(Command::ConnectPipeTransport { transport: facts.id, peer }).await? {
                Reply::PipeTransport(connected) => connected,
                other => return Err(unexpected(&other)),
            };
        let path = connected.tuple;
        let announced = self.announced(id, |detail| detail.announced.address(&path).map(str::to_owned));
        let tuple = tuple(path, announced.as_deref());
        Ok(Some(Body::PipeTransportConnectResponse(ConnectResponse { tuple })))
    }
}

/// The dump of a pipe transport.
pub(super) fn dump(base: Dump, link: LinkDump, detail: &TransportDetail) -> Option<Body> {
    let LinkDump::Pipe { tuple: path, rtx, srtp_parameters: srtp } = link else { return None };
    Some(Body::PipeTransportDumpResponse(DumpResponse {
        base,
        tuple: tuple(path, detail.announced.address(&path)),
        rtx,
        srtp_parameters: srtp.map(srtp_parameters),
    }))
}

/// The figures of a pipe transport.
pub(super) fn stats(
    base: Stats,
    stats: &TransportStats,
    link: &LinkDump,
    detail: &TransportDetail,
) -> Option<Body> {
    let LinkDump::Pipe { tuple: path, .. } = link else { return None };
    let path = stats.tuple.unwrap_or(*path);
    let tuple = tuple(path, detail.announced.address(&path));
    Some(Body::PipeTransportGetStatsResponse(GetStatsResponse { base, tuple }))
}
