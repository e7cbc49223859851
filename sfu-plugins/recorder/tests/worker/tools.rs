//! What others read in recordings: ffprobe, ffmpeg, tshark and Janus' converter.
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use sfu_core::serde_json::{self, Value};

/// Whether all programs are there; said aloud where one is not.
pub fn are_there(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| Command::new(program).arg("-version").output().is_err());
    if let Some(program) = missing {
        sfu_core::testing::skipped(&format!(
            "{program} is not installed (Debian: ffmpeg, tshark, janus-tools)"
        ));
    }
    missing.is_none()
}

/// What a program prints, and whether it is content. Of a file that is cut off tools print what they read, and complain.
fn said(program: &str, arguments: &[&str], file: &Path, then: &[&str]) -> (String, bool) {
    let output = Command::new(program).args(arguments).arg(file).args(then).output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
}

/// Janus' own reader finds `packets`; one whose end is missing it may count, too.
pub fn janus_reads(path: &Path, packets: u64, is_torn: bool) {
    if Command::new("janus-pp-rec").output().is_err() {
        return sfu_core::testing::skipped("janus-pp-rec is not installed (Debian: janus-tools)");
    }
    let (read, _) = janus(path);
    assert!(read == packets || is_torn && read == packets + 1, "{read} of {packets}, torn: {is_torn}");
}

/// How many packets Janus' reader finds, and seconds from first to last by RTP time.
pub fn janus(path: &Path) -> (u64, f64) {
    let (text, _) = said("janus-pp-rec", &["-e"], path, &[]);
    let json: Value = serde_json::from_str(text.get(text.find('{').unwrap_or(0)..).unwrap()).unwrap();
    let extended = &json["extended"];
    (extended["packets"].as_u64().unwrap(), extended["duration"].as_f64().unwrap_or_default())
}

/// What Janus' converter makes of a recording; for the caller to remove.
pub fn converted(path: &Path, ending: &str) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("sfu-recorder-{}-{number}-converted.{ending}", std::process::id());
    let to = std::env::temp_dir().join(name);
    let (text, _) = said("janus-pp-rec", &[], path, &[to.to_str().unwrap()]);
    assert!(to.metadata().is_ok_and(|made| made.len() > 0), "{}: {text}", path.display());
    to
}

/// The times of the packets of one kind (`v`, `a`) in a file, as ffprobe reads them.
pub fn packet_times(path: &Path, kind: &str) -> Vec<f64> {
    times(path, kind, "packet=pts_time")
}

/// The times of its frames, decoded.
pub fn frame_times(path: &Path, kind: &str) -> Vec<f64> {
    times(path, kind, "frame=pts_time")
}

fn times(path: &Path, kind: &str, what: &str) -> Vec<f64> {
    let arguments = ["-v", "quiet", "-select_streams", kind, "-show_entries", what, "-of", "csv=p=0"];
    let (text, _) = said("ffprobe", &arguments, path, &[]);
    text.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect()
}

/// Seconds that a file lasts, as ffprobe reads in its header.
pub fn duration(path: &Path) -> f64 {
    let arguments = ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"];
    let (text, is_good) = said("ffprobe", &arguments, path, &[]);
    assert!(is_good, "{}: {text}", path.display());
    text.trim().parse().unwrap_or(f64::NAN)
}

/// When the picture flashes, in seconds of the file.
pub fn flashes(path: &Path) -> Vec<f64> {
    let look = "scale=16:9:flags=area,signalstats,metadata=mode=print:key=lavfi.signalstats.YAVG:file=-";
    let (text, _) =
        said("ffmpeg", &["-v", "quiet", "-i"], path, &["-map", "v:0", "-vf", look, "-f", "null", "-"]);
    let (mut at, mut found) = (0.0, Vec::new());
    for line in text.lines() {
        if let Some((_, time)) = line.split_once("pts_time:") {
            at = time.trim().parse().unwrap_or(f64::NAN);
        } else if let Some((_, luma)) = line.split_once("YAVG=")
            && luma.parse::<f64>().is_ok_and(|luma| luma > 200.0)
        {
            found.push(at);
        }
    }
    found
}

/// When beeps begin, in seconds of the file: where it is loud after 0.3 s of silence.
pub fn beeps(path: &Path) -> Vec<f64> {
    // What is missing becomes silence, so that a place in the samples is a time.
    let fill = "aresample=async=1:min_hard_comp=0.005:first_pts=0";
    let arguments = ["-map", "a:0", "-af", fill, "-ac", "1", "-ar", "48000", "-f", "s16le", "-"];
    let output =
        Command::new("ffmpeg").args(["-v", "quiet", "-i"]).arg(path).args(arguments).output().unwrap();
    let (mut found, mut last) = (Vec::new(), -48_000);
    for (n, sample) in output.stdout.chunks_exact(2).enumerate() {
        if i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > 3000 {
            if n as i64 - last > 14_400 {
                found.push(n as f64 / 48_000.0);
            }
            last = n as i64;
        }
    }
    found
}

/// A packet in a capture.
#[derive(Debug, Clone, PartialEq)]
pub struct Captured {
    /// Seconds since 1970.
    pub at: f64,
    pub source: String,
    pub interface: String,
    pub ssrc: u32,
    pub sequence: u16,
}

/// The RTP packets of a capture, as tshark reads them; without any that are malformed.
pub fn rtp(path: &Path) -> Vec<Captured> {
    let fields = ["frame.time_epoch", "ip.src_host", "frame.interface_name", "rtp.ssrc", "rtp.seq"];
    let number = |text: &str| u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
    tshark(path, "rtp && !_ws.malformed && ip.checksum.status == 1", &fields)
        .into_iter()
        .map(|row| Captured {
            at: row[0].parse().unwrap(),
            source: row[1].clone(),
            interface: row[2].clone(),
            ssrc: number(&row[3]),
            sequence: row[4].parse().unwrap(),
        })
        .collect()
}

/// SSRC, RTP time and packet count of its sender reports.
pub fn sender_reports(path: &Path) -> Vec<(u32, u32, u32)> {
    let fields = ["rtcp.senderssrc", "rtcp.timestamp.rtp", "rtcp.sender.packetcount"];
    let number = |text: &str| u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
    tshark(path, "rtcp.pt == 200 && !_ws.malformed", &fields)
        .into_iter()
        .map(|row| (number(&row[0]), row[1].parse().unwrap(), row[2].parse().unwrap()))
        .collect()
}

fn tshark(path: &Path, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
    let mut arguments = vec!["-d", "udp.port==5004,rtp", "-d", "udp.port==5005,rtcp", "-N", "n"];
    arguments.extend(["-o", "ip.check_checksum:TRUE", "-Y", filter, "-T", "fields"]);
    for field in fields {
        arguments.extend(["-e", field]);
    }
    arguments.push("-r");
    let (text, _) = said("tshark", &arguments, path, &[]);
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}
