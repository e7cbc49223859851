//! RTCP in both directions.
use std::time::Instant;

use super::{Pace, Shell, Surroundings};
use crate::engine::{EgressRtcp, IngressRtcp};
use crate::plugin::{Below, Hooks, Mode, Moment, PluginSet, PluginSlot, Timed, Untimed, Verdict};

impl<S: PluginSet, X: Surroundings<S>> Shell<S, X> {
    /// RTCP: the engine acts upon each packet, then the hooks see it.
    pub(super) fn rtcp<M: Mode>(&mut self, now: Instant, ingress: IngressRtcp, mode: M) {
        let transport = ingress.transport;
        let mut packets = ingress.packets();
        while let Some(packet) = packets.next_packet() {
            let Ok(mut packet) = packet else {
                self.engine.counters.rtcp_malformed += 1;
                continue;
            };
            self.engine.handle_rtcp(now, transport, &mut packet);
            if S::HOOKS.contains(Hooks::RTCP_IN) {
                let moment = Moment { now, view: &self.engine };
                // The core has taken its part: there is nothing left that a verdict could keep from anybody.
                let _ = self.plugins.rtcp_in(transport, &mut packet, moment, mode);
            }
        }
        self.engine.finish_rtcp(ingress);
    }

    /// RTCP that wants to leave, past the hooks.
    pub(super) fn rtcp_out(&mut self, now: Instant, by: Option<PluginSlot>) {
        while let Some(egress) = self.engine.next_rtcp_out() {
            let verdict = match (by, self.pace == Pace::Timed) {
                _ if !S::HOOKS.contains(Hooks::RTCP_OUT) => Verdict::Forward,
                (None, false) => self.rtcp_out_hooks(now, &egress, Untimed),
                (None, true) => self.rtcp_out_hooks(now, &egress, Timed),
                (Some(slot), false) => self.rtcp_out_hooks(now, &egress, Below(slot, Untimed)),
                (Some(slot), true) => self.rtcp_out_hooks(now, &egress, Below(slot, Timed)),
            };
            match verdict {
                Verdict::Forward => self.engine.send_rtcp(now, egress),
                Verdict::Drop => self.engine.drop_rtcp(egress),
            }
        }
    }

    /// Asks the hooks about a compound of ours. One packet that a hook drops takes its compound with it.
    fn rtcp_out_hooks<M: Mode>(&mut self, now: Instant, egress: &EgressRtcp, mode: M) -> Verdict {
        let mut verdict = Verdict::Forward;
        let mut packets = egress.packets();
        while let Some(Ok(mut packet)) = packets.next_packet() {
            let moment = Moment { now, view: &self.engine };
            if self.plugins.rtcp_out(egress.transport, &mut packet, moment, mode) == Verdict::Drop {
                verdict = Verdict::Drop;
            }
        }
        verdict
    }
}
