//! A process that the library started: what it was told, and what it was handed.
use std::sync::Mutex;

use sfu_core::WorkerConfig;
use sfu_core::signaling::{EarlyExit, Invocation, Takeover};
use sfu_mediasoup_process::{ChannelFds, take_channel};
use tokio::sync::oneshot;
use tracing_subscriber::layer::SubscriberExt;

use crate::arguments::Settings;
use crate::exit_code::ExitCode;
use crate::log_layer::{self, LogLines, LogSwitch};
use crate::schema::{ProtocolVersion, VersionNote};

/// The variable by which the library says that it starts a worker, and its version.
const VERSION: &str = "MEDIASOUP_VERSION";

/// The variable by which a worker gets more than one media thread.
const MEDIA_THREADS: &str = "SFU_MEDIA_THREADS";

/// What the library handed to this process.
pub(crate) struct Driven {
    pub(crate) version: ProtocolVersion,
    pub(crate) note: Option<VersionNote>,
    pub(crate) settings: Settings,
    pub(crate) channel: ChannelFds,
    pub(crate) log: LogLines,
    pub(crate) switch: LogSwitch,
    /// Ends the process.
    pub(crate) end: oneshot::Sender<()>,
}

/// Descriptors 3 and 4 belong to the process, so at most one worker in it is driven by a library. A worker that another
/// program embeds finds nothing here, whatever its environment says.
static DRIVEN: Mutex<Option<Driven>> = Mutex::new(None);

/// What the library handed to this process, for the one worker in it that it drives.
pub(crate) fn driven() -> Option<Driven> {
    DRIVEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
}

/// Takes over a process that the library started.
pub(crate) fn take_over(invocation: &Invocation) -> Option<Result<Takeover, EarlyExit>> {
    let (version, note, settings, media_threads) = match read(invocation)? {
        Ok(read) => read,
        Err(exit) => return Some(Err(exit)),
    };
    let channel = match take_channel() {
        Ok(channel) => channel,
        Err(error) => return Some(Err(EarlyExit { text: error.to_string(), code: 1 })),
    };
    let (layer, switch, log) = log_layer::log(settings.log);
    // Whoever set one before wants to see the log elsewhere.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer));
    let (end, ended) = oneshot::channel();
    let configure = configure(&settings, media_threads);
    let driven = Driven { version, note, settings, channel, log, switch, end };
    *DRIVEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(driven);
    Some(Ok(Takeover { configure, ended }))
}

type Read = (ProtocolVersion, Option<VersionNote>, Settings, u8);

/// What the library says; `None` if it did not start this process.
fn read(invocation: &Invocation) -> Option<Result<Read, EarlyExit>> {
    let given = invocation.variable(VERSION)?.to_string_lossy().into_owned();
    let exit = |text: String, code: ExitCode| EarlyExit { text, code: code as u8 };
    Some(match ProtocolVersion::choose(&given) {
        Err(error) => Err(exit(error.to_string(), ExitCode::UnknownVersion)),
        Ok((version, note)) => match Settings::from_arguments(invocation.arguments().iter().cloned()) {
            Ok(settings) => match media_threads(invocation) {
                Ok(threads) => Ok((version, note, settings, threads)),
                Err(text) => Err(exit(text, ExitCode::WrongSettings)),
            },
            Err(error) => Err(exit(error.to_string(), error.exit_code())),
        },
    })
}

/// How many media threads the worker is to have: one, unless whoever starts it says otherwise.
fn media_threads(invocation: &Invocation) -> Result<u8, String> {
    let Some(given) = invocation.variable(MEDIA_THREADS).filter(|given| !given.is_empty()) else {
        return Ok(1);
    };
    let given = given.to_string_lossy();
    given
        .parse()
        .ok()
        .filter(|threads| (1..=64).contains(threads))
        .ok_or_else(|| format!("signaling.mediasoup: {MEDIA_THREADS}={given}: a number of 1 to 64 is needed"))
}

/// A worker of the library is one media thread, and the library starts more of them for more cores; with several, large rooms spread
/// over them.
pub(crate) fn configure(settings: &Settings, media_threads: u8) -> Box<dyn FnOnce(&mut WorkerConfig) + Send> {
    let dtls = settings.dtls_files.clone();
    Box::new(move |config| {
        config.workers = media_threads;
        if let Some(files) = dtls {
            config.rtc.dtls_cert = Some(files.certificate);
            config.rtc.dtls_key = Some(files.private_key);
        }
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn start(version: Option<&str>, arguments: &[&str]) -> Option<Result<Read, (String, u8)>> {
        let variables = version.map(|version| (OsString::from(VERSION), OsString::from(version)));
        let invocation = Invocation::new(arguments.iter().map(OsString::from), variables);
        read(&invocation).map(|outcome| outcome.map_err(|exit| (exit.text, exit.code)))
    }

    #[test]
    fn without_the_librarys_version_the_process_is_not_ours() {
        assert!(start(None, &["--logLevel=debug"]).is_none());
    }

    #[test]
    fn an_unknown_version_ends_with_43_and_wrong_arguments_with_42() {
        let (text, code) = start(Some("3.99.0"), &[]).unwrap().unwrap_err();
        assert!(code == 43 && text.contains("3.27.x"), "{code} {text}");
        let (text, code) = start(Some("3.27.1"), &["--logLevel=chicken"]).unwrap().unwrap_err();
        assert!(code == 42 && text.contains("chicken"), "{code} {text}");
    }

    #[test]
    fn a_worker_has_as_many_media_threads_as_the_variable_says_and_one_without() {
        let threads = |given: &[&str]| {
            let variables = given.iter().map(|given| (OsString::from(MEDIA_THREADS), OsString::from(given)));
            let variables = variables.chain([(OsString::from(VERSION), OsString::from("3.27.1"))]);
            let invocation = Invocation::new([], variables);
            read(&invocation).unwrap().map(|(.., threads)| threads).map_err(|exit| (exit.text, exit.code))
        };
        assert_eq!((threads(&[]), threads(&[""])), (Ok(1), Ok(1)));
        assert_eq!((threads(&["1"]), threads(&["64"])), (Ok(1), Ok(64)));
        for wrong in ["0", "65", "two", "-1", "1.5"] {
            let (text, code) = threads(&[wrong]).unwrap_err();
            assert!(code == 42 && text.contains("SFU_MEDIA_THREADS"), "{code} {text}");
        }
    }

    #[test]
    fn the_configuration_gets_one_media_thread_and_the_librarys_certificate() {
        let files = crate::arguments::DtlsFiles { certificate: "/c".into(), private_key: "/k".into() };
        let settings = Settings { dtls_files: Some(files), ..Settings::default() };
        let mut config = WorkerConfig { workers: 8, ..WorkerConfig::default() };
        configure(&settings, 1)(&mut config);
        assert_eq!(config.workers, 1);
        assert_eq!((config.rtc.dtls_cert, config.rtc.dtls_key), (Some("/c".into()), Some("/k".into())));
    }
}
