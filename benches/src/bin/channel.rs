//! Times the worker under the mediasoup library: `channel WORKER`, the program that is started.
//!
//! How long it takes until WORKER_RUNNING, and how long a request waits for its answer, against a bare echo (`cat`) at the other end of the
//! same kind of sockets: what remains of that ratio is ours, whatever the machine.
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use sfu_mediasoup::flat::{decode, encode};
use sfu_mediasoup::schema::v3_27::call::Call;
use sfu_mediasoup::schema::v3_27::direct_transport::DirectTransportOptions;
use sfu_mediasoup::schema::v3_27::message::{Body, Message};
use sfu_mediasoup::schema::v3_27::request::{Method, Request};
use sfu_mediasoup::schema::v3_27::router::CreateDirectTransportRequest;
use sfu_mediasoup::schema::v3_27::transport::Options;
use sfu_mediasoup::schema::v3_27::worker::CreateRouterRequest;

/// How often the worker is started.
const STARTS: usize = 30;

/// Requests in a turn; turns of all kinds alternate, so that a busy moment meets all of them.
const TURN: usize = 200;

/// Turns of each kind.
const TURNS: usize = 50;

fn main() -> ExitCode {
    let Some(worker) = std::env::args().nth(1) else {
        eprintln!("usage: channel WORKER");
        return ExitCode::from(2);
    };
    match measure(&worker) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{worker}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(worker: &str) -> io::Result<()> {
    let mut starts = Vec::new();
    let mut nothing = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        Peer::worker(worker)?.receive()?;
        starts.push(begun.elapsed());
        let begun = Instant::now();
        let mut echo = Peer::echo()?;
        echo.round_trip(&request(0, Method::WorkerDump, "", None))?;
        nothing.push(begun.elapsed());
    }
    let (started, nothing) = (median(&mut starts), median(&mut nothing));

    let mut echo = Peer::echo()?;
    let mut worker = Peer::worker(worker)?;
    worker.receive()?;
    prepare(&mut worker)?;
    let kinds = [
        ("bare echo", request(1, Method::TransportGetStats, "transport", None)),
        ("what the door answers by itself", request(2, Method::RouterDump, "router", None)),
        ("what the media thread answers", request(3, Method::TransportGetStats, "transport", None)),
    ];
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..TURNS {
        for (kind, ((_, request), times)) in kinds.iter().zip(&mut times).enumerate() {
            let peer = if kind == 0 { &mut echo } else { &mut worker };
            for _ in 0..TURN {
                let begun = Instant::now();
                peer.round_trip(request)?;
                times.push(begun.elapsed());
            }
        }
    }
    println!("| what | median | ratio |");
    println!("|---|---:|---:|");
    println!("| a program that echoes, from its start to its first answer | {nothing:.2?} | 1 |");
    println!(
        "| the worker, from its start to WORKER_RUNNING | {started:.2?} | {:.1} |",
        ratio(started, nothing)
    );
    let medians = times.each_mut().map(|times| median(times));
    for ((name, _), time) in kinds.iter().zip(medians) {
        println!("| round trip: {name} | {time:.1?} | {:.1} |", ratio(time, medians[0]));
    }
    Ok(())
}

/// A router with a transport in it, for somebody to ask.
fn prepare(worker: &mut Peer) -> io::Result<()> {
    let router = Call::WorkerCreateRouter(CreateRouterRequest { router_id: "router".into() });
    let base = Options {
        direct: true,
        max_send_message_size: 262_144,
        max_receive_message_size: 262_144,
        initial_available_outgoing_bitrate: None,
        enable_sctp: false,
        sctp_send_buffer_size: 0,
        sctp_per_stream_send_queue_limit: 0,
        sctp_max_receiver_window_buffer_size: 0,
        sctp_default_stream_buffered_amount_low_threshold: 0,
        is_data_channel: false,
        enable_bwe: true,
        max_incoming_bitrate: None,
        max_outgoing_bitrate: None,
        min_outgoing_bitrate: None,
    };
    let transport = Call::RouterCreateDirectTransport(CreateDirectTransportRequest {
        transport_id: "transport".into(),
        options: DirectTransportOptions { base },
    });
    for (handler, call) in [("", router), ("router", transport)] {
        let method = call.kind();
        let answer = worker.round_trip(&request(9, method, handler, Some(call)))?;
        match decode::<Message>(&answer).map(|message| message.data) {
            Ok(Body::Response(response)) if response.accepted => {}
            other => return Err(io::Error::other(format!("{method:?}: {other:?}"))),
        }
    }
    Ok(())
}

fn request(id: u32, method: Method, handler_id: &str, call: Option<Call>) -> Vec<u8> {
    let (handler_id, body) = (handler_id.to_owned(), call.and_then(Call::into_body));
    let mut bytes = Vec::new();
    encode(&Message { data: Body::Request(Request { id, method, handler_id, body }) }, &mut bytes);
    bytes
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn ratio(time: Duration, to: Duration) -> f64 {
    time.as_secs_f64() / to.as_secs_f64()
}

/// A process at the other end of two sockets. It ends when dropped.
struct Peer {
    child: Child,
    to: UnixStream,
    from: UnixStream,
}

impl Peer {
    /// The worker as Node starts it; a shell puts the sockets where it looks for them.
    fn worker(program: &str) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" 3<&0 4>&1 0</dev/null 1>/dev/null", program]);
        Self::start(command.env("MEDIASOUP_VERSION", "3.27.1"))
    }

    /// Says what it is told.
    fn echo() -> io::Result<Self> {
        Self::start(Command::new("sh").args(["-c", "exec cat"]))
    }

    fn start(command: &mut Command) -> io::Result<Self> {
        let (to, input) = UnixStream::pair()?;
        let (from, output) = UnixStream::pair()?;
        command.stdin(Stdio::from(OwnedFd::from(input))).stdout(Stdio::from(OwnedFd::from(output)));
        Ok(Self { child: command.spawn()?, to, from })
    }

    /// Sends a message and waits for the next one.
    fn round_trip(&mut self, message: &[u8]) -> io::Result<Vec<u8>> {
        self.to.write_all(message)?;
        self.receive()
    }

    /// The next message, without its length.
    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length)?;
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        self.from.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
