use sfu_core::control::{Command, TraceEvents};

use super::Desk;
use super::convert::bitrate;
use super::detail::{Detail, TransportDetail};
use super::perform::Answer;
use super::transport_dump;
use crate::refusal::Refusal;
use crate::registry::{Entity, Key, TransportFacts};
use crate::schema::v3_27::request::Method;
use crate::schema::v3_27::transport::TraceEventType;

/// The least that an outgoing bitrate may be limited to; bit/s.
const OUTGOING_BITRATE_MIN: u64 = 30_000;

impl Desk {
    /// Enters a transport that the engine has made, and answers with its dump.
    pub(super) async fn opened_transport(
        &mut self,
        id: &str,
        facts: TransportFacts,
        detail: TransportDetail,
        router: Key,
        server: Option<Key>,
        method: Method,
    ) -> Answer {
        let detail = Detail::Transport(Box::new(detail));
        let key = self.enter(id, Entity::Transport(facts), detail, Some(router), method)?;
        if let Some(server) = server {
            self.registry.connect(server, key);
        }
        match self.dump_transport(key).await {
            Ok(body) => Ok(Some(body)),
            Err(refusal) => {
                // The library does not know of it.
                self.close(Command::CloseTransport(facts.id)).await?;
                self.forget(key);
                Err(refusal)
            }
        }
    }

    /// Something of what is remembered of a transport.
    pub(super) fn announced<T>(&self, id: &str, of: impl FnOnce(&TransportDetail) -> Option<T>) -> Option<T> {
        self.registry.get(self.registry.find(id)?)?.detail.transport().and_then(of)
    }

    pub(super) async fn set_max_incoming_bitrate(&mut self, id: &str, given: u64, method: Method) -> Answer {
        let (_, facts) = self.transport(id, method)?;
        self.run(Command::SetMaxIncomingBitrate { transport: facts.id, bitrate: bitrate(given) }).await?;
        Ok(None)
    }

    pub(super) async fn set_max_outgoing_bitrate(&mut self, id: &str, given: u64, method: Method) -> Answer {
        let (_, facts) = self.transport(id, method)?;
        check_outgoing(given)?;
        self.run(Command::SetMaxOutgoingBitrate { transport: facts.id, bitrate: bitrate(given) }).await?;
        Ok(None)
    }

    pub(super) async fn set_min_outgoing_bitrate(&mut self, id: &str, given: u64, method: Method) -> Answer {
        let (_, facts) = self.transport(id, method)?;
        check_outgoing(given)?;
        self.run(Command::SetMinOutgoingBitrate { transport: facts.id, bitrate: bitrate(given) }).await?;
        Ok(None)
    }

    pub(super) async fn trace_transport(
        &mut self,
        id: &str,
        events: &[TraceEventType],
        method: Method,
    ) -> Answer {
        let (_, facts) = self.transport(id, method)?;
        let events = events.iter().fold(TraceEvents::NONE, |all, event| {
            all.with(match event {
                TraceEventType::Probation => TraceEvents::PROBATION,
                TraceEventType::Bwe => TraceEvents::BANDWIDTH,
            })
        });
        self.run(Command::EnableTrace { target: facts.id.into(), events }).await?;
        Ok(None)
    }

    pub(super) async fn transport_dump(&mut self, id: &str, method: Method) -> Answer {
        let (key, _) = self.transport(id, method)?;
        self.dump_transport(key).await.map(Some)
    }

    async fn dump_transport(&self, key: Key) -> Result<crate::schema::v3_27::response::Body, Refusal> {
        transport_dump::dump(self, key).await
    }
}

fn check_outgoing(given: u64) -> Result<(), Refusal> {
    if given == 0 || given >= OUTGOING_BITRATE_MIN {
        return Ok(());
    }
    Err(Refusal::type_error(format_args!(
        "signaling.mediasoup: bitrate must be >= {OUTGOING_BITRATE_MIN} or 0 (unlimited), and is {given}"
    )))
}
