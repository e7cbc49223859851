//! TODO(ice)
