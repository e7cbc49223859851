//! What every plugin has to bear.
use std::time::Duration;

use serde_json::{Value, json};

use super::bench::Bench;
use super::build::Build;
use super::media::Media;
use super::peer_options::PeerOptions;
use super::rtp::{Rtp, opus, vp8, vp8_key};
use crate::control::{EventBody, Labels, Target};
use crate::plugin::{Cons, Nil, Plugin, PluginSet, PluginSettings};

/// Puts a plugin through what every plugin has to bear, with one media thread and with two; panics where it fails.
///
/// Each kind of entity opens and closes, children first and parents first; the plugin is switched on late and off early; media
/// with senseless payloads and RTCP that is none come by; requests are senseless; figures are asked for; time passes; the worker
/// stops. No hook may panic. The configuration takes an empty table, refuses unknown fields, and takes the defaults of its
/// own schema.
pub fn conformance<P: Plugin>() {
    conformance_with::<P>(Value::Null);
}

/// The same, with a configuration: the plugin's own table.
pub fn conformance_with<P: Plugin>(config: Value) {
    check_config::<P>(&config);
    for workers in [1, 2] {
        let table = json!({ P::META.id: if config.is_null() { json!({}) } else { config.clone() } });
        let mut bench = Build::of::<P>().workers(workers).config(table).start();
        live::<P>(&mut bench);
        let faults: Vec<String> = bench
            .events()
            .iter()
            .filter_map(|event| match &event.body {
                EventBody::PluginFault { step, text, .. } => {
                    Some(format!("{:?}: {step}: {text}", event.target))
                }
                _ => None,
            })
            .collect();
        assert!(
            faults.is_empty(),
            "conformance: `{}` failed with {workers} worker(s): {faults:#?}",
            P::META.id
        );
        bench.stop();
    }
}

type Alone<P> = Cons<P, Nil>;

fn check_config<P: Plugin>(config: &Value) {
    let id = P::META.id;
    let check = |table: &Value| {
        PluginSettings::from_json(json!({ id: table })).and_then(|settings| settings.check::<Alone<P>>())
    };
    if config.is_null()
        && let Err(error) = check(&json!({}))
    {
        panic!("conformance: `{id}` does not start without configuration: {error}");
    }
    let mut base = match config {
        Value::Object(table) => table.clone(),
        _ => Default::default(),
    };
    if let Err(error) = check(&Value::Object(base.clone())) {
        panic!("conformance: `{id}` does not take its configuration: {error}");
    }
    base.insert("no_plugin_has_this_field".into(), json!(1));
    assert!(
        check(&Value::Object(base.clone())).is_err(),
        "conformance: `{id}` takes unknown fields in its configuration; write #[config] above it"
    );
    base.remove("no_plugin_has_this_field");
    let schema = serde_json::to_value(schemars::schema_for!(P::Config)).unwrap_or_default();
    let Some(Value::Object(properties)) = schema.get("properties") else { return };
    for (name, property) in properties {
        if let Some(default) = property.get("default") {
            base.insert(name.clone(), default.clone());
        }
    }
    if let Err(error) = check(&Value::Object(base)) {
        panic!("conformance: `{id}` does not take the defaults of its own schema: {error}");
    }
}

fn live<P: Plugin>(bench: &mut Bench<Alone<P>>) {
    let id = P::META.id;
    let last = bench.workers() - 1;
    let slot = Alone::<P>::slot_of(id);
    let takes_no_options = slot.is_ok_and(|slot| Alone::<P>::check_options(slot, &json!({})).is_ok());
    let publisher = bench.peer_with(PeerOptions::webrtc().labels(Labels::new().with("user", "ann")));
    let audio = bench.produce(publisher, Media::opus());
    let video = bench.produce(publisher, Media::vp8());
    // Late, for what is there already.
    if takes_no_options {
        let _ = bench.enable(id, Target::Worker, json!({}));
    }
    let viewer = bench.peer_with(PeerOptions::webrtc().worker(last));
    let heard = bench.consume(viewer, audio);
    let seen = bench.consume(viewer, video);
    let plain = bench.consumers(video, 2);
    bench.play(&[audio, video], Duration::from_millis(500));
    let mut random = crate::engine::Random::seeded(42);
    for n in 0..300u32 {
        let mut payload = vec![0; (random.u32() % 1200) as usize];
        random.fill(&mut payload);
        match n % 4 {
            0 => bench.send(audio, opus(n)),
            1 => bench.send(audio, Rtp::new(random.u32(), payload).marker(n % 8 == 0)),
            2 => bench.send(video, Rtp::new(random.u32(), payload).marker(n % 8 == 0)),
            _ => bench.send(video, if n % 16 == 3 { vp8_key(n) } else { vp8(n) }),
        }
        if n % 10 == 0 {
            let mut garbage = vec![0; 4 * (1 + random.u32() as usize % 20)];
            random.fill(&mut garbage);
            if let [first, kind, high, low, ..] = garbage.as_mut_slice() {
                (*first, *kind, *high, *low) = (0x80 | (*first & 0x3f), 200 + *kind % 8, 0, *low % 21);
            }
            bench.send_rtcp(publisher, &garbage);
            bench.send_rtcp(viewer, &garbage);
        }
    }
    for seq in [0, 1, 65_535] {
        bench.nack(seen, &[seq]);
    }
    bench.pli(seen);
    bench.fir(seen);
    bench.remb(seen, 300_000);
    bench.pause(heard);
    bench.pause(video);
    bench.resume(heard);
    bench.resume(video);
    bench.advance(Duration::from_secs(3));
    let targets: [Target; 9] = [
        Target::Worker,
        bench.session(publisher).into(),
        bench.router(0).into(),
        bench.transport(publisher).into(),
        bench.transport(viewer).into(),
        audio.into(),
        video.into(),
        heard.into(),
        seen.into(),
    ];
    for target in targets {
        bench.worker_stats_of(target);
        for body in
            [Value::Null, json!({}), json!([]), json!(7), json!({"method": "no such method"}), json!("x")]
        {
            let _ = bench.request(id, target, body);
        }
    }
    // A configuration at run time may be refused, but must not hurt.
    let _ = bench.reconfigure(id, json!({}));
    // Off and on again for one entity, then for all.
    if takes_no_options {
        for target in [Target::from(video), bench.transport(viewer).into(), Target::Worker] {
            let _ = bench.disable(id, target);
            bench.play(&[audio, video], Duration::from_millis(60));
            let _ = bench.enable(id, target, json!({}));
            bench.play(&[audio, video], Duration::from_millis(60));
        }
    }
    bench.finish_background();
    // Children first.
    for consumer in plain {
        bench.close(consumer);
    }
    bench.close(video);
    bench.play(&[audio], Duration::from_millis(40));
    // Parents first.
    let session = bench.session(viewer);
    bench.close(session);
    bench.play(&[audio], Duration::from_millis(40));
    let router = bench.router(0);
    bench.close(router);
    bench.advance(Duration::from_secs(2));
}
