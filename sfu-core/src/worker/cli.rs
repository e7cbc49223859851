//! The command line of a worker.
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::{WorkerConfig, WorkerError, file};

/// A WebRTC SFU worker.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(super) struct Cli {
    /// What to do; without a command the worker runs.
    #[command(subcommand)]
    pub(super) command: Option<Action>,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// Commands beside running.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Runs the worker (the default).
    Run,
    /// What is known of the plugins of this worker.
    Plugins {
        #[command(subcommand)]
        action: PluginsAction,
    },
}

/// Commands about plugins.
#[derive(Debug, Subcommand)]
pub(super) enum PluginsAction {
    /// Lists the plugins in the order in which packets meet them, and the signaling crates.
    List,
    /// Prints the JSON schemas of a plugin's configuration, options and requests.
    Schema {
        /// The plugin's id.
        id: String,
    },
    /// Checks a configuration file.
    Check {
        /// The file.
        config: PathBuf,
    },
}

/// Settings; each can stand in the file, too, and the command line wins.
#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// Configuration file (TOML).
    #[arg(long, short, env = "SFU_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Address and port of the HTTP server [default: 127.0.0.1:8080].
    #[arg(long, env = "SFU_LISTEN")]
    listen: Option<SocketAddr>,
    /// Address or host name that peers are told instead of this machine's own; may be repeated.
    #[arg(long, env = "SFU_ANNOUNCE", value_delimiter = ',')]
    announce: Vec<String>,
    /// UDP port for media; each further media thread takes the next one [default: any].
    #[arg(long, env = "SFU_UDP_PORT")]
    udp_port: Option<u16>,
    /// TCP port for media of peers without UDP, likewise [default: any].
    #[arg(long, env = "SFU_TCP_PORT")]
    tcp_port: Option<u16>,
    /// PEM file with the certificate chain for HTTPS.
    #[arg(long, env = "SFU_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// PEM file with the key of the certificate.
    #[arg(long, env = "SFU_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// Media threads [default: the number of cores].
    #[arg(long, env = "SFU_WORKERS")]
    workers: Option<u8>,
    /// Sets one field of a plugin: `id.key=value`; may be repeated.
    #[arg(long, env = "SFU_SET", value_delimiter = ',')]
    set: Vec<String>,
    /// Plugins that are only on where a request switches them on: `id,…`.
    #[arg(long, env = "SFU_OFF")]
    off: Option<String>,
    /// Lets everybody publish and watch, also beyond this machine.
    #[arg(long, env = "SFU_OPEN")]
    open: bool,
    /// What to log, as `tracing` filters: `info`, `sfu_core=debug` …
    #[arg(long, env = "SFU_LOG", default_value = "info", global = true)]
    pub(super) log: String,
}

impl Settings {
    /// The file's settings, with what the command line and the environment say on top.
    pub(super) fn resolve(&self) -> Result<WorkerConfig, WorkerError> {
        let mut config = match &self.config {
            Some(path) => file::read(path)?,
            None => WorkerConfig::default(),
        };
        if let Some(listen) = self.listen {
            config.http.listen = listen;
        }
        if self.tls_cert.is_some() || self.tls_key.is_some() {
            config.http.tls_cert.clone_from(&self.tls_cert);
            config.http.tls_key.clone_from(&self.tls_key);
        }
        if !self.announce.is_empty() {
            config.rtc.announce.clone_from(&self.announce);
        }
        config.rtc.udp_port = self.udp_port.unwrap_or(config.rtc.udp_port);
        config.rtc.tcp_port = self.tcp_port.unwrap_or(config.rtc.tcp_port);
        config.workers = self.workers.unwrap_or(config.workers);
        for assignment in &self.set {
            config.plugins.set(assignment)?;
        }
        if let Some(off) = &self.off {
            config.plugins.off(off);
        }
        if self.open {
            config.open = true;
        }
        Ok(config)
    }
}
