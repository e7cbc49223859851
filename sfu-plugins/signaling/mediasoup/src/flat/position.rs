//! Places in a buffer as the wire counts them: 32 bits, little endian.

/// Bytes of an offset, of a vector's length and of a message's length.
pub(super) const OFFSET: usize = 4;

/// A place as the wire writes it. What is beyond 32 bits saturates: such a message is far over every limit of
/// length, and is refused for that.
pub(super) fn wire(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// How many bytes are missing until `position` is a multiple of `alignment`.
pub(super) fn padding(position: usize, alignment: usize) -> usize {
    (alignment - position % alignment) % alignment
}
