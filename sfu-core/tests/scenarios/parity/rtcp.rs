//! A plugin that makes RTCP of its own.
use serde_json::{Value, json};
use sfu_core::control::Target;
use sfu_core::plugin::{
    Attach, Cx, Plugin, Responder, Rows, RtcpPacket, Stats, TransportInfo, Verdict, plugin,
};
use sfu_core::testing::{self, Media, PeerOptions};

use crate::ms;

/// Asks the sender of a producer for a key frame and for a bitrate in packets of its own.
#[derive(Default)]
struct Feedback;

#[plugin(id = "feedback")]
impl Plugin for Feedback {
    type Request = Value;
    fn request(&mut self, _: Value, at: Target, re: Responder, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let Target::Producer(id) = at else { return re.error(400, "there is only feedback about producers") };
        let view = cx.view().producer(id).unwrap();
        let (transport, ssrc) = (view.transport, view.rtp_parameters.encodings[0].ssrc.unwrap());
        let [s0, s1, s2, s3] = ssrc.to_be_bytes();
        // PLI (RFC 4585 section 6.3.1), and REMB of 3 · 2^16 bit/s.
        let pli = [0x81, 206, 0, 2, 0, 0, 0, 9, s0, s1, s2, s3];
        let remb =
            [0x8f, 206, 0, 5, 0, 0, 0, 9, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 0x40, 0, 3, s0, s1, s2, s3];
        cx.transport(transport).send_rtcp(&pli).unwrap();
        cx.transport(transport).send_rtcp(&remb).unwrap();
        re.ok("sent");
    }
}

/// Counts what leaves, and keeps REMB here.
#[derive(Default)]
struct Gate {
    seen: [u32; 2],
    closed: bool,
}

#[plugin(id = "gate")]
impl Plugin for Gate {
    type Transport = ();
    type Request = Value;
    fn transport_opened(&mut self, _: &TransportInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtcp_out(&mut self, _: &mut (), packet: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
        match packet.as_bytes() {
            [0x81, 206, ..] => self.seen[0] += 1,
            [0x8f, 206, ..] => {
                self.seen[1] += 1;
                return if self.closed { Verdict::Drop } else { Verdict::Forward };
            }
            _ => {}
        }
        Verdict::Forward
    }
    fn request(&mut self, _: Value, _: Target, re: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        self.closed = true;
        re.ok(());
    }
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("pli", self.seen[0]);
        out.put_sum("remb", self.seen[1]);
    }
}

#[test]
fn rtcp_that_a_plugin_makes_reaches_the_peer_past_the_plugins_below() {
    for workers in [1, 2] {
        for options in [PeerOptions::plain(), PeerOptions::webrtc()] {
            // What leaves goes up the list.
            let mut bench = testing::build!(Gate, Feedback).workers(workers).start();
            let ann = bench.peer_with(options.worker(workers - 1));
            let p = bench.produce(ann, Media::vp8());
            bench.play(&[p], ms(100));
            let before = bench.stats("gate");
            let (plis, rembs) = (bench.sender(p).plis, bench.sender(p).rembs.len());
            assert_eq!(bench.request("feedback", p, json!({})), Ok(json!("sent")));
            bench.advance(ms(1));
            assert_eq!(bench.sender(p).plis, plis + 1, "{workers} workers");
            assert_eq!(bench.sender(p).rembs[rembs..], [3 << 16]);
            let seen = |now: &Value, name: &str| now[name].as_u64().unwrap() - before[name].as_u64().unwrap();
            let now = bench.stats("gate");
            assert_eq!((seen(&now, "pli"), seen(&now, "remb")), (1, 1));
            bench.request("gate", p, json!({})).unwrap();
            assert_eq!(bench.request("feedback", p, json!({})), Ok(json!("sent")));
            bench.advance(ms(1));
            let (plis_now, rembs_now) = (bench.sender(p).plis, bench.sender(p).rembs.len());
            assert_eq!((plis_now, rembs_now), (plis + 2, rembs + 1), "the plugin below keeps REMB here");
        }
    }
}
