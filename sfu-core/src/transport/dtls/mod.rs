//! TODO(dtls)
