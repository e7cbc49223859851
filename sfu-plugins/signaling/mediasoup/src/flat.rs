//! FlatBuffers without `unsafe` and without a code generator: a reader, a writer, and the `schema!` macro
//! that maps plain structs and enums to tables.
//!
//! The reader takes bytes that nobody has checked. Whatever they are, it ends with a value or a
//! [`FlatError`], in time and memory proportional to their number. What a schema of mediasoup never uses is
//! left out: structs, vectors of unions, file identifiers.
mod error;
mod inline;
mod position;
mod reader;
mod slot;
mod table;
mod vector;
mod writer;

mod schema_macro;

pub use error::FlatError;
pub use inline::Inline;
pub(crate) use reader::with_root;
pub use reader::{Place, TableView, decode};
pub use slot::{Slot, UnionSlot};
pub use table::{FieldOrder, Table};
pub use writer::{Hole, Writer, encode};

#[cfg(test)]
mod tests;

pub(crate) use schema_macro::schema;
