//! Two plugins that override every hook: one reads all there is to read, one also changes, drops, sends and asks.
use std::time::Duration;

use sfu_core::control::RtpParameters;
use sfu_core::media::{Depacketizer, ExtensionKind};
use sfu_core::plugin::*;
use sfu_core::serde_json::json;

/// What a state counts.
#[derive(Default)]
pub struct Seen {
    packets: u64,
    bytes: u64,
    of: Option<Target>,
    frames: Option<Depacketizer>,
}

impl Seen {
    fn of(target: impl Into<Target>) -> Attach<Self> {
        Attach::On(Seen { of: Some(target.into()), ..Seen::default() })
    }

    fn read(&mut self, packet: &RtpPacket<'_>) {
        self.packets += 1;
        self.bytes += packet.payload().len() as u64;
        for kind in ExtensionKind::ALL {
            self.bytes += packet.extension(kind).map_or(0, |value| value.len() as u64);
        }
        // All ids would take longer than all else.
        for id in 0..=if self.packets.is_multiple_of(32) { 255 } else { 15 } {
            self.bytes += packet.extension_by_id(id).map_or(0, |value| value.len() as u64);
        }
        let mut copy = [0; 2000];
        let len = packet.copy_to(&mut copy).expect("a packet fits 2000 bytes");
        assert_eq!(len, packet.len());
        if self.frames.is_none() {
            self.frames = Depacketizer::new(packet.codec());
        }
        if let Some(frames) = &mut self.frames {
            let _ =
                frames.push(packet.sequence_number(), packet.timestamp(), packet.marker(), packet.payload());
        }
    }
}

/// Requests that nobody sends here.
#[request]
pub enum Question {
    /// How much was seen.
    Total,
}

fn audio_only(parameters: &RtpParameters) -> bool {
    parameters.codecs.iter().all(|codec| codec.mime_type.starts_with("audio"))
}

/// What the active one does to a packet, by count.
fn meddle(count: u64, packet: &mut RtpPacket<'_>) -> Verdict {
    let room = packet.payload().len();
    // What does not fit is refused with an error, which is all right.
    let _ = match count % 12 {
        0 => return Verdict::Drop,
        1 => packet.payload_mut().map(|payload| payload.reverse()),
        2 => packet.set_payload_len(room / 2 + 1),
        3 => packet.set_payload_len(room + 7),
        4 => packet.replace_payload(&[7; 300]),
        5 => packet.set_extension(ExtensionKind::PlayoutDelay, &[1, 2, 3]),
        6 => packet.set_extension_by_id(200, &[9; 30]),
        7 => {
            packet.remove_extension(ExtensionKind::AbsSendTime);
            packet.remove_extension_by_id(1);
            packet.set_marker(true);
            Ok(())
        }
        8 => packet.set_payload_len(5000),
        _ => Ok(()),
    };
    Verdict::Forward
}

macro_rules! nosy_plugin {
    ($name:ident, $id:literal, $active:literal) => {
        /// Overrides every hook.
        #[derive(Default)]
        pub struct $name {
            calls: u64,
        }

        #[plugin(id = $id, tick_ms = 20, on_panic = "close")]
        impl Plugin for $name {
            type Request = Question;
            type Message = u64;
            type Note = u64;
            type Session = Seen;
            type Router = Seen;
            type Transport = Seen;
            type Producer = Seen;
            type Consumer = Seen;
            type DataProducer = Seen;
            type DataConsumer = Seen;

            fn new(_: NoConfig, start: Start<'_, Self>) -> Result<Self, Error> {
                let _ = (start.worker(), start.workers());
                Ok(Self::default())
            }
            fn stop(&mut self, cx: &mut Cx<'_>) {
                let _ = (cx.now(), self.calls);
            }
            fn reconfigure(&mut self, _: NoConfig, _: &mut Cx<'_>) -> Result<(), Error> {
                Ok(())
            }
            fn session_opened(&mut self, info: &SessionInfo<'_>, _: &NoConfig, _: &mut Cx<'_>) -> Attach<Seen> {
                Seen::of(info.id)
            }
            fn session_event(&mut self, _: SessionId, _: &SessionEvent, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
                self.calls += 1;
            }
            fn session_closed(&mut self, id: SessionId, state: Seen, _: &mut Cx<'_>) {
                assert_eq!(state.of, Some(id.into()));
            }
            fn router_opened(&mut self, info: &RouterInfo<'_>, _: &NoConfig, _: &mut Cx<'_>) -> Attach<Seen> {
                Seen::of(info.id)
            }
            fn router_event(&mut self, _: RouterId, _: &RouterEvent, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
                self.calls += 1;
            }
            fn router_closed(&mut self, id: RouterId, state: Seen, _: &mut Cx<'_>) {
                assert_eq!(state.of, Some(id.into()));
            }
            fn transport_opened(
                &mut self,
                info: &TransportInfo<'_>,
                _: &NoConfig,
                _: &mut Cx<'_>,
            ) -> Attach<Seen> {
                Seen::of(info.id)
            }
            fn transport_event(
                &mut self,
                id: TransportId,
                ev: &TransportEvent,
                rows: &mut Rows<'_, Self>,
                _: &mut Cx<'_>,
            ) {
                self.calls += format!("{ev:?}").len() as u64;
                if let Some(state) = rows.get_mut(id) {
                    state.packets += 1;
                }
            }
            fn transport_closed(&mut self, id: TransportId, state: Seen, _: &mut Cx<'_>) {
                assert_eq!(state.of, Some(id.into()));
            }
            fn producer_opened(&mut self, info: &ProducerInfo<'_>, _: &NoConfig, _: &mut Cx<'_>) -> Attach<Seen> {
                self.calls += u64::from(audio_only(info.rtp_parameters));
                Seen::of(info.id)
            }
            fn producer_event(
                &mut self,
                id: ProducerId,
                ev: &ProducerEvent,
                rows: &mut Rows<'_, Self>,
                cx: &mut Cx<'_>,
            ) {
                self.calls += format!("{ev:?}").len() as u64 + rows.iter::<ProducerId>().count() as u64;
                if $active {
                    cx.request_key_frame(id);
                    cx.notify(id, json!({ "seen": self.calls }));
                }
            }
            fn producer_closed(&mut self, id: ProducerId, state: Seen, _: &mut Cx<'_>) {
                assert_eq!(state.of, Some(id.into()));
            }
            fn consumer_opened(&mut self, info: &ConsumerInfo<'_>, _: &NoConfig, _: &mut Cx<'_>) -> Attach<Seen> {
                Seen::of(info.id)
            }
            fn consumer_event(
                &mut self,
                id: ConsumerId,
                ev: &ConsumerEvent,
                _: &mut Rows<'_, Self>,
                cx: &mut Cx<'_>,
            ) {
                self.calls += format!("{ev:?}").len() as u64;
                if $active {
                    cx.set_layers(id, (self.calls % 3) as u8, None);
                    cx.set_priority(id, self.calls as u8);
                }
            }
            fn consumer_closed(&mut self, id: ConsumerId, state: Seen, _: &mut Cx<'_>) {
                assert_eq!(state.of, Some(id.into()));
            }
            fn data_producer_opened(
                &mut self,
                _: &DataProducerInfo<'_>,
                _: &NoConfig,
                _: &mut Cx<'_>,
            ) -> Attach<Seen> {
                Attach::On(Seen::default())
            }
            fn data_producer_event(
                &mut self,
                _: DataProducerId,
                _: &DataProducerEvent,
                _: &mut Rows<'_, Self>,
                _: &mut Cx<'_>,
            ) {
            }
            fn data_producer_closed(&mut self, _: DataProducerId, _: Seen, _: &mut Cx<'_>) {}
            fn data_consumer_opened(
                &mut self,
                _: &DataConsumerInfo<'_>,
                _: &NoConfig,
                _: &mut Cx<'_>,
            ) -> Attach<Seen> {
                Attach::On(Seen::default())
            }
            fn data_consumer_event(
                &mut self,
                _: DataConsumerId,
                _: &DataConsumerEvent,
                _: &mut Rows<'_, Self>,
                _: &mut Cx<'_>,
            ) {
            }
            fn data_consumer_closed(&mut self, _: DataConsumerId, _: Seen, _: &mut Cx<'_>) {}

            fn rtp_in(
                &mut self,
                st: &mut Seen,
                pkt: &mut RtpPacket<'_>,
                note: &mut u64,
                cx: &mut Cx<'_>,
            ) -> Verdict {
                st.read(pkt);
                *note = st.packets;
                if !$active {
                    return Verdict::Forward;
                }
                if st.packets % 500 == 0
                    && let Some(Target::Producer(id)) = st.of
                {
                    let _ = cx.producer(id).inject_rtp(NewRtp::new(pkt.timestamp(), &[1; 40]).encoding(pkt.encoding()));
                }
                meddle(st.packets, pkt)
            }
            fn rtp_out(&mut self, st: &mut Seen, pkt: &mut RtpPacket<'_>, note: &u64, cx: &mut Cx<'_>) -> Verdict {
                st.read(pkt);
                if !$active {
                    return Verdict::Forward;
                }
                if *note % 500 == 1
                    && let Some(Target::Consumer(id)) = st.of
                {
                    let _ = cx.consumer(id).send_rtp(NewRtp::new(pkt.timestamp(), &[2; 40]).marker(true));
                }
                meddle(st.packets, pkt)
            }
            fn rtcp_in(&mut self, st: &mut Seen, pkt: &mut RtcpPacket<'_>, cx: &mut Cx<'_>) -> Verdict {
                st.packets += 1;
                st.bytes += (pkt.as_bytes().len() + format!("{:?}", pkt.item()).len()) as u64;
                if $active
                    && st.packets % 200 == 0
                    && let Some(Target::Transport(id)) = st.of
                {
                    let _ = cx.transport(id).send_rtcp(&[0x80, 201, 0, 1, 0, 0, 0, 9]);
                }
                Verdict::Forward
            }
            fn rtcp_out(&mut self, st: &mut Seen, pkt: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
                st.bytes += pkt.as_bytes().len() as u64;
                st.packets += 1;
                if $active && st.packets % 10 == 0 { Verdict::Drop } else { Verdict::Forward }
            }
            fn data_in(&mut self, _: &mut Seen, _: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
                Verdict::Forward
            }
            fn data_out(&mut self, _: &mut Seen, _: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
                Verdict::Forward
            }
            fn data_ready(&mut self, _: &mut Seen, _: &mut Cx<'_>) {}
            fn request(
                &mut self,
                req: Question,
                _: Target,
                re: Responder,
                _: &mut Rows<'_, Self>,
                _: &mut Cx<'_>,
            ) {
                let Question::Total = req;
                re.ok(json!({ "calls": self.calls }));
            }
            fn message(&mut self, msg: u64, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
                self.calls += msg;
            }
            fn done(&mut self, tag: u64, outcome: Result<Reply, Error>, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
                self.calls += tag + u64::from(outcome.is_ok());
            }
            fn event(&mut self, ev: &Event, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
                self.calls += format!("{ev:?}").len() as u64;
            }
            fn tick(&mut self, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
                rows.for_each(|_: ProducerId, state| self.calls += state.bytes & 1);
                cx.wake_at(cx.now() + Duration::from_millis(7));
                if $active {
                    cx.ask("reader", Target::Worker, json!({ "request": "total" }), self.calls & 0xff);
                }
            }
            fn stats(&self, _: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
                out.put_sum("calls", self.calls);
                out.put_sum("rows", rows.iter::<ConsumerId>().count() as u64);
            }
        }
    };
}

nosy_plugin!(Reader, "reader", false);
nosy_plugin!(Meddler, "meddler", true);
