//! Entries of maps, and what several subjects use.
use crate::flat::schema;

schema! {
    namespace "Common";

    table StringString {
        key: String,
        value: String,
    }

    table StringUint8 {
        key: String,
        value: u8,
    }

    table Uint16String {
        key: u16,
        value: String,
    }

    table Uint32String {
        key: u32,
        value: String,
    }

    table StringStringArray {
        key: String,
        values: Vec<String>,
    }

    /// Seen from the worker.
    enum TraceDirection {
        DirectionIn = 0,
        DirectionOut = 1,
    }
}
