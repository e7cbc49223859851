use super::position::OFFSET;
use super::{FlatError, Hole, Inline, Place, Writer};

impl<T: Inline> Inline for Vec<T> {
    const SIZE: usize = OFFSET;

    fn unset() -> Option<Self> {
        None
    }

    fn put(&self, writer: &mut Writer<'_>) -> Hole {
        writer.reserve_offset()
    }

    fn fill(&self, writer: &mut Writer<'_>, hole: Hole) {
        writer.vector(hole, self.len(), T::SIZE);
        T::put_all(self, writer);
    }

    fn get(place: Place<'_>) -> Result<Self, FlatError> {
        let vector = place.target()?;
        let length = vector.length()?;
        let first = vector.after(OFFSET)?;
        // All elements lie in the message, or nothing is reserved for them.
        first.slice(length.saturating_mul(T::SIZE))?;
        place.charge(length.saturating_mul(size_of::<T>()))?;
        let mut items = Vec::with_capacity(length);
        for index in 0..length {
            items.push(T::get(first.after(index * T::SIZE)?)?);
        }
        Ok(items)
    }
}
