//! TODO(signaling)
