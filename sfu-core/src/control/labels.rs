//! Names that signaling or a request puts on an entity.
use std::collections::BTreeMap;
use std::sync::Arc;

const MAX_COUNT: usize = 32;
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 256;

/// Why texts are no labels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// More than an entity can have.
    #[error("labels: {0} are too many, an entity has {MAX_COUNT} at the most")]
    TooMany(usize),
    /// A name that is too long.
    #[error("labels: a name has {0} bytes, {MAX_NAME} are the most")]
    Name(usize),
    /// A value that is too long.
    #[error("labels: {name:?} has {length} bytes, {MAX_VALUE} are the most")]
    Value {
        /// Name of the label.
        name: String,
        /// Bytes of its value.
        length: usize,
    },
}

/// What a signaling crate knows of an entity: `stream`, `room`, `user` and the like.
///
/// At most 32 labels of at most 64 + 256 bytes; [`Labels::set`] leaves out what is beyond, and reading them from JSON or the like
/// refuses it.
/// Children take over the labels of their parent where they set none of the same name.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Labels(Arc<BTreeMap<String, String>>);

impl Labels {
    /// No labels.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces one label; one that is too long or one too many is left out.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        if name.len() > MAX_NAME
            || value.len() > MAX_VALUE
            || (self.0.len() >= MAX_COUNT && !self.0.contains_key(&name))
        {
            return;
        }
        Arc::make_mut(&mut self.0).insert(name, value);
    }

    /// The same, by value.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    /// One label.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All labels by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// These labels with what is missing taken from `parent`.
    pub fn inherit(&self, parent: &Labels) -> Labels {
        if self.0.is_empty() {
            return parent.clone();
        }
        let mut merged = parent.clone();
        for (name, value) in self.iter() {
            merged.set(name, value);
        }
        merged
    }
}

impl TryFrom<BTreeMap<String, String>> for Labels {
    type Error = LabelError;

    fn try_from(labels: BTreeMap<String, String>) -> Result<Self, LabelError> {
        if labels.len() > MAX_COUNT {
            return Err(LabelError::TooMany(labels.len()));
        }
        for (name, value) in &labels {
            if name.len() > MAX_NAME {
                return Err(LabelError::Name(name.len()));
            }
            if value.len() > MAX_VALUE {
                return Err(LabelError::Value { name: name.clone(), length: value.len() });
            }
        }
        Ok(Self(Arc::new(labels)))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut labels = Labels::new();
        for (name, value) in pairs {
            labels.set(name, value);
        }
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_from_outside_are_refused_where_they_are_too_many_or_too_long() {
        let read = |text: &str| serde_json::from_str::<Labels>(text).map_err(|error| error.to_string());
        let labels = read(r#"{"stream":"talk"}"#).unwrap();
        assert_eq!(labels.get("stream"), Some("talk"));
        assert_eq!(serde_json::to_string(&labels).unwrap(), r#"{"stream":"talk"}"#);
        let of = |name: usize, value: usize| format!(r#"{{"{}":"{}"}}"#, "n".repeat(name), "v".repeat(value));
        assert!(read(&of(64, 256)).is_ok());
        assert!(read(&of(65, 1)).unwrap_err().contains("65 bytes, 64 are the most"));
        assert!(read(&of(1, 257)).unwrap_err().contains("257 bytes, 256 are the most"));
        let many = |count: usize| {
            let pairs: BTreeMap<_, _> = (0..count).map(|index| (index.to_string(), String::new())).collect();
            Labels::try_from(pairs)
        };
        assert!(many(32).is_ok());
        assert_eq!(many(33), Err(LabelError::TooMany(33)));
    }
}
