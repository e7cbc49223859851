//! The example in the tap's README makes a file of a real call.
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sfu_tests::browser::{Browser, Kind};
use sfu_tests::front::Front;
use sfu_tests::stream::{self, Publish, Size};
use sfu_tests::worker::Start;
use sfu_tests::{needs, system_test};

const README: &str = include_str!("../../sfu-plugins/tap/README.md");

/// Longest time that the script may take to notice the end.
const PATIENCE: Duration = Duration::from_secs(20);

system_test! {
    async fn the_example_in_the_readme_makes_a_file_of_a_browsers_call(workers) {
        needs!("chromium", "node", "python3", "ffprobe");
        let folder = tempfile::tempdir().expect("a folder");
        let scripts: Vec<&str> = README
            .split("```python\n")
            .skip(1)
            .filter_map(|rest| rest.split_once("```").map(|(script, _)| script))
            .collect();
        for (name, script) in ["frames.py", "ivf.py"].into_iter().zip(&scripts) {
            std::fs::write(folder.path().join(name), script).expect("a script");
        }
        let socket = folder.path().join("tap.sock");
        let config = format!("[plugins.tap]\nenabled = true\nlisten = \"unix:{}\"", socket.display());
        let worker = Start::with_workers(workers).config(&config).start();
        let mut reader = Command::new("python3")
            .current_dir(folder.path())
            .args(["ivf.py", "tap.sock", "call", "call.ivf"])
            .stderr(Stdio::inherit())
            .spawn()
            .expect("python3");
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let page = browser.open(front.url()).await;
        let size = Some(Size { width: 320, height: 240 });
        stream::publish(&page, &front.whip("call"), &Publish { codec: Some("VP8"), size, ..Publish::default() })
            .await;
        stream::grows(&page, "up", &[("outbound-video", "framesEncoded", 60.0)]).await;
        page.evaluate("return await raw.stop('up')", serde_json::Value::Null).await;
        let end = Instant::now() + PATIENCE;
        while reader.try_wait().expect("its state").is_none() {
            if Instant::now() > end {
                let _ = reader.kill();
                panic!("the script does not end with the stream");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let probed = Command::new("ffprobe")
            .current_dir(folder.path())
            .args(["-v", "error", "-count_frames", "-show_entries", "stream=codec_name,width,height,nb_read_frames"])
            .args(["-of", "default=noprint_wrappers=1", "call.ivf"])
            .output()
            .expect("ffprobe");
        let text = String::from_utf8_lossy(&probed.stdout);
        assert!(probed.status.success() && probed.stderr.is_empty(), "{text} {probed:?}");
        let has = |line: &str| text.lines().any(|other| other == line);
        assert!(has("codec_name=vp8") && has("width=320") && has("height=240"), "{text}");
        let frames = text.lines().find_map(|line| line.strip_prefix("nb_read_frames=")?.parse::<u32>().ok());
        assert!(frames > Some(40), "{text}");
    }
}
