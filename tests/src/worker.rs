//! A worker process: started, watched, ended; its log is shown when the test fails.
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http;

/// Longest time from start to the line with the URL; generous because the machine is busy with browsers.
const START: Duration = Duration::from_secs(20);
/// How many lines of log a failed test shows.
const SHOWN: usize = 60;

/// How to start a worker.
#[derive(Debug, Default)]
pub struct Start {
    workers: u8,
    arguments: Vec<String>,
    config: String,
    environment: Vec<(String, String)>,
    listen: Option<String>,
    bare: bool,
}

impl Start {
    /// As a newcomer starts it: without any argument, in an empty folder.
    pub fn bare() -> Self {
        Start { bare: true, ..Start::default() }
    }

    /// With so many media threads.
    pub fn with_workers(workers: u8) -> Self {
        Start { workers, ..Start::default() }
    }

    /// With one more argument.
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With its HTTP server at this address, in place of a free one.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = Some(address.into());
        self
    }

    /// With a variable in its environment.
    pub fn environment(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// With more lines of TOML in its configuration file.
    pub fn config(mut self, toml: &str) -> Self {
        self.config.push_str(toml);
        self.config.push('\n');
        self
    }

    /// Starts it and waits for its URL; panics with its log if none comes.
    pub fn start(self) -> Worker {
        let folder = tempfile::tempdir().expect("a folder for the worker");
        let recordings = folder.path().join("recordings");
        let config = folder.path().join("worker.toml");
        let text = self.config.replace("{recordings}", &recordings.display().to_string());
        let mut command = Command::new(binary());
        if !self.bare {
            std::fs::write(&config, text).expect("the configuration file");
            let listen = self.listen.as_deref().unwrap_or("127.0.0.1:0");
            command
                .args(["--listen", listen, "--workers", &self.workers.to_string(), "--config"])
                .arg(&config);
        }
        command
            .args(&self.arguments)
            .envs(self.environment)
            .current_dir(folder.path())
            .env("SFU_LOG", std::env::var("SFU_TEST_LOG").unwrap_or_else(|_| "info".into()))
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", binary().display()));
        let log = Log::default();
        let (lines, said) = channel();
        log.follow(child.stdout.take().expect("piped"), Some(lines));
        log.follow(child.stderr.take().expect("piped"), None);
        let mut worker = Worker { child, url: String::new(), log, folder };
        worker.url = worker.wait_for_url(&said);
        worker
    }
}

/// The worker's binary: `SFU_WORKER`, else the one that cargo built beside the tests.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SFU_WORKER") {
        return path.into();
    }
    binary_beside("sfu-worker")
}

/// Another program of this workspace that cargo built beside the tests.
pub fn binary_beside(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test.ancestors().nth(2).expect("target/<profile>/deps/<test>");
    profile.join(name)
}

/// The memory of a process in RAM that no file backs, in bytes: the kernel takes file pages away and gives them back as it likes.
pub fn anonymous_memory(process: u32) -> u64 {
    let path = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(&path).expect("the worker runs");
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux tells RssAnon");
    let kilobytes = line.trim().trim_end_matches("kB").trim();
    kilobytes.parse::<u64>().expect("a number") * 1024
}

/// A running worker. Killed when dropped.
pub struct Worker {
    child: Child,
    url: String,
    log: Log,
    folder: TempDir,
}

impl Worker {
    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where publishers of a stream post their offers.
    pub fn whip(&self, stream: &str) -> String {
        format!("{}/whip/{stream}", self.url)
    }

    /// Where viewers of a stream post their offers.
    pub fn whep(&self, stream: &str) -> String {
        format!("{}/whep/{stream}", self.url)
    }

    /// A URL of the admin API.
    pub fn api(&self, path: &str) -> String {
        format!("{}/api/{path}", self.url)
    }

    /// Its working directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the recorder writes to, if [`config::RECORDER`](crate::config::RECORDER) was given.
    pub fn recordings(&self) -> PathBuf {
        self.folder.path().join("recordings")
    }

    /// What it said so far, both streams.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// All its figures (`GET /api/stats`).
    pub async fn stats(&self) -> Value {
        let answer = http::get(&self.api("stats")).await;
        assert!(answer.status.is_success(), "GET /api/stats: {} {}", answer.status, answer.text());
        answer.json()
    }

    /// Asks it to end, as `systemctl stop` would.
    pub fn terminate(&self) {
        self.signal(libc::SIGTERM);
    }

    /// Kills it as a crash would: no destructor, no last write.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Its memory in RAM that no file backs, in bytes.
    pub fn anonymous_memory(&self) -> u64 {
        anonymous_memory(self.child.id())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: plain system call; the process is our child and not yet waited for, so the id is its own.
        let result = unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
        assert_eq!(result, 0, "signal {signal}: {}", std::io::Error::last_os_error());
    }

    /// Waits for its end; panics if it still runs after `limit`.
    pub async fn wait(&mut self, limit: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                return status;
            }
            assert!(start.elapsed() < limit, "the worker still runs after {limit:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    fn wait_for_url(&mut self, said: &Receiver<String>) -> String {
        let start = Instant::now();
        loop {
            match said.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => {
                    if let Some(url) = line.strip_prefix("sfukit listens on ") {
                        return url
                            .split_whitespace()
                            .next()
                            .unwrap_or_default()
                            .trim_end_matches('/')
                            .to_owned();
                    }
                }
                Err(_) => {
                    if let Some(status) = self.child.try_wait().expect("our own child") {
                        panic!("the worker ended at once: {status}");
                    }
                    assert!(start.elapsed() < START, "the worker named no URL within {START:?}");
                }
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the worker's log ---\n{}\n---", self.log.tail(SHOWN));
        }
    }
}

/// Lines of a process.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Collects the lines of a pipe on a thread of its own, and gives a copy of each to `copy`.
    pub fn follow(&self, pipe: impl Read + Send + 'static, copy: Option<Sender<String>>) {
        let lines = self.0.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if let Some(copy) = &copy {
                    let _ = copy.send(line.clone());
                }
                lines.lock().unwrap().push(line);
            }
        });
    }

    /// All lines.
    pub fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }

    /// The last lines.
    pub fn tail(&self, count: usize) -> String {
        let lines = self.0.lock().unwrap();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }
}
