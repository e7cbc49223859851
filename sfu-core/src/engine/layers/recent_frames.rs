//! The last frames of an encoding, by the numbers in their Dependency Descriptors: who has what a new frame refers to.

use crate::rtp::codec::{DependencyDescriptor, LayerSet};

/// Frames that are remembered; encoders refer to the last few pictures.
const FRAMES: usize = 256;

/// A frame: its number, and who needs it, so has it.
#[derive(Debug, Clone, Copy)]
struct Frame {
    number: u16,
    needed: LayerSet,
}

/// The last frames; empty until the first one.
#[derive(Debug, Clone, Default)]
pub(super) struct RecentFrames {
    frames: Vec<Option<Frame>>,
}

impl RecentFrames {
    /// Notes the frame of a packet. Answers receivers of which layers have all that it refers to; nobody has a frame that is unknown.
    pub(super) fn take(&mut self, descriptor: &DependencyDescriptor) -> LayerSet {
        if self.frames.is_empty() {
            self.frames.resize(FRAMES, None);
        }
        let number = descriptor.frame_number;
        if let Some(slot) = self.frames.get_mut(usize::from(number) % FRAMES) {
            *slot = Some(Frame { number, needed: descriptor.mark.needed });
        }
        let Some(distances) = descriptor.references.distances() else { return LayerSet::NONE };
        let reach = |all: LayerSet, distance: &u16| all.and(self.having(number.wrapping_sub(*distance)));
        distances.iter().fold(LayerSet::ALL, reach)
    }

    fn having(&self, number: u16) -> LayerSet {
        let frame = self.frames.get(usize::from(number) % FRAMES).copied().flatten();
        frame.filter(|frame| frame.number == number).map_or(LayerSet::NONE, |frame| frame.needed)
    }
}
