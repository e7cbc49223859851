//! The layers of one consumer: preferred, target, current.

use std::time::{Duration, Instant};

use super::edit::Edit;
use super::gate::Gate;
use super::layer::Layer;
use super::picture_ids::PictureIds;
use super::rates::top_row;
use crate::control::{ConsumerType, MediaKind};
use crate::engine::producer::Producer;
use crate::rtp::codec::{DescriptorEdit, NumberEdit, TemplateStructure};
use crate::rtp::{ExtensionIds, ExtensionKind};

/// Packets whose edits are remembered: as many as a history of sent packets holds.
const EDITS: usize = 1024;

/// How long no higher spatial layer is tried after the path proved too narrow; twice as long each time, up to eight times.
const CAUTION: Duration = Duration::from_secs(10);

/// Least time between two wishes of one consumer for a key frame to change layers.
const ASK_INTERVAL: Duration = Duration::from_secs(1);

/// The choice that a consumer has among layers, and what it leads to.
pub(crate) struct Layering {
    simulcast: bool,
    preferred: Layer,
    /// Where it goes to; none while there is nothing to send.
    pub(crate) target: Option<Layer>,
    /// What passes of the encoding that is sent; none before its beginning.
    pub(crate) gate: Option<Gate>,
    /// The current layers as they were last told.
    pub(crate) told: Option<Layer>,
    /// When the path could no longer carry what was sent, and less was chosen.
    pub(crate) downgraded: Option<Instant>,
    /// How often in a row that happened soon after it went up.
    pub(crate) failures: u8,
    /// It went up to a higher spatial layer since then.
    pub(crate) went_up: bool,
    pub(super) ids: PictureIds,
    /// Ids of the Dependency Descriptor on both sides, where both have it.
    descriptor: Option<(u8, u8)>,
    /// Added to the frame numbers of the present encoding, once one was seen.
    frame_number_offset: u16,
    frame_number_is_known: bool,
    last_frame_number: Option<u16>,
    asked: Option<Instant>,
    numbers: Vec<NumberEdit>,
    descriptors: Vec<DescriptorEdit>,
}

impl Layering {
    /// The choice that a consumer of a producer has; none if there is nothing to choose.
    pub(crate) fn between(kind: ConsumerType, producer: &Producer, consumer: &ExtensionIds) -> Option<Self> {
        let simulcast = producer.encodings.len() > 1;
        let svc = kind != ConsumerType::Simple
            && producer.kind == MediaKind::Video
            && producer.mode(0).is_layered();
        if kind == ConsumerType::Pipe || !(simulcast || svc) {
            return None;
        }
        let id = |ids: &ExtensionIds| ids.id(ExtensionKind::DependencyDescriptor);
        let ids = (id(&producer.extensions), id(consumer));
        Some(Layering {
            simulcast,
            preferred: Layer::HIGHEST,
            target: None,
            gate: None,
            told: None,
            downgraded: None,
            failures: 0,
            went_up: false,
            ids: PictureIds::default(),
            descriptor: (ids.0 != 0 && ids.1 != 0).then_some(ids),
            frame_number_offset: 0,
            frame_number_is_known: false,
            last_frame_number: None,
            asked: None,
            numbers: Vec::new(),
            descriptors: Vec::new(),
        })
    }

    /// Whether it chooses among encodings; otherwise among the layers of one.
    pub(crate) fn is_simulcast(&self) -> bool {
        self.simulcast
    }

    /// What its receiver wants at the most.
    pub(crate) fn preferred(&self) -> Layer {
        self.preferred
    }

    /// Changes what its receiver wants.
    pub(crate) fn set_preferred(&mut self, preferred: Layer) {
        self.preferred = preferred;
        // That less was chosen says nothing about the new wish.
        (self.downgraded, self.failures, self.went_up) = (None, 0, false);
    }

    /// How long no higher spatial layer is tried after it was given up.
    pub(super) fn caution(&self) -> Duration {
        CAUTION * (1 << self.failures.min(3))
    }

    /// The encoding that a layer belongs to.
    pub(crate) fn encoding_of(&self, layer: Layer) -> u8 {
        if self.simulcast { layer.spatial } else { 0 }
    }

    /// The encoding that it goes to.
    pub(crate) fn target_encoding(&self) -> Option<u8> {
        self.target.map(|target| self.encoding_of(target))
    }

    /// A layer of `encoding` as its gate sees it: in simulcast all spatial layers of an encoding pass.
    pub(super) fn within(&self, layer: Layer, producer: &Producer, encoding: u8) -> Layer {
        if !self.simulcast {
            return layer;
        }
        Layer { spatial: top_row(producer.mode(encoding)), ..layer }
    }

    /// The layer that is sent of `encoding`.
    pub(crate) fn current(&self, encoding: u8) -> Option<Layer> {
        let layer = self.gate?.current();
        Some(if self.simulcast { Layer { spatial: encoding, ..layer } } else { layer })
    }

    /// Whether a key frame may be asked for now; notes that it was.
    pub(super) fn may_ask(&mut self, now: Instant) -> bool {
        let may = self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= ASK_INTERVAL);
        if may {
            self.asked = Some(now);
        }
        may
    }

    /// The next packet comes from another encoding or another time: its numbers go on from those before.
    pub(super) fn restart(&mut self, gate: Gate) {
        self.ids.switch();
        self.gate = Some(gate);
        self.asked = None;
        self.frame_number_is_known = false;
    }

    /// What the Dependency Descriptor with `frame_number` says differently for who receives up to `layer`.
    pub(super) fn describe(
        &mut self,
        frame_number: u16,
        layer: Layer,
        structure: Option<&TemplateStructure>,
    ) -> DescriptorEdit {
        if !self.frame_number_is_known {
            self.frame_number_is_known = true;
            let next = self.last_frame_number.map(|last| last.wrapping_add(1));
            self.frame_number_offset = next.map_or(0, |next| next.wrapping_sub(frame_number));
        }
        let number = frame_number.wrapping_add(self.frame_number_offset);
        if self.last_frame_number.is_none_or(|last| (number.wrapping_sub(last) as i16) > 0) {
            self.last_frame_number = Some(number);
        }
        DescriptorEdit {
            active: structure.map_or(0, |structure| structure.targets_up_to(layer.spatial, layer.temporal)),
            targets: structure.map_or(0, TemplateStructure::target_count),
            frame_number_offset: self.frame_number_offset,
        }
    }

    /// Ids of the Dependency Descriptor, the producer's and the consumer's, where both have it.
    pub(crate) fn descriptor_ids(&self) -> Option<(u8, u8)> {
        self.descriptor
    }

    /// Remembers what was different in the packet that left as `sequence`.
    #[inline]
    pub(crate) fn remember(&mut self, sequence: u16, edit: Edit) {
        if self.numbers.is_empty() {
            self.numbers.resize(EDITS, NumberEdit::NONE);
            if self.descriptor.is_some() {
                self.descriptors.resize(EDITS, DescriptorEdit::default());
            }
        }
        let index = usize::from(sequence) % EDITS;
        if let Some(slot) = self.numbers.get_mut(index) {
            *slot = edit.numbers;
        }
        if let Some(slot) = self.descriptors.get_mut(index) {
            *slot = edit.descriptor;
        }
    }

    /// What was different in it. Only meaningful for what the history of sent packets still has.
    pub(crate) fn remembered(&self, sequence: u16) -> Edit {
        let index = usize::from(sequence) % EDITS;
        Edit {
            numbers: self.numbers.get(index).copied().unwrap_or_default(),
            descriptor: self.descriptors.get(index).copied().unwrap_or_default(),
            // Part of the timestamp offset that is remembered.
            later: 0,
        }
    }
}
