//! Foreign WebRTC stacks in processes of their own; each says what happens in lines of JSON.
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use crate::tools;

/// A stack that publishes over WHIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// GStreamer's webrtcbin: RSA certificate, VP8 and Opus.
    GStreamer,
    /// FFmpeg's `whip` muxer in PyAV: `setup:passive`, H264 and Opus.
    Ffmpeg,
    /// Google's WebRTC in npm's `@roamhq/wrtc`: VP8 and Opus.
    Wrtc,
    /// libdatachannel, as in OBS, in npm's `node-datachannel`: Opus.
    NodeDatachannel,
}

impl Stack {
    fn program_and_script(self) -> (&'static str, &'static str) {
        match self {
            // The distribution's Python, because it has the distribution's GStreamer.
            Stack::GStreamer => ("/usr/bin/python3", "python/gstreamer_whip.py"),
            Stack::Ffmpeg => ("pyav", "python/pyav_whip.py"),
            Stack::Wrtc => ("node", "node/wrtc.mjs"),
            Stack::NodeDatachannel => ("node", "node/node-datachannel.mjs"),
        }
    }

    /// Publishes for so many seconds, then says goodbye.
    pub fn publish(self, whip: &str, seconds: u32) -> Running {
        let (program, script) = self.program_and_script();
        let program = if program.starts_with('/') { program.into() } else { tools::find(program).unwrap() };
        Running::start(
            &program,
            &[tools::package().join(script).to_str().unwrap(), whip, &seconds.to_string()],
        )
    }
}

/// A process that was started. Killed when dropped.
pub struct Running {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Running {
    /// Starts a program.
    pub fn start(program: &Path, arguments: &[&str]) -> Running {
        Self::start_with(program, arguments, &[])
    }

    /// Likewise, with these variables in its environment.
    pub fn start_with(program: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Running {
        let mut child = Command::new(program)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let said = Arc::new(Mutex::new(Vec::new()));
        collect(child.stdout.take().expect("piped"), said.clone());
        collect(child.stderr.take().expect("piped"), said.clone());
        Running { child, said }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: i32) {
        let id = self.child.id().expect("not yet waited for");
        // SAFETY: plain system call; the process is our child and not yet waited for, so the id is its own.
        let result = unsafe { libc::kill(id as libc::pid_t, signal) };
        assert_eq!(result, 0, "signal {signal}: {}", std::io::Error::last_os_error());
    }

    /// What it said so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    /// Its lines of JSON so far.
    pub fn events(&self) -> Vec<Value> {
        self.said.lock().unwrap().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until it says that it is connected; panics with all it said otherwise.
    pub async fn connected(&mut self) {
        self.wait_for("state `connected`", |event| event["state"] == "connected").await;
    }

    /// Waits for an event; panics with all it said if it ends or 20 s pass before.
    pub async fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            if let Some(event) = self.events().into_iter().find(|event| wanted(event)) {
                return event;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                tokio::time::sleep(Duration::from_millis(200)).await;
                panic!("the process ended ({status}) before {what}:\n{}", self.said());
            }
            assert!(start.elapsed() < Duration::from_secs(20), "no {what} within 20 s:\n{}", self.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for its end; panics if it failed or still runs after `limit`.
    pub async fn finish(mut self, limit: Duration) -> Vec<Value> {
        let status = tokio::time::timeout(limit, self.child.wait()).await;
        let status = status.unwrap_or_else(|_| panic!("still running after {limit:?}:\n{}", self.said()));
        let status = status.expect("our own child");
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(status.success(), "{status}:\n{}", self.said());
        self.events()
    }
}

fn collect(pipe: impl AsyncRead + Unpin + Send + 'static, said: Arc<Mutex<Vec<String>>>) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            said.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
        }
    });
}
