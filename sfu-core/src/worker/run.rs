//! The program around a worker: command line, logs, signals.
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use super::builder::Builder;
use super::cli::{Action, Cli, PluginsAction, Settings};
use super::running::END;
use super::{WorkerConfig, WorkerError, file};
use crate::plugin::{Composition, PluginSet, list};

/// How long background work of plugins may take to end; it may hang, and the program ends all the same.
const FAREWELL: Duration = Duration::from_millis(500);

/// Runs a composed worker as a program: `fn main() -> ExitCode { sfu_core::run::<Worker>() }`.
pub fn run<C: Composition>() -> ExitCode {
    let Cli { command, settings } = Cli::of::<C>();
    log(&settings.log);
    let outcome = match command.unwrap_or(Action::Run) {
        Action::Run => serve::<C>(&settings),
        Action::Plugins { action } => plugins::<C>(action),
    };
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
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut end = Instant::now();
    let outcome = runtime.block_on(until_signal::<C>(config, &mut end));
    // Background work of plugins may hang; the program ends all the same.
    runtime.shutdown_timeout(end.saturating_duration_since(Instant::now()));
    outcome
}

/// Runs until a signal or a failure; `end` is when the program has to be over then.
async fn until_signal<C: Composition>(config: WorkerConfig, end: &mut Instant) -> Result<(), WorkerError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut running = Builder::<C>::new().config(config).start().await?;
    let order: Vec<&str> = <C::Plugins as PluginSet>::metas().map(|(_, meta, _)| meta.id).collect();
    tracing::info!(
        workers = running.workers(),
        "plugins, in the order packets meet them: {}",
        order.join(", ")
    );
    if let Some(url) = running.url() {
        println!("sfukit listens on {url}");
    }
    let outcome = loop {
        tokio::select! {
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            // Without a handler it would end the program, and all calls with it.
            _ = hangup.recv() => tracing::warn!(
                "worker: SIGHUP: the configuration can't be read again while the worker runs; restart it"
            ),
            ended = running.signaling_ended() => break ended.map_err(WorkerError::from),
        }
    };
    tracing::info!("worker: stopping");
    *end = Instant::now() + END;
    running.stop_by(*end).await;
    outcome
}
