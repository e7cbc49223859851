//! What a plugin goes through before it conforms.
use std::time::Duration;

use serde_json::{Value, json};

use super::bench::Bench;
use super::conformance::{Alone, schema_of};
use super::data::stream;
use super::media::Media;
use super::peer_options::PeerOptions;
use super::room::PeerId;
use super::rtp::{Rtp, opus, vp8, vp8_key};
use crate::control::{DataConsumerId, DataPath, DataProducerId, Labels, Target};
use crate::engine::Random;
use crate::plugin::{Plugin, PluginSet, ppid};

/// A call with everything that a plugin may meet in one.
pub(super) fn live<P: Plugin>(bench: &mut Bench<Alone<P>>) {
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
    let data = talk(bench);
    bench.play(&[audio, video], Duration::from_millis(500));
    let mut random = Random::seeded(42);
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
    nonsense(bench, publisher, viewer, &mut random);
    babble(bench, &data, &mut random);
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
    let mut targets: Vec<Target> = vec![
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
    targets.extend(data.iter().flat_map(|talk| [Target::from(talk.from), Target::from(talk.to)]));
    for target in targets {
        bench.worker_stats_of(target);
        ask::<P>(bench, target);
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
    for Talk { from, to, .. } in data {
        bench.close(to);
        bench.close(from);
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

/// Who talks to whom by data channel.
struct Talk {
    talker: PeerId,
    from: DataProducerId,
    to: DataConsumerId,
}

/// The stream of a talker.
const STREAM: u16 = 1;

/// Data channels: two peers on each media thread. A plugin may refuse them.
fn talk<P: Plugin>(bench: &mut Bench<Alone<P>>) -> Vec<Talk> {
    let mut all = Vec::new();
    for worker in 0..bench.workers() {
        let labels = Labels::new().with("user", "bob").with("room", "hall");
        let options = PeerOptions::webrtc().data().worker(worker).labels(labels);
        let (Ok(talker), Ok(listener)) =
            (bench.try_peer(options.clone()), bench.try_peer(PeerOptions::webrtc().data().worker(worker)))
        else {
            continue;
        };
        let path = || DataPath::Sctp(stream(STREAM));
        let (out, back) = (bench.transport(talker), bench.transport(listener));
        let Ok(from) = bench.try_data_producer(out, path()) else { continue };
        let Ok(to) = bench.try_data_consumer(back, from, path(), &[]) else { continue };
        all.push(Talk { talker, from, to });
    }
    all
}

/// Messages of any bytes under any identifier.
fn babble<P: Plugin>(bench: &mut Bench<Alone<P>>, data: &[Talk], random: &mut Random) {
    let ppids = [ppid::STRING, ppid::BINARY, ppid::STRING_EMPTY, ppid::BINARY_EMPTY, 0, u32::MAX];
    let texts = ["{}", "[[[[[[[[", "{\"v\":1,\"to\":", "\u{0}", "null"];
    for talk in data {
        for n in 0..60usize {
            let ppid = ppids.get(n % ppids.len()).copied().unwrap_or_default();
            let mut payload = vec![0; 1 + random.u32() as usize % 3000];
            random.fill(&mut payload);
            if let Some(text) = texts.get(n % 7) {
                payload = text.as_bytes().to_vec();
            }
            bench.send_data(talk.talker, STREAM, ppid, &payload);
        }
        bench.pause(talk.from);
        bench.resume(talk.from);
        bench.pause(talk.to);
        bench.resume(talk.to);
    }
    bench.advance(Duration::from_millis(200));
}

/// Payloads of other codecs that make no sense, the shortest first.
fn nonsense<P: Plugin>(bench: &mut Bench<Alone<P>>, from: PeerId, to: PeerId, random: &mut Random) {
    for codec in ["video/VP9", "video/H264", "video/AV1"] {
        let Ok(producer) = bench.try_produce(from, Media::video(codec)) else { continue };
        let consumer = bench.try_consume(to, producer);
        for n in 0..60u32 {
            let mut payload = vec![0; if n < 5 { n as usize } else { random.u32() as usize % 1200 }];
            random.fill(&mut payload);
            bench.send(producer, Rtp::new(n / 3 * 3000, payload).marker(n % 3 == 2));
        }
        if let Ok(consumer) = consumer {
            bench.close(consumer);
        }
        bench.close(producer);
    }
}

/// Requests that make no sense, and those that need no more than their method.
fn ask<P: Plugin>(bench: &mut Bench<Alone<P>>, target: Target) {
    let id = P::META.id;
    for body in [Value::Null, json!({}), json!([]), json!(7), json!("x")] {
        let _ = bench.request_later(id, target, body);
    }
    let unknown = bench.request_later(id, target, json!({ "method": "no such method" })).take();
    assert!(
        !matches!(unknown, Some(Ok(_))),
        "conformance: `{id}` takes a request of an unknown method, about {target:?}; write #[request] above the enum"
    );
    let schema = schema_of::<P::Request>();
    for method in simple_methods(&schema) {
        let answer = bench.request_later(id, target, json!({ "method": method })).take();
        if let Some(Err(error)) = answer {
            let dropped = error.text.ends_with("the plugin dropped the request");
            assert!(
                !dropped,
                "conformance: `{id}` drops `{method}` about {target:?}; call `re.ok`, `re.ack` or `re.error`"
            );
        }
    }
}

/// Methods that need no other field.
fn simple_methods(schema: &Value) -> Vec<String> {
    let variants = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let simple = variants.filter(|variant| variant["required"] == json!(["method"]));
    simple
        .filter_map(|variant| variant["properties"]["method"]["const"].as_str().map(str::to_owned))
        .collect()
}
