//! A worker as a process, and what talks to it.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sfu_core::serde_json::{Value, json};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running worker on loopback, on ports of its own.
pub struct Process {
    child: Child,
    server: String,
    /// Kept open: a program that writes to a closed pipe fails.
    _output: BufReader<ChildStdout>,
    #[allow(dead_code, reason = "each test file has a copy of this one, and not all look at the log")]
    log: Arc<Mutex<String>>,
    #[allow(dead_code, reason = "nor do all change the configuration")]
    config: PathBuf,
}

/// What every worker of a test is configured to.
const LOOPBACK: &str = "[rtc]\nlisten_ip = \"127.0.0.1\"\n";

impl Process {
    /// Starts it and waits until it listens.
    pub fn start(program: &Path, arguments: &[&str]) -> Process {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("worker-{}-{}.toml", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let config = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&config, LOOPBACK).expect("the folder of tests can be written to");
        let mut child = Command::new(program)
            .arg("--config")
            .arg(&config)
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let log = Arc::<Mutex<String>>::default();
        let (errors, lines) = (child.stderr.take().expect("stderr is piped"), log.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                eprintln!("{line}");
                lines.lock().expect("no test panicked over it").push_str(&format!("{line}\n"));
            }
        });
        let mut output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        while output.read_line(&mut line).expect("its output is text") > 0 {
            if let Some((_, server)) = line.trim_end().split_once("http://") {
                let server = server.trim_end_matches('/').to_owned();
                return Process { child, server, _output: output, log, config };
            }
            line.clear();
        }
        panic!("{} ended before it listened: {:?}", program.display(), child.wait());
    }

    /// Status code and JSON body of a request.
    pub fn http(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.server).expect("the worker does not listen");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            self.server,
            body.len()
        )
        .expect("the request is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer comes");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status code");
        (status, body.parse().unwrap_or(Value::Null))
    }

    /// The answer to a request that must succeed.
    pub fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.http("POST", path, &body);
        assert!((200..300).contains(&status), "POST {path} {body}: {status} {answer}");
        answer
    }

    /// Asks a plugin.
    pub fn ask(&self, plugin: &str, request: Value) -> Value {
        self.post(&format!("/api/plugins/{plugin}"), request)
    }

    /// Publishes a stream of Opus over plain RTP and sends so many packets; the id of its producer.
    pub fn publish(&self, stream: &str, packets: u16) -> String {
        let opus = json!({ "kind": "audio", "codec": "opus", "payloadType": 111 });
        let started = self.post(&format!("/api/streams/{stream}/rtp-in"), opus);
        let address: SocketAddr =
            started["tuple"]["local"].as_str().and_then(|text| text.parse().ok()).expect("an address");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        for number in 0..packets {
            let mut packet = vec![0x80, 111];
            packet.extend((65_500_u16.wrapping_add(number)).to_be_bytes());
            packet.extend((u32::from(number) * 960).to_be_bytes());
            packet.extend(0x5eed_u32.to_be_bytes());
            packet.extend([0xfc, 0xff, 0xfe]);
            socket.send_to(&packet, address).expect("the packet is sent");
            // No burst that a small socket buffer could not take.
            std::thread::sleep(Duration::from_millis(2));
        }
        started["producer"].as_str().expect("a producer").to_owned()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill runs").success());
    }

    /// What it logged so far.
    #[allow(dead_code, reason = "each test file has a copy of this one, and not all look at the log")]
    pub fn log(&self) -> String {
        self.log.lock().expect("no test panicked over it").clone()
    }

    /// Asks the system to end it, and waits; how it ended and how long that took.
    pub fn terminate(mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        self.signal("-TERM");
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return (status, begun.elapsed());
            }
            assert!(begun.elapsed() < PATIENCE, "the worker does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again until the answer is right, or time is up.
pub fn until(what: &str, mut ask: impl FnMut() -> Value, right: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let answer = ask();
        if right(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {answer}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a worker with an own plugin and the recorder, sends it two streams, and sees what both plugins made of them; how long it
/// took to end.
pub fn counts_and_records(program: &Path, workers: usize) -> Duration {
    let name = program.file_name().expect("a name").to_string_lossy();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("recordings-{name}-{workers}"));
    let _ = std::fs::remove_dir_all(&folder);
    let process = Process::start(
        program,
        &[
            "--workers",
            &workers.to_string(),
            "--set",
            "recorder.enabled=true",
            "--set",
            &format!("recorder.folder={}", folder.display()),
        ],
    );
    let total = || process.ask("my_plugin", json!({ "request": { "method": "total" } }));
    assert_eq!(total(), json!(vec![0; workers]), "every media thread answers, before media too");
    let kitchen = process.publish("kitchen", 50);
    let garden = process.publish("garden", 30);
    // Streams go to the media threads in turn.
    let expected = if workers == 1 { vec![80] } else { vec![50, 30] };
    let seen = until("packets are counted", total, |answer| answer == &json!(expected));
    assert_eq!(seen.as_array().map(Vec::len), Some(workers));
    for (producer, packets) in [(kitchen, 50), (garden, 30)] {
        let target = format!("producer:{producer}");
        let asked = json!({ "target": target, "request": { "method": "total" } });
        assert_eq!(process.ask("my_plugin", asked), packets, "one producer is asked for: one answer");
    }
    let (status, plugins) = process.http("GET", "/api/plugins", &Value::Null);
    let mine = plugins["plugins"].as_array().and_then(|all| all.iter().find(|one| one["id"] == "my_plugin"));
    assert_eq!((status, &mine.expect("it is listed")["stats"]), (200, &json!({ "packets": { "sum": 80 } })));
    let wrong = json!({ "request": { "method": "totl" } });
    let (status, answer) = process.http("POST", "/api/plugins/my_plugin", &wrong);
    assert!(status == 400 && answer.to_string().contains("totl"), "{status} {answer}");
    let (status, took) = process.terminate();
    assert!(status.success(), "{status}");
    let recordings: Vec<_> = std::fs::read_dir(&folder)
        .expect("the recorder made its folder")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    assert_eq!(recordings.len(), 2, "a file per stream: {recordings:?}");
    for file in recordings {
        let bytes = std::fs::read(&file).expect("the recording can be read");
        let packets = if file.to_string_lossy().contains("kitchen") { 50 } else { 30 };
        // 15 bytes of RTP each, beside their headers.
        assert!(bytes.starts_with(b"MJR0000") && bytes.len() > packets * 15, "{}", file.display());
    }
    took
}

/// Sends a running worker the signal by which programs read their configuration again: what it says of plugins holds then, and a
/// wrong one changes nothing.
pub fn reads_its_configuration_again(program: &Path) {
    let process = Process::start(program, &["--workers", "2"]);
    let _ = process.publish("before", 1);
    for (plugins, said) in [
        ("[plugins.my_plugin]\nenabled = false\n", "SIGHUP: configured anew: my_plugin"),
        ("[plugins.my_plugin]\nenabld = true\n", "SIGHUP: nothing is changed: plugins.my_plugin"),
        ("[plugins.my_plugin]\nenabled = false\n", "SIGHUP: the configuration says what it said before"),
    ] {
        std::fs::write(&process.config, format!("{LOOPBACK}{plugins}")).expect("the file can be written");
        process.signal("-HUP");
        let told = || json!(process.log().contains(said));
        until(said, told, |told| told == &json!(true));
    }
    let _ = process.publish("after", 1);
    let streams = process.http("GET", "/api/streams", &Value::Null).1.to_string();
    assert!(streams.contains("before") && streams.contains("after"), "{streams}");
    let whole =
        json!({ "rtc": { "listen_ip": "127.0.0.1" }, "plugins": { "my_plugin": { "enabled": true } } });
    let (status, answer) = process.http("PUT", "/api/config", &whole);
    assert_eq!((status, answer), (200, json!({ "plugins": ["my_plugin"] })));
    let (status, answer) = process.http("PUT", "/api/config", &json!({}));
    assert!(status == 409 && answer.to_string().contains("config: rtc can't change"), "{status} {answer}");
    let (status, _) = process.terminate();
    assert!(status.success(), "{status}");
}
