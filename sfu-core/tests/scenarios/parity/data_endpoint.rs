//! A plugin that is the whole other end of data channels.
use std::collections::BTreeMap;

use sfu_core::control::{
    Command, DataConsumerOptions, DataPath, DataProducerOptions, DirectTransportOptions, Labels, SctpState,
    Target,
};
use sfu_core::plugin::{
    Attach, Cx, DataConsumerId, DataConsumerInfo, DataMessage, DataProducerId, DataProducerInfo, Error,
    Plugin, Reply, Rows, Stats, TransportEvent, TransportId, TransportInfo, Verdict, plugin, ppid,
};
use sfu_core::testing::{self, Build, PeerId, PeerOptions};

use crate::{ms, seconds};

/// The stream that it speaks on.
const STREAM: u16 = 3;

const OWN_TRANSPORT: u64 = 1;
const OWN_PRODUCER: u64 = 2;
const REST: u64 = 3;

/// Opens a channel to everybody, greets, and says everything back in capitals.
#[derive(Default)]
struct Bot {
    /// What its messages are sent from, and transports that wait for it.
    mouth: Option<DataProducerId>,
    waiting: Vec<TransportId>,
    ends: BTreeMap<TransportId, DataConsumerId>,
    errors: u32,
}

impl Bot {
    fn open(&mut self, transport: TransportId, mouth: DataProducerId, cx: &mut Cx<'_>) {
        let path = || DataPath::Sctp(testing::stream(STREAM));
        cx.control(Command::ProduceData { transport, options: producing("bot", path()) }, REST);
        let options = DataConsumerOptions {
            data_producer: mouth,
            path: path(),
            label: "bot".into(),
            protocol: String::new(),
            paused: false,
            subchannels: Vec::new(),
            labels: Labels::new(),
        };
        cx.control(Command::ConsumeData { transport, options }, REST);
    }
}

fn producing(label: &str, path: DataPath) -> DataProducerOptions {
    let (label, protocol) = (label.into(), String::new());
    DataProducerOptions { path, label, protocol, paused: false, labels: Labels::new() }
}

#[plugin(id = "bot", on_panic = "drop")]
impl Plugin for Bot {
    type Transport = ();
    type DataProducer = TransportId;
    type DataConsumer = TransportId;
    fn transport_opened(
        &mut self,
        info: &TransportInfo<'_>,
        _: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<()> {
        if info.sctp_state.is_none() {
            return Attach::Off;
        }
        match self.mouth {
            Some(mouth) => self.open(info.id, mouth, cx),
            None => {
                if self.waiting.is_empty() {
                    let (router, options) = (info.router, DirectTransportOptions::default());
                    cx.control(Command::CreateDirectTransport { router, options }, OWN_TRANSPORT);
                }
                self.waiting.push(info.id);
            }
        }
        Attach::On(())
    }
    fn transport_event(
        &mut self,
        id: TransportId,
        event: &TransportEvent,
        _: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        if *event == TransportEvent::SctpState(SctpState::Connected)
            && let Some(end) = self.ends.get(&id)
        {
            cx.data_consumer(*end).send_text("hello").unwrap();
        }
    }
    fn data_producer_opened(
        &mut self,
        info: &DataProducerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<TransportId> {
        if info.label == "bot" { Attach::On(info.transport) } else { Attach::Off }
    }
    fn data_consumer_opened(
        &mut self,
        info: &DataConsumerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<TransportId> {
        if Some(info.data_producer) != self.mouth {
            return Attach::Off;
        }
        self.ends.insert(info.transport, info.id);
        Attach::On(info.transport)
    }
    fn data_consumer_closed(&mut self, _: DataConsumerId, transport: TransportId, _: &mut Cx<'_>) {
        self.ends.remove(&transport);
    }
    fn data_in(&mut self, from: &mut TransportId, msg: &mut DataMessage<'_>, cx: &mut Cx<'_>) -> Verdict {
        msg.to().clear();
        if let Some(end) = self.ends.get(from) {
            let answer = msg.payload().to_ascii_uppercase();
            cx.data_consumer(*end).send(msg.ppid(), &answer).unwrap();
        }
        Verdict::Forward
    }
    fn done(&mut self, tag: u64, outcome: Result<Reply, Error>, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        match (tag, outcome) {
            (OWN_TRANSPORT, Ok(Reply::DirectTransport(transport))) => {
                let options = producing("mouth", DataPath::Direct);
                cx.control(Command::ProduceData { transport, options }, OWN_PRODUCER);
            }
            (OWN_PRODUCER, Ok(Reply::DataProducer(mouth))) => {
                self.mouth = Some(mouth);
                for transport in std::mem::take(&mut self.waiting) {
                    self.open(transport, mouth, cx);
                }
            }
            (REST, Ok(Reply::DataProducer(_) | Reply::DataConsumer(_))) => {}
            _ => self.errors += 1,
        }
    }
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("ends", self.ends.len() as u64);
        out.put_sum("errors", self.errors);
    }
}

#[test]
fn a_plugin_opens_a_data_channel_receives_and_answers() {
    for workers in [1, 2] {
        // The reset of a stream is the end of a channel inside DTLS alone.
        for (options, hung_up) in [(PeerOptions::webrtc(), 1), (PeerOptions::plain(), 0)] {
            let mut bench = Build::of::<Bot>().workers(workers).start();
            let peers: Vec<PeerId> =
                (0..3).map(|n| bench.peer_with(options.clone().data().worker(n % workers))).collect();
            bench.advance(seconds(1));
            let figures = bench.stats("bot");
            assert_eq!((&figures["ends"], &figures["errors"]), (&3.into(), &0.into()), "{workers} workers");
            for (n, peer) in peers.iter().enumerate() {
                bench.send_data(*peer, STREAM, ppid::STRING, format!("i am {n}").as_bytes());
                bench.send_data(*peer, STREAM, ppid::BINARY, b"bytes");
            }
            bench.advance(seconds(1));
            for (n, peer) in peers.iter().enumerate() {
                let heard: Vec<(u16, u32, String)> = bench
                    .take_data(*peer)
                    .into_iter()
                    .map(|told| (told.stream, told.ppid, String::from_utf8(told.payload).unwrap()))
                    .collect();
                let said = |ppid, text: &str| (STREAM, ppid, text.to_owned());
                let expected = [
                    said(ppid::STRING, "hello"),
                    said(ppid::STRING, &format!("I AM {n}")),
                    said(ppid::BINARY, "BYTES"),
                ];
                assert_eq!(heard, expected, "{workers} workers, {options:?}");
            }
            // The peer hangs up its channel; the plugin hears of it.
            bench.close_stream(peers[0], STREAM);
            bench.advance(seconds(2));
            assert_eq!(bench.stats("bot")["ends"], 3 - hung_up);
            bench.send_data(peers[1], STREAM, ppid::STRING, b"still there");
            bench.advance(ms(500));
            assert_eq!(bench.take_data(peers[1]).len(), 1);
            assert!(bench.faults().is_empty());
        }
    }
}
