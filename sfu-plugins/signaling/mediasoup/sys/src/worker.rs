//! One worker, on the thread that it is given.
use std::error::Error;
use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::thread;

use sfu_core::WorkerConfig;
use sfu_core::signaling::Shutdown;
use sfu_mediasoup::arguments::Settings;
use sfu_mediasoup::in_process;

use crate::bridge;
use crate::surface::{Reader, Writer};
use crate::wake::Wake;

sfu_core::worker! {
    /// The engine alone: the library says everything.
    pub plugins = [];
    pub signaling = [];
}

/// It ended because the library closed it.
const CLOSED: i32 = 0;

/// Something failed.
const FAILED: i32 = 1;

/// Runs a worker until the library closes it, and says how it ended.
pub(crate) fn run(arguments: Vec<OsString>, reader: Reader, writer: Writer) -> i32 {
    let settings = match Settings::from_arguments(arguments) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}");
            return error.exit_code() as i32;
        }
    };
    match serve(&settings, reader, writer) {
        Ok(()) => CLOSED,
        Err(error) => {
            eprintln!("mediasoup-sys: the worker can't run: {error}");
            FAILED
        }
    }
}

fn serve(settings: &Settings, reader: Reader, writer: Writer) -> Result<(), Box<dyn Error>> {
    let (library, door) = UnixStream::pair()?;
    let wake = Wake::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Both functions of the library are called by nobody any more when this returns.
    thread::scope(|scope| {
        let builder = || thread::Builder::new();
        let requests = builder()
            .name("mediasoup-requests".into())
            .spawn_scoped(scope, || bridge::requests(reader, &wake, &library));
        let answers = builder()
            .name("mediasoup-answers".into())
            .spawn_scoped(scope, || bridge::answers(writer, &library));
        let outcome = requests
            .and(answers)
            .map_err(Box::<dyn Error>::from)
            .and_then(|_| runtime.block_on(work(settings, door)));
        let _ = library.shutdown(std::net::Shutdown::Write);
        wake.end();
        outcome
    })
}

async fn work(settings: &Settings, door: UnixStream) -> Result<(), Box<dyn Error>> {
    let mut config = WorkerConfig::default();
    in_process::configure(settings, &mut config);
    let running = Worker::builder().config(config).without_http().without_shared_ports().start().await?;
    // The library alone ends it.
    let (_switch, stop) = Shutdown::new();
    let outcome = in_process::serve(running.control().clone(), settings, door, stop).await;
    running.stop().await;
    Ok(outcome?)
}
