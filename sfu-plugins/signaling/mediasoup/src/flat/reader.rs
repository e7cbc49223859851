use std::cell::Cell;

use super::position::OFFSET;
use super::{FlatError, Inline, Slot, Table};

/// Tables in tables; the deepest legitimate message, the dump of a consumer, has ten.
const MAX_DEPTH: u8 = 32;

/// Values may take this many times the bytes of their message, and [`FREE_BYTES`] more. Real messages stay
/// below five.
const MAX_GROWTH: usize = 8;
const FREE_BYTES: usize = 64 << 10;

/// Reads a table from the bytes of a message, without its size prefix.
pub fn decode<T: Table>(bytes: &[u8]) -> Result<T, FlatError> {
    let budget = Budget::new(bytes.len());
    T::read(&Place::start(bytes, &budget).table()?)
}

/// Runs `visit` on the root table of a message, for what is read piece by piece.
pub(crate) fn with_root<R>(
    bytes: &[u8],
    visit: impl FnOnce(&TableView<'_>) -> Result<R, FlatError>,
) -> Result<R, FlatError> {
    let budget = Budget::new(bytes.len());
    visit(&Place::start(bytes, &budget).table()?)
}

/// What the values of one message may still take.
struct Budget {
    left: Cell<usize>,
    limit: usize,
}

impl Budget {
    fn new(length: usize) -> Self {
        let limit = length.saturating_mul(MAX_GROWTH).saturating_add(FREE_BYTES);
        Self { left: Cell::new(limit), limit }
    }
}

/// A byte of a message, from which something is read.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    bytes: &'a [u8],
    budget: &'a Budget,
    position: usize,
    depth: u8,
}

impl<'a> Place<'a> {
    fn start(bytes: &'a [u8], budget: &'a Budget) -> Self {
        Self { bytes, budget, position: 0, depth: 0 }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The place `distance` bytes later.
    pub(super) fn after(self, distance: usize) -> Result<Self, FlatError> {
        match self.position.checked_add(distance) {
            Some(position) if position <= self.bytes.len() => Ok(Self { position, ..self }),
            _ => Err(self.out_of_bounds(distance)),
        }
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&self) -> Result<[u8; N], FlatError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        rest.first_chunk().copied().ok_or_else(|| self.out_of_bounds(N))
    }

    /// The next `length` bytes.
    pub(super) fn slice(&self, length: usize) -> Result<&'a [u8], FlatError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        rest.get(..length).ok_or_else(|| self.out_of_bounds(length))
    }

    /// Where the offset at this place points.
    pub(super) fn target(self) -> Result<Self, FlatError> {
        self.after(self.length()?)
    }

    /// The number at this place, as a length or a distance.
    pub(super) fn length(&self) -> Result<usize, FlatError> {
        Ok(u32::from_le_bytes(self.array::<OFFSET>()?) as usize)
    }

    /// Takes memory for values from the message's budget.
    pub(super) fn charge(&self, bytes: usize) -> Result<(), FlatError> {
        let left = self.budget.left.get().checked_sub(bytes);
        self.budget
            .left
            .set(left.ok_or(FlatError::TooMuch { length: self.bytes.len(), limit: self.budget.limit })?);
        Ok(())
    }

    /// The table that the offset at this place points to.
    pub(crate) fn table(self) -> Result<TableView<'a>, FlatError> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(FlatError::TooDeep { limit: MAX_DEPTH });
        }
        let table = Self { depth, ..self.target()? };
        let bad = FlatError::BadVtable { position: table.position };
        // Other than every other offset, this one has a sign, and counts backwards.
        let back = i64::from(i32::from_le_bytes(table.array()?));
        let Ok(position) = usize::try_from(table.position as i64 - back) else { return Err(bad) };
        let vtable = Self { position: 0, ..table }.after(position)?;
        let [size, inline] = vtable.pair()?;
        if size < 4 || size % 2 != 0 || inline < OFFSET {
            return Err(bad);
        }
        // Both must lie in the buffer as a whole; then no slot needs to be checked against its end.
        vtable.slice(size)?;
        table.slice(inline)?;
        Ok(TableView { table, slots: vtable.slice(size)?.get(4..).unwrap_or_default(), inline })
    }

    fn pair(&self) -> Result<[usize; 2], FlatError> {
        let [a, b, c, d] = self.array()?;
        Ok([usize::from(u16::from_le_bytes([a, b])), usize::from(u16::from_le_bytes([c, d]))])
    }

    fn out_of_bounds(&self, distance: usize) -> FlatError {
        FlatError::OutOfBounds { position: self.position.saturating_add(distance), length: self.bytes.len() }
    }
}

/// A table in a message, whose slots are read one by one.
pub struct TableView<'a> {
    table: Place<'a>,
    /// The offsets of the vtable, two bytes each.
    slots: &'a [u8],
    /// Bytes of the table itself.
    inline: usize,
}

impl<'a> TableView<'a> {
    /// Where the value of a slot lies, which takes `size` bytes there; `None` if it is absent.
    pub(super) fn slot(&self, slot: u16, size: usize) -> Result<Option<Place<'a>>, FlatError> {
        let at = usize::from(slot) * 2;
        let Some(&[low, high]) = self.slots.get(at..at + 2) else { return Ok(None) };
        match usize::from(u16::from_le_bytes([low, high])) {
            0 => Ok(None),
            offset if offset < OFFSET || offset + size > self.inline => {
                Err(FlatError::BadVtable { position: self.table.position })
            }
            offset => self.table.after(offset).map(Some),
        }
    }

    /// Reads a field; one that is absent is `unset`, or an error where there is no such value.
    pub fn field<S: Slot>(
        &self,
        slot: u16,
        unset: Option<S>,
        table: &'static str,
        field: &'static str,
    ) -> Result<S, FlatError> {
        match S::take(self, slot)? {
            Some(value) => Ok(value),
            None => unset.ok_or(FlatError::Missing { table, field }),
        }
    }

    /// The table in a slot, unread.
    pub(crate) fn child(&self, slot: u16) -> Result<Option<TableView<'a>>, FlatError> {
        self.slot(slot, OFFSET)?.map(Place::table).transpose()
    }

    /// The value in a slot, for what is read piece by piece.
    pub(crate) fn value<T: Inline>(&self, slot: u16) -> Result<Option<T>, FlatError> {
        self.slot(slot, T::SIZE)?.map(T::get).transpose()
    }
}
