use super::Table;
use super::position::{OFFSET, padding, wire};

/// Appends a message with its size prefix to `out`. Takes any size: who sends it knows the limit.
pub fn encode<T: Table>(message: &T, out: &mut Vec<u8>) {
    let start = out.len();
    let mut writer =
        Writer { out, start, table: start, referrer: start, slots: Vec::new(), vtables: Vec::new() };
    let prefix = writer.reserve_offset();
    let root = writer.reserve_offset();
    writer.place(root, |writer| message.write(writer));
    let length = wire(writer.out.len() - start - OFFSET);
    writer.set(prefix, length);
}

/// Where something was left open in a message, to be filled in later.
#[derive(Clone, Copy, Debug)]
pub struct Hole(Option<usize>);

impl Hole {
    /// There is nothing to fill in.
    pub const NONE: Self = Self(None);
}

/// Writes one message, front to back: a table first, then what it points to, because offsets count forwards.
///
/// Everything is aligned to its size, counted from the size prefix, as the official libraries do.
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Where the message starts in `out`.
    start: usize,
    /// Where the open table starts.
    table: usize,
    /// Where the offset is that is to point to the table which is begun next.
    referrer: usize,
    /// The offset of each slot of the open table, 0 for an absent one.
    slots: Vec<u16>,
    /// Where vtables lie that may be used again.
    vtables: Vec<usize>,
}

impl Writer<'_> {
    /// Starts a table. Only scalars and holes go into it until it is closed.
    pub fn open_table(&mut self) {
        self.align(OFFSET);
        self.table = self.out.len();
        self.slots.clear();
        self.out.extend([0; OFFSET]);
    }

    /// Starts the value of a slot, whose bytes follow; slots come in ascending order.
    pub(super) fn open_slot(&mut self, slot: u16, alignment: usize) {
        self.align(alignment);
        self.slots.resize(usize::from(slot), 0);
        // Tables have some dozen slots of at most eight bytes.
        self.slots.push((self.out.len() - self.table) as u16);
    }

    /// Ends a table; what it points to may be written now. Returns where it is.
    pub fn close_table(&mut self) -> usize {
        let mut vtable = Vec::with_capacity(4 + 2 * self.slots.len());
        vtable.extend((4 + 2 * self.slots.len() as u16).to_le_bytes());
        vtable.extend(((self.out.len() - self.table) as u16).to_le_bytes());
        vtable.extend(self.slots.iter().flat_map(|offset| offset.to_le_bytes()));
        // The format allows for any distance. But planus, by which the Rust library reads, looks only behind the beginning of what
        // points to a table.
        let mut behind = self.vtables.iter().copied().filter(|&at| at > self.referrer);
        let known = behind.find(|&at| self.out[at..].starts_with(&vtable));
        let at = known.unwrap_or_else(|| {
            self.align(2);
            let at = self.out.len();
            self.out.extend(vtable);
            self.vtables.push(at);
            at
        });
        // A signed distance backwards to the vtable; one that comes after the table is negative.
        let back = wire(self.table - self.start).wrapping_sub(wire(at - self.start));
        let table = self.table;
        self.set(Hole(Some(table)), back);
        table
    }

    /// Leaves room for an offset at the end of what is written.
    pub(crate) fn reserve_offset(&mut self) -> Hole {
        let hole = Hole(Some(self.out.len()));
        self.out.extend([0; OFFSET]);
        hole
    }

    /// Writes a table, and lets an offset point to it.
    pub(crate) fn place(&mut self, hole: Hole, write: impl FnOnce(&mut Self) -> usize) {
        self.referrer = hole.0.unwrap_or(self.start);
        let table = write(self);
        self.point(hole, table);
    }

    /// Lets an offset point to `target`, which comes after it.
    pub(super) fn point(&mut self, hole: Hole, target: usize) {
        if let Hole(Some(at)) = hole {
            self.set(hole, wire(target - at));
        }
    }

    /// Starts a vector whose elements follow, and lets an offset point to it.
    pub(super) fn vector(&mut self, hole: Hole, length: usize, alignment: usize) {
        // Its length comes first; it is the elements that must be aligned.
        self.align(OFFSET);
        if alignment > OFFSET {
            let behind = self.out.len() - self.start + OFFSET;
            self.out.extend(std::iter::repeat_n(0, padding(behind, alignment)));
        }
        self.point(hole, self.out.len());
        self.out.extend(wire(length).to_le_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn align(&mut self, alignment: usize) {
        let position = self.out.len() - self.start;
        self.out.extend(std::iter::repeat_n(0, padding(position, alignment)));
    }

    fn set(&mut self, hole: Hole, value: u32) {
        if let Some(room) = hole.0.and_then(|at| self.out.get_mut(at..at + OFFSET)) {
            room.copy_from_slice(&value.to_le_bytes());
        }
    }
}
