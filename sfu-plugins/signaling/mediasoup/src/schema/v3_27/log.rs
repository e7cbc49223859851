//! Log lines.
use crate::flat::schema;

schema! {
    namespace "Log";

    table Log {
        /// The first character is the level; see [`crate::log`].
        data: String,
    }
}
