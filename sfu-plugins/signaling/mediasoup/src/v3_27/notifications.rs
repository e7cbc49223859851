use sfu_core::control::{
    Command, DtlsState, Event, EventBody, OutgoingData, Target, Told, TraceInfo, TransportTuple,
};

use super::convert::{
    consumer_trace, dtls_state, ice_state, layers, producer_trace, sctp_state, sctp_streams, transport_trace,
    tuple,
};
use super::{Desk, Library, consumer};
use crate::door::Flow;
use crate::plugin_door::News;
use crate::refusal::Refusal;
use crate::registry::{Entity, Key, Kind, Link};
use crate::schema::v3_27::IncomingNotification;
use crate::schema::v3_27::active_speaker_observer::DominantSpeakerNotification;
use crate::schema::v3_27::audio_level_observer::{Volume, VolumesNotification};
use crate::schema::v3_27::consumer::{LayersChangeNotification, RtpNotification, ScoreNotification};
use crate::schema::v3_27::data_consumer::{BufferedAmountLowNotification, MessageNotification};
use crate::schema::v3_27::data_producer::SendNotification;
use crate::schema::v3_27::direct_transport::RtcpNotification;
use crate::schema::v3_27::notice::Notice;
use crate::schema::v3_27::plain_transport::{RtcpTupleNotification, TupleNotification};
use crate::schema::v3_27::producer::{self, Score, VideoOrientationChangeNotification};
use crate::schema::v3_27::report::Report;
use crate::schema::v3_27::transport::{
    SctpNegotiatedCapabilitiesNotification, SctpStateChangeNotification, Tuple,
};
use crate::schema::v3_27::webrtc_transport::{
    DtlsStateChangeNotification, IceSelectedTupleChangeNotification, IceStateChangeNotification,
};

/// What a stream begins with.
const BEST_SCORE: u8 = 10;

/// What the library tells us.
impl Desk {
    pub(super) async fn notice(&mut self, notification: IncomingNotification) -> Flow {
        let IncomingNotification { handler_id, notice } = notification;
        if notice == Notice::WorkerClose {
            return Flow::Close;
        }
        let Some(key) = self.registry.find(&handler_id) else {
            tracing::error!(
                "signaling.mediasoup: Channel notification handler with ID {handler_id} not found"
            );
            return Flow::On;
        };
        if let Err(refusal) = self.noticed(key, notice).await {
            tracing::warn!("signaling.mediasoup: notification to {handler_id}: {refusal}");
        }
        Flow::On
    }

    async fn noticed(&mut self, key: Key, notice: Notice) -> Result<(), Refusal> {
        let wrong = || Refusal::error("it is not for this");
        let entity = self.registry.get(key).map(|entry| entry.entity.clone()).ok_or_else(wrong)?;
        match (notice, entity) {
            (Notice::TransportSendRtcp(body), Entity::Transport(facts)) if facts.link == Link::Direct => {
                self.run(Command::SendRtcp { transport: facts.id, packet: body.data.into() }).await
            }
            (Notice::ProducerSend(body), Entity::Producer(producer)) => {
                self.run(Command::SendRtp { producer, packet: body.data.into() }).await
            }
            (Notice::DataProducerSend(body), Entity::DataProducer(data_producer)) => {
                self.run(Command::SendData { data_producer, message: message(body) }).await
            }
            (Notice::DataProducerSend(body), Entity::PluginDoor) => self.send_to_plugin(key, &body.data),
            _ => Err(wrong()),
        }
    }

    fn send_to_plugin(&mut self, key: Key, data: &[u8]) -> Result<(), Refusal> {
        if self.plugin_end(key)?.is_paused {
            return Err(Refusal::error("it is paused, so that no plugin is asked"));
        }
        let transport = self.registry.get(key).and_then(|entry| self.registry.get(entry.parent?));
        let limit = match transport.map(|entry| &entry.entity) {
            Some(Entity::Transport(facts)) => facts.max_receive_message_size,
            _ => 0,
        };
        if data.len() > limit as usize {
            return Err(Refusal::type_error(format_args!(
                "a message of {} bytes is longer than maxReceiveMessageSize ({limit})",
                data.len()
            )));
        }
        self.ask_plugin(key, data);
        Ok(())
    }
}

fn message(body: SendNotification) -> OutgoingData {
    OutgoingData {
        ppid: body.ppid,
        payload: body.data.into(),
        subchannels: body.subchannels.unwrap_or_default(),
        required_subchannel: body.required_subchannel,
        ignored_subchannel: body.ignored_subchannel,
    }
}

/// What we tell the library.
impl Desk {
    pub(super) fn told(&mut self, told: Told) {
        match told {
            Told::Event(event) => self.happened(event),
            Told::Rtp { consumer, packet } => {
                self.report_of(consumer, Report::ConsumerRtp(RtpNotification { data: packet.into() }));
            }
            Told::Rtcp { transport, packet } => {
                let data = RtcpNotification { data: packet.into() };
                self.report_of(transport, Report::DirectTransportRtcp(data));
            }
            Told::Data { data_consumer, ppid, payload } => {
                let message = MessageNotification { ppid, data: payload.into() };
                self.report_of(data_consumer, Report::DataConsumerMessage(message));
            }
            // A newer engine tells more than this protocol has words for.
            _ => {}
        }
    }

    /// Tells something of an entity, if the library knows it.
    fn report_of(&mut self, target: impl Into<Target>, report: Report) {
        if let Some(id) = self.registry.name_of(target).map(str::to_owned) {
            self.report(id, report);
        }
    }

    fn happened(&mut self, event: Event) {
        let Event { target, body } = event;
        match body {
            EventBody::Plugin { plugin, body } => {
                return self.plugin_tells(&plugin, News::Event(&body), target);
            }
            EventBody::PluginFault { plugin, step, text } => {
                let fault = sfu_core::serde_json::json!({ "step": step, "text": text });
                return self.plugin_tells(&plugin, News::Fault(&fault), target);
            }
            _ => {}
        }
        let Some(key) = self.registry.of_target(target) else { return };
        if matches!(body, EventBody::Closed(_)) {
            return self.closed(key);
        }
        let report = match target {
            Target::Transport(_) => self.of_transport(key, body),
            Target::Producer(_) => self.of_producer(key, body),
            Target::Consumer(_) => of_consumer(body),
            Target::DataConsumer(_) => of_data_consumer(body),
            Target::RtpObserver(_) => self.of_observer(body),
            _ => None,
        };
        if let (Some(report), Some(entry)) = (report, self.registry.get(key)) {
            let id = entry.id.clone();
            self.report(id, report);
        }
    }

    /// Something closed that the library did not close: a plugin, or the peer, did.
    fn closed(&mut self, key: Key) {
        let Some(entry) = self.registry.get(key) else { return };
        let id = entry.id.clone();
        match entry.entity.kind() {
            // The library has no other word for it.
            Kind::Consumer => self.report(id, Report::ConsumerProducerClose),
            Kind::DataConsumer => self.report(id, Report::DataConsumerDataProducerClose),
            kind => tracing::warn!("signaling.mediasoup: {kind:?} {id} was not closed by the library"),
        }
        self.forget(key);
    }

    fn of_transport(&mut self, key: Key, body: EventBody) -> Option<Report> {
        Some(match body {
            EventBody::IceState(state) => Report::WebRtcTransportIceStateChange(IceStateChangeNotification {
                ice_state: ice_state(state),
            }),
            EventBody::SelectedTuple(selected) => {
                let tuple = self.announced_tuple(key, &selected, false);
                Report::WebRtcTransportIceSelectedTupleChange(IceSelectedTupleChangeNotification { tuple })
            }
            EventBody::DtlsCertificate(certificate) => {
                let detail = self.registry.get_mut(key)?.detail.transport_mut()?;
                detail.certificate = Some(certificate);
                return None;
            }
            EventBody::DtlsState(state) => {
                let detail = self.registry.get_mut(key)?.detail.transport_mut();
                let certificate = detail.and_then(|detail| detail.certificate.take());
                Report::WebRtcTransportDtlsStateChange(DtlsStateChangeNotification {
                    dtls_state: dtls_state(state),
                    remote_cert: certificate.filter(|_| state == DtlsState::Connected),
                })
            }
            EventBody::SctpState(state) => {
                let sctp_state = sctp_state(state);
                Report::TransportSctpStateChange(SctpStateChangeNotification { sctp_state })
            }
            EventBody::SctpStreams(streams) => {
                let negotiated_capabilities = Some(sctp_streams(streams));
                Report::TransportSctpNegotiatedCapabilities(SctpNegotiatedCapabilitiesNotification {
                    negotiated_capabilities,
                })
            }
            EventBody::Tuple(path) => Report::PlainTransportTuple(TupleNotification {
                tuple: self.announced_tuple(key, &path, false),
            }),
            EventBody::RtcpTuple(path) => {
                let tuple = self.announced_tuple(key, &path, true);
                Report::PlainTransportRtcpTuple(RtcpTupleNotification { tuple })
            }
            // The Rust library wants the packet with it, for which its schema has more than that of Node.
            EventBody::Trace(trace)
                if self.library == Library::Rust && matches!(trace.info, TraceInfo::Probation(_)) =>
            {
                return None;
            }
            EventBody::Trace(trace) => Report::TransportTrace(transport_trace(*trace)?),
            _ => return None,
        })
    }

    fn announced_tuple(&self, key: Key, path: &TransportTuple, is_rtcp: bool) -> Tuple {
        let detail = self.registry.get(key).and_then(|entry| entry.detail.transport());
        let announced = detail.and_then(|detail| match is_rtcp {
            true => detail.announced_rtcp.address(path),
            false => detail.announced.address(path),
        });
        tuple(*path, announced)
    }

    fn of_producer(&mut self, key: Key, body: EventBody) -> Option<Report> {
        Some(match body {
            // Every stream begins with the best score, and the library is told at once.
            EventBody::StreamStarted { encoding, ssrc } => {
                let entry = self.score_of(key, encoding)?;
                (entry.ssrc, entry.score) = (ssrc, BEST_SCORE);
                self.producer_scores(key)?
            }
            EventBody::Score { encoding, score } => {
                self.score_of(key, encoding)?.score = score;
                self.producer_scores(key)?
            }
            EventBody::VideoOrientation { camera, flip, rotation } => {
                Report::ProducerVideoOrientationChange(VideoOrientationChangeNotification {
                    camera,
                    flip,
                    rotation,
                })
            }
            EventBody::Trace(trace) => Report::ProducerTrace(producer_trace(*trace)?),
            _ => return None,
        })
    }

    fn producer_scores(&mut self, key: Key) -> Option<Report> {
        let scores = self.registry.get_mut(key)?.detail.producer()?.scores.clone();
        Some(Report::ProducerScore(producer::ScoreNotification { scores }))
    }

    /// The score of an encoding of a producer.
    fn score_of(&mut self, key: Key, encoding: u8) -> Option<&mut Score> {
        let detail = self.registry.get_mut(key)?.detail.producer()?;
        let index = u32::from(encoding);
        let place = match detail.scores.binary_search_by_key(&index, |score| score.encoding_idx) {
            Ok(place) => place,
            Err(place) => {
                let parameters = detail.rtp_parameters.encodings.get(usize::from(encoding));
                let score = Score {
                    encoding_idx: index,
                    ssrc: parameters.and_then(|parameters| parameters.ssrc).unwrap_or(0),
                    rid: parameters.and_then(|parameters| parameters.rid.clone()),
                    score: 0,
                };
                detail.scores.insert(place, score);
                place
            }
        };
        detail.scores.get_mut(place)
    }

    fn of_observer(&self, body: EventBody) -> Option<Report> {
        Some(match body {
            EventBody::AudioLevels(volumes) => {
                let volume = |one: sfu_core::control::AudioVolume| {
                    let producer_id = self.registry.name_of(one.producer)?.to_owned();
                    Some(Volume { producer_id, volume: one.volume })
                };
                let volumes: Vec<Volume> = volumes.into_iter().filter_map(volume).collect();
                Report::AudioLevelObserverVolumes(VolumesNotification { volumes })
            }
            EventBody::Silence => Report::AudioLevelObserverSilence,
            EventBody::DominantSpeaker(producer) => {
                let producer_id = self.registry.name_of(producer)?.to_owned();
                Report::ActiveSpeakerObserverDominantSpeaker(DominantSpeakerNotification { producer_id })
            }
            _ => return None,
        })
    }
}

fn of_consumer(body: EventBody) -> Option<Report> {
    Some(match body {
        EventBody::Paused { by_producer: true } => Report::ConsumerProducerPause,
        EventBody::Resumed { by_producer: true } => Report::ConsumerProducerResume,
        EventBody::ConsumerScore(score) => {
            Report::ConsumerScore(ScoreNotification { score: consumer::score(score) })
        }
        EventBody::Layers(now) => {
            Report::ConsumerLayersChange(LayersChangeNotification { layers: now.map(layers) })
        }
        EventBody::Trace(trace) => Report::ConsumerTrace(consumer_trace(*trace)?),
        _ => return None,
    })
}

fn of_data_consumer(body: EventBody) -> Option<Report> {
    Some(match body {
        EventBody::Paused { by_producer: true } => Report::DataConsumerDataProducerPause,
        EventBody::Resumed { by_producer: true } => Report::DataConsumerDataProducerResume,
        EventBody::BufferedAmountLow { buffered_amount } => {
            Report::DataConsumerBufferedAmountLow(BufferedAmountLowNotification { buffered_amount })
        }
        EventBody::SendBufferFull => Report::DataConsumerSctpSendBufferFull,
        _ => return None,
    })
}
