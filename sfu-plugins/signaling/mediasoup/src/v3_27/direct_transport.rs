use sfu_core::control::{Command, DirectTransportOptions, Reply};

use super::Desk;
use super::detail::TransportDetail;
use super::lookup::unexpected;
use super::perform::Answer;
use crate::refusal::Refusal;
use crate::registry::{Link, TransportFacts};
use crate::schema::v3_27::direct_transport::{DumpResponse, GetStatsResponse};
use crate::schema::v3_27::request::Method;
use crate::schema::v3_27::response::Body;
use crate::schema::v3_27::router::CreateDirectTransportRequest;
use crate::schema::v3_27::transport::{Dump, Stats};

impl Desk {
    pub(super) async fn create_direct_transport(
        &mut self,
        id: &str,
        body: CreateDirectTransportRequest,
        method: Method,
    ) -> Answer {
        let (router_key, router) = self.router(id, method)?;
        self.check_free(&body.transport_id, method)?;
        let base = body.options.base;
        if base.enable_sctp {
            return Err(Refusal::type_error(
                "signaling.mediasoup: a direct transport has no SCTP: its messages go through the library",
            ));
        }
        let options = DirectTransportOptions {
            max_send_message_size: base.max_send_message_size,
            max_receive_message_size: base.max_receive_message_size,
            ..DirectTransportOptions::default()
        };
        let transport = match self.control.command(Command::CreateDirectTransport { router, options }).await?
        {
            Reply::DirectTransport(transport) => transport,
            other => return Err(unexpected(&other)),
        };
        let facts = TransportFacts {
            id: transport,
            link: Link::Direct,
            has_sctp: false,
            max_send_message_size: base.max_send_message_size,
            max_receive_message_size: base.max_receive_message_size,
        };
        let detail = TransportDetail::default();
        self.opened_transport(&body.transport_id, facts, detail, router_key, None, method).await
    }
}

/// The dump of a direct transport.
pub(super) fn dump(base: Dump) -> Body {
    Body::DirectTransportDumpResponse(DumpResponse { base })
}

/// The figures of a direct transport.
pub(super) fn stats(base: Stats) -> Body {
    Body::DirectTransportGetStatsResponse(GetStatsResponse { base })
}
