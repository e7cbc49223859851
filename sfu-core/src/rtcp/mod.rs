//! TODO(rtcp)
