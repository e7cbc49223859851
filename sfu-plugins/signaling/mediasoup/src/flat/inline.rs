use super::position::OFFSET;
use super::{FlatError, Hole, Place, Table, Writer};

/// What stands in a slot or in a vector: a scalar itself, everything else by an offset.
pub trait Inline: Sized {
    /// Bytes in the table or vector, and the alignment there.
    const SIZE: usize;

    /// What it means that a slot is empty; `None` where the schema requires a value.
    fn unset() -> Option<Self>;

    /// Writes the scalar, or leaves a hole.
    fn put(&self, writer: &mut Writer<'_>) -> Hole;

    /// Writes what the hole shall point to.
    fn fill(&self, writer: &mut Writer<'_>, hole: Hole);

    /// Reads it.
    fn get(place: Place<'_>) -> Result<Self, FlatError>;

    /// Writes the elements of a vector; room for offsets comes before what they point to.
    fn put_all(items: &[Self], writer: &mut Writer<'_>) {
        let holes: Vec<Hole> = items.iter().map(|item| item.put(writer)).collect();
        for (item, hole) in items.iter().zip(holes) {
            item.fill(writer, hole);
        }
    }
}

macro_rules! scalars {
    ($($scalar:ty),*) => {$(
        impl Inline for $scalar {
            const SIZE: usize = size_of::<$scalar>();

            fn unset() -> Option<Self> {
                Some(Self::default())
            }

            fn put(&self, writer: &mut Writer<'_>) -> Hole {
                writer.bytes(&self.to_le_bytes());
                Hole::NONE
            }

            fn fill(&self, _: &mut Writer<'_>, _: Hole) {}

            fn get(place: Place<'_>) -> Result<Self, FlatError> {
                Ok(Self::from_le_bytes(place.array()?))
            }

            fn put_all(items: &[Self], writer: &mut Writer<'_>) {
                for item in items {
                    writer.bytes(&item.to_le_bytes());
                }
            }
        }
    )*};
}

scalars!(i8, u16, i16, u32, i32, u64, i64, f32, f64);

/// As the other scalars, but that packets are vectors of these: they are copied at once.
impl Inline for u8 {
    const SIZE: usize = 1;

    fn unset() -> Option<Self> {
        Some(0)
    }

    fn put(&self, writer: &mut Writer<'_>) -> Hole {
        writer.bytes(&[*self]);
        Hole::NONE
    }

    fn fill(&self, _: &mut Writer<'_>, _: Hole) {}

    fn get(place: Place<'_>) -> Result<Self, FlatError> {
        Ok(u8::from_le_bytes(place.array()?))
    }

    fn put_all(items: &[Self], writer: &mut Writer<'_>) {
        writer.bytes(items);
    }
}

impl Inline for bool {
    const SIZE: usize = 1;

    fn unset() -> Option<Self> {
        Some(false)
    }

    fn put(&self, writer: &mut Writer<'_>) -> Hole {
        u8::from(*self).put(writer)
    }

    fn fill(&self, _: &mut Writer<'_>, _: Hole) {}

    fn get(place: Place<'_>) -> Result<Self, FlatError> {
        Ok(u8::get(place)? != 0)
    }
}

impl Inline for String {
    const SIZE: usize = OFFSET;

    fn unset() -> Option<Self> {
        None
    }

    fn put(&self, writer: &mut Writer<'_>) -> Hole {
        writer.reserve_offset()
    }

    fn fill(&self, writer: &mut Writer<'_>, hole: Hole) {
        writer.vector(hole, self.len(), OFFSET);
        writer.bytes(self.as_bytes());
        // Not part of its length; C++ readers want it.
        writer.bytes(&[0]);
    }

    fn get(place: Place<'_>) -> Result<Self, FlatError> {
        let text = place.target()?;
        let bytes = text.after(OFFSET)?.slice(text.length()?)?;
        place.charge(bytes.len())?;
        let text =
            std::str::from_utf8(bytes).map_err(|_| FlatError::NotUtf8 { position: text.position() })?;
        Ok(text.to_owned())
    }
}

/// Where a table holds a table of its own kind.
impl<T: Table> Inline for Box<T> {
    const SIZE: usize = OFFSET;

    fn unset() -> Option<Self> {
        None
    }

    fn put(&self, writer: &mut Writer<'_>) -> Hole {
        writer.reserve_offset()
    }

    fn fill(&self, writer: &mut Writer<'_>, hole: Hole) {
        writer.place(hole, |writer| self.write(writer));
    }

    fn get(place: Place<'_>) -> Result<Self, FlatError> {
        place.charge(size_of::<T>())?;
        Ok(Box::new(T::read(&place.table()?)?))
    }
}
