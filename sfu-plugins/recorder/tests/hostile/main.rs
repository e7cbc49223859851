//! Storms of damaged input against a worker without plugins and one with every plugin: no panic, no growth, no fault.
//!
//! Inputs are damaged before they are protected with valid keys, so that counters prove that the parsers behind
//! authentication are reached. `SFU_TEST_LONG` makes three times as many.
mod plugins;

use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use sfu_core::fuzz_support::{Outcome, Sizes, Storm, resident_bytes};
use sfu_core::plugin::{Composition, PluginSet};
use sfu_core::serde_json::{Value, json};

sfu_core::worker! {
    struct Bare;
    plugins = [];
}
sfu_core::worker! {
    struct Every;
    plugins = [plugins::Reader, sfu_recorder::Recorder, plugins::Meddler];
}
type Nothing = <Bare as Composition>::Plugins;
type Everything = <Every as Composition>::Plugins;

/// Inputs of each kind.
const INPUTS: u64 = 100_000;
/// Memory that a storm may leave behind beyond what its first third needed.
const SLACK: usize = 24 << 20;
/// What the recorder may hold besides: on a busy machine 1024 recordings, of a buffer of 32 KiB each, wait for its thread.
const RECORDINGS: usize = 32 << 20;

/// One storm at a time: memory is measured.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn inputs() -> u64 {
    if std::env::var_os("SFU_TEST_LONG").is_some() { 3 * INPUTS } else { INPUTS }
}

/// The same storm over a worker of either composition.
struct Ground<S: PluginSet> {
    name: &'static str,
    storm: Storm<S>,
    before: Sizes,
    records: bool,
    _runtime: tokio::runtime::Runtime,
    folder: std::path::PathBuf,
}

impl<S: PluginSet> Ground<S> {
    fn new(name: &'static str, kind: &str, with_plugins: bool) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let folder = std::env::temp_dir().join(format!("sfu-hostile-{}-{name}-{kind}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let settings = match with_plugins {
            true => json!({ "recorder": { "folder": folder, "enabled": true, "wait_for_key_frame": false } }),
            false => Value::Null,
        };
        let context = runtime.enter();
        let mut storm = Storm::<S>::new(0x5f0 + kind.len() as u64, settings);
        drop(context);
        let before = storm.sizes();
        Ground { name, storm, before, records: with_plugins, _runtime: runtime, folder }
    }

    /// Runs a storm in thirds; what grows after the first third is growth.
    fn run(&mut self, kind: &str, mut part: impl FnMut(&mut Storm<S>, u64) -> Outcome) -> Outcome {
        let (began, count) = (Instant::now(), inputs());
        let mut whole = Outcome::default();
        let mut add = |outcome: Outcome| {
            whole.sent += outcome.sent;
            whole.reached += outcome.reached;
            for (name, value) in outcome.details {
                *whole.details.entry(name).or_default() += value;
            }
        };
        add(part(&mut self.storm, count / 3));
        assert_eq!(self.storm.faults(), Vec::<String>::new(), "{kind}: a plugin failed");
        let (memory, sizes) = (resident_bytes(), self.storm.sizes());
        add(part(&mut self.storm, count - count / 3));
        let (memory_after, after) = (resident_bytes(), self.storm.sizes());
        assert_eq!(self.storm.faults(), Vec::<String>::new(), "{kind}: a plugin failed");
        println!(
            "{} {kind}: {} sent, {} reached in {:.1} s; memory {} then {} MB\n  {:?}\n  {after:?}",
            self.name,
            whole.sent,
            whole.reached,
            began.elapsed().as_secs_f32(),
            memory >> 20,
            memory_after >> 20,
            whole.details,
        );
        let slack = if self.records { SLACK + RECORDINGS } else { SLACK };
        assert!(memory_after < memory + slack, "{kind}: {memory} then {memory_after} bytes in RAM");
        self.bounded(&sizes);
        self.bounded(&after);
        whole
    }

    /// Bounds that hold whatever the peers send.
    fn bounded(&self, sizes: &Sizes) {
        let before = &self.before;
        let entities =
            |s: &Sizes| [s.sessions, s.routers, s.transports, s.producers, s.consumers, s.fragments];
        assert_eq!(entities(sizes), entities(before), "entities are as before");
        assert_eq!(sizes.sockets, before.sockets);
        assert_eq!(
            [sizes.changes, sizes.rtcp_waiting, sizes.privates.saturating_sub(2048), sizes.outbox],
            [0; 4]
        );
        // Three WebRTC transports with eight validated routes at most.
        assert!(sizes.paths <= 24 && sizes.connections <= 24, "{sizes:?}");
        // 256 learnt SSRCs per transport at most, besides the signaled ones.
        assert!(sizes.streams <= 2 * (256 + 16), "{sizes:?}");
        assert!(sizes.timers <= 4096, "{sizes:?}");
        assert!(sizes.queued <= 4 * 1024 * sizes.transports, "{sizes:?}");
        // Ten encodings with a store of their own, and private copies of consumers.
        assert!(sizes.packets <= 40_000, "{sizes:?}");
    }

    fn end(self) {
        let left = self.storm.end();
        let entities =
            [left.sessions, left.routers, left.transports, left.producers, left.consumers, left.fragments];
        assert_eq!(entities, [0; 6]);
        let rest =
            [left.paths, left.connections, left.sockets, left.streams, left.privates, left.packets_in_use];
        assert_eq!(rest, [0; 6], "{left:?}");
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn stun<S: PluginSet>(mut ground: Ground<S>) {
    let outcome = ground.run("stun", Storm::stun);
    assert!(outcome.reached * 3 > outcome.sent, "{outcome:?}");
    let outcome = ground.storm.stun_damaged_after_integrity(inputs() / 10);
    assert_eq!(outcome.reached, 0);
    ground.end();
}

fn dtls<S: PluginSet>(mut ground: Ground<S>) {
    let outcome = ground.run("dtls", Storm::dtls);
    assert!(outcome.details["dtls_connected"] > inputs() / 400, "{outcome:?}");
    assert!(outcome.details["encrypted data"] > inputs() / 20, "{outcome:?}");
    assert!(
        outcome.reached > inputs() / 4,
        "too few damaged datagrams got past the first filter: {outcome:?}"
    );
    assert_eq!(outcome.details["fingerprint_mismatch"], 0);
    ground.end();
}

fn rtp<S: PluginSet>(mut ground: Ground<S>) {
    let outcome = ground.run("rtp", Storm::rtp);
    assert_eq!(outcome.reached, outcome.sent, "every packet was authenticated");
    assert!(outcome.details["forwarded"] > inputs() / 10, "{outcome:?}");
    let outcome = ground.storm.damaged_after_sealing(inputs() / 10);
    assert_eq!(outcome.reached, 0);
    assert!(outcome.details["srtp_failed"] > outcome.sent / 2, "{outcome:?}");
    ground.end();
}

fn rtcp<S: PluginSet>(mut ground: Ground<S>) {
    let outcome = ground.run("rtcp", Storm::rtcp);
    assert_eq!(outcome.reached, outcome.sent, "every compound was authenticated");
    assert!(outcome.details["rtcp_malformed"] > inputs() / 10, "{outcome:?}");
    assert!(outcome.details["retransmitted"] > inputs() / 100, "{outcome:?}");
    ground.end();
}

fn sdp<S: PluginSet>(mut ground: Ground<S>) {
    let outcome = ground.run("sdp", Storm::sdp);
    assert!(outcome.reached > inputs() / 4, "{outcome:?}");
    assert!(outcome.details["produced"] > inputs() / 10, "{outcome:?}");
    assert!(outcome.details["consumed"] > inputs() / 10, "{outcome:?}");
    ground.end();
}

macro_rules! storms {
    ($($kind:ident),*) => {$(
        mod $kind {
            use super::*;

            #[test]
            fn a_bare_worker_stands_it() {
                let _alone = alone();
                super::$kind(Ground::<Nothing>::new("bare", stringify!($kind), false));
            }

            #[test]
            fn a_worker_with_every_plugin_stands_it() {
                let _alone = alone();
                super::$kind(Ground::<Everything>::new("every", stringify!($kind), true));
            }
        }
    )*};
}

storms!(stun, dtls, rtp, rtcp, sdp);
