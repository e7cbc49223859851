//! Tools that read recordings: Janus' own, ffprobe and tshark.
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::tools;

/// Runs a program; the error holds what it said.
pub fn output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let path = tools::find(program)?;
    let done = Command::new(path).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(said);
    }
    Err(format!(
        "{program} {arguments:?}: {}\n{said}\n{}",
        done.status,
        String::from_utf8_lossy(&done.stderr)
    ))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("test files have UTF-8 names")
}

/// What Janus' converter reads in a recording.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// `a` or `v`.
    pub medium: String,
    /// `opus`, `vp8` …
    pub codec: String,
    /// RTP packets.
    pub packets: u64,
    /// Seconds by RTP time.
    pub duration: f64,
    /// Width and height of the first picture, of video.
    pub size: Option<(u64, u64)>,
}

/// `janus-pp-rec -e`: header and figures of a recording.
pub fn inspect(mjr: &Path) -> Result<Recorded, String> {
    let said = output("janus-pp-rec", &["-e", text(mjr)])?;
    // The tool may say other things before and after.
    let json = said.find('{').and_then(|start| Some(&said[start..=said.rfind('}')?]));
    let json: Value = json
        .and_then(|json| serde_json::from_str(json).ok())
        .ok_or_else(|| format!("janus-pp-rec -e {}: no JSON in {said}", mjr.display()))?;
    let extended = &json["extended"];
    let size = &extended["codec"]["resolution"][0];
    Ok(Recorded {
        medium: json["t"].as_str().unwrap_or_default().into(),
        codec: json["c"].as_str().unwrap_or_default().into(),
        packets: extended["packets"].as_u64().unwrap_or_default(),
        duration: extended["duration"].as_f64().unwrap_or_default(),
        size: size["width"].as_u64().zip(size["height"].as_u64()),
    })
}

/// `janus-pp-rec`: a recording becomes a file that players read.
pub fn convert(mjr: &Path, to: &Path) -> Result<(), String> {
    output("janus-pp-rec", &[text(mjr), text(to)])?;
    // It ends with success after some failures.
    let len = std::fs::metadata(to).map_or(0, |file| file.len());
    if len == 0 { Err(format!("janus-pp-rec made nothing of {}", mjr.display())) } else { Ok(()) }
}

/// What ffprobe counts in a file's first stream.
#[derive(Debug, Clone)]
pub struct Probed {
    /// `vp8`, `opus` …
    pub codec: String,
    /// Decoded frames.
    pub frames: u64,
    /// Seconds, of the container.
    pub duration: f64,
}

/// `ffprobe -count_frames`: decodes the whole file.
pub fn probe(file: &Path) -> Result<Probed, String> {
    let said = output(
        "ffprobe",
        &[
            "-v",
            "error",
            "-count_frames",
            "-show_entries",
            "stream=codec_name,nb_read_frames:format=duration",
            "-of",
            "json",
            text(file),
        ],
    )?;
    let json: Value = serde_json::from_str(&said).map_err(|error| format!("ffprobe: {error}: {said}"))?;
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    Ok(Probed {
        codec: json["streams"][0]["codec_name"].as_str().unwrap_or_default().into(),
        frames: number(&json["streams"][0]["nb_read_frames"]) as u64,
        duration: number(&json["format"]["duration"]),
    })
}

/// `mjr2pcap` and tshark: how many packets are RTP version 2 without a malformed part.
pub fn rtp_packets(mjr: &Path, pcap: &Path) -> Result<u64, String> {
    output("mjr2pcap", &[text(mjr), text(pcap)])?;
    let filter = "rtp.version == 2 && !_ws.malformed";
    let said = output(
        "tshark",
        &["-r", text(pcap), "-d", "udp.port==2000,rtp", "-Y", filter, "-T", "fields", "-e", "rtp.seq"],
    )?;
    Ok(said.lines().filter(|line| !line.trim().is_empty()).count() as u64)
}

/// The recordings in a folder and below, sorted.
pub fn recordings(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(recordings(&path));
        } else if path.extension().is_some_and(|end| end == "mjr") {
            found.push(path);
        }
    }
    found.sort();
    found
}
