//! What plugins cost in memory; instructions are counted in the benches.
use super::bench::*;
use crate::plugin::*;

#[derive(Default)]
pub struct Idle;

#[plugin(id = "idle", on_panic = "forward")]
impl Plugin for Idle {
    fn rtp_in(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        Verdict::Forward
    }
    fn rtp_out(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
        Verdict::Forward
    }
}

sfu_core::worker! { struct Idling; plugins = [Idle]; }
type Set = <Idling as Composition>::Plugins;

#[test]
fn a_note_of_nothing_costs_nothing_and_an_empty_state_one_byte() {
    assert_eq!(size_of::<<Set as PluginSet>::Notes>(), 0);
    assert_eq!(size_of::<<Set as PluginSet>::Row<ProducerId>>(), 1);
    assert_eq!(size_of::<<Nil as PluginSet>::Row<ProducerId>>(), 0);
}

#[test]
fn where_no_plugin_is_on_a_row_is_skipped_by_its_mask() {
    let mut settings = PluginSettings::default();
    settings.off("idle");
    let mut bench = Bench::<Set>::with(settings);
    bench.open();
    assert!(bench.plugins.tables.producer.hot(id(0)).is_none());
    assert!(bench.plugins.tables.producer.row(id(0)).is_some());
    let mut bench = Bench::<Set>::new();
    assert!(bench.open().plugins.tables.producer.hot(id(0)).is_some());
}
