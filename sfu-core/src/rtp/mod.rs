//! TODO(rtp)
