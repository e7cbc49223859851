//! The hooks and their signatures.

/// What a hook returns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    Nothing,
    Verdict,
    Attach,
    Other,
}

/// One hook.
pub struct Hook {
    pub name: &'static str,
    /// The row type of the kind of entity that it is about, if one.
    pub row: Option<&'static str>,
    /// Number of parameters, with `self`.
    pub arity: usize,
    pub has_self: bool,
    pub returns: Returns,
    pub signature: &'static str,
}

macro_rules! table {
    ($($name:ident $row:literal $arity:literal $returns:ident $signature:literal;)*) => {
        /// All hooks, in the order of `Hooks::NAMES` of sfu-core.
        pub const HOOKS: &[Hook] = &[$(Hook {
            name: stringify!($name),
            row: if $row.is_empty() { None } else { Some($row) },
            arity: $arity,
            has_self: !matches!(stringify!($name).as_bytes(), b"shared" | b"new" | b"serve"),
            returns: Returns::$returns,
            signature: $signature,
        }),*];
    };
}

table! {
    shared "" 1 Other "fn shared(config: &Self::Config) -> Result<Self::Shared, Error>";
    new "" 2 Other "fn new(config: Self::Config, start: Start<'_, Self>) -> Result<Self, Error>";
    reconfigure "" 3 Other "fn reconfigure(&mut self, config: Self::Config, cx: &mut Cx<'_>) -> Result<(), Error>";
    stop "" 2 Nothing "fn stop(&mut self, cx: &mut Cx<'_>)";
    session_opened "Session" 4 Attach "fn session_opened(&mut self, info: &SessionInfo<'_>, options: &Self::Options, cx: &mut Cx<'_>) -> Attach<Self::Session>";
    session_event "Session" 5 Nothing "fn session_event(&mut self, id: SessionId, ev: &SessionEvent, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>)";
    session_closed "Session" 4 Nothing "fn session_closed(&mut self, id: SessionId, state: Self::Session, cx: &mut Cx<'_>)";
    router_opened "Router" 4 Attach "fn router_opened(&mut self, info: &RouterInfo<'_>, options: &Self::Options, cx: &mut Cx<'_>) -> Attach<Self::Router>";
    router_event "Router" 5 Nothing "fn router_event(&mut self, id: RouterId, ev: &RouterEvent, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>)";
    router_closed "Router" 4 Nothing "fn router_closed(&mut self, id: RouterId, state: Self::Router, cx: &mut Cx<'_>)";
    transport_opened "Transport" 4 Attach "fn transport_opened(&mut self, info: &TransportInfo<'_>, options: &Self::Options, cx: &mut Cx<'_>) -> Attach<Self::Transport>";
    transport_event "Transport" 5 Nothing "fn transport_event(&mut self, id: TransportId, ev: &TransportEvent, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>)";
    transport_closed "Transport" 4 Nothing "fn transport_closed(&mut self, id: TransportId, state: Self::Transport, cx: &mut Cx<'_>)";
    producer_opened "Producer" 4 Attach "fn producer_opened(&mut self, info: &ProducerInfo<'_>, options: &Self::Options, cx: &mut Cx<'_>) -> Attach<Self::Producer>";
    producer_event "Producer" 5 Nothing "fn producer_event(&mut self, id: ProducerId, ev: &ProducerEvent, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>)";
    producer_closed "Producer" 4 Nothing "fn producer_closed(&mut self, id: ProducerId, state: Self::Producer, cx: &mut Cx<'_>)";
    consumer_opened "Consumer" 4 Attach "fn consumer_opened(&mut self, info: &ConsumerInfo<'_>, options: &Self::Options, cx: &mut Cx<'_>) -> Attach<Self::Consumer>";
    consumer_event "Consumer" 5 Nothing "fn consumer_event(&mut self, id: ConsumerId, ev: &ConsumerEvent, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>)";
    consumer_closed "Consumer" 4 Nothing "fn consumer_closed(&mut self, id: ConsumerId, state: Self::Consumer, cx: &mut Cx<'_>)";
    data_producer_opened "DataProducer" 4 Attach "fn data_producer_opened(&mut self, info: &DataProducerInfo<'_>, options: &Self::Options, cx: &mut Cx<'_>) -> Attach<Self::DataProducer>";
    data_producer_event "DataProducer" 5 Nothing "fn data_producer_event(&mut self, id: DataProducerId, ev: &DataProducerEvent, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>)";
    data_producer_closed "DataProducer" 4 Nothing "fn data_producer_closed(&mut self, id: DataProducerId, state: Self::DataProducer, cx: &mut Cx<'_>)";
    data_consumer_opened "DataConsumer" 4 Attach "fn data_consumer_opened(&mut self, info: &DataConsumerInfo<'_>, options: &Self::Options, cx: &mut Cx<'_>) -> Attach<Self::DataConsumer>";
    data_consumer_event "DataConsumer" 5 Nothing "fn data_consumer_event(&mut self, id: DataConsumerId, ev: &DataConsumerEvent, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>)";
    data_consumer_closed "DataConsumer" 4 Nothing "fn data_consumer_closed(&mut self, id: DataConsumerId, state: Self::DataConsumer, cx: &mut Cx<'_>)";
    rtp_in "Producer" 5 Verdict "fn rtp_in(&mut self, st: &mut Self::Producer, pkt: &mut RtpPacket<'_>, note: &mut Self::Note, cx: &mut Cx<'_>) -> Verdict";
    rtp_out "Consumer" 5 Verdict "fn rtp_out(&mut self, st: &mut Self::Consumer, pkt: &mut RtpPacket<'_>, note: &Self::Note, cx: &mut Cx<'_>) -> Verdict";
    rtcp_in "Transport" 4 Verdict "fn rtcp_in(&mut self, st: &mut Self::Transport, pkt: &mut RtcpPacket<'_>, cx: &mut Cx<'_>) -> Verdict";
    rtcp_out "Transport" 4 Verdict "fn rtcp_out(&mut self, st: &mut Self::Transport, pkt: &mut RtcpPacket<'_>, cx: &mut Cx<'_>) -> Verdict";
    data_in "DataProducer" 4 Verdict "fn data_in(&mut self, st: &mut Self::DataProducer, msg: &mut DataMessage<'_>, cx: &mut Cx<'_>) -> Verdict";
    data_out "DataConsumer" 4 Verdict "fn data_out(&mut self, st: &mut Self::DataConsumer, msg: &mut DataMessage<'_>, cx: &mut Cx<'_>) -> Verdict";
    data_ready "DataConsumer" 3 Nothing "fn data_ready(&mut self, st: &mut Self::DataConsumer, cx: &mut Cx<'_>)";
    request "" 6 Nothing "fn request(&mut self, req: Self::Request, at: Target, re: Responder, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>)";
    serve "" 3 Other "async fn serve(shared: &Arc<Self::Shared>, req: Self::Request, re: Responder)";
    message "" 4 Nothing "fn message(&mut self, msg: Self::Message, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>)";
    done "" 5 Nothing "fn done(&mut self, tag: u64, outcome: Result<Reply, Error>, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>)";
    event "" 4 Nothing "fn event(&mut self, ev: &Event, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>)";
    tick "" 3 Nothing "fn tick(&mut self, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>)";
    stats "" 4 Nothing "fn stats(&self, at: Target, rows: &Rows<'_, Self>, out: &mut Stats)";
}
