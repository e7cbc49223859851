//! The program around a worker: command line, logs, signals.
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::builder::Builder;
use super::cli::{Action, Cli, PluginsAction, Settings};
use super::reload::Source;
use super::running::{END, drained};
use super::{Running, WorkerError, file};
use crate::control::ControlHandle;
use crate::plugin::{Composition, PluginSet, list};
use crate::signaling::{EarlyExit, Invocation, SignalingSet, Takeover};

/// How long background work of plugins may take to end; it may hang, and the program ends all the same.
const FAREWELL: Duration = Duration::from_millis(500);

/// Runs a composed worker as a program: `fn main() -> ExitCode { sfu_core::run::<Worker>() }`.
///
/// It has the command line that `--help` shows, unless a library of one of its signaling crates started it, see
/// [`Signaling::take_over`](crate::signaling::Signaling::take_over).
pub fn run<C: Composition>() -> ExitCode {
    if let Some((id, outcome)) = <C::Signaling as SignalingSet>::take_over(&Invocation::of_process()) {
        return match outcome {
            Ok(takeover) => finish(taken_over::<C>(id, takeover)),
            Err(EarlyExit { text, code }) => {
                eprintln!("{text}");
                ExitCode::from(code)
            }
        };
    }
    let Cli { command, settings } = Cli::of::<C>();
    log(&settings.log);
    finish(match command.unwrap_or(Action::Run) {
        Action::Run => serve::<C>(&settings),
        Action::Plugins { action } => plugins::<C>(action),
    })
}

fn finish(outcome: Result<(), WorkerError>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn log(filter: &str) {
    let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_else(|error| {
        eprintln!("--log: {error}; logging `info`");
        tracing_subscriber::EnvFilter::new("info")
    });
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

fn plugins<C: Composition>(action: PluginsAction) -> Result<(), WorkerError> {
    match action {
        PluginsAction::List => print!("{}", list::list::<C::Plugins, C::Signaling>()),
        PluginsAction::Schema { id } => println!("{:#}", list::schema::<C::Plugins, C::Signaling>(&id)?),
        PluginsAction::Check { config } => {
            let settings = file::read(&config)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async { Builder::<C>::new().config(settings.clone()).rehearse() })?;
            runtime.shutdown_timeout(FAREWELL);
            print!("{}", list::state::<C::Plugins>(&settings.plugins));
            println!("{}: all right", config.display());
        }
    }
    Ok(())
}

fn serve<C: Composition>(settings: &Settings) -> Result<(), WorkerError> {
    let config = settings.resolve()?;
    let builder = Builder::<C>::new().source(source(settings), config.clone()).config(config);
    on_runtime(async |end| until_signal(builder, end).await)
}

/// Where the configuration is read again.
fn source(settings: &Settings) -> Source {
    let settings = settings.clone();
    Source::new(move |given| settings.resolve_with(given))
}

/// Runs for the library that started the program, until that wants it to end.
fn taken_over<C: Composition>(id: &'static str, takeover: Takeover) -> Result<(), WorkerError> {
    let settings = Cli::of_environment::<C>()?.settings;
    let mut config = settings.resolve()?;
    let serves_http = settings.ask_for_http(&config);
    let mut builder = Builder::<C>::new().source(source(&settings), config.clone());
    (takeover.configure)(&mut config);
    if !serves_http {
        // Other signaling could not be reached.
        for other in <C::Signaling as SignalingSet>::ids().into_iter().filter(|other| *other != id) {
            config.signaling.insert(other.to_owned(), serde_json::json!({ "enabled": false }));
        }
        builder = builder.without_http().without_shared_ports();
    }
    on_runtime(async |end| until_ended(builder.config(config), takeover.ended, end).await)
}

/// Runs it to its end, and notes by when the program has to be over then.
fn on_runtime(run: impl AsyncFnOnce(&mut Instant) -> Result<(), WorkerError>) -> Result<(), WorkerError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut end = Instant::now();
    let outcome = runtime.block_on(run(&mut end));
    // Background work of plugins may hang; the program ends all the same.
    runtime.shutdown_timeout(end.saturating_duration_since(Instant::now()));
    outcome
}

/// Runs until a signal or a failure.
async fn until_signal<C: Composition>(builder: Builder<C>, end: &mut Instant) -> Result<(), WorkerError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut running = builder.start().await?;
    log_start::<C>(&running);
    if let Some(url) = running.url() {
        println!("sfukit listens on {url}");
    }
    let outcome = loop {
        let control = running.control().clone();
        tokio::select! {
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            _ = hangup.recv() => read_again(&control).await,
            () = drained(&control) => {
                tracing::info!("worker: drained: nobody is connected any more");
                break Ok(());
            }
            error = running.failed() => break Err(error),
        }
    };
    stop(running, end).await;
    outcome
}

/// Takes over what the configuration says now; a wrong one changes nothing.
async fn read_again(control: &ControlHandle) {
    match control.reload(None).await {
        Ok(reloaded) if reloaded.plugins.is_empty() => {
            tracing::info!("worker: SIGHUP: the configuration says what it said before");
        }
        Ok(reloaded) => tracing::info!("worker: SIGHUP: configured anew: {}", reloaded.plugins.join(", ")),
        Err(error) => tracing::error!("worker: SIGHUP: nothing is changed: {error}"),
    }
}

/// Runs until the library that started the program ends it, a signal, or a failure.
async fn until_ended<C: Composition>(
    builder: Builder<C>,
    mut ended: oneshot::Receiver<()>,
    end: &mut Instant,
) -> Result<(), WorkerError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Once they were listened for, these do not end the program any more.
    for ignored in [
        SignalKind::alarm(),
        SignalKind::hangup(),
        SignalKind::pipe(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
    ] {
        drop(signal(ignored)?);
    }
    let mut running = builder.start().await?;
    log_start::<C>(&running);
    if let Some(url) = running.url() {
        tracing::info!("worker: HTTP on {url}");
    }
    let outcome = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        // Dropped: it failed, and says how.
        Ok(()) = &mut ended => Ok(()),
        error = running.failed() => Err(error),
    };
    stop(running, end).await;
    outcome
}

fn log_start<C: Composition>(running: &Running) {
    let order: Vec<&str> = <C::Plugins as PluginSet>::metas().map(|(_, meta, _)| meta.id).collect();
    tracing::info!(
        workers = running.workers(),
        "plugins, in the order packets meet them: {}",
        order.join(", ")
    );
}

async fn stop(running: Running, end: &mut Instant) {
    tracing::info!("worker: stopping");
    *end = Instant::now() + END;
    running.stop_by(*end).await;
}
