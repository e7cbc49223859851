/// What becomes of a message while the library does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Urgency {
    /// It waits: responses, and changes of state.
    Kept,
    /// It waits until a newer one about the same entity takes its place.
    Newest(Topic),
    /// It waits as long as there is little to send, else it is dropped and counted.
    Droppable(Droppable),
}

/// What supersedes what.
#[allow(missing_docs)] // Named as what the library is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    Score,
    Volumes,
    Speaker,
    Layers,
    Orientation,
    SelectedTuple,
    BufferedAmountLow,
    SendBufferFull,
}

/// What may be lost.
#[allow(missing_docs)] // Named as what the library is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Droppable {
    Rtp,
    Rtcp,
    Data,
    Trace,
    Log,
}
