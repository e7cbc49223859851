//! Plugins that do next to nothing, so that what is left is what it costs to have them.
use sfu_core::plugin::{ConsumerId, Cx, Plugin, ProducerId, Rows, RtpPacket, Stats, Target, Verdict, plugin};

/// Plugins that override no hook.
macro_rules! silent {
    ($($name:ident = $id:literal),*) => { $(
        /// Overrides nothing.
        #[derive(Default)]
        pub struct $name;

        #[plugin(id = $id)]
        impl Plugin for $name {}
    )* };
}

/// Plugins whose hooks are there, and empty.
macro_rules! empty {
    ($($name:ident = $id:literal),*) => { $(
        /// Empty hooks both ways.
        #[derive(Default)]
        pub struct $name;

        #[plugin(id = $id, on_panic = "forward")]
        impl Plugin for $name {
            fn rtp_in(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
                Verdict::Forward
            }
            fn rtp_out(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
                Verdict::Forward
            }
        }
    )* };
}

/// Plugins that count packets both ways, in the rows of producers and consumers.
macro_rules! count {
    ($($name:ident = $id:literal),*) => { $(
        /// Counts both ways.
        #[derive(Default)]
        pub struct $name;

        #[plugin(id = $id, on_panic = "forward")]
        impl Plugin for $name {
            type Producer = u64;
            type Consumer = u64;

            fn rtp_in(
                &mut self,
                packets: &mut u64,
                _: &mut RtpPacket<'_>,
                _: &mut (),
                _: &mut Cx<'_>,
            ) -> Verdict {
                *packets += 1;
                Verdict::Forward
            }
            fn rtp_out(
                &mut self,
                packets: &mut u64,
                _: &mut RtpPacket<'_>,
                _: &(),
                _: &mut Cx<'_>,
            ) -> Verdict {
                *packets += 1;
                Verdict::Forward
            }
            fn stats(&self, _: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
                out.put_sum("in", rows.iter::<ProducerId>().map(|(_, packets)| *packets).sum::<u64>());
                out.put_sum("out", rows.iter::<ConsumerId>().map(|(_, packets)| *packets).sum::<u64>());
            }
        }
    )* };
}

silent!(
    SilentA = "silent-a",
    SilentB = "silent-b",
    SilentC = "silent-c",
    SilentD = "silent-d",
    SilentE = "silent-e"
);
empty!(EmptyA = "empty-a", EmptyB = "empty-b", EmptyC = "empty-c", EmptyD = "empty-d", EmptyE = "empty-e");
count!(CountA = "count-a", CountB = "count-b", CountC = "count-c", CountD = "count-d", CountE = "count-e");

/// Counts what comes in.
#[derive(Default)]
pub struct CountIn;

#[plugin(id = "count-in")]
impl Plugin for CountIn {
    type Producer = u64;

    fn rtp_in(&mut self, packets: &mut u64, _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        *packets += 1;
        Verdict::Forward
    }
    fn stats(&self, _: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("in", rows.iter::<ProducerId>().map(|(_, packets)| *packets).sum::<u64>());
    }
}
