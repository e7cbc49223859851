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

    fn rtp_in(
        &mut self,
        packets: &mut u64,
        _packet: &mut RtpPacket<'_>,
        _note: &mut (),
        _: &mut Cx<'_>,
    ) -> Verdict {
        *packets += 1;
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

#[cfg(test)]
mod tests {
    use super::*;
    use sfu_core::serde_json::json;
    use sfu_core::testing::{Bench, conformance, opus};

    #[test]
    fn packets_are_counted_per_producer_and_in_total() {
        // A worker in virtual time: no socket, no thread, the same every time.
        let mut bench = Bench::of::<MyPlugin>();
        let (first, second) = (bench.audio_producer(), bench.audio_producer());
        for producer in [first, first, second] {
            bench.send(producer, opus(1));
        }
        let ask = json!({ "method": "total" });
        let of_first = bench.request("my_plugin", first, ask.clone());
        let of_all = bench.request("my_plugin", Target::Worker, ask);
        assert_eq!((of_first, of_all), (Ok(json!(2)), Ok(json!([3]))));
        assert_eq!(bench.stats("my_plugin")["packets"], 3);
    }

    #[test]
    fn it_bears_what_every_plugin_has_to_bear() {
        conformance::<MyPlugin>();
    }
}
