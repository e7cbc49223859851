use super::position::OFFSET;
use super::{FlatError, Hole, Inline, TableView, Writer};

/// The value of a field of a table: what stands in one slot, or the two slots of a union.
pub trait Slot: Sized + PartialEq {
    /// How many slots it takes.
    const SLOTS: u16;

    /// What it means that the slot is empty; `None` where the schema requires a value.
    fn unset() -> Option<Self>;

    /// Writes it into the open table.
    fn put(&self, writer: &mut Writer<'_>, slot: u16) -> Hole;

    /// Writes what the hole shall point to.
    fn fill(&self, writer: &mut Writer<'_>, hole: Hole);

    /// Reads it; `None` if the slot is empty.
    fn take(table: &TableView<'_>, slot: u16) -> Result<Option<Self>, FlatError>;
}

impl<T: Inline + PartialEq> Slot for T {
    const SLOTS: u16 = 1;

    fn unset() -> Option<Self> {
        <T as Inline>::unset()
    }

    fn put(&self, writer: &mut Writer<'_>, slot: u16) -> Hole {
        writer.open_slot(slot, T::SIZE);
        Inline::put(self, writer)
    }

    fn fill(&self, writer: &mut Writer<'_>, hole: Hole) {
        Inline::fill(self, writer, hole);
    }

    fn take(table: &TableView<'_>, slot: u16) -> Result<Option<Self>, FlatError> {
        table.slot(slot, T::SIZE)?.map(T::get).transpose()
    }
}

/// A value that may be absent; a scalar is written even if it is 0.
impl<T: Inline + PartialEq> Slot for Option<T> {
    const SLOTS: u16 = 1;

    fn unset() -> Option<Self> {
        Some(None)
    }

    fn put(&self, writer: &mut Writer<'_>, slot: u16) -> Hole {
        self.as_ref().map_or(Hole::NONE, |value| Slot::put(value, writer, slot))
    }

    fn fill(&self, writer: &mut Writer<'_>, hole: Hole) {
        if let Some(value) = self {
            Inline::fill(value, writer, hole);
        }
    }

    fn take(table: &TableView<'_>, slot: u16) -> Result<Option<Self>, FlatError> {
        T::take(table, slot).map(|value| value.map(Some))
    }
}

/// A union, which `schema!` implements: a number in one slot, a table in the next.
pub trait UnionSlot: Sized + PartialEq {
    /// The name in errors.
    const NAME: &'static str;

    /// The number of the type.
    fn number(&self) -> u8;

    /// Writes the table.
    fn write(&self, writer: &mut Writer<'_>) -> usize;

    /// Reads the table of the type `number`, which lies in `slot`.
    fn read(number: u8, table: &TableView<'_>, slot: u16) -> Result<Option<Self>, FlatError>;

    /// As [`Slot::put`].
    fn put_union(&self, writer: &mut Writer<'_>, slot: u16) -> Hole {
        Slot::put(&self.number(), writer, slot);
        writer.open_slot(slot + 1, OFFSET);
        writer.reserve_offset()
    }

    /// As [`Slot::fill`].
    fn fill_union(&self, writer: &mut Writer<'_>, hole: Hole) {
        writer.place(hole, |writer| self.write(writer));
    }

    /// As [`Slot::take`].
    fn take_union(table: &TableView<'_>, slot: u16) -> Result<Option<Self>, FlatError> {
        match table.value::<u8>(slot)?.unwrap_or(0) {
            0 => Ok(None),
            number => Self::read(number, table, slot + 1)?
                .ok_or(FlatError::EmptyUnion { name: Self::NAME, number })
                .map(Some),
        }
    }
}
