//! Requests, from outside and between plugins.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::bench::*;
use crate::control::ServeRequests;
use crate::plugin::*;

#[request]
pub enum Ask {
    Total,
    Reset { to: u64 },
    Later,
    Explode,
}

#[derive(Default)]
pub struct Counter {
    total: u64,
    later: Option<Responder>,
}

#[plugin(id = "counter")]
impl Plugin for Counter {
    type Request = Ask;
    fn request(&mut self, req: Ask, _: Target, re: Responder, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        match req {
            Ask::Total => re.ok(json!({ "total": self.total, "worker": cx.worker() })),
            Ask::Reset { to } => {
                self.total = to;
                re.ok(())
            }
            Ask::Later => self.later = Some(re),
            Ask::Explode => panic!("boom"),
        }
    }
}

#[derive(Default)]
pub struct Curious;

#[plugin(id = "curious")]
impl Plugin for Curious {
    type Shared = AtomicU64;
    type Request = Value;
    fn request(&mut self, req: Value, at: Target, re: Responder, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        cx.ask("counter", at, req, 42);
        re.ack(None);
    }
    async fn serve(shared: &Arc<AtomicU64>, req: Value, re: Responder) {
        assert!(req != "panic");
        re.ok(shared.fetch_add(1, Ordering::Relaxed));
    }
    fn done(&mut self, tag: u64, outcome: Result<Reply, Error>, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        log(format!("{tag}: {outcome:?}"));
    }
}

sfu_core::worker! { struct Asking; plugins = [Counter, Curious]; }
type Set = <Asking as Composition>::Plugins;

fn error(bench: &mut Bench<Set>, plugin: &str, body: Value) -> String {
    bench.request(plugin, Target::Worker, body).unwrap_err().text
}

#[test]
fn a_wrong_request_is_answered_with_what_would_be_right() {
    let mut bench = Bench::<Set>::new();
    assert_eq!(
        error(&mut bench, "counter", json!({ "method": "nope" })),
        "plugins.counter: unknown variant `nope`, expected one of `total`, `reset`, `later`, `explode`"
    );
    assert_eq!(
        error(&mut bench, "counter", json!({ "method": "reset", "to": 1, "too": 2 })),
        "plugins.counter: unknown field `too`, expected `to`"
    );
    assert_eq!(
        error(&mut bench, "ghost", json!({})),
        "plugins: no plugin `ghost`; this worker has: counter, curious"
    );
}

#[test]
fn a_panic_over_a_request_is_an_answer() {
    quiet();
    let mut bench = Bench::<Set>::new();
    assert_eq!(
        error(&mut bench, "counter", json!({ "method": "explode" })),
        "plugins.counter: the plugin panicked over the request"
    );
    assert!(bench.plugins.has_faults());
}

#[test]
fn a_request_may_be_answered_later() {
    let mut bench = Bench::<Set>::new();
    let (reply, mut answer) = tokio::sync::oneshot::channel();
    bench.at(|p, m| p.request("counter", Target::Worker, json!({ "method": "later" }), reply, m));
    assert!(answer.try_recv().is_err());
    bench.plugins.stop(Moment { now: bench.now, view: &NoView });
    let text = answer.try_recv().unwrap().unwrap_err().text;
    assert_eq!(text, "plugins.counter: the plugin dropped the request");
}

#[test]
fn every_media_thread_answers_into_one_array() {
    let mut benches = Bench::<Set>::workers(PluginSettings::default(), 2);
    benches[1].request("counter", Target::Worker, json!({ "method": "reset", "to": 5 })).unwrap();
    let total = json!({ "method": "total" });
    let replies =
        benches.iter_mut().map(|b| b.request("counter", Target::Worker, total.clone()).unwrap()).collect();
    assert_eq!(
        Reply::merge(replies),
        Reply::Json(json!([{ "total": 0, "worker": 0 }, { "total": 5, "worker": 1 }]))
    );
}

#[test]
fn a_plugin_asks_another_and_hears_in_done() {
    let mut bench = Bench::<Set>::new();
    let at: RouterId = id(0);
    bench.request("curious", at, json!({ "method": "total" })).unwrap();
    bench.request("curious", Target::Worker, json!({ "method": "total" })).unwrap();
    let queue = &mut bench.plugins.desk.queue;
    let mut asked = Vec::new();
    while let Some(command) = queue.pop() {
        asked.push(command);
    }
    let mut elsewhere = Vec::new();
    for (slot, command) in asked {
        let QueuedCommand::Ask { ask, tag } = command else { panic!() };
        elsewhere.extend(bench.at(|p, m| p.ask(slot, *ask, tag, m)));
    }
    bench.at(|p, m| p.messages(m));
    assert_eq!(
        take_log(),
        [r#"42: Ok(Json(Object {"total": Number(0), "worker": Number(0)}))"#],
        "what is aimed at an entity of this thread is answered here"
    );
    assert_eq!(elsewhere.len(), 1, "what is aimed at all threads goes through the control handle");
    drop(elsewhere);
    bench.at(|p, m| p.messages(m));
    assert!(take_log()[0].contains("the command was dropped"));
}

#[test]
fn a_request_without_target_is_served_once_off_the_media_threads() {
    let launch = Launch::with_spawner(
        Arc::new(|work| {
            let _ = std::thread::spawn(move || {
                quiet();
                tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work);
            })
            .join();
        }),
        2,
    );
    let seed = Set::prepare(&PluginSettings::default(), &launch).unwrap();
    let serving = Serving::<Set>::new(&seed, &launch);
    assert!(serving.serves("curious") && !serving.serves("counter") && !serving.serves("ghost"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ask = |body| runtime.block_on(serving.serve("curious", body));
    assert_eq!(ask(json!(0)), Ok(Reply::Json(json!(0))));
    assert_eq!(ask(json!(0)), Ok(Reply::Json(json!(1))));
    assert_eq!(
        ask(json!("panic")).unwrap_err().text,
        "plugins.curious: the plugin panicked over the request"
    );
}
