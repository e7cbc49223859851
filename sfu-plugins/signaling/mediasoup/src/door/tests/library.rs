use std::os::unix::net::UnixStream as StdStream;
use std::time::Duration;

use sfu_core::signaling::Shutdown;
use sfu_core::testing::{ControlDouble, control_double};
use sfu_mediasoup_process::ChannelFds;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::arguments::Settings;
use crate::door::{self, Streams};
use crate::flat::{decode, encode};
use crate::log::LogFilter;
use crate::log_layer;
use crate::schema::v3_27::call::Call;
use crate::schema::v3_27::message::{Body, Message};
use crate::schema::v3_27::notice::Notice;
use crate::schema::v3_27::notification::{Event, Notification};
use crate::schema::v3_27::request::Request;
use crate::schema::v3_27::response::Response;
use crate::schema::v3_27::worker::CreateRouterRequest;
use crate::v3_27::Desk;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The library's side of the channel.
pub(super) struct Library {
    pub(super) to_worker: Option<UnixStream>,
    pub(super) from_worker: UnixStream,
    pub(super) door: JoinHandle<()>,
    pub(super) double: ControlDouble,
    /// Stops the worker.
    pub(super) switch: watch::Sender<bool>,
    next: u32,
}

/// A message without the library's bytes around it.
pub(super) fn request(id: u32, handler_id: &str, call: Call) -> Vec<u8> {
    let (method, body) = (call.kind(), call.into_body());
    let request = Request { id, method, handler_id: handler_id.into(), body };
    let mut bytes = Vec::new();
    encode(&Message { data: Body::Request(request) }, &mut bytes);
    bytes
}

pub(super) fn create_router(id: u32, router: &str) -> Vec<u8> {
    request(id, "", Call::WorkerCreateRouter(CreateRouterRequest { router_id: router.into() }))
}

pub(super) fn notice(handler_id: &str, notice: Notice) -> Vec<u8> {
    let event = notice.kind();
    let notification = Notification { handler_id: handler_id.into(), event, body: notice.into_body() };
    let mut bytes = Vec::new();
    encode(&Message { data: Body::Notification(notification) }, &mut bytes);
    bytes
}

impl Library {
    /// A library whose worker has said that it runs.
    pub(super) async fn start() -> Self {
        let (control, double) = control_double(1);
        let pair = || {
            let (ours, theirs) = StdStream::pair().unwrap();
            for stream in [&ours, &theirs] {
                stream.set_nonblocking(true).unwrap();
            }
            (UnixStream::from_std(ours).unwrap(), theirs)
        };
        let ((to_worker, input), (from_worker, output)) = (pair(), pair());
        let streams = Streams::new(ChannelFds { input: input.into(), output: output.into() }).unwrap();
        let (_, log_switch, lines) = log_layer::log(LogFilter::default());
        let (switch, stop) = Shutdown::new();
        let feed = control.follow().unwrap();
        let desk = Desk::new(crate::v3_27::Library::Node, control, log_switch, &Settings::default());
        let door = tokio::spawn(door::run(desk, streams, feed, lines, stop));
        let mut library = Self { to_worker: Some(to_worker), from_worker, door, double, switch, next: 0 };
        let running = library.notification().await;
        assert_eq!(running.event, Event::WorkerRunning);
        assert_eq!(running.handler_id, std::process::id().to_string());
        library
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.to_worker.as_mut().unwrap().write_all(bytes).await.unwrap();
    }

    /// The next message of the worker.
    pub(super) async fn read(&mut self) -> Body {
        let read = async {
            let mut length = [0; 4];
            self.from_worker.read_exact(&mut length).await.unwrap();
            let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
            self.from_worker.read_exact(&mut bytes).await.unwrap();
            decode::<Message>(&bytes).unwrap().data
        };
        tokio::time::timeout(PATIENCE, read).await.expect("the worker says something")
    }

    pub(super) async fn response(&mut self) -> Response {
        match self.read().await {
            Body::Response(response) => response,
            other => panic!("no response: {other:?}"),
        }
    }

    pub(super) async fn notification(&mut self) -> Notification {
        match self.read().await {
            Body::Notification(notification) => notification,
            other => panic!("no notification: {other:?}"),
        }
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&mut self, handler_id: &str, call: Call) -> Response {
        self.next += 1;
        let id = self.next;
        self.write(&request(id, handler_id, call)).await;
        let response = self.response().await;
        assert_eq!(response.id, id);
        response
    }

    /// Waits until the door is shut.
    pub(super) async fn ended(self) {
        tokio::time::timeout(PATIENCE, self.door).await.expect("the door shuts").unwrap();
    }
}
