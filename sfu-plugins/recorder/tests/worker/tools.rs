//! What others read in recordings: ffprobe, tshark and Janus' converter.
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

/// What a program prints, whether it is content or not: of a file that is cut off tools print what they read, and complain.
fn said(program: &str, arguments: &[&str], file: &Path, then: &[&str]) -> String {
    let output = Command::new(program).args(arguments).arg(file).args(then).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Janus' own reader finds `packets`; one whose end is missing it may count, too.
pub fn janus_reads(path: &Path, packets: u64, is_torn: bool) {
    if Command::new("janus-pp-rec").output().is_err() {
        return sfu_core::testing::skipped("janus-pp-rec is not installed (Debian: janus-tools)");
    }
    let text = said("janus-pp-rec", &["-e"], path, &[]);
    let json: Value = serde_json::from_str(text.get(text.find('{').unwrap_or(0)..).unwrap()).unwrap();
    let read = json["extended"]["packets"].as_u64().unwrap();
    assert!(read == packets || is_torn && read == packets + 1, "{read} of {packets}, torn: {is_torn}");
}

/// What Janus' converter makes of a recording; for the caller to remove.
pub fn converted(path: &Path, ending: &str) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("sfu-recorder-{}-{number}-converted.{ending}", std::process::id());
    let to = std::env::temp_dir().join(name);
    let text = said("janus-pp-rec", &[], path, &[to.to_str().unwrap()]);
    assert!(to.metadata().is_ok_and(|made| made.len() > 0), "{}: {text}", path.display());
    to
}

/// The times of the decoded frames of one kind (`v`, `a`) in a file, as ffprobe reads them.
pub fn frame_times(path: &Path, kind: &str) -> Vec<f64> {
    let arguments =
        ["-v", "quiet", "-select_streams", kind, "-show_entries", "frame=pts_time", "-of", "csv=p=0"];
    let text = said("ffprobe", &arguments, path, &[]);
    text.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect()
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

fn tshark(path: &Path, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
    let mut arguments = vec!["-d", "udp.port==5004,rtp", "-d", "udp.port==5005,rtcp", "-N", "n"];
    arguments.extend(["-o", "ip.check_checksum:TRUE", "-Y", filter, "-T", "fields"]);
    for field in fields {
        arguments.extend(["-e", field]);
    }
    arguments.push("-r");
    let text = said("tshark", &arguments, path, &[]);
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}
