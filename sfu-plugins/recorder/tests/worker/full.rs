//! A disk that gets full in mid call: recordings end, the call goes on, and recording begins again when there is room.
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sfu_core::control::Target;
use sfu_core::serde_json::json;

use crate::bench::{Bench, runtime};
use crate::content::Content;
use crate::live::{Live, STREAMS};
use crate::tools;

/// Says that a file system could be mounted.
const MOUNTED: &str = "a small disk is mounted";

#[test]
fn a_call_goes_on_when_the_disk_is_full_and_is_recorded_again_when_there_is_room() {
    if !tools::are_there(&["ffmpeg", "ffprobe", "tshark", "janus-pp-rec"]) {
        return;
    }
    for workers in ["1", "2"] {
        let folder = std::env::temp_dir().join(format!("sfu-recorder-full-{}-{workers}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // In a mount namespace of its own: nothing is left of it, and nobody else sees it.
        let script = format!("mount -t tmpfs -o size=1m tmpfs \"$0\" && echo '{MOUNTED}' && exec \"$@\"");
        let output = Command::new("unshare")
            .args(["--mount", "sh", "-c", &script])
            .arg(&folder)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "full::child_whose_disk_is_small", "--nocapture"])
            .env("SFU_RECORDER_SMALL", &folder)
            .env("SFU_RECORDER_WORKERS", workers)
            .output();
        let _ = std::fs::remove_dir_all(&folder);
        let Ok(output) = output else {
            return sfu_core::testing::skipped("unshare is not installed (Debian: util-linux)");
        };
        let said = String::from_utf8_lossy(&output.stdout);
        if !said.contains(MOUNTED) {
            return sfu_core::testing::skipped("no file system may be mounted here: it takes root");
        }
        println!("{said}");
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// What it runs on the small disk.
#[test]
fn child_whose_disk_is_small() {
    let (Ok(folder), Ok(workers)) =
        (std::env::var("SFU_RECORDER_SMALL"), std::env::var("SFU_RECORDER_WORKERS"))
    else {
        return;
    };
    let (folder, workers) = (Path::new(&folder), workers.parse().unwrap());
    let Some(content) = Content::encode() else { return };
    std::fs::write(folder.join("ballast"), vec![1; 400 << 10]).unwrap();
    let settings = json!({ "folder": folder });
    runtime().block_on(async {
        let mut bench = Bench::new("small", workers, settings).await;
        let mut live = Live::start(&bench, workers - 1, &content).await;
        let failed = async |bench: &Bench| {
            let status = bench.ask(Target::Worker, json!({ "method": "status" })).await.unwrap();
            let active = status["active"].as_array().unwrap().clone();
            assert_eq!(active.len(), STREAMS.len(), "{status}");
            active.iter().filter(|track| track["failed"] == true).count()
        };
        for _ in 0..30 {
            live.talk(Duration::from_secs(1)).await;
            if failed(&bench).await == STREAMS.len() {
                break;
            }
        }
        assert_eq!(failed(&bench).await, STREAMS.len(), "30 s fill the disk");
        for _ in STREAMS {
            let event = bench.event("recorder.failed").await;
            assert!(event["error"].as_str().unwrap().contains("No space left"), "{event}");
        }
        // The call goes on.
        live.talk(Duration::from_secs(1)).await;
        assert_eq!(live.passed.0, live.passed.1, "sent, and received");
        let first = lengths(folder, "");
        assert!(
            first.iter().all(|length| *length > 0.5),
            "each opens, and has what there was room for: {first:?}"
        );

        // Without room it fails again, and leaves nothing behind that is no recording.
        std::fs::write(folder.join("ballast-2"), vec![1; 1 << 20]).unwrap_err();
        Live::record(&bench, "film").await;
        live.talk(Duration::from_secs(1)).await;
        bench.event("recorder.failed").await;
        assert!(!folder.join("film-1.webm").exists());

        std::fs::remove_file(folder.join("ballast")).unwrap();
        std::fs::remove_file(folder.join("ballast-2")).unwrap();
        for (stream, ..) in STREAMS {
            let answer = Live::record(&bench, stream).await;
            assert_eq!(answer["waiting"], false, "{answer}");
        }
        live.talk(Duration::from_secs(2)).await;
        assert_eq!(failed(&bench).await, 0, "all are recorded again");
        for (stream, ..) in STREAMS {
            bench.ask(Target::Worker, json!({ "method": "stop", "stream": stream })).await.unwrap();
            assert_eq!(bench.event("recorder.stopped").await["stream"], stream);
        }
        let again = lengths(folder, "-1");
        assert!(again.iter().all(|length| *length > 0.8), "{again:?}");
        assert_eq!(live.passed.0, live.passed.1, "sent, and received");
        println!(
            "seconds before the disk was full {first:?}, packets {:?}, and again {again:?}",
            live.passed
        );
    });
}

/// How many seconds there are of each stream.
fn lengths(folder: &Path, number: &str) -> Vec<f64> {
    let of = |(stream, _, ending): &(&str, &str, &str)| {
        let path = folder.join(format!("{stream}{number}.{ending}"));
        match *ending {
            "mjr" => {
                let film = tools::converted(&path, "webm");
                let frames = tools::frame_times(&film, "v").len();
                std::fs::remove_file(film).unwrap();
                frames as f64 / 30.0
            }
            "pcapng" => {
                let packets = tools::rtp(&path);
                packets.last().unwrap().at - packets.first().unwrap().at
            }
            "opus" => tools::frame_times(&path, "a").len() as f64 / 50.0,
            _ => tools::frame_times(&path, "v").len() as f64 / 30.0,
        }
    };
    STREAMS.iter().map(of).collect()
}
