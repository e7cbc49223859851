//! TODO(testing)
