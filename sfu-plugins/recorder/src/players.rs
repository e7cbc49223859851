//! What ffmpeg encodes, sent as RTP and recorded, is read by ffprobe: the right number of frames, length and times, also where
//! the file is cut off.
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use bytes::Bytes;
use rtp::codec::av1::Av1Payloader;
use rtp::codec::h264::H264Payloader;
use rtp::codec::vp8::Vp8Payloader;
use rtp::codec::vp9::Vp9Payloader;
use rtp::packetizer::Payloader;
use sfu_core::control::MediaKind;
use sfu_core::serde_json::{self, Value};

use crate::film::Film;
use crate::lane::tests::rtp as packet;
use crate::playable::tests::Bench;
use crate::scratch::Scratch;
use crate::settings::Per;

const SECONDS: u64 = 3;
const SIZE: (u64, u64) = (160, 90);

/// Runs a program; `None`, said aloud, where it is missing.
fn run(program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        sfu_core::testing::skipped(&format!("{program} is not installed (Debian: ffmpeg)"));
        return None;
    };
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

/// Three seconds of a test picture, 30 frames a second, a key frame each second.
fn video(encoder: &[&str], container: &str) -> Option<Vec<u8>> {
    let (source, frames) =
        (format!("testsrc=size={}x{}:rate=30", SIZE.0, SIZE.1), (SECONDS * 30).to_string());
    let mut arguments =
        vec!["-v", "error", "-f", "lavfi", "-i", &source, "-frames:v", &frames, "-pix_fmt", "yuv420p"];
    arguments.extend(["-g", "30", "-keyint_min", "30", "-c:v"]);
    arguments.extend(encoder);
    arguments.extend(["-f", container, "-"]);
    run("ffmpeg", &arguments)
}

/// The frames of an IVF file.
fn ivf(file: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &file[32..];
    let mut frames = Vec::new();
    while rest.len() > 12 {
        let len = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        frames.push(rest[12..12 + len].to_vec());
        rest = &rest[12 + len..];
    }
    frames
}

/// The frames of an H264 stream with access unit delimiters.
fn access_units(stream: &[u8]) -> Vec<Vec<u8>> {
    let starts: Vec<usize> = (0..stream.len() - 5)
        .filter(|at| stream[*at..at + 4] == [0, 0, 0, 1] && stream[at + 4] & 0x1F == 9)
        .collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    starts.iter().zip(ends).map(|(start, end)| stream[*start..end].to_vec()).collect()
}

/// The packets of an Ogg file.
fn ogg_packets(mut file: &[u8]) -> Vec<Vec<u8>> {
    let (mut packets, mut packet) = (Vec::new(), Vec::new());
    while !file.is_empty() {
        let count = usize::from(file[26]);
        let (lacing, mut rest) = file[27..].split_at(count);
        for value in lacing {
            let (part, after) = rest.split_at(usize::from(*value));
            packet.extend_from_slice(part);
            rest = after;
            if *value < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
        file = rest;
    }
    // Head and comments.
    packets.split_off(2)
}

fn opus() -> Option<Vec<Vec<u8>>> {
    let source = format!("sine=frequency=440:sample_rate=48000:duration={SECONDS}");
    let arguments = ["-v", "error", "-f", "lavfi", "-i", &source, "-c:a", "libopus", "-f", "opus", "-"];
    Some(ogg_packets(&run("ffmpeg", &arguments)?))
}

/// Records sound and pictures of one sender as they come: pictures in several packets, some out of order.
fn record(
    per: Per,
    mime: &str,
    payloader: &mut dyn Payloader,
    frames: &[Vec<u8>],
    sound: &[Vec<u8>],
) -> Bench {
    let mut bench = Bench::new(per, usize::MAX);
    bench.open(1, MediaKind::Audio, &[(111, "audio/opus")], 0);
    bench.open(2, MediaKind::Video, &[(96, mime)], 0);
    let mut sent: Vec<(u64, u32, Vec<u8>)> = Vec::new();
    for (n, data) in sound.iter().enumerate() {
        let timestamp = (n as u32).wrapping_mul(960).wrapping_sub(5000);
        sent.push((n as u64 * 20, 1, packet(111, n as u16, timestamp, false, data)));
    }
    let mut number = 65_500u16;
    for (n, frame) in frames.iter().enumerate() {
        let timestamp = (n as u32).wrapping_mul(3000).wrapping_sub(60_000);
        let payloads = payloader.payload(300, &Bytes::from(frame.clone())).unwrap();
        let (count, at) = (payloads.len(), n as u64 * 100 / 3);
        for (part, payload) in payloads.iter().enumerate() {
            sent.push((at, 2, packet(96, number, timestamp, part + 1 == count, payload)));
            number = number.wrapping_add(1);
        }
        if n % 7 == 3 && count > 1 {
            let last = sent.len() - 1;
            sent.swap(last, last - 1);
        }
    }
    sent.sort_by_key(|(at, ..)| *at);
    for (at, track, packet) in sent {
        bench.packet(track, at, &packet);
    }
    bench
}

/// Decoded frames, width and height of each stream, by codec.
type Streams = BTreeMap<String, (u64, u64, u64)>;

/// What ffprobe finds in a file.
fn probe(path: &Path) -> Option<(Value, Streams)> {
    let fields = "stream=codec_name,nb_read_frames,width,height:format=duration,start_time,format_name";
    let path = path.to_str().unwrap();
    let said =
        run("ffprobe", &["-v", "error", "-count_frames", "-show_entries", fields, "-of", "json", path])?;
    let json: Value = serde_json::from_slice(&said).unwrap();
    let number =
        |value: &Value| value.as_u64().or(value.as_str().and_then(|text| text.parse().ok())).unwrap_or(0);
    let streams = json["streams"].as_array().unwrap().iter().map(|stream| {
        let figures =
            (number(&stream["nb_read_frames"]), number(&stream["width"]), number(&stream["height"]));
        (stream["codec_name"].as_str().unwrap().to_owned(), figures)
    });
    let streams = streams.collect();
    Some((json, streams))
}

fn seconds(value: &Value) -> f64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

/// Decodes everything; any complaint is one.
fn plays(path: &Path) {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-f", "null", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{}: {said}", path.display());
}

/// A codec, its MIME type, what puts it into packets, and frames.
type Encoded = (&'static str, &'static str, Box<dyn Payloader>, Vec<Vec<u8>>);

/// Encoded once for all tests.
fn every_codec() -> Option<Vec<Encoded>> {
    static FRAMES: OnceLock<Option<Vec<Vec<Vec<u8>>>>> = OnceLock::new();
    let frames = FRAMES.get_or_init(encode).clone()?;
    let payloaders: [(&str, &str, Box<dyn Payloader>); 4] = [
        ("vp8", "video/VP8", Box::new(Vp8Payloader::default())),
        ("vp9", "video/VP9", Box::new(Vp9Payloader::default())),
        ("av1", "video/AV1", Box::new(Av1Payloader {})),
        ("h264", "video/H264", Box::new(H264Payloader::default())),
    ];
    Some(
        payloaders
            .into_iter()
            .zip(frames)
            .map(|((name, mime, by), frames)| (name, mime, by, frames))
            .collect(),
    )
}

fn encode() -> Option<Vec<Vec<Vec<u8>>>> {
    let quick = ["-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k", "-lag-in-frames", "0"];
    let vpx = |name| [&[name][..], &quick, &["-auto-alt-ref", "0"]].concat();
    let av1 = ["libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-b:v", "500k", "-lag-in-frames", "0"];
    let x264 = [
        "libx264",
        "-preset",
        "ultrafast",
        "-tune",
        "zerolatency",
        "-profile:v",
        "baseline",
        "-x264-params",
        "aud=1",
    ];
    Some(vec![
        ivf(&video(&vpx("libvpx"), "ivf")?),
        ivf(&video(&vpx("libvpx-vp9"), "ivf")?),
        ivf(&video(&av1, "ivf")?),
        access_units(&video(&x264, "h264")?),
    ])
}

#[test]
fn players_read_every_codec() {
    let (Some(codecs), Some(sound)) = (every_codec(), opus()) else { return };
    let scratch = Scratch::new("players");
    for (name, mime, mut payloader, frames) in codecs {
        assert_eq!(frames.len() as u64, SECONDS * 30, "{name}");
        let mut bench = record(Per::Participant, mime, &mut *payloader, &frames, &sound);
        bench.close(1);
        bench.close(2);
        let (file, bytes) = bench.shelf.files().remove(0);
        assert_eq!(file, if name == "h264" { "film-0.mkv" } else { "film-0.webm" });
        let path = scratch.path().join(format!("{name}-{file}"));
        std::fs::write(&path, &bytes).unwrap();
        let Some((json, streams)) = probe(&path) else { return };
        assert_eq!(streams.get(name), Some(&(SECONDS * 30, SIZE.0, SIZE.1)), "{json}");
        assert_eq!(streams.get("opus").map(|figures| figures.0), Some(sound.len() as u64), "{json}");
        let (duration, start) =
            (seconds(&json["format"]["duration"]), seconds(&json["format"]["start_time"]));
        assert!((duration - SECONDS as f64).abs() < 0.05 && start.abs() < 0.01, "{json}");
        plays(&path);
        let film = Film::read(&bytes).unwrap();
        let keys = film.blocks(2).iter().filter(|block| block.key_frame).count();
        assert_eq!((film.tracks[1].2, keys as u64), (SIZE, SECONDS), "{name}");
        // Before the first picture there was sound alone.
        let cues = film.cues.len() as u64;
        assert!(
            (SECONDS..=SECONDS + 1).contains(&cues) && film.cues.iter().all(|(_, right)| *right),
            "{:?}",
            film.cues
        );
    }
}

#[test]
fn players_read_a_file_that_is_being_written_or_was_cut_off() {
    let (Some(codecs), Some(sound)) = (every_codec(), opus()) else { return };
    let scratch = Scratch::new("cut");
    for (name, mime, mut payloader, frames) in codecs {
        // Not closed: what a killed worker leaves behind.
        let bench = record(Per::Participant, mime, &mut *payloader, &frames, &sound);
        let (_, bytes) = bench.shelf.files().remove(0);
        let whole = Film::read(&bytes).unwrap();
        let whole_frames = whole.times(2).len() as u64;
        assert!(!whole.is_closed && whole_frames >= (SECONDS - 1) * 30, "{name}: {whole_frames}");
        let header = bytes.len() / 4;
        for cut in [bytes.len(), bytes.len() - 1, bytes.len() * 7 / 10, header + 12_345.min(bytes.len() / 3)]
        {
            let path = scratch.path().join(format!("{name}-{cut}"));
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let Some((json, streams)) = probe(&path) else { return };
            let film = Film::read(&bytes[..cut]).unwrap();
            // The last block may be torn; a decoder may take or leave it.
            let expected = film.times(2).len() as u64;
            let read = streams.get(name).map_or(0, |figures| figures.0);
            assert!(read + 1 >= expected && read <= expected && expected > 0, "{name} at {cut}: {json}");
        }
    }
}

#[test]
fn players_read_ogg() {
    let Some(sound) = opus() else { return };
    let scratch = Scratch::new("ogg");
    let mut bench = Bench::new(Per::Stream, usize::MAX);
    bench.options.is_ogg = true;
    bench.open(1, MediaKind::Audio, &[(111, "audio/opus")], 0);
    // A second of silence in the middle, in which nothing is sent.
    for (n, data) in sound.iter().enumerate() {
        let n = n as u32 + if n >= 75 { 50 } else { 0 };
        bench.packet(1, u64::from(n) * 20, &packet(111, n as u16, n * 960, false, data));
    }
    let path = scratch.path().join("sound.opus");
    for finished in [false, true] {
        if finished {
            bench.close(1);
        }
        std::fs::write(&path, bench.shelf.files().remove(0).1).unwrap();
        let Some((json, streams)) = probe(&path) else { return };
        let (frames, duration) = (streams["opus"].0, seconds(&json["format"]["duration"]));
        if finished {
            assert_eq!(frames, sound.len() as u64, "{json}");
            assert!((duration - (SECONDS + 1) as f64).abs() < 0.05, "{json}");
            plays(&path);
        } else {
            assert!(frames >= 100 && duration >= 2.9, "{json}");
        }
    }
}
