//! The end of the list.
use std::time::Instant;

use serde_json::Value;

use super::*;

/// No plugins.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nil;

impl PluginSet for Nil {
    const LEN: usize = 0;
    const HOOKS: Hooks = Hooks::NONE;
    const METAS: Option<&'static MetaNode> = None;

    type Row<K: Kind> = ();
    type Notes = ();
    type Seed = ();

    fn prepare(_: &PluginSettings, _: &Launch) -> Result<(), Error> {
        Ok(())
    }
    fn start(_: &(), _: u8, _: Instant) -> Result<Self, Error> {
        Ok(Nil)
    }
    fn finish(self, _: &mut HookContext<'_>) {}

    #[inline]
    fn rtp_in<M: Mode>(
        &mut self,
        _: ProducerId,
        _: &mut (),
        _: &mut RtpPacket<'_>,
        _: &mut (),
        _: &mut HookContext<'_>,
        _: M,
    ) -> Verdict {
        Verdict::Forward
    }
    #[inline]
    fn rtp_out<M: Mode>(
        &mut self,
        _: ConsumerId,
        _: &mut (),
        _: &mut RtpPacket<'_>,
        _: &(),
        _: &mut HookContext<'_>,
        _: M,
    ) -> Verdict {
        Verdict::Forward
    }
    #[inline]
    fn rtcp_in<M: Mode>(
        &mut self,
        _: TransportId,
        _: &mut (),
        _: &mut RtcpPacket<'_>,
        _: &mut HookContext<'_>,
        _: M,
    ) -> Verdict {
        Verdict::Forward
    }
    #[inline]
    fn rtcp_out<M: Mode>(
        &mut self,
        _: TransportId,
        _: &mut (),
        _: &mut RtcpPacket<'_>,
        _: &mut HookContext<'_>,
        _: M,
    ) -> Verdict {
        Verdict::Forward
    }
    #[inline]
    fn data_in<M: Mode>(
        &mut self,
        _: DataProducerId,
        _: &mut (),
        _: &mut DataMessage<'_>,
        _: &mut HookContext<'_>,
        _: M,
    ) -> Verdict {
        Verdict::Forward
    }
    #[inline]
    fn data_out<M: Mode>(
        &mut self,
        _: DataConsumerId,
        _: &mut (),
        _: &mut DataMessage<'_>,
        _: &mut HookContext<'_>,
        _: M,
    ) -> Verdict {
        Verdict::Forward
    }
    #[inline]
    fn data_ready(&mut self, _: DataConsumerId, _: &mut (), _: &mut HookContext<'_>) {}

    fn opened<K: Kind>(
        &mut self,
        _: K,
        _: &mut (),
        _: &Opening<'_>,
        _: &mut HookContext<'_>,
    ) -> Result<(), Refused> {
        Ok(())
    }
    fn closed<K: Kind>(&mut self, _: K, _: &mut (), _: Option<PluginSlot>, _: &mut HookContext<'_>) {}
    fn entity_event<K: Kind, R: RowSource<Self>>(
        &mut self,
        _: K,
        _: &EventBody,
        _: &mut R,
        _: &mut HookContext<'_>,
    ) {
    }
    #[inline]
    fn mask<K: Kind>(_: &()) -> u64 {
        0
    }

    fn tick<R: RowSource<Self>>(&mut self, _: &mut R, _: &mut HookContext<'_>) {}
    fn next_tick(&self, _: &HookContext<'_>) -> Option<Instant> {
        None
    }
    fn event<R: RowSource<Self>>(
        &mut self,
        _: &Event,
        _: Option<PluginSlot>,
        _: &mut R,
        _: &mut HookContext<'_>,
    ) {
    }
    fn messages<R: RowSource<Self>>(&mut self, _: u64, _: &mut R, _: &mut HookContext<'_>) -> u64 {
        0
    }
    fn stats<R: RowSource<Self>>(
        &mut self,
        _: Target,
        _: &mut R,
        _: &mut HookContext<'_>,
        _: &mut dyn FnMut(&'static str, Value),
    ) {
    }

    fn request<R: RowSource<Self>>(
        &mut self,
        _: PluginSlot,
        _: Value,
        _: Target,
        re: Responder,
        _: &mut R,
        _: &mut HookContext<'_>,
    ) {
        drop(re);
    }
    fn serve(_: &(), _: PluginSlot, _: Value, _: Responder) -> Option<Serving> {
        None
    }
    fn done<R: RowSource<Self>>(
        &mut self,
        _: PluginSlot,
        _: u64,
        _: Result<Reply, Error>,
        _: &mut R,
        _: &mut HookContext<'_>,
    ) {
    }
    fn reconfigure(&mut self, _: PluginSlot, _: Value, _: &mut HookContext<'_>) -> Result<Value, Error> {
        Err(Error::at("plugins", "no such plugin"))
    }
    fn rebuild<R: RowSource<Self>>(
        &mut self,
        _: PluginSlot,
        _: &mut R,
        _: &mut HookContext<'_>,
    ) -> Result<(), Error> {
        Err(Error::at("plugins", "no such plugin"))
    }
    fn quarantine<R: RowSource<Self>>(&mut self, _: PluginSlot, _: &mut R, _: &mut dyn FnMut(Target)) {}
    fn detach_from<R: RowSource<Self>>(_: PluginSlot, _: Target, _: &mut R) -> bool {
        false
    }
    fn is_quarantined(&self, _: PluginSlot) -> bool {
        false
    }
    fn check_options(_: PluginSlot, _: &Value) -> Result<(), Error> {
        Err(Error::at("plugins", "no such plugin"))
    }
    fn check_config(_: PluginSlot, _: &Value) -> Result<(), Error> {
        Err(Error::at("plugins", "no such plugin"))
    }
}
