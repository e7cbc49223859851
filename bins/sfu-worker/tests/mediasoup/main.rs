//! The worker as the library of mediasoup starts it: a process with two sockets as file descriptors 3 and 4.
#![cfg(feature = "mediasoup")]
mod storm;

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use sfu_mediasoup::flat::{decode, encode};
use sfu_mediasoup::schema::v3_27::call::Call;
use sfu_mediasoup::schema::v3_27::message::{Body, Message};
use sfu_mediasoup::schema::v3_27::notification::{Event, Notification};
use sfu_mediasoup::schema::v3_27::request::Request;
use sfu_mediasoup::schema::v3_27::response;
use sfu_mediasoup::schema::v3_27::worker::UpdateSettingsRequest;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A worker that the library has started.
struct Worker {
    child: Child,
    to: UnixStream,
    from: UnixStream,
}

/// The program, as a shell that lets the worker have standard input and output as descriptors 3 and 4.
fn command(redirections: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("exec \"$0\" \"$@\" {redirections}"))
        .arg(env!("CARGO_BIN_EXE_sfu-worker"))
        .args(arguments)
        .env("MEDIASOUP_VERSION", "3.27.1")
        .stderr(Stdio::piped());
    command
}

const CHANNEL: &str = "3<&0 4>&1 0</dev/null 1>/dev/null";

/// Starts it, which must fail; without a channel, since it should not come that far.
fn failed(version: &str, arguments: &[&str]) -> (i32, String) {
    let output = command("3<&- 4>&-", arguments).env("MEDIASOUP_VERSION", version).output().unwrap();
    end(&output)
}

fn end(output: &Output) -> (i32, String) {
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

impl Worker {
    fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let (to, input) = UnixStream::pair().unwrap();
        let (from, output) = UnixStream::pair().unwrap();
        let child = command(CHANNEL, arguments)
            .env_remove("SFU_MEDIA_THREADS")
            .envs(variables.iter().copied())
            .stdin(Stdio::from(OwnedFd::from(input)))
            .stdout(Stdio::from(OwnedFd::from(output)))
            .spawn()
            .unwrap();
        from.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { child, to, from }
    }

    /// Starts it, and waits until it runs.
    fn running(arguments: &[&str]) -> Self {
        let mut worker = Self::start(arguments);
        let Body::Notification(notification) = worker.next() else { panic!("it says something else first") };
        assert_eq!(notification.event, Event::WorkerRunning);
        assert_eq!(notification.handler_id, worker.child.id().to_string(), "its own process id");
        worker
    }

    /// The next message that is no log line.
    fn next(&mut self) -> Body {
        loop {
            match self.message() {
                Body::Log(_) => {}
                body => return body,
            }
        }
    }

    fn message(&mut self) -> Body {
        let mut length = [0; 4];
        self.from.read_exact(&mut length).expect("a message comes");
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        self.from.read_exact(&mut bytes).expect("a message comes whole");
        decode::<Message>(&bytes).expect("it can be read").data
    }

    fn send(&mut self, data: Body) {
        let mut bytes = Vec::new();
        encode(&Message { data }, &mut bytes);
        self.to.write_all(&bytes).unwrap();
    }

    fn ask(&mut self, id: u32, call: Call) -> response::Response {
        let (method, body) = (call.kind(), call.into_body());
        self.send(Body::Request(Request { id, method, handler_id: String::new(), body }));
        match self.next() {
            Body::Response(response) => response,
            other => panic!("{other:?}"),
        }
    }

    fn close(&mut self) {
        let event = Event::WorkerClose;
        self.send(Body::Notification(Notification { handler_id: String::new(), event, body: None }));
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for its end.
    fn ended(mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of this test.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn wrong_arguments_end_with_42_and_an_unknown_version_with_43() {
    let (code, text) = failed("3.27.1", &["--logLevel=chicken"]);
    assert!(code == 42 && text.contains("chicken"), "{code} {text}");
    let (code, text) = failed("3.27.1", &["--rtcMinPort=1000", "--rtcMaxPort=999"]);
    assert!(code == 42 && text.contains("rtcMaxPort"), "{code} {text}");
    let (code, text) = failed("3.27.1", &["--dtlsCertificateFile=/notfound/cert.pem"]);
    assert!(code == 42 && text.contains("dtlsPrivateKeyFile"), "{code} {text}");
    let (code, text) = failed("3.26.0", &[]);
    assert!(code == 43 && text.contains("3.27.x"), "{code} {text}");
}

#[test]
fn without_the_channel_it_says_what_is_missing() {
    let (code, text) = failed("3.27.1", &[]);
    assert!(code == 1 && text.contains("file descriptor 3 is not open"), "{code} {text}");
    let output = command("3</dev/null 4>/dev/null", &[]).output().unwrap();
    let (code, text) = end(&output);
    assert!(code == 1 && text.contains("file descriptor 3"), "{code} {text}");
}

#[test]
fn a_certificate_that_is_none_and_settings_that_are_wrong_keep_it_from_running() {
    let (bad, output) = (file("no.pem", "chicken"), UnixStream::pair().unwrap());
    let certificate = format!("--dtlsCertificateFile={}", bad.display());
    let key = format!("--dtlsPrivateKeyFile={}", bad.display());
    let mut command = command(CHANNEL, &[&certificate, &key]);
    command.stdin(Stdio::from(OwnedFd::from(output.0))).stdout(Stdio::from(OwnedFd::from(output.1)));
    let (code, text) = end(&command.output().unwrap());
    assert!(code == 1 && text.contains("no.pem"), "{code} {text}");
    let (input, output) = UnixStream::pair().unwrap();
    let mut command = self::command(CHANNEL, &[]);
    command.env("SFU_SET", "ghost.x=1").stdin(Stdio::from(OwnedFd::from(input)));
    let (code, text) = end(&command.stdout(Stdio::from(OwnedFd::from(output))).output().unwrap());
    assert!(code == 1 && text.contains("ghost"), "{code} {text}");
}

#[test]
fn it_runs_answers_and_closes_in_order() {
    let mut worker = Worker::running(&[]);
    let Some(response::Body::WorkerDumpResponse(dump)) = worker.ask(1, Call::WorkerDump).body else {
        panic!("no dump");
    };
    assert_eq!(dump.pid, worker.child.id());
    let Some(response::Body::WorkerResourceUsageResponse(usage)) =
        worker.ask(2, Call::WorkerGetResourceUsage).body
    else {
        panic!("no usage");
    };
    assert!(usage.ru_maxrss > 1000, "kilobytes");
    let wrong = UpdateSettingsRequest { log_level: Some("chicken".into()), log_tags: None };
    let refused = worker.ask(3, Call::WorkerUpdateSettings(wrong));
    assert_eq!(refused.error.as_deref(), Some("TypeError"));
    worker.close();
    assert_eq!(worker.ended().code(), Some(0));
}

#[test]
fn it_ends_when_the_library_is_gone() {
    let worker = Worker::running(&[]);
    worker.to.shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(worker.ended().code(), Some(0));
}

#[test]
fn it_ends_in_order_by_int_and_term_and_not_by_the_others() {
    let mut worker = Worker::running(&[]);
    for signal in ["-PIPE", "-HUP", "-ALRM", "-USR1", "-USR2"] {
        worker.signal(signal);
    }
    assert!(worker.ask(1, Call::WorkerDump).accepted);
    worker.signal("-TERM");
    assert_eq!(worker.ended().code(), Some(0));
    let worker = Worker::running(&[]);
    worker.signal("-INT");
    assert_eq!(worker.ended().code(), Some(0));
}

#[test]
fn its_log_goes_through_the_channel_as_far_as_the_library_wants_it() {
    let mut worker = Worker::start(&["--logLevel=debug", "--logTag=info"]);
    let first = worker.message();
    assert!(matches!(&first, Body::Notification(one) if one.event == Event::WorkerRunning), "{first:?}");
    let Body::Log(log) = worker.message() else { panic!("no log line") };
    assert!(log.data.starts_with('D') && log.data.contains(" | "), "{}", log.data);
    worker.close();
    let mut quiet = Worker::running(&["--logLevel=none"]);
    let wrong = UpdateSettingsRequest { log_level: Some("chicken".into()), log_tags: None };
    assert!(!quiet.ask(1, Call::WorkerUpdateSettings(wrong)).accepted);
    assert!(quiet.ask(2, Call::WorkerDump).accepted, "no line in between");
    quiet.close();
}

#[test]
fn no_port_is_open_but_those_that_are_asked_for() {
    let worker = Worker::running(&[]);
    let fds = format!("/proc/{}/fd", worker.child.id());
    let sockets = std::fs::read_dir(fds).unwrap().filter_map(|entry| {
        let link = std::fs::read_link(entry.unwrap().path()).ok()?;
        link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned)
    });
    let sockets: Vec<String> = sockets.collect();
    for table in ["udp", "udp6", "tcp", "tcp6"] {
        let text = std::fs::read_to_string(format!("/proc/{}/net/{table}", worker.child.id())).unwrap();
        for line in text.lines().skip(1) {
            let inode = line.split_whitespace().nth(9).unwrap_or_default();
            assert!(!sockets.iter().any(|socket| socket == inode), "{table}: {line}");
        }
    }
}

#[test]
fn it_has_one_media_thread_or_as_many_as_it_is_told() {
    for (variables, threads) in [(&[][..], 1), (&[("SFU_MEDIA_THREADS", "3")], 3)] {
        let mut worker = Worker::start_with(&[], variables);
        let Body::Notification(_) = worker.next() else { panic!("it says something else first") };
        let tasks = std::fs::read_dir(format!("/proc/{}/task", worker.child.id())).unwrap();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        assert_eq!(names.filter(|name| name.starts_with("media-")).count(), threads);
    }
    let mut wrong = command("3<&- 4>&-", &[]);
    let (code, text) = end(&wrong.env("SFU_MEDIA_THREADS", "0").output().unwrap());
    assert!(code == 42 && text.contains("SFU_MEDIA_THREADS"), "{code} {text}");
}

#[test]
fn without_the_librarys_version_it_is_the_program_that_it_always_was() {
    let program = env!("CARGO_BIN_EXE_sfu-worker");
    let output =
        Command::new(program).env_remove("MEDIASOUP_VERSION").args(["plugins", "list"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("  mediasoup  "), "{text}");
}
