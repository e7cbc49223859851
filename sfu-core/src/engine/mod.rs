//! TODO(engine)
pub(crate) mod stream;
