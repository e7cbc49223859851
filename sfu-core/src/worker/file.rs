//! The configuration file.
use std::path::Path;

use super::{RtcConfig, WorkerConfig, WorkerError};
use crate::http::HttpConfig;
use crate::plugin::PluginSettings;

/// The file as TOML has it.
#[derive(Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConfigFile {
    /// Media threads; 0 takes the number of cores.
    workers: u8,
    /// Transports and consumers that a room has on a media thread before it takes another one; 0 takes 192: a hundred viewers of
    /// one stream, or a conference of ten.
    spread_at: usize,
    /// Let everybody publish and watch, also beyond this machine.
    open: bool,
    /// HTTP server of signaling.
    http: HttpConfig,
    /// Media over the network.
    rtc: RtcConfig,
    /// One table per plugin.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    plugins: Option<serde_json::Value>,
    /// One table per signaling crate.
    signaling: serde_json::Map<String, serde_json::Value>,
}

/// Reads a configuration file.
pub(crate) fn read(path: &Path) -> Result<WorkerConfig, WorkerError> {
    let fail = |text: String| WorkerError::Config(format!("config: {}: {text}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    parse(&text).map_err(|error| fail(error.to_string()))
}

/// Reads the text of a configuration file.
pub(crate) fn parse(text: &str) -> Result<WorkerConfig, WorkerError> {
    let file: ConfigFile =
        toml::from_str(text).map_err(|error| WorkerError::Config(error.to_string().trim_end().to_owned()))?;
    file.settings()
}

/// Reads what is given in place of a file, as JSON of the same form.
pub(crate) fn from_json(config: serde_json::Value) -> Result<WorkerConfig, WorkerError> {
    let file: ConfigFile =
        serde_json::from_value(config).map_err(|error| WorkerError::Config(format!("config: {error}")))?;
    file.settings()
}

impl ConfigFile {
    fn settings(self) -> Result<WorkerConfig, WorkerError> {
        Ok(WorkerConfig {
            workers: self.workers,
            spread_at: self.spread_at,
            open: self.open,
            http: self.http,
            rtc: self.rtc,
            plugins: PluginSettings::from_json(self.plugins.unwrap_or_default())?,
            signaling: self.signaling,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_sets_what_it_names_and_leaves_the_rest() {
        let config = parse(
            "workers = 2\n[http]\nlisten = \"127.0.0.1:9000\"\n[plugins.recorder]\nfolder = \"/x\"\n[signaling.whip]\nopen = true\n",
        )
        .unwrap();
        assert_eq!((config.workers, config.http.listen.port()), (2, 9000));
        assert_eq!(config.rtc, RtcConfig::default());
        assert_eq!(config.plugins.config("recorder"), serde_json::json!({ "folder": "/x" }));
        assert_eq!(config.signaling["whip"]["open"], true);
    }

    #[test]
    fn json_in_place_of_a_file_has_its_form() {
        let given = serde_json::json!({ "workers": 2, "plugins": { "recorder": { "folder": "/x" } } });
        let text = "workers = 2\n[plugins.recorder]\nfolder = \"/x\"\n";
        assert_eq!(from_json(given).unwrap(), parse(text).unwrap());
        let error = from_json(serde_json::json!({ "wrokers": 2 })).unwrap_err().to_string();
        assert!(error.starts_with("config: ") && error.contains("wrokers"), "{error}");
    }

    #[test]
    fn an_unknown_field_is_named() {
        let error = parse("[http]\nlisen = \"127.0.0.1:1\"\n").unwrap_err().to_string();
        assert!(error.contains("lisen") && error.contains("listen"), "{error}");
    }
}
