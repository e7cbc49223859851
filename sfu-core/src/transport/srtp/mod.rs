//! TODO(srtp)
