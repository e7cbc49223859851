use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine {
    last: &'static [u8],
}

#[plugin(id = "mine")]
impl Plugin for Mine {
    fn rtp_in(&mut self, _: &mut (), pkt: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        self.last = pkt.payload();
        Verdict::Forward
    }
}

fn main() {}
