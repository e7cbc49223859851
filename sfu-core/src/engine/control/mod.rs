//! Commands: what they change in the engine. Plugins are asked by the shell, before and after.
mod bitrate;
mod close;
mod consume;
mod create;
mod data;
mod direct;
mod dump;
mod listen;
mod plain;
mod ports;
mod produce;
mod server;

use std::time::Instant;

use super::{Engine, SocketFactory};
use crate::control::{Command, ControlError, EventBody, PartCommand, RelayCommand, RelayStep, Reply, Target};

impl Engine {
    /// Carries out a command. What it makes is not yet known to plugins: the shell opens it, or closes it again.
    pub(crate) fn execute(
        &mut self,
        now: Instant,
        command: Command,
        sockets: &mut dyn SocketFactory,
    ) -> Result<Reply, ControlError> {
        match command {
            Command::CreateSession(options) => Ok(Reply::Session(self.create_session(options))),
            Command::CloseSession(id) => self.close_session(now, id, sockets),
            Command::CreateRouter { labels } => Ok(Reply::Router(self.create_router(labels))),
            Command::CloseRouter(id) => self.close_router(now, id, sockets),
            Command::CreateWebRtcTransport { router, options } => {
                self.create_webrtc_transport(router, options, sockets).map(Reply::WebRtcTransport)
            }
            Command::ConnectWebRtcTransport { transport, dtls_parameters } => {
                self.connect_webrtc_transport(now, transport, dtls_parameters).map(Reply::DtlsRole)
            }
            Command::RestartIce(id) => self.restart_ice(id).map(Reply::IceParameters),
            Command::CreatePlainTransport { router, options } => {
                self.create_plain_transport(router, options, sockets).map(Reply::PlainTransport)
            }
            Command::ConnectPlainTransport { transport, peer } => {
                self.connect_plain_transport(now, transport, peer, false).map(Reply::PlainTransport)
            }
            Command::CreatePipeTransport { router, options } => {
                self.create_pipe_transport(router, options, sockets).map(Reply::PipeTransport)
            }
            Command::ConnectPipeTransport { transport, peer } => {
                self.connect_plain_transport(now, transport, peer, true).map(Reply::PipeTransport)
            }
            Command::CreateDirectTransport { router, options } => {
                self.create_direct_transport(now, router, &options).map(Reply::DirectTransport)
            }
            Command::CreateWebRtcServer(options) => {
                self.create_webrtc_server(&options, sockets).map(Reply::WebRtcServer)
            }
            Command::CloseWebRtcServer(id) => self.close_webrtc_server(now, id, sockets),
            Command::ReleasePorts => self.release_ports(sockets),
            Command::CloseTransport(id) => self.close_transport(now, id, sockets),
            Command::SetMaxIncomingBitrate { transport, bitrate } => {
                self.set_max_incoming_bitrate(now, transport, bitrate)
            }
            Command::SetMaxOutgoingBitrate { transport, bitrate } => {
                let reply = self.set_max_outgoing_bitrate(transport, bitrate)?;
                self.reconsider_transport(now, transport);
                Ok(reply)
            }
            Command::SetMinOutgoingBitrate { transport, bitrate } => {
                let reply = self.set_min_outgoing_bitrate(transport, bitrate)?;
                self.reconsider_transport(now, transport);
                Ok(reply)
            }
            Command::Dump(target) => self.dump(target).map(Reply::Dump),
            Command::Produce { transport, options } => self.produce(transport, options).map(Reply::Producer),
            Command::DescribeProducer(id) => self.describe_producer(id),
            Command::CloseProducer(id) => self.close_producer(id, crate::control::CloseReason::Requested),
            Command::PauseProducer(id) => self.pause_producer(id),
            Command::ResumeProducer(id) => self.resume_producer(now, id),
            Command::Consume { transport, options } => {
                self.consume(now, transport, options).map(Reply::Consumer)
            }
            Command::CloseConsumer(id) => self.close_consumer(id, crate::control::CloseReason::Requested),
            Command::PauseConsumer(id) => self.pause_consumer(id),
            Command::ResumeConsumer(id) => self.resume_consumer(now, id),
            Command::SwitchConsumer { consumer, producer } => self.switch_consumer(now, consumer, producer),
            Command::RequestKeyFrame(id) => {
                self.consumers.get(id).ok_or_else(|| not_found(id.into()))?;
                self.request_key_frame_for(now, id, true);
                Ok(Reply::Done)
            }
            Command::RequestProducerKeyFrame(id) => {
                let count = self.producers.get(id).ok_or_else(|| not_found(id.into()))?.encodings.len();
                for encoding in 0..count {
                    self.ask_key_frame(now, id, encoding as u8, true);
                }
                Ok(Reply::Done)
            }
            Command::SetPreferredLayers { consumer, spatial, temporal } => {
                self.set_preferred_layers(now, consumer, spatial, temporal)
            }
            Command::SetPriority { consumer, priority } => {
                if priority == 0 {
                    return Err(ControlError::invalid("control.set_priority: a priority is 1 to 255"));
                }
                self.consumers.get_mut(consumer).ok_or_else(|| not_found(consumer.into()))?.priority =
                    priority;
                Ok(Reply::Done)
            }
            Command::CreateAudioLevelObserver { router, options } => {
                self.create_audio_level_observer(now, router, options)
            }
            Command::CreateActiveSpeakerObserver { router, options } => {
                self.create_active_speaker_observer(now, router, options)
            }
            Command::CloseRtpObserver(id) => self.close_observer(id, crate::control::CloseReason::Requested),
            Command::PauseRtpObserver(id) => self.pause_observer(id),
            Command::ResumeRtpObserver(id) => self.resume_observer(now, id),
            Command::ObserveProducer { observer, producer } => self.observe_producer(now, observer, producer),
            Command::UnobserveProducer { observer, producer } => self.unobserve_producer(observer, producer),
            Command::EnableTrace { target, events } => self.enable_trace(target, events),
            Command::ProduceData { transport, options } => {
                self.produce_data(now, transport, options).map(Reply::DataProducer)
            }
            Command::CloseDataProducer(id) => {
                self.close_data_producer(now, id, crate::control::CloseReason::Requested)
            }
            Command::PauseDataProducer(id) => self.set_data_producer_paused(id, true),
            Command::ResumeDataProducer(id) => self.set_data_producer_paused(id, false),
            Command::SendData { data_producer, message } => self.send_data_command(data_producer, message),
            Command::ConsumeData { transport, options } => {
                self.consume_data(now, transport, options).map(Reply::DataConsumer)
            }
            Command::CloseDataConsumer(id) => {
                self.close_data_consumer(now, id, crate::control::CloseReason::Requested)
            }
            Command::PauseDataConsumer(id) => self.set_data_consumer_paused(id, true),
            Command::ResumeDataConsumer(id) => self.set_data_consumer_paused(id, false),
            Command::SendToDataConsumer { data_consumer, ppid, payload } => {
                self.send_to_data_consumer(now, data_consumer, ppid, &payload)
            }
            Command::BufferedAmount(id) => self.buffered_amount(id),
            Command::SetBufferedAmountLowThreshold { data_consumer, threshold } => {
                self.set_low_threshold(data_consumer, threshold)
            }
            Command::SetSubchannels { data_consumer, subchannels } => {
                self.change_subchannels(data_consumer, |consumer| consumer.set_subchannels(subchannels))
            }
            Command::AddSubchannel { data_consumer, subchannel } => {
                self.change_subchannels(data_consumer, |consumer| consumer.add_subchannel(subchannel))
            }
            Command::RemoveSubchannel { data_consumer, subchannel } => {
                self.change_subchannels(data_consumer, |consumer| consumer.remove_subchannel(subchannel))
            }
            Command::SetLabels { target, labels } => self.set_labels(target, labels),
            Command::Relay(RelayCommand(RelayStep::Offer { producer, worker })) => {
                self.offer_relay(producer, worker).map(|offer| Reply::Relay(Box::new(offer)))
            }
            Command::Relay(RelayCommand(RelayStep::Accept { offer, command })) => {
                self.accept_relay(now, *offer, *command, sockets)
            }
            Command::Relay(RelayCommand(RelayStep::OfferData { data_producer, worker })) => {
                self.offer_data(data_producer, worker).map(Reply::DataRelay)
            }
            Command::Relay(RelayCommand(RelayStep::AcceptData { offer, command })) => {
                self.accept_data_command(now, offer, *command)
            }
            Command::Part(PartCommand(step)) => self.part_step(step, sockets),
            Command::Stats(target) => {
                let mut stats = self.stats(now, target)?;
                if target == Target::Worker {
                    let net = sockets.counters().into_iter();
                    stats.counters.extend(net.map(|(name, value)| (name.to_owned(), value)));
                    stats.counters_by_worker.insert(self.worker(), stats.counters.clone());
                }
                Ok(Reply::Stats(stats))
            }
            other => Err(ControlError::unsupported(format!("control: the engine has no command {other:?}"))),
        }
    }

    fn set_labels(&mut self, target: Target, labels: crate::control::Labels) -> Result<Reply, ControlError> {
        let slot = match target {
            Target::Session(id) => self.sessions.get_mut(id).map(|entity| &mut entity.labels),
            Target::Router(id) => self.routers.get_mut(id).map(|entity| &mut entity.labels),
            Target::Transport(id) => self.transports.get_mut(id).map(|entity| &mut entity.labels),
            Target::Producer(id) => self.producers.get_mut(id).map(|entity| &mut entity.labels),
            Target::Consumer(id) => self.consumers.get_mut(id).map(|entity| &mut entity.labels),
            Target::DataProducer(id) => self.data_producers.get_mut(id).map(|entity| &mut entity.labels),
            Target::DataConsumer(id) => self.data_consumers.get_mut(id).map(|entity| &mut entity.labels),
            Target::Worker | Target::WebRtcServer(_) | Target::RtpObserver(_) => None,
        };
        *slot.ok_or_else(|| not_found(target))? = labels;
        Ok(Reply::Done)
    }

    /// Tells of something that a command changed.
    fn told(&mut self, target: impl Into<Target>, body: EventBody) -> Result<Reply, ControlError> {
        self.change(target, body);
        Ok(Reply::Done)
    }
}

/// The target is gone, or never was.
pub(crate) fn not_found(target: Target) -> ControlError {
    let text = match target {
        Target::Worker => "control: there is no such worker".to_owned(),
        Target::Session(id) => format!("control: there is no session {id}"),
        Target::Router(id) => format!("control: there is no router {id}"),
        Target::Transport(id) => format!("control: there is no transport {id}"),
        Target::Producer(id) => format!("control: there is no producer {id}"),
        Target::Consumer(id) => format!("control: there is no consumer {id}"),
        Target::DataProducer(id) => format!("control: there is no data producer {id}"),
        Target::DataConsumer(id) => format!("control: there is no data consumer {id}"),
        Target::WebRtcServer(id) => format!("control: there is no WebRTC server {id}"),
        Target::RtpObserver(id) => format!("control: there is no observer {id}"),
    };
    ControlError::not_found(text)
}

#[cfg(test)]
mod tests;
