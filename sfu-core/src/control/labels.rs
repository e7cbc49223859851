//! Names that signaling or a request puts on an entity.
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a signaling crate knows of an entity: `stream`, `room`, `user` and the like.
///
/// At most 32 labels of at most 64 + 256 bytes; [`Labels::set`] leaves out what is beyond.
/// Children take over the labels of their parent where they set none of the same name.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Labels(Arc<BTreeMap<String, String>>);

impl Labels {
    /// No labels.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces one label; one that is too long or one too many is left out.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        if name.len() > 64 || value.len() > 256 || (self.0.len() >= 32 && !self.0.contains_key(&name)) {
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

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut labels = Labels::new();
        for (name, value) in pairs {
            labels.set(name, value);
        }
        labels
    }
}
