//! TODO(plugin)
