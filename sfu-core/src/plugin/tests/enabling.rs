//! Which setting wins.
use serde_json::json;

use super::bench::*;
use crate::plugin::enabling::Rules;
use crate::plugin::*;

#[derive(Default)]
pub struct Usual;

#[plugin(id = "usual")]
impl Plugin for Usual {}

#[derive(Default)]
pub struct Shy;

#[plugin(id = "shy", off)]
impl Plugin for Shy {}

sfu_core::worker! { struct Both; plugins = [Usual, Shy]; }
type Set = <Both as Composition>::Plugins;

fn chain() -> Lineage {
    let room = Room::default();
    let consumer: ConsumerId = id(1);
    View::new(&room).lineage(consumer.into())
}

#[test]
fn a_consumer_belongs_to_producer_transport_session_router_and_worker_in_this_order() {
    let expected = [
        Target::Consumer(id(1)),
        Target::Producer(id(0)),
        Target::Transport(id(0)),
        Target::Session(id(0)),
        Target::Router(id(0)),
        Target::Worker,
    ];
    assert_eq!(chain().as_slice(), expected);
}

#[test]
fn at_one_level_a_request_beats_configuration_and_configuration_beats_the_author() {
    let on = |rules: &Rules, plugin| rules.resolve(Set::slot_of(plugin).unwrap(), &chain()).on;
    let mut settings = PluginSettings::default();
    let rules = Rules::configured::<Set>(&settings);
    assert_eq!((on(&rules, "usual"), on(&rules, "shy")), (true, false));

    settings.off("usual");
    settings.set("shy.enabled=true").unwrap();
    let mut rules = Rules::configured::<Set>(&settings);
    assert_eq!((on(&rules, "usual"), on(&rules, "shy")), (false, true));

    rules.set(Set::slot_of("usual").unwrap(), Target::Worker, true, json!(null));
    rules.set(Set::slot_of("shy").unwrap(), Target::Worker, false, json!(null));
    assert_eq!((on(&rules, "usual"), on(&rules, "shy")), (true, false));

    rules.reconfigure::<Set>(&settings);
    assert_eq!((on(&rules, "usual"), on(&rules, "shy")), (true, false), "requests outlive a reload");
}

#[test]
fn the_nearest_level_wins_with_its_options() {
    let slot = Set::slot_of("usual").unwrap();
    let mut rules = Rules::configured::<Set>(&PluginSettings::default());
    let levels: Vec<Target> = chain().into_iter().rev().collect();
    for (i, level) in levels.iter().enumerate() {
        rules.set(slot, *level, i % 2 == 0, json!(i));
        let setting = rules.resolve(slot, &chain());
        assert_eq!((setting.on, setting.options, setting.by), (i % 2 == 0, &json!(i), *level));
    }
    for level in levels.iter().rev() {
        assert_eq!(rules.resolve(slot, &chain()).by, *level);
        rules.forget(*level);
    }
}

#[test]
fn a_summary_says_what_holds_for_the_worker_and_how_many_targets_have_a_rule_of_their_own() {
    let slot = Set::slot_of("shy").unwrap();
    let mut rules = Rules::configured::<Set>(&PluginSettings::default());
    let summary = |rules: &Rules| {
        let summary = rules.summary(slot);
        (summary.on, summary.targets)
    };
    assert_eq!(summary(&rules), (false, 0));
    rules.set(slot, Target::Router(id(0)), true, json!(null));
    rules.set(slot, Target::Producer(id(3)), false, json!(null));
    assert_eq!(summary(&rules), (false, 2));
    rules.set(slot, Target::Worker, true, json!(null));
    assert_eq!(summary(&rules), (true, 2), "the worker's own rule is no target's");
    rules.forget(Target::Router(id(0)));
    assert_eq!(summary(&rules), (true, 1));
}

#[test]
fn a_setting_elsewhere_does_not_count() {
    let slot = Set::slot_of("shy").unwrap();
    let mut rules = Rules::configured::<Set>(&PluginSettings::default());
    rules.set(slot, Target::Consumer(id(0)), true, json!(null));
    rules.set(slot, Target::Router(id(1)), true, json!(null));
    assert!(!rules.resolve(slot, &chain()).on);
}
