//! What becomes of a sender that goes on with RED when the plugin is switched off, with one media thread and with two.
use std::time::Duration;

use sfu_core::control::{ConsumerId, MediaKind, ProducerId, RtpCodecParameters, RtpParameters, Target};
use sfu_core::plugin::{Cons, Nil};
use sfu_core::serde_json::json;
use sfu_core::testing::{Bench, Build, Media, PeerOptions, Rtp};
use sfu_red::Red;

/// Payload types of the sender.
const RED: u8 = 63;
const OPUS: u8 = 111;

/// RED before the Opus that it carries, as a browser's description has them.
fn codecs(red: u8, opus: u8) -> Vec<RtpCodecParameters> {
    let carrying = RtpCodecParameters {
        mime_type: "audio/red".into(),
        payload_type: red,
        parameters: [(format!("{opus}/{opus}"), String::new())].into(),
        ..RtpCodecParameters::opus(opus)
    };
    vec![carrying, RtpCodecParameters::opus(opus)]
}

struct Call {
    bench: Bench<Cons<Red, Nil>>,
    producer: ProducerId,
    sent: u32,
}

impl Call {
    fn new(workers: u8) -> Call {
        let mut bench =
            Build::of::<Red>().workers(workers).config(json!({ "red": { "enabled": true } })).start();
        let mut parameters = RtpParameters::single(RtpCodecParameters::opus(OPUS), 0x0011_0000);
        parameters.codecs = codecs(RED, OPUS);
        let sender = bench.peer_with(PeerOptions::webrtc());
        let producer = bench.produce(sender, Media::with_parameters(MediaKind::Audio, parameters));
        Call { bench, producer, sent: 0 }
    }

    /// A receiver with these codecs, on the last media thread.
    fn receiver(&mut self, codecs: Vec<RtpCodecParameters>) -> ConsumerId {
        let last = self.bench.workers() - 1;
        let peer = self.bench.peer_with(PeerOptions::plain().worker(last));
        let consumed = self
            .bench
            .try_consume_with(peer, self.producer, |options| options.rtp_parameters.codecs = codecs);
        consumed.expect("a consumer")
    }

    /// Ten packets of RED without redundancy.
    fn send(&mut self) {
        for _ in 0..10 {
            self.sent += 1;
            let payload = [&[OPUS, 0xfc][..], &self.sent.to_be_bytes()].concat();
            self.bench.send(self.producer, Rtp::new(self.sent * 960, payload).payload_type(RED));
            self.bench.advance(Duration::from_millis(20));
        }
    }

    /// Payload types of what a receiver got: of the packets and, in RED, of what they carry themselves.
    fn got(&mut self, consumer: ConsumerId, red: u8) -> Vec<(u8, u8)> {
        let own = |payload: &[u8]| {
            let mut headers = payload.chunks(4).take_while(|header| header[0] & 0x80 != 0).count() * 4;
            headers = headers.min(payload.len() - 1);
            payload[headers]
        };
        let received = self.bench.take_received(consumer);
        let types = received.iter().map(|packet| {
            let carried = if packet.payload_type == red { own(&packet.payload) } else { packet.payload_type };
            (packet.payload_type, carried)
        });
        types.collect()
    }
}

#[test]
fn nobody_gets_red_that_names_payload_types_of_somebody_else() {
    for workers in [1, 2] {
        let mut call = Call::new(workers);
        let (other, same) = (call.receiver(codecs(45, 109)), call.receiver(codecs(RED, OPUS)));
        let opus = call.receiver(vec![RtpCodecParameters::opus(109)]);
        let all_hear = |call: &mut Call| {
            call.send();
            assert_eq!(call.got(other, 45), [(45, 109); 10]);
            assert_eq!(call.got(same, RED), [(RED, OPUS); 10]);
            assert_eq!(call.got(opus, 45), [(109, 109); 10]);
        };
        all_hear(&mut call);
        call.bench.disable("red", Target::Worker).expect("it goes off");
        call.send();
        assert_eq!(call.got(other, 45), [], "its decoder knows no payload type 111");
        assert_eq!(call.got(opus, 45), [], "it has no RED");
        assert_eq!(call.got(same, RED), [(RED, OPUS); 10], "it can read what the sender sends");
        call.bench.enable("red", Target::Worker, json!({})).expect("it goes on");
        all_hear(&mut call);
        for consumer in [other, same, opus] {
            assert_eq!(call.bench.receiver(consumer).lost(), 0, "what is left out leaves no gap");
        }
    }
}
