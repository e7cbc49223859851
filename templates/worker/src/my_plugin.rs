//! Counts packets: a plugin to start from.
use sfu_core::plugin::*;

/// What it can be asked.
#[request]
pub enum Request {
    /// Packets so far: of a producer, or of all that this media thread ever had.
    Total,
}

/// There is one instance per media thread, so nothing here needs a lock.
#[derive(Default)]
pub struct MyPlugin {
    total: u64,
}

/// Counts the packets of every producer.
#[plugin(id = "my_plugin")]
impl Plugin for MyPlugin {
    type Request = Request;
    /// Packets of this producer.
    type Producer = u64;

    fn rtp_in(&mut self, n: &mut u64, _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        *n += 1;
        self.total += 1;
        Verdict::Forward
    }

    fn request(
        &mut self,
        request: Request,
        at: Target,
        re: Responder,
        rows: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        match (request, at) {
            (Request::Total, Target::Producer(id)) => re.ok(rows.get(id).copied().unwrap_or(0)),
            (Request::Total, _) => re.ok(self.total),
        }
    }

    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("packets", self.total);
    }
}
