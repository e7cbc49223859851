//! The command line that the library starts a worker with, read as getopt_long_only(3) reads it: one dash or
//! two, any beginning of a name that fits one option alone, and a value behind `=`.
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::exit_code::ExitCode;
use crate::log::{LogFilter, LogLevel, LogTags, WrongLogLevel};

/// What a worker is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What is logged.
    pub log: LogFilter,
    /// The first port of transports that name none, and no range.
    pub rtc_min_port: u16,
    /// The last one.
    pub rtc_max_port: u16,
    /// The certificate of DTLS; without one, the worker makes its own.
    pub dtls_files: Option<DtlsFiles>,
    /// Accepted, and without effect here.
    pub field_trials: Option<String>,
}

/// PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DtlsFiles {
    /// The certificate, which may have expired.
    pub certificate: PathBuf,
    /// Its key.
    pub private_key: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log: LogFilter::default(),
            rtc_min_port: 10_000,
            rtc_max_port: 59_999,
            dtls_files: None,
            field_trials: None,
        }
    }
}

/// Why a worker can't be started with these arguments.
#[allow(missing_docs)] // Their texts say what they mean.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("signaling.mediasoup: {0} is no option of a worker; there are {names}", names = names())]
    UnknownOption(String),
    #[error("signaling.mediasoup: {given} is the beginning of several options: {fitting}; write more of it")]
    Ambiguous { given: String, fitting: String },
    #[error("signaling.mediasoup: missing value in command line argument {0}; write it as {0}=value")]
    MissingValue(String),
    #[error("signaling.mediasoup: {0}")]
    LogLevel(#[from] WrongLogLevel),
    #[error("signaling.mediasoup: {option} is {given:?}, which is no number (stoi)")]
    NoNumber { option: &'static str, given: String },
    #[error("signaling.mediasoup: rtcMaxPort ({max}) cannot be less than rtcMinPort ({min})")]
    NoPorts { min: u16, max: u16 },
    #[error("signaling.mediasoup: {given} is there and {missing} is missing; give both or none")]
    HalfOfDtls { given: &'static str, missing: &'static str },
    #[error("signaling.mediasoup: {option} {path:?} can't be read: {error}")]
    Unreadable { option: &'static str, path: PathBuf, error: std::io::Error },
}

impl SettingsError {
    /// What the process ends with.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::WrongSettings
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Setting {
    LogLevel,
    LogTags,
    RtcMinPort,
    RtcMaxPort,
    DtlsCertificateFile,
    DtlsPrivateKeyFile,
    LibwebrtcFieldTrials,
}

const OPTIONS: [(&str, Setting); 7] = [
    ("logLevel", Setting::LogLevel),
    // The library says logTag, which is a beginning of this.
    ("logTags", Setting::LogTags),
    ("rtcMinPort", Setting::RtcMinPort),
    ("rtcMaxPort", Setting::RtcMaxPort),
    ("dtlsCertificateFile", Setting::DtlsCertificateFile),
    ("dtlsPrivateKeyFile", Setting::DtlsPrivateKeyFile),
    ("libwebrtcFieldTrials", Setting::LibwebrtcFieldTrials),
];

fn names() -> String {
    OPTIONS.map(|(name, _)| format!("--{name}")).join(", ")
}

impl Settings {
    /// Reads the arguments, without the program's name, and looks whether the files that they name can be
    /// read.
    pub fn from_arguments(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, SettingsError> {
        let settings = Self::parse(arguments)?;
        if let Some(files) = &settings.dtls_files {
            is_readable("dtlsCertificateFile", &files.certificate)?;
            is_readable("dtlsPrivateKeyFile", &files.private_key)?;
        }
        Ok(settings)
    }

    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, SettingsError> {
        let mut settings = Self::default();
        let mut tags = Vec::new();
        let (mut certificate, mut private_key) = (None, None);
        for argument in arguments {
            let bytes = argument.as_bytes();
            if bytes == b"--" {
                break;
            }
            // What is no option is ignored.
            let Some(option) = bytes.strip_prefix(b"-").filter(|rest| !rest.is_empty()) else { continue };
            let (setting, value) = parse_option(bytes, option.strip_prefix(b"-").unwrap_or(option))?;
            let text = || String::from_utf8_lossy(value).into_owned();
            // An empty name is none.
            let path = || Some(PathBuf::from(OsStr::from_bytes(value))).filter(|_| !value.is_empty());
            match setting {
                Setting::LogLevel => settings.log.level = LogLevel::parse(&text())?,
                Setting::LogTags => tags.push(text()),
                Setting::RtcMinPort => settings.rtc_min_port = parse_port("rtcMinPort", &text())?,
                Setting::RtcMaxPort => settings.rtc_max_port = parse_port("rtcMaxPort", &text())?,
                Setting::DtlsCertificateFile => certificate = path(),
                Setting::DtlsPrivateKeyFile => private_key = path(),
                Setting::LibwebrtcFieldTrials => settings.field_trials = Some(text()),
            }
        }
        settings.log.tags = LogTags::parse(tags);
        if settings.rtc_max_port < settings.rtc_min_port {
            return Err(SettingsError::NoPorts { min: settings.rtc_min_port, max: settings.rtc_max_port });
        }
        let half = |given, missing| Err(SettingsError::HalfOfDtls { given, missing });
        settings.dtls_files = match (certificate, private_key) {
            (Some(certificate), Some(private_key)) => Some(DtlsFiles { certificate, private_key }),
            (None, None) => None,
            (Some(_), None) => return half("dtlsCertificateFile", "dtlsPrivateKeyFile"),
            (None, Some(_)) => return half("dtlsPrivateKeyFile", "dtlsCertificateFile"),
        };
        Ok(settings)
    }
}

/// Finds the option that `name=value` stands for.
fn parse_option<'a>(argument: &[u8], option: &'a [u8]) -> Result<(Setting, &'a [u8]), SettingsError> {
    let (name, value) = match option.iter().position(|byte| *byte == b'=') {
        Some(at) => (&option[..at], Some(&option[at + 1..])),
        None => (option, None),
    };
    let given = || {
        let value = argument.iter().position(|byte| *byte == b'=').unwrap_or(argument.len());
        OsString::from_vec(argument[..value].to_vec()).to_string_lossy().into_owned()
    };
    let exact = OPTIONS.iter().find(|option| option.0.as_bytes() == name);
    let mut fitting = OPTIONS.iter().filter(|option| option.0.as_bytes().starts_with(name));
    let setting = match (exact, fitting.clone().count()) {
        (Some(option), _) => option.1,
        (None, 0) => return Err(SettingsError::UnknownOption(given())),
        (None, 1) => fitting.next().expect("one was counted").1,
        (None, _) => {
            let fitting: Vec<String> = fitting.map(|option| format!("--{}", option.0)).collect();
            return Err(SettingsError::Ambiguous { given: given(), fitting: fitting.join(", ") });
        }
    };
    // The next argument is never the value.
    Ok((setting, value.ok_or_else(|| SettingsError::MissingValue(given()))?))
}

/// Reads a port as the library's own worker does, with C++'s `stoi` and a cast: blanks before the number and
/// anything behind it don't matter, and of a number that is no port the lowest 16 bits are taken.
fn parse_port(option: &'static str, text: &str) -> Result<u16, SettingsError> {
    let no_number = || SettingsError::NoNumber { option, given: text.into() };
    // What C calls a blank.
    let number = text.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, number.strip_prefix('+').unwrap_or(number)),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let number: i64 = digits[..end].parse().map_err(|_| no_number())?;
    let number = i32::try_from(sign * number).map_err(|_| no_number())?;
    Ok(number as u16)
}

fn is_readable(option: &'static str, path: &PathBuf) -> Result<(), SettingsError> {
    let opened = File::open(path).and_then(|file| {
        if file.metadata()?.is_file() { Ok(()) } else { Err(std::io::Error::other("it is no file")) }
    });
    opened.map_err(|error| SettingsError::Unreadable { option, path: path.clone(), error })
}

#[cfg(test)]
mod tests;
