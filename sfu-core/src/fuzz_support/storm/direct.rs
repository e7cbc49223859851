//! Direct transports and pipes, and the commands that go with them.
use std::time::Duration;

use super::{Outcome, Storm, udp};
use crate::control::*;
use crate::fuzz_support::mutate;
use crate::fuzz_support::peers::{self, Peer};
use crate::fuzz_support::rtcp_seeds::compound;
use crate::plugin::PluginSet;

/// Longer than what is taken.
const LONGEST: usize = 1600;

impl<S: PluginSet> Storm<S> {
    /// A direct transport that sends as a publisher does, and gets what publishers send.
    pub(super) fn furnish_direct(&mut self, producers: &[(ProducerId, MediaKind)]) {
        let router = self.router;
        let options = DirectTransportOptions { session: Some(self.session), ..Default::default() };
        let Ok(Reply::DirectTransport(id)) = self.command(Command::CreateDirectTransport { router, options })
        else {
            panic!("fuzz: no direct transport")
        };
        let (_, sealer) = peers::key(SrtpCryptoSuite::AeadAes128Gcm, &mut self.chance);
        let mut peer = Peer::new(id, udp(crate::net::SocketId(0), peers::address(90)), sealer);
        let own = self.sources(&mut peer, false, 40_000);
        for (index, (producer, kind)) in producers.iter().chain(&own).enumerate() {
            let ssrc = 50_000 + 10 * index as u32;
            let mut parameters = peers::parameters(*kind, None, 0, true);
            parameters.encodings = vec![peers::encoding(ssrc, *kind == MediaKind::Video)];
            let options = ConsumerOptions::new(*producer, parameters);
            self.command(Command::Consume { transport: id, options }).expect("fuzz: a consumer");
            peer.received.push(ssrc);
        }
        self.signaling = Some((peer, own.into_iter().map(|(producer, _)| producer).collect()));
    }

    /// A pipe that carries everything to a worker that never answers.
    pub(super) fn furnish_pipe(&mut self, producers: &[(ProducerId, MediaKind)]) {
        let router = self.router;
        let options =
            PipeTransportOptions { session: Some(self.session), enable_rtx: true, ..Default::default() };
        let Ok(Reply::PipeTransport(pipe)) = self.command(Command::CreatePipeTransport { router, options })
        else {
            panic!("fuzz: no pipe")
        };
        let to = peers::address(91);
        let peer =
            ConnectPlainTransport { ip: Some(to.ip()), port: Some(to.port()), rtcp_port: None, srtp: None };
        self.command(Command::ConnectPipeTransport { transport: pipe.id, peer }).expect("fuzz: connected");
        for (index, (producer, kind)) in producers.iter().enumerate() {
            let mut parameters = peers::parameters(*kind, None, 0, false);
            let Ok(Reply::ProducerDescription(carried)) = self.command(Command::DescribeProducer(*producer))
            else {
                panic!("fuzz: no producer")
            };
            let first = 60_000 + 100 * index as u32;
            let ssrcs = (0..carried.rtp_parameters.encodings.len() as u32).map(|lane| first + 2 * lane);
            parameters.encodings =
                ssrcs.map(|ssrc| peers::encoding(ssrc, *kind == MediaKind::Video)).collect();
            let options =
                ConsumerOptions { kind: ConsumerType::Pipe, ..ConsumerOptions::new(*producer, parameters) };
            self.command(Command::Consume { transport: pipe.id, options }).expect("fuzz: a pipe consumer");
        }
    }

    /// Damaged RTP and RTCP of signaling, by command, and now and then other commands on what there is.
    pub fn direct(&mut self, count: u64) -> Outcome {
        let Some((peer, producers)) = self.signaling.take() else { return Outcome::default() };
        let before = self.counters();
        let mut outcome = Outcome::default();
        while outcome.sent < count {
            outcome.sent += 1;
            let chance = &mut self.chance;
            let command = if chance.one_in(3) {
                let received: Vec<u32> = peer.received.clone();
                let mut subjects = self.subjects();
                subjects.received = received;
                let chance = &mut self.chance;
                let (mut plain, other) = (compound(chance, &subjects), compound(chance, &subjects));
                mutate(chance, &mut plain, &other, LONGEST);
                Command::SendRtcp { transport: peer.transport, packet: plain.into() }
            } else {
                let (mut plain, ssrc) = peer.packet(chance);
                // As `sources` numbers them; now and then one of another producer.
                let own = match ssrc {
                    40_000 => producers.first(),
                    40_020 | 40_021 => producers.get(2),
                    _ => producers.get(1),
                };
                let other = *chance.pick(&producers);
                let producer = own.copied().filter(|_| !chance.one_in(10)).unwrap_or(other);
                let (other, _) = peer.packet(chance);
                if chance.one_in(2) {
                    mutate(chance, &mut plain, &other, LONGEST);
                }
                Command::SendRtp { producer, packet: plain.into() }
            };
            match self.command(command) {
                Ok(_) => *outcome.details.entry("taken").or_default() += 1,
                Err(error) => {
                    assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
                    *outcome.details.entry("refused").or_default() += 1;
                }
            }
            if outcome.sent.is_multiple_of(16) {
                self.turn(Duration::from_millis(1));
            }
            if outcome.sent.is_multiple_of(64) {
                self.any_command(&peer, &producers);
            }
        }
        self.turn(Duration::from_millis(1));
        let after = self.counters();
        outcome.reached = after.rtp_authenticated - before.rtp_authenticated;
        outcome.details.insert("handed", self.shell.around().handed);
        self.signaling = Some((peer, producers));
        outcome
    }

    /// A command of the kind that a confused signaling side sends.
    fn any_command(&mut self, peer: &Peer, producers: &[ProducerId]) {
        let chance = &mut self.chance;
        let bitrate = [0, 1, 30_000, 1_000_000, u32::MAX][chance.below(5)];
        let transport = [peer.transport, self.viewers[0].transport, self.doors[0].0][chance.below(3)];
        let producer = *chance.pick(producers);
        let router = self.router;
        let command = match chance.below(7) {
            0 => Command::Dump(transport.into()),
            1 => Command::Dump(producer.into()),
            2 => Command::SetMinOutgoingBitrate { transport, bitrate },
            3 => Command::SetMaxOutgoingBitrate { transport, bitrate },
            4 => Command::ConnectPipeTransport { transport, peer: ConnectPlainTransport::default() },
            5 => Command::SendRtcp { transport, packet: Default::default() },
            _ => Command::CreateWebRtcServer(WebRtcServerOptions { listen: vec![ListenInfo::default(); 2] }),
        };
        if let Ok(Reply::WebRtcServer(server)) = self.command(command) {
            let options = WebRtcTransportOptions {
                session: Some(self.session),
                listen: TransportListen::Server(server),
                ..Default::default()
            };
            let made = self.command(Command::CreateWebRtcTransport { router, options });
            assert!(made.is_ok(), "{made:?}");
            self.command(Command::Dump(server.into())).expect("fuzz: a dump of a server");
            self.command(Command::CloseWebRtcServer(server)).expect("fuzz: a server");
        }
    }
}
