//! Whether a plugin is on for an entity.

/// A plugin's answer to `*_opened`.
#[must_use = "the answer decides whether the plugin is on for this entity: return it"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attach<S> {
    /// On: the state comes back in every hook about this entity.
    On(S),
    /// Off: no hook about this entity is called.
    Off,
    /// The entity must not be: the client is told why in its protocol's own terms.
    ///
    /// For an entity that existed before the plugin was switched on, this means `Off`.
    Refuse(Refusal),
}

/// Why an entity must not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
#[non_exhaustive]
pub struct Refusal {
    /// Text for the client.
    pub text: String,
    /// A code of the plugin's own, for protocols that carry one.
    pub code: Option<u32>,
}

impl Refusal {
    /// A refusal with a text for the client.
    pub fn new(text: impl Into<String>) -> Self {
        Refusal { text: text.into(), code: None }
    }

    /// The same with a code of the plugin's own.
    #[must_use]
    pub fn with_code(mut self, code: u32) -> Self {
        self.code = Some(code);
        self
    }
}

/// What an entity's row holds for one plugin. `On` is what "the plugin is on for this entity" means.
#[derive(Debug)]
pub enum Cell<S> {
    /// Not on.
    Off,
    /// On.
    On(S),
    /// The plugin failed here and its `on_panic` is not `forward`: what it guarded is dropped, with `close` until it is closed.
    Blocked,
}

// Written out, because the derive would ask for `S: Default`.
#[allow(clippy::derivable_impls)]
impl<S> Default for Cell<S> {
    fn default() -> Self {
        Cell::Off
    }
}

impl<S> Cell<S> {
    /// The state, where on.
    #[inline]
    pub fn state(&self) -> Option<&S> {
        match self {
            Cell::On(state) => Some(state),
            _ => None,
        }
    }

    /// The state, where on.
    #[inline]
    pub fn state_mut(&mut self) -> Option<&mut S> {
        match self {
            Cell::On(state) => Some(state),
            _ => None,
        }
    }

    /// Takes the state out; `Off` stays behind.
    pub fn take(&mut self) -> Option<S> {
        match std::mem::take(self) {
            Cell::On(state) => Some(state),
            _ => None,
        }
    }

    /// Whether hooks or drops happen here.
    pub fn is_used(&self) -> bool {
        !matches!(self, Cell::Off)
    }
}
