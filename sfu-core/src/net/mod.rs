//! TODO(net)
