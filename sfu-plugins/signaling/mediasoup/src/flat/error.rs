/// Why bytes are not the table that was expected.
#[allow(missing_docs)] // Their texts say what they mean.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlatError {
    /// Something points out of the buffer. `position` counts bytes from the start of the root offset.
    #[error(
        "signaling.mediasoup: byte {position} of a message of {length} bytes is beyond it; its sender errs"
    )]
    OutOfBounds { position: usize, length: usize },
    /// A table's description contradicts itself.
    #[error("signaling.mediasoup: the table at byte {position} has a broken vtable; the sender is broken")]
    BadVtable { position: usize },
    /// What the schema requires is not there.
    #[error("signaling.mediasoup: {table} lacks {field}, which is required")]
    Missing { table: &'static str, field: &'static str },
    /// A number that is no member of the enum.
    #[error("signaling.mediasoup: {number} is no {name} of this protocol version")]
    UnknownEnum { name: &'static str, number: u8 },
    /// A number that is no member of the union.
    #[error("signaling.mediasoup: {number} is no type of {name} in this protocol version")]
    UnknownUnion { name: &'static str, number: u8 },
    /// A union that names a type and has no value.
    #[error("signaling.mediasoup: the {name} of type {number} has no value")]
    EmptyUnion { name: &'static str, number: u8 },
    /// Text that is not UTF-8.
    #[error("signaling.mediasoup: the text at byte {position} is not UTF-8")]
    NotUtf8 { position: usize },
    /// Tables in tables in tables, more than any schema has.
    #[error("signaling.mediasoup: a message is nested deeper than {limit} tables")]
    TooDeep { limit: u8 },
    /// A small message that would become a huge value, by naming the same bytes again and again.
    #[error("signaling.mediasoup: a message of {length} bytes stands for more than {limit} bytes of values")]
    TooMuch { length: usize, limit: usize },
}
