use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine")]
impl Plugin for Mine {
    type Producer = u64;
    fn rtp_in(&mut self, _: &mut u32, _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        Verdict::Forward
    }
}

fn main() {}
