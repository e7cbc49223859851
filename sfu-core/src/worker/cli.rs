//! The command line of a worker.
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::{WorkerConfig, WorkerError, file};
use crate::http::HttpConfig;
use crate::plugin::Composition;

/// A WebRTC SFU worker.
#[derive(Debug, Parser)]
#[command(about = "A WebRTC SFU worker, built with sfukit")]
pub(super) struct Cli {
    /// What to do; without a command the worker runs.
    #[command(subcommand)]
    pub(super) command: Option<Action>,
    #[command(flatten)]
    pub(super) settings: Settings,
}

impl Cli {
    /// The command line of this program; ends the program where it is wrong or asks for help.
    pub(super) fn of<C: Composition>() -> Self {
        let matches = command::<C>().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Likewise, where the command line is not ours and the environment alone has settings.
    pub(super) fn of_environment<C: Composition>() -> Result<Self, WorkerError> {
        let matches = command::<C>().try_get_matches_from([C::NAME]);
        matches
            .and_then(|matches| Self::from_arg_matches(&matches))
            .map_err(|error| WorkerError::Config(error.to_string().trim_end().to_owned()))
    }
}

/// What can stand on the command line; the version names the worker's own package and the toolkit.
fn command<C: Composition>() -> clap::Command {
    // Once per program; without clap's `string` feature it wants texts that live as long.
    let version = format!("{} (sfukit {})", C::VERSION, env!("CARGO_PKG_VERSION")).leak();
    Cli::command().name(C::NAME).version(&*version)
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
    /// Prints the JSON schemas of a plugin's configuration, options and requests, or of a signaling crate's configuration.
    Schema {
        /// Id of a plugin or of a signaling crate.
        id: String,
    },
    /// Checks a configuration file.
    Check {
        /// The file.
        config: PathBuf,
    },
}

/// Settings; each can stand in the file, too, and the command line wins.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Settings {
    /// Configuration file (TOML).
    #[arg(long, short, env = "SFU_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Address and port of the HTTP server [default: 127.0.0.1:8080].
    #[arg(long, env = "SFU_LISTEN", global = true)]
    listen: Option<SocketAddr>,
    /// Address or host name that peers are told instead of this machine's own; may be repeated.
    #[arg(long, env = "SFU_ANNOUNCE", value_delimiter = ',', global = true)]
    announce: Vec<String>,
    /// UDP port for media; each further media thread takes the next one [default: any].
    #[arg(long, env = "SFU_UDP_PORT", global = true)]
    udp_port: Option<u16>,
    /// TCP port for media of peers without UDP, likewise [default: any].
    #[arg(long, env = "SFU_TCP_PORT", global = true)]
    tcp_port: Option<u16>,
    /// PEM file with the certificate chain for HTTPS.
    #[arg(long, env = "SFU_TLS_CERT", global = true)]
    tls_cert: Option<PathBuf>,
    /// PEM file with the key of the certificate.
    #[arg(long, env = "SFU_TLS_KEY", global = true)]
    tls_key: Option<PathBuf>,
    /// Media threads [default: the number of cores].
    #[arg(long, env = "SFU_WORKERS", global = true)]
    workers: Option<u8>,
    /// Transports and consumers that a room has on a media thread before it takes another one [default: 192].
    #[arg(long, env = "SFU_SPREAD_AT", global = true)]
    spread_at: Option<usize>,
    /// Sets one field of a plugin: `id.key=value`; may be repeated (in the environment: one a line).
    #[arg(long, env = "SFU_SET", value_delimiter = '\n', global = true)]
    set: Vec<String>,
    /// Plugins that are only on where a request switches them on: `id,…`.
    #[arg(long, env = "SFU_OFF", global = true)]
    off: Option<String>,
    /// Lets everybody publish and watch, also beyond this machine.
    #[arg(long, env = "SFU_OPEN", global = true)]
    open: bool,
    /// What to log, as `tracing` filters: `info`, `sfu_core=debug` …
    #[arg(long, env = "SFU_LOG", default_value = "info", global = true)]
    pub(super) log: String,
}

impl Settings {
    /// Whether `config`, which they were resolved to, says where the HTTP server listens.
    pub(super) fn ask_for_http(&self, config: &WorkerConfig) -> bool {
        self.listen.is_some() || config.http != HttpConfig::default()
    }

    /// The file's settings, with what the command line and the environment say on top.
    pub(super) fn resolve(&self) -> Result<WorkerConfig, WorkerError> {
        self.resolve_with(None)
    }

    /// Likewise, with what is `given` in place of the file, as JSON of the same form.
    pub(super) fn resolve_with(&self, given: Option<serde_json::Value>) -> Result<WorkerConfig, WorkerError> {
        let mut config = match (given, &self.config) {
            (Some(given), _) => file::from_json(given)?,
            (None, Some(path)) => file::read(path)?,
            (None, None) => WorkerConfig::default(),
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
        config.spread_at = self.spread_at.unwrap_or(config.spread_at);
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

#[cfg(test)]
mod tests {
    use super::*;

    crate::worker! { struct Program; plugins = []; }

    fn settings(line: &str) -> Result<WorkerConfig, String> {
        let line = std::iter::once("program").chain(line.split(' '));
        let matches = command::<Program>().try_get_matches_from(line).map_err(|error| error.to_string())?;
        let cli = Cli::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        cli.settings.resolve().map_err(|error| error.to_string())
    }

    #[test]
    fn a_value_with_commas_is_one_value() {
        let config = settings(r#"--set recorder.only={"a":"1","b":"2"} --set recorder.folder=/a,b"#).unwrap();
        let table = config.plugins.config("recorder");
        assert_eq!(table["only"], serde_json::json!({ "a": "1", "b": "2" }));
        assert_eq!(table["folder"], "/a,b");
    }

    #[test]
    fn settings_may_stand_before_and_after_the_command() {
        assert_eq!(settings("--workers 3 run").unwrap().workers, 3);
        assert_eq!(settings("run --workers 3").unwrap().workers, 3);
        assert_eq!(settings("--spread-at 1000").unwrap().spread_at, 1000);
        assert_eq!(settings("run --announce a,b --announce c").unwrap().rtc.announce, ["a", "b", "c"]);
    }

    #[test]
    fn the_version_is_that_of_the_program_and_names_the_toolkit() {
        let text = command::<Program>().render_version();
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(text, format!("sfu-core {version} (sfukit {version})\n"));
    }
}
