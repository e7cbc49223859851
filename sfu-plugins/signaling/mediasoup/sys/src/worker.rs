//! One worker, from its start to its end.
use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::panic::{self, AssertUnwindSafe};
use std::sync::LazyLock;
use std::time::Duration;
use std::{io, net, thread};

use sfu_core::signaling::Shutdown;
use sfu_core::{Builder, WorkerConfig, WorkerError};
use sfu_mediasoup::arguments::Settings;
use sfu_mediasoup::in_process::InProcess;

use crate::bridge;
use crate::surface::{Reader, Writer};
use crate::wake::Wake;

sfu_core::worker! {
    /// The library says everything; plugins do nothing until it tells them to. Those of your own go here.
    pub plugins = [
        #[cfg(feature = "recorder")]
        sfu_recorder::Recorder,
    ];
    pub signaling = [];
}

/// It ended because the library closed it.
const CLOSED: i32 = 0;

/// Something failed.
const FAILED: i32 = 1;

/// What background work of plugins may take when the worker has ended.
const REST: Duration = Duration::from_millis(100);

/// Why a worker ended that the library did not close.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(
        "mediasoup-sys: no socket pair, thread or runtime: {0}; are there limits on descriptors or threads?"
    )]
    Io(#[from] io::Error),
    #[error("mediasoup-sys: the environment configures no worker: {0}")]
    Environment(String),
    #[error("mediasoup-sys: {0}")]
    Worker(#[from] WorkerError),
    #[error("mediasoup-sys: the worker panicked, as it says above; all that it had is gone")]
    Panicked,
}

/// Runs a worker until the library closes it, and says how it ended.
///
/// Neither function of the library is called any more when this returns, nor by a thread of the worker's later.
pub(crate) fn run(arguments: Vec<OsString>, reader: Reader, writer: Writer) -> i32 {
    let settings = match Settings::from_arguments(arguments) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}");
            return error.exit_code() as i32;
        }
    };
    // The library learns from the number alone that its worker has ended. What unwinds here is not used again.
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| serve(settings, reader, writer)));
    match outcome.unwrap_or(Err(RunError::Panicked)) {
        Ok(()) => CLOSED,
        Err(error) => {
            eprintln!("{error}");
            FAILED
        }
    }
}

/// What `SFU_CONFIG`, `SFU_SET` and `SFU_OFF` say, of plugins above all; the same for all workers of the program.
static CONFIG: LazyLock<Result<WorkerConfig, String>> =
    LazyLock::new(|| Builder::<Worker>::config_of_environment().map_err(|error| error.to_string()));

/// Three threads: this one tells the library what there is, as it expects of the thread that it gave, one asks it, and one is
/// the front door, between whom there is a socket pair. The engine has threads of its own.
fn serve(settings: Settings, reader: Reader, writer: Writer) -> Result<(), RunError> {
    let (library, channel) = UnixStream::pair()?;
    let wake = Wake::new();
    thread::scope(|scope| {
        let end = End { wake: &wake, library: &library };
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        named("mediasoup-ask").spawn_scoped(scope, || bridge::requests(reader, &wake, &library))?;
        let door = named("mediasoup-door").spawn_scoped(scope, || door(settings, channel))?;
        // Until the door is closed.
        let told = bridge::answers(writer, &library);
        drop(end);
        door.join().unwrap_or(Err(RunError::Panicked))?;
        Ok(told?)
    })
}

/// Ends the threads of a worker, however it ends: they are waited for.
struct End<'a> {
    wake: &'a Wake,
    library: &'a UnixStream,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.wake.end();
        let _ = self.library.shutdown(net::Shutdown::Both);
    }
}

/// Starts the engine, and serves the library.
fn door(settings: Settings, channel: UnixStream) -> Result<(), RunError> {
    let worker = InProcess::new(settings);
    let _log = tracing::dispatcher::set_default(worker.log());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(work(worker, channel));
    runtime.shutdown_timeout(REST);
    outcome
}

async fn work(worker: InProcess, channel: UnixStream) -> Result<(), RunError> {
    let mut config = CONFIG.clone().map_err(RunError::Environment)?;
    worker.configure(&mut config);
    let builder = Worker::builder().config(config).log(worker.log().clone());
    let mut running = builder.without_http().without_shared_ports().start().await?;
    // The library alone ends it.
    let (_switch, stop) = Shutdown::new();
    let control = running.control().clone();
    let outcome = tokio::select! {
        outcome = worker.serve(control, channel, stop) => outcome.map_err(RunError::from),
        // The library is told that its worker died.
        error = running.failed() => Err(error.into()),
    };
    running.stop().await;
    outcome
}
