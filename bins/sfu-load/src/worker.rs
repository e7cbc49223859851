//! The worker under load: a process that is driven as mediasoup's Node library drives it.
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sfu_mediasoup::flat::{decode, encode};
use sfu_mediasoup::schema::v3_27::call::Call;
use sfu_mediasoup::schema::v3_27::message::{Body, Message};
use sfu_mediasoup::schema::v3_27::request::Request;
use sfu_mediasoup::schema::v3_27::response;

/// A worker process and the two ends of its channel. It ends when dropped.
pub struct Worker {
    child: Child,
    to: UnixStream,
    from: UnixStream,
    next: u32,
}

impl Worker {
    /// Starts a program that speaks the protocol of mediasoup's worker, on one core if one is named, and waits until it says that it runs.
    pub fn start(program: &Path, core: Option<usize>, arguments: &[String]) -> io::Result<Self> {
        let (to, input) = UnixStream::pair()?;
        let (from, output) = UnixStream::pair()?;
        if !program.is_file() {
            return Err(io::Error::other(format!(
                "{}: there is no such program; see --worker",
                program.display()
            )));
        }
        // A shell puts the sockets where the worker looks for them.
        const ARRANGE: &str = "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null";
        let mut command = Command::new("sh");
        command.args(["-c", ARRANGE, "worker"]);
        if let Some(core) = core {
            command.args(["taskset", "-c", &core.to_string()]);
        }
        command
            .arg(program)
            .args(arguments)
            .env("MEDIASOUP_VERSION", "3.27.1")
            .stdin(Stdio::from(OwnedFd::from(input)))
            .stdout(Stdio::from(OwnedFd::from(output)));
        let child = command.spawn()?;
        // It holds the worker's ends of the channel: with them open here, a worker that ends would not be noticed.
        drop(command);
        let mut worker = Self { child, to, from, next: 0 };
        let started = worker.receive();
        started
            .map_err(|error| io::Error::other(format!("{}: did not start: {error}", program.display())))?;
        Ok(worker)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks for something; what the worker tells meanwhile is passed over. Fails when it is refused.
    pub fn ask(&mut self, handler: &str, call: Call) -> io::Result<Option<response::Body>> {
        self.next += 1;
        let (id, method) = (self.next, call.kind());
        let request = Request { id, method, handler_id: handler.to_owned(), body: call.into_body() };
        let mut bytes = Vec::new();
        encode(&Message { data: Body::Request(request) }, &mut bytes);
        self.to.write_all(&bytes)?;
        loop {
            let message = self.receive()?;
            match decode::<Message>(&message).map(|message| message.data) {
                Ok(Body::Response(response)) if response.id == id && response.accepted => {
                    return Ok(response.body);
                }
                Ok(Body::Response(response)) if response.id == id => {
                    let reason = response.reason.unwrap_or_default();
                    return Err(io::Error::other(format!("worker: {method:?} was refused: {reason}")));
                }
                Ok(_) => {}
                Err(error) => return Err(io::Error::other(format!("worker: unreadable message: {error}"))),
            }
        }
    }

    /// The next message, without its length.
    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length)?;
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        self.from.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// CPU time that all its threads have had.
    pub fn cpu(&self) -> io::Result<Duration> {
        crate::process::cpu(self.pid())
    }

    /// Memory that is its own, in bytes: anonymous pages that are present.
    pub fn memory(&self) -> io::Result<u64> {
        crate::process::memory(self.pid())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
