//! What must hold of every composition: of none, of each plugin and signaling crate alone, and of all.
//!
//! These run in each: `tests/steps/33-compositions.sh` builds them with one feature after the other.
use std::path::{Path, PathBuf};
use std::time::Duration;

use sfu_core::http::HttpConfig;
use sfu_core::plugin::{Composition, PluginSet, PluginSettings};
use sfu_core::serde_json::{Map, Value, json};
use sfu_core::signaling::SignalingSet;
use sfu_core::testing::{Bench, Build, Media, PeerOptions, vp8_key};
use sfu_core::worker::RtcConfig;
use sfu_core::{Builder, WorkerConfig};

use super::Worker;

type Plugins = <Worker as Composition>::Plugins;

/// Features with the folders of their crates, and whether they are on; those of signaling behind those of plugins.
const PARTS: [(&str, &str, bool); 11] = [
    ("policy", "policy", cfg!(feature = "policy")),
    ("audio-selector", "audio-selector", cfg!(feature = "audio-selector")),
    ("red", "red", cfg!(feature = "red")),
    ("recorder", "recorder", cfg!(feature = "recorder")),
    ("tap", "tap", cfg!(feature = "tap")),
    ("data-router", "data-router", cfg!(feature = "data-router")),
    ("metrics", "metrics", cfg!(feature = "metrics")),
    ("webhook", "webhook", cfg!(feature = "webhook")),
    ("mediasoup", "signaling/mediasoup", cfg!(feature = "mediasoup")),
    ("whip", "signaling/whip", cfg!(feature = "whip")),
    ("admin", "signaling/admin", cfg!(feature = "admin")),
];

fn composed() -> Vec<&'static str> {
    let plugins = Plugins::metas().map(|(_, meta, _)| meta.id);
    plugins.chain(<Worker as Composition>::Signaling::ids()).collect()
}

#[test]
fn features_are_what_it_is_made_of() {
    let wanted: Vec<&str> = PARTS.iter().filter(|(.., on)| *on).map(|(id, ..)| *id).collect();
    assert_eq!(composed(), wanted);
    // A part that is added belongs into the list above.
    let manifest: toml::Table = include_str!("../Cargo.toml").parse().expect("the manifest is TOML");
    let features = manifest["features"].as_table().expect("it has features");
    let mut features: Vec<&str> = features.keys().map(String::as_str).filter(|id| *id != "default").collect();
    let mut known: Vec<&str> = PARTS.iter().map(|(id, ..)| *id).collect();
    features.sort_unstable();
    known.sort_unstable();
    assert_eq!(features, known);
}

/// The tables of a README's examples in TOML about a part, by their kind.
fn examples(id: &str, folder: &str) -> Vec<(&'static str, Value)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sfu-plugins").join(folder).join("README.md");
    let readme = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let blocks = readme.split("\n```toml\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let mut found = Vec::new();
    for block in blocks {
        let file: Value =
            toml::from_str(block).unwrap_or_else(|e| panic!("{folder}/README.md: {e}\n{block}"));
        for kind in ["plugins", "signaling"] {
            if let Some(table) = file.get(kind).and_then(|tables| tables.get(id)) {
                found.push((kind, table.clone()));
            }
        }
    }
    found
}

#[test]
fn the_configuration_in_each_readme_is_taken() {
    for (id, folder, _) in PARTS.iter().filter(|(.., on)| *on) {
        let examples = examples(id, folder);
        // Its settings are those of the library.
        assert!(!examples.is_empty() || *id == "mediasoup", "{folder}/README.md shows no configuration");
        for (kind, table) in examples {
            let mut config = WorkerConfig::default();
            let tables = Map::from_iter([((*id).to_owned(), table.clone())]);
            match kind {
                "plugins" => {
                    config.plugins = PluginSettings::from_json(Value::Object(tables)).expect("tables")
                }
                _ => config.signaling = tables,
            }
            let checked = Builder::<Worker>::new().config(config).check();
            assert!(checked.is_ok(), "{folder}/README.md: {checked:?}\n{table:#}");
        }
    }
}

/// A folder of a test's own, which is gone first.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("sfu-worker-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("there is a place for temporary files");
    folder
}

/// A table for each plugin that switches it on, with what it can't do without.
fn all_on(folder: &Path) -> Value {
    let tables = Plugins::metas().map(|(_, meta, _)| {
        let mut table = json!({ "enabled": true });
        match meta.id {
            "recorder" => table["folder"] = json!(folder.join("recordings")),
            "tap" => table["listen"] = json!(format!("unix:{}", folder.join("tap").display())),
            _ => {}
        }
        (meta.id.to_owned(), table)
    });
    tables.collect::<Map<_, _>>().into()
}

/// Audio, video and a data channel go through, all of it.
fn forwards(mut bench: Bench<Plugins>) {
    let viewer_at = bench.workers() - 1;
    let publisher = bench.peer_with(PeerOptions::webrtc().data());
    let viewer = bench.peer_with(PeerOptions::webrtc().worker(viewer_at));
    let (audio, video) = (bench.produce(publisher, Media::opus()), bench.produce(publisher, Media::vp8()));
    let (heard, seen) = (bench.consume(viewer, audio), bench.consume(viewer, video));
    bench.send(video, vp8_key(1));
    bench.play(&[audio, video], Duration::from_secs(1));
    assert_eq!(bench.received(heard).len(), 50);
    assert!(bench.received(seen).len() > 80, "{} packets of video", bench.received(seen).len());
    // Data stays on one media thread.
    let reader = bench.peer_with(PeerOptions::webrtc().data());
    let channel = bench.data_producer(publisher, 1);
    bench.consume_data(reader, channel, 1);
    bench.send_data(publisher, 1, 51, b"a message");
    bench.advance(Duration::from_secs(1));
    let told: Vec<Vec<u8>> = bench.take_data(reader).into_iter().map(|message| message.payload).collect();
    assert_eq!(told, [b"a message"]);
    assert_eq!(bench.faults(), []);
    bench.stop();
}

#[test]
fn it_forwards_as_it_comes() {
    for workers in [1, 2] {
        forwards(Build::composed::<Worker>().workers(workers).start());
    }
}

#[test]
fn it_forwards_with_every_plugin_on() {
    let folder = folder("forwards");
    for workers in [1, 2] {
        forwards(Build::composed::<Worker>().workers(workers).config(all_on(&folder)).start());
    }
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn it_starts_and_ends() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = folder("starts");
    for (workers, plugins) in [(1, Value::Null), (2, all_on(&folder))] {
        runtime.block_on(async {
            let config = WorkerConfig {
                workers,
                http: HttpConfig { listen: ([127, 0, 0, 1], 0).into(), ..HttpConfig::default() },
                rtc: RtcConfig { listen_ip: [127, 0, 0, 1].into(), ..RtcConfig::default() },
                plugins: PluginSettings::from_json(plugins).expect("tables"),
                ..WorkerConfig::default()
            };
            let running = Worker::builder().config(config).start().await.expect("it starts");
            assert_eq!(running.workers(), workers);
            let figures = running.control().stats(sfu_core::control::Target::Worker).await.expect("figures");
            assert!(figures.plugins.keys().all(|id| composed().contains(&id.as_str())), "{figures:?}");
            running.stop().await;
        });
    }
    let _ = std::fs::remove_dir_all(folder);
}
