use sfu_core::control::{Command, TraceEvents, TransportId};

use super::Desk;
use super::convert::bitrate;
use super::desk::Library;
use super::detail::{Detail, TransportDetail};
use super::limits::{Limits, OUTGOING_BITRATE_MIN};
use super::perform::Answer;
use super::transport_dump;
use crate::refusal::Refusal;
use crate::registry::{Entity, Key, TransportFacts};
use crate::schema::v3_27::request::Method;
use crate::schema::v3_27::transport::TraceEventType;

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
        let limits = detail.limits;
        let detail = Detail::Transport(Box::new(detail));
        let key = self.enter(id, Entity::Transport(facts), detail, Some(router), method)?;
        if let Some(server) = server {
            self.registry.connect(server, key);
        }
        let limited = if limits == Limits::default() { Ok(()) } else { self.limit(facts.id, limits).await };
        let dumped = match limited {
            Ok(()) => self.dump_transport(key).await,
            Err(refusal) => Err(refusal),
        };
        match dumped {
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
        let (key, facts) = self.transport(id, method)?;
        if self.library == Library::Rust {
            return self.change_limits(key, facts.id, |limits| limits.with_max_incoming(given)).await;
        }
        self.run(Command::SetMaxIncomingBitrate { transport: facts.id, bitrate: bitrate(given) }).await?;
        Ok(None)
    }

    pub(super) async fn set_max_outgoing_bitrate(&mut self, id: &str, given: u64, method: Method) -> Answer {
        let (key, facts) = self.transport(id, method)?;
        if self.library == Library::Rust {
            return self.change_limits(key, facts.id, |limits| limits.with_max_outgoing(given)).await;
        }
        check_outgoing(given)?;
        self.run(Command::SetMaxOutgoingBitrate { transport: facts.id, bitrate: bitrate(given) }).await?;
        Ok(None)
    }

    pub(super) async fn set_min_outgoing_bitrate(&mut self, id: &str, given: u64, method: Method) -> Answer {
        let (key, facts) = self.transport(id, method)?;
        if self.library == Library::Rust {
            return self.change_limits(key, facts.id, |limits| limits.with_min_outgoing(given)).await;
        }
        check_outgoing(given)?;
        self.run(Command::SetMinOutgoingBitrate { transport: facts.id, bitrate: bitrate(given) }).await?;
        Ok(None)
    }

    async fn change_limits(
        &mut self,
        key: Key,
        transport: TransportId,
        change: impl FnOnce(Limits) -> Limits,
    ) -> Answer {
        let detail = self.registry.get_mut(key).and_then(|entry| entry.detail.transport_mut());
        let Some(detail) = detail else { return Ok(None) };
        detail.limits = change(detail.limits);
        let limits = detail.limits;
        self.limit(transport, limits).await?;
        Ok(None)
    }

    async fn limit(&self, transport: TransportId, limits: Limits) -> Result<(), Refusal> {
        for command in limits.commands(transport) {
            self.run(command).await?;
        }
        Ok(())
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
    if given == 0 || given >= OUTGOING_BITRATE_MIN.into() {
        return Ok(());
    }
    Err(Refusal::type_error(format_args!(
        "signaling.mediasoup: bitrate must be >= {OUTGOING_BITRATE_MIN} or 0 (unlimited), and is {given}"
    )))
}
