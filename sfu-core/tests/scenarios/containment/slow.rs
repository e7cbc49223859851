//! A plugin that sleeps in a hook.
use std::io::Write;
use std::sync::{Arc, Mutex};

use sfu_core::control::{DataPath, EventBody, OutgoingData};
use sfu_core::plugin::{
    Attach, ConsumerId, ConsumerInfo, Cx, DataMessage, DataProducerId, DataProducerInfo, Plugin, ProducerId,
    ProducerInfo, RtcpPacket, RtpPacket, Target, TransportId, TransportInfo, Verdict, plugin, ppid,
};
use sfu_core::testing::{self, Build};
use tracing_subscriber::fmt::MakeWriter;

use crate::{ms, seconds};

/// Lines that were logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Log;
    fn make_writer(&self) -> Log {
        self.clone()
    }
}

macro_rules! sleepy {
    ($name:ident, $hook:ident, $state:ident, $info:ident, $opened:ident, $Id:ident,
     ($($packet:ident: $Packet:ty),*)) => {
        /// Sleeps over everything.
        #[derive(Default)]
        struct $name;

        #[plugin(id = "sleepy", on_panic = "forward")]
        impl Plugin for $name {
            type $state = $Id;
            fn $opened(&mut self, info: &$info<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<$Id> {
                Attach::On(info.id)
            }
            fn $hook(&mut self, _: &mut $Id, $(_: $Packet,)* _: &mut Cx<'_>) -> Verdict {
                testing::spend(ms(50));
                Verdict::Forward
            }
        }
    };
}
sleepy!(In, rtp_in, Producer, ProducerInfo, producer_opened, ProducerId, (p: &mut RtpPacket<'_>, n: &mut ()));
sleepy!(Out, rtp_out, Consumer, ConsumerInfo, consumer_opened, ConsumerId, (p: &mut RtpPacket<'_>, n: &()));
sleepy!(RtcpIn, rtcp_in, Transport, TransportInfo, transport_opened, TransportId, (p: &mut RtcpPacket<'_>));
sleepy!(RtcpOut, rtcp_out, Transport, TransportInfo, transport_opened, TransportId, (p: &mut RtcpPacket<'_>));
sleepy!(Data, data_in, DataProducer, DataProducerInfo, data_producer_opened, DataProducerId,
    (m: &mut DataMessage<'_>));

/// Lets a plugin sleep in a hook while media flows; it is named, detached, and then all is as before.
fn sleeps<P: Plugin>(hook: &str, media: bool) {
    for workers in [1, 2] {
        let text = format!("{workers} workers, `{hook}`");
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let mut bench = Build::of::<P>().workers(workers).start();
        let p = bench.audio_producer();
        let c = bench.consumer(p);
        let bob = bench.peer_of_consumer(c);
        let direct = bench.direct_transport();
        let bot = bench.data_producer_on(direct, DataPath::Direct);
        let ear = bench.try_data_consumer(direct, bot, DataPath::Direct, &[]).unwrap();
        let mut said = 0;
        let mut live = |bench: &mut testing::Bench<_>, packets: usize| {
            for _ in 0..packets {
                bench.play(&[p], ms(20));
                bench.pli(c);
                bench.send_rtcp(bob, &[0x80, 201, 0, 1, 0, 0, 0, 1]);
                bench.send_direct(
                    bot,
                    OutgoingData { ppid: ppid::STRING, payload: "hi".into(), ..Default::default() },
                );
                said += 1;
            }
            said
        };
        let begin = bench.now();
        live(&mut bench, 2);
        if !media {
            // RTCP of ours is due now and then.
            for _ in 0..40 {
                live(&mut bench, 1);
            }
        }
        let step = |body: &EventBody| match body {
            EventBody::PluginFault { plugin, step, text } if plugin == "sleepy" => {
                Some((step.clone(), text.clone()))
            }
            _ => None,
        };
        let named = |bench: &testing::Bench<_>| -> Vec<(String, String)> {
            bench.events().iter().filter_map(|event| step(&event.body)).collect()
        };
        let took = bench.now().duration_since(begin);
        assert!(took <= seconds(1), "{text}");
        let first = named(&bench).first().cloned();
        assert_eq!(first, Some(("slow".to_owned(), format!("`{hook}` took 50 ms"))), "{text}");
        let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let wanted = format!("`{hook}` took 50 ms");
        let line = logged.lines().find(|line| line.contains(&wanted));
        assert!(
            line.is_some_and(|line| line.contains("ERROR") && line.contains("sleepy")),
            "{text}: {logged}"
        );
        // After the tenth time it is off for what it sleeps over.
        live(&mut bench, 300);
        let steps: Vec<(Target, String)> = bench
            .events()
            .iter()
            .filter_map(|event| step(&event.body).map(|(step, _)| (event.target, step)))
            .collect();
        let mut targets: Vec<Target> = Vec::new();
        steps.iter().for_each(|(target, _)| {
            if !targets.contains(target) {
                targets.push(*target)
            }
        });
        let mut detached = 0;
        for target in &targets {
            let of: Vec<&str> =
                steps.iter().filter(|(at, _)| at == target).map(|(_, step)| step.as_str()).collect();
            if of.len() == 10 {
                let nine_and_one: Vec<&str> = ["slow"; 9].into_iter().chain(["detached"]).collect();
                assert_eq!(of, nine_and_one, "{text}");
                detached += 1;
            }
            assert!(of.len() <= 10, "{text}: {of:?}");
        }
        assert!(detached > 0, "{text}: {steps:?}");
        // Nothing was lost, and nothing takes time any more.
        let packets = live(&mut bench, 50);
        let expected: Vec<u32> = (1..=packets).collect();
        assert_eq!(bench.receiver(c).numbers(), expected, "{text}");
        assert_eq!(bench.receiver(c).lost(), 0, "{text}");
        assert_eq!(bench.take_direct().iter().filter(|(id, _)| *id == ear).count(), packets as usize);
        if media {
            assert_eq!(named(&bench).len(), steps.len(), "{text}");
            let delays = bench.received(c).iter().rev().take(50).map(|packet| packet.at);
            let times: Vec<_> = delays.collect();
            assert!(times.windows(2).all(|pair| pair[0].duration_since(pair[1]) == ms(20)), "{text}");
        }
    }
}

#[test]
fn who_sleeps_over_media_is_named_and_the_tenth_time_detached() {
    sleeps::<In>("rtp_in", true);
    sleeps::<Out>("rtp_out", true);
}

#[test]
fn who_sleeps_over_rtcp_is_named_and_the_tenth_time_detached() {
    sleeps::<RtcpIn>("rtcp_in", true);
    sleeps::<RtcpOut>("rtcp_out", false);
}

#[test]
fn who_sleeps_over_messages_is_named_and_the_tenth_time_detached() {
    sleeps::<Data>("data_in", true);
}
