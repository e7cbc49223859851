use super::{FlatError, Slot, TableView, Writer};

/// A struct that `schema!` maps to a table.
pub trait Table: Sized + PartialEq {
    /// Namespace and name in the schema, for errors.
    const NAME: &'static str;

    /// Writes the table and all that it points to; returns where it is.
    fn write(&self, writer: &mut Writer<'_>) -> usize;

    /// Reads the table and all that it points to.
    fn read(table: &TableView<'_>) -> Result<Self, FlatError>;
}

/// Numbers the slots of a table in the order of its fields.
#[derive(Default)]
pub struct FieldOrder(u16);

impl FieldOrder {
    /// The slot of the next field, which is an `S`.
    pub fn slot<S: Slot>(&mut self) -> u16 {
        let slot = self.0;
        self.0 += S::SLOTS;
        slot
    }
}
