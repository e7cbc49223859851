//! On and off while media flows.
use serde_json::json;

use super::bench::*;
use crate::plugin::*;

#[config]
#[derive(Default)]
pub struct Where {
    file: String,
}

#[derive(Default)]
pub struct Tape;

#[plugin(id = "tape", off)]
impl Plugin for Tape {
    type Options = Where;
    type Router = ();
    type Producer = String;

    fn router_opened(&mut self, _: &RouterInfo<'_>, _: &Where, _: &mut Cx<'_>) -> Attach<()> {
        log("router_opened");
        Attach::On(())
    }
    fn producer_opened(&mut self, info: &ProducerInfo<'_>, at: &Where, _: &mut Cx<'_>) -> Attach<String> {
        log(format!("producer_opened {} late={}", at.file, info.late()));
        if at.file == "secret" {
            return Attach::Refuse(Refusal::new("not here").with_code(7));
        }
        Attach::On(at.file.clone())
    }
    fn producer_closed(&mut self, _: ProducerId, file: String, _: &mut Cx<'_>) {
        log(format!("producer_closed {file}"));
    }
    fn router_closed(&mut self, _: RouterId, _: (), _: &mut Cx<'_>) {
        log("router_closed");
    }
}

sfu_core::worker! { struct Taping; plugins = [Tape]; }
type Set = <Taping as Composition>::Plugins;

#[test]
fn enabling_covers_what_is_there_parents_first_and_disabling_children_first() {
    let mut bench = Bench::<Set>::new();
    bench.open();
    assert_eq!(take_log(), Vec::<String>::new(), "off until asked for");
    let router = Target::Router(id(0));
    let switched = bench.at(|p, m| p.enable("tape", router, json!({ "file": "x" }), m)).unwrap();
    assert_eq!((switched.opened, switched.closed), (2, 0));
    assert_eq!(take_log(), ["router_opened", "producer_opened x late=true"]);
    let switched = bench.at(|p, m| p.disable("tape", router, m)).unwrap();
    assert_eq!((switched.opened, switched.closed), (0, 2));
    assert_eq!(take_log(), ["producer_closed x", "router_closed"]);
}

#[test]
fn enabling_covers_what_comes_later() {
    let mut bench = Bench::<Set>::new();
    bench.room.open = false;
    let session = Target::Session(id(0));
    bench.at(|p, m| p.enable("tape", session, json!({ "file": "x" }), m)).unwrap();
    bench.open();
    assert_eq!(take_log(), ["producer_opened x late=false"]);
}

#[test]
fn new_options_come_with_a_new_state() {
    let mut bench = Bench::<Set>::new();
    bench.open();
    let producer = Target::Producer(id(0));
    for file in ["one", "two"] {
        bench.at(|p, m| p.enable("tape", producer, json!({ "file": file }), m)).unwrap();
    }
    let expected = ["producer_opened one late=true", "producer_closed one", "producer_opened two late=true"];
    assert_eq!(take_log(), expected);
}

#[test]
fn wrong_options_are_refused_where_they_are_given() {
    let mut bench = Bench::<Set>::new();
    let error = bench.at(|p, m| p.enable("tape", Target::Worker, json!({ "flie": "x" }), m)).unwrap_err();
    assert_eq!(error.to_string(), "plugins.tape.options: unknown field `flie`, expected `file`");
}

#[test]
fn a_refusal_keeps_new_entities_out_and_leaves_old_ones_alone() {
    let mut bench = Bench::<Set>::new();
    bench.open();
    let secret = json!({ "file": "secret" });
    let switched = bench.at(|p, m| p.enable("tape", Target::Worker, secret, m)).unwrap();
    assert_eq!(switched.refused.len(), 1);
    assert_eq!(bench.packet(), 2);
    let refused = bench.at(|p, m| p.opened(id::<ProducerId>(1), m)).unwrap_err();
    assert_eq!((refused.to_string().as_str(), refused.refusal.code), ("plugins.tape: not here", Some(7)));
    assert!(bench.plugins.tables.producer.row(id(1)).is_none());
}

#[test]
fn a_target_that_is_not_there_gets_no_setting() {
    let mut bench = Bench::<Set>::new();
    let gone = Moment { now: bench.now, view: &NoView };
    let error = bench.plugins.enable("tape", Target::Router(id(3)), json!(null), gone).unwrap_err();
    assert_eq!(error.to_string(), "plugins: there is no such target as Router(RouterId(0.3.1))");
}
