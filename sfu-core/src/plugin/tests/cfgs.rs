//! `cfg` on entries and items.
use super::bench::*;
use crate::plugin::*;

#[derive(Default)]
pub struct Half;

#[plugin(id = "half", tick_ms = 250, after("front"), before("back"))]
impl Plugin for Half {
    #[cfg(any())]
    type Producer = NoSuchType;
    #[cfg(any())]
    fn rtp_in(&mut self, no: Such, no: Such, no: Such, no: Such) -> Such {}
    #[cfg(test)]
    type Consumer = u64;
    #[cfg(not(test))]
    type Consumer = NoSuchType;
    #[cfg(all(test, not(any())))]
    fn tick(&mut self, rows: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        log(format!("{}", rows.iter::<ConsumerId>().count()));
    }
}

sfu_core::worker! {
    struct Conditional;
    plugins = [
        #[cfg(any())] no::Such,
        #[cfg(test)] Half,
        #[cfg(not(test))] no::Such,
    ];
    signaling = [#[cfg(any())] no::Such];
}
type Set = <Conditional as Composition>::Plugins;

#[test]
fn entries_and_items_that_are_configured_out_are_not_there() {
    assert_eq!(Set::LEN, 1);
    assert_eq!(Set::HOOKS.to_string(), "consumer_opened, tick");
    let mut bench = Bench::<Set>::new();
    bench.open().pass(std::time::Duration::from_millis(250));
    bench.at(|p, m| p.tick(m));
    assert_eq!(take_log(), ["2"]);
}

#[test]
fn a_worker_may_have_no_plugins() {
    let mut bench = Bench::<Nil>::new();
    bench.open();
    assert_eq!((Nil::LEN, bench.packet()), (0, 2));
}

#[test]
fn descriptions_are_registered_composed_or_not() {
    let half = Description::all().into_iter().find(|d| d.meta.id == "half").unwrap();
    assert!((half.type_name)().ends_with("Half"));
    assert_eq!((half.meta.after, half.meta.before), (&["front"][..], &["back"][..]));
    assert_eq!((half.config)()["additionalProperties"], false);
}
