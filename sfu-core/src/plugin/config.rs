//! Configuration of plugins: their tables, and what stands on the command line.
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::compose::{PluginSet, shorten};
use super::error::Error;
use super::meta::Meta;

/// Fields of a plugin's table that the core reads itself: whether it is on, and with which options.
const RESERVED: [&str; 2] = ["enabled", "options"];

/// What the configuration says of plugins: `[plugins.<id>]`, `--set <id>.<key>=<value>` and `--off <id>`.
///
/// In each table `enabled` (on for everything that the plugin can attach to, or only on request) and `options` (for
/// where it is on without a request) are the core's; all other fields are the plugin's own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PluginSettings {
    tables: BTreeMap<String, Map<String, Value>>,
}

impl PluginSettings {
    /// From the `[plugins]` table of a file, as JSON; `null` is an empty one.
    pub fn from_json(plugins: Value) -> Result<Self, Error> {
        let mut settings = PluginSettings::default();
        match plugins {
            Value::Null => {}
            Value::Object(tables) => {
                for (id, table) in tables {
                    let Value::Object(table) = table else {
                        return Err(Error::at(format!("plugins.{}", shorten(&id)), "expected a table"));
                    };
                    settings.tables.insert(id, table);
                }
            }
            _ => return Err(Error::at("plugins", "expected a table with one table per plugin")),
        }
        Ok(settings)
    }

    /// One plugin's table; `null` is an empty one.
    pub fn of(id: &str, table: Value) -> Result<Self, Error> {
        let table = if table.is_null() { Value::Object(Map::new()) } else { table };
        Self::from_json(Value::Object(Map::from_iter([(id.to_owned(), table)])))
    }

    /// From the `[plugins]` table of a TOML file.
    pub fn from_toml(plugins: toml::Value) -> Result<Self, Error> {
        let json = serde_json::to_value(plugins).map_err(|e| Error::at("plugins", e.to_string()))?;
        Self::from_json(json)
    }

    /// One `--set id.key=value`; the value is JSON or, where it is none, text. Dots in the key lead into tables.
    pub fn set(&mut self, assignment: &str) -> Result<(), Error> {
        let bad = |why: &str| Error::at(format!("--set {}", shorten(assignment)), why.to_owned());
        let (path, value) =
            assignment.split_once('=').ok_or_else(|| bad("expected `<plugin>.<key>=<value>`"))?;
        let mut keys = path.split('.').map(str::trim);
        let id = keys.next().filter(|id| !id.is_empty()).ok_or_else(|| bad("names no plugin"))?;
        let keys: Vec<&str> = keys.collect();
        let Some((last, tables)) = keys.split_last().filter(|_| keys.iter().all(|key| !key.is_empty()))
        else {
            return Err(bad("names no key; expected `<plugin>.<key>=<value>`"));
        };
        let mut table = self.tables.entry(id.to_owned()).or_default();
        for key in tables {
            let next = table.entry(*key).or_insert_with(|| Value::Object(Map::new()));
            table = next.as_object_mut().ok_or_else(|| bad(&format!("`{key}` is no table")))?;
        }
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        table.insert((*last).to_owned(), value);
        Ok(())
    }

    /// `--off id,…`: only on request.
    pub fn off(&mut self, ids: &str) {
        for id in ids.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            self.tables.entry(id.to_owned()).or_default().insert("enabled".to_owned(), false.into());
        }
    }

    /// Checks everything against the composed plugins: ids, fields, options. The first error names its place.
    pub fn check<S: PluginSet>(&self) -> Result<(), Error> {
        for (id, table) in &self.tables {
            let slot = S::slot_of(id).map_err(|error| {
                Error::at(
                    format!("plugins.{}", shorten(id)),
                    format!(
                        "not composed into this worker: {}; add it to `worker!` or remove the table",
                        error.text()
                    ),
                )
            })?;
            if table.get("enabled").is_some_and(|enabled| !enabled.is_boolean()) {
                return Err(Error::at(format!("plugins.{id}.enabled"), "expected true or false"));
            }
            S::check_config(slot, &self.config(id))?;
            S::check_options(slot, &self.options(id))?;
        }
        Ok(())
    }

    /// A plugin's own configuration; `null` for none.
    pub fn config(&self, id: &str) -> Value {
        let Some(table) = self.tables.get(id) else { return Value::Null };
        let mut own = table.clone();
        for reserved in RESERVED {
            own.remove(reserved);
        }
        if own.is_empty() { Value::Null } else { Value::Object(own) }
    }

    /// Whether a plugin is on without a request, if the configuration says so.
    pub fn enabled(&self, id: &str) -> Option<bool> {
        self.tables.get(id)?.get("enabled")?.as_bool()
    }

    /// Its options where it is on without a request; `null` for none.
    pub fn options(&self, id: &str) -> Value {
        self.given_options(id).unwrap_or(Value::Null)
    }

    /// The same, if the table has any.
    pub fn given_options(&self, id: &str) -> Option<Value> {
        self.tables.get(id)?.get("options").cloned()
    }

    /// A plugin's table with all that holds for it, also where it is left out.
    pub(crate) fn whole_table(&self, meta: &Meta) -> Value {
        let on = self.enabled(meta.id).unwrap_or(!meta.off_by_default);
        Self::table(self.config(meta.id), on, self.options(meta.id))
    }

    /// A table of a plugin's own configuration, and the core's fields beside it.
    pub fn table(own: Value, enabled: bool, options: Value) -> Value {
        let mut table = if let Value::Object(table) = own { table } else { Map::new() };
        table.insert("enabled".to_owned(), enabled.into());
        table.insert("options".to_owned(), options);
        Value::Object(table)
    }
}
