//! Dependency Descriptor (AV1 RTP specification, appendix A): layers and dependencies of a frame, of any codec.

use arrayvec::ArrayVec;

use super::bits::{BitWriter, Bits};
use super::frame_mark::{FrameMark, LayerSet, MAX_SPATIAL_LAYERS, MAX_TEMPORAL_LAYERS};

/// Templates that a structure may have (A.8.2: ids have 6 bits).
const MAX_TEMPLATES: usize = 64;

/// Decode targets that a structure may have.
const MAX_TARGETS: usize = 32;

/// Frames that a frame may refer to: AV1 has seven at a time, and spatial layers one below.
const MAX_REFERENCES: usize = 8;

/// The largest value that fits a header extension, in bytes.
pub const MAX_DESCRIPTOR_LEN: usize = 255;

/// What a frame is to a decode target (A.4): two bits each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Indication {
    NotPresent,
    Discardable,
    Switch,
    Required,
}

impl Indication {
    fn from_bits(bits: u64) -> Self {
        match bits & 3 {
            0 => Self::NotPresent,
            1 => Self::Discardable,
            2 => Self::Switch,
            _ => Self::Required,
        }
    }
}

/// Indications for all decode targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Indications(u64);

impl Indications {
    fn read(bits: &mut Bits<'_>, targets: u8) -> Option<Self> {
        let mut all = 0;
        for target in 0..targets {
            all |= u64::from(bits.take(2)?) << (2 * target);
        }
        Some(Self(all))
    }

    fn get(self, target: u8) -> Indication {
        Indication::from_bits(self.0 >> (2 * (target & 31)))
    }
}

/// How far back the frames lie that a frame refers to, in frame numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct References {
    distances: [u16; MAX_REFERENCES],
    count: u8,
    more: bool,
}

impl References {
    fn push(&mut self, distance: u16) {
        match self.distances.get_mut(usize::from(self.count)) {
            Some(slot) => (*slot, self.count) = (distance, self.count + 1),
            None => self.more = true,
        }
    }

    /// The distances; `None` if there are more than any encoder makes.
    pub fn distances(&self) -> Option<&[u16]> {
        if self.more { None } else { self.distances.get(..usize::from(self.count)) }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Template {
    spatial: u8,
    temporal: u8,
    indications: Indications,
    references: References,
    needed: LayerSet,
    entry: LayerSet,
}

/// The structure that later descriptors refer to; the first packet of a key frame carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateStructure {
    id_offset: u8,
    chains: u8,
    templates: ArrayVec<Template, MAX_TEMPLATES>,
    /// Spatial and temporal layer of each decode target.
    targets: ArrayVec<(u8, u8), MAX_TARGETS>,
    /// Width and height in pixels of each spatial layer, if told.
    resolutions: ArrayVec<(u32, u32), { MAX_SPATIAL_LAYERS as usize }>,
}

/// The descriptor of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DependencyDescriptor {
    /// The packet starts its frame.
    pub start: bool,
    /// The packet ends its frame.
    pub end: bool,
    /// Number of the frame; wraps at 65536.
    pub frame_number: u16,
    /// It carried a structure, so it belongs to a key frame.
    pub has_structure: bool,
    /// Decode targets that the sender has active, bit n for target n, if told.
    pub active_targets: Option<u32>,
    /// What its frame means to receivers. Who can begin with it depends on the frames that it refers to: `reach` holds everybody.
    pub mark: FrameMark,
    /// The frames that it refers to.
    pub references: References,
}

impl DependencyDescriptor {
    /// Reads the value of the header extension. A structure in it replaces `known`, if it is valid. `None` if the value is cut off or
    /// malformed, or refers to a template that isn't known.
    pub fn parse(value: &[u8], known: &mut Option<TemplateStructure>) -> Option<Self> {
        let mut bits = Bits::new(value);
        let (start, end) = (bits.bit()?, bits.bit()?);
        let template_id = bits.take(6)? as u8;
        let frame_number = bits.take(16)? as u16;
        let flags = if value.len() > 3 { Flags::read(&mut bits)? } else { Flags::default() };
        let fresh = if flags.structure { Some(TemplateStructure::read(&mut bits)?) } else { None };
        let structure = fresh.as_ref().or(known.as_ref())?;
        let targets = structure.targets.len() as u8;
        let mut active_targets = flags.structure.then(|| structure.all_targets());
        if flags.active_targets {
            active_targets = Some(bits.take(u32::from(targets))?);
        }
        let index = template_id.wrapping_sub(structure.id_offset) & 63;
        let template = *structure.templates.get(usize::from(index))?;
        let (mut needed, mut entry) = (template.needed, template.entry);
        if flags.custom_indications {
            let indications = Indications::read(&mut bits, targets)?;
            (needed, entry) = structure.layers(indications);
        }
        let mut references = template.references;
        if flags.custom_differences {
            references = References::default();
            loop {
                let size = bits.take(2)?;
                if size == 0 {
                    break;
                }
                references.push(bits.take(4 * size)? as u16 + 1);
            }
        }
        if flags.custom_chains {
            bits.take(8 * u32::from(structure.chains).min(4))?;
            for _ in 4..structure.chains {
                bits.take(8)?;
            }
        }
        let mark = FrameMark {
            spatial: template.spatial,
            temporal: template.temporal,
            start,
            end,
            needed,
            entry: match (start, fresh.is_some() && template.spatial == 0) {
                (false, _) => LayerSet::NONE,
                (true, true) => LayerSet::ALL,
                (true, false) => entry,
            },
            reach: LayerSet::ALL,
            step: false,
            up_temporal: 0,
        };
        let has_structure = fresh.is_some();
        let descriptor = Self { start, end, frame_number, has_structure, active_targets, mark, references };
        if fresh.is_some() {
            *known = fresh;
        }
        Some(descriptor)
    }

    /// Writes the value again as one consumer gets it. Answers its length; `None` if the value is malformed or `out` too short.
    pub fn rewrite(value: &[u8], edit: DescriptorEdit, out: &mut [u8; MAX_DESCRIPTOR_LEN]) -> Option<usize> {
        out.fill(0);
        let mut bits = Bits::new(value);
        let mut writer = BitWriter::new(out);
        writer.put(bits.take(8)?, 8);
        writer.put(u32::from((bits.take(16)? as u16).wrapping_add(edit.frame_number_offset)), 16);
        if edit.targets > 0 {
            let flags = if value.len() > 3 { Flags::read(&mut bits)? } else { Flags::default() };
            Flags { active_targets: true, ..flags }.write(&mut writer);
            if flags.structure {
                let from = bits.position();
                let structure = TemplateStructure::read(&mut bits)?;
                if structure.targets.len() != usize::from(edit.targets) {
                    return None;
                }
                copy(value, from, bits.position(), &mut writer)?;
            }
            writer.put(edit.active, u32::from(edit.targets));
            if flags.active_targets {
                bits.take(u32::from(edit.targets))?;
            }
        }
        copy(value, bits.position(), value.len() * 8, &mut writer)?;
        writer.len()
    }
}

/// What one consumer's Dependency Descriptors say differently. Applied to the same value it always gives the same bytes, so that
/// what is sent again is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DescriptorEdit {
    /// Decode targets that are active, bit n for target n.
    pub active: u32,
    /// How many there are, at most 32; 0 leaves them as they are told.
    pub targets: u8,
    /// Added to the frame number.
    pub frame_number_offset: u16,
}

impl DescriptorEdit {
    /// Whether it changes nothing.
    #[inline]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// Copies the bits from `from` up to `to`.
fn copy(value: &[u8], from: usize, to: usize, writer: &mut BitWriter<'_>) -> Option<()> {
    let mut bits = Bits::new(value);
    for _ in 0..from {
        bits.bit()?;
    }
    for _ in from..to {
        writer.put(u32::from(bits.bit()?), 1);
    }
    Some(())
}

/// The flags before what a descriptor of more than three bytes has.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    structure: bool,
    active_targets: bool,
    custom_indications: bool,
    custom_differences: bool,
    custom_chains: bool,
}

impl Flags {
    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        Some(Self {
            structure: bits.bit()?,
            active_targets: bits.bit()?,
            custom_indications: bits.bit()?,
            custom_differences: bits.bit()?,
            custom_chains: bits.bit()?,
        })
    }

    fn write(self, writer: &mut BitWriter<'_>) {
        for flag in [
            self.structure,
            self.active_targets,
            self.custom_indications,
            self.custom_differences,
            self.custom_chains,
        ] {
            writer.put(u32::from(flag), 1);
        }
    }
}

impl TemplateStructure {
    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        let mut structure = Self {
            id_offset: bits.take(6)? as u8,
            chains: 0,
            templates: ArrayVec::new(),
            targets: ArrayVec::new(),
            resolutions: ArrayVec::new(),
        };
        let targets = bits.take(5)? as u8 + 1;
        structure.read_layers(bits)?;
        for index in 0..structure.templates.len() {
            structure.templates.get_mut(index)?.indications = Indications::read(bits, targets)?;
        }
        for index in 0..structure.templates.len() {
            while bits.bit()? {
                let distance = bits.take(4)? as u16 + 1;
                structure.templates.get_mut(index)?.references.push(distance);
            }
        }
        structure.read_chains(bits, targets)?;
        for target in 0..targets {
            let of = |template: &&Template| template.indications.get(target) != Indication::NotPresent;
            let present = || structure.templates.iter().filter(of);
            let spatial = present().map(|template| template.spatial).max().unwrap_or(0);
            let temporal = present().map(|template| template.temporal).max().unwrap_or(0);
            structure.targets.try_push((spatial, temporal)).ok()?;
        }
        if bits.bit()? {
            let highest = structure.templates.iter().map(|template| template.spatial).max().unwrap_or(0);
            for _ in 0..=highest {
                let size = (bits.take(16)? + 1, bits.take(16)? + 1);
                structure.resolutions.try_push(size).ok()?;
            }
        }
        for index in 0..structure.templates.len() {
            let indications = structure.templates.get(index)?.indications;
            let (needed, entry) = structure.layers(indications);
            let template = structure.templates.get_mut(index)?;
            (template.needed, template.entry) = (needed, entry);
        }
        Some(structure)
    }

    fn read_layers(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let (mut spatial, mut temporal) = (0, 0);
        loop {
            if spatial >= MAX_SPATIAL_LAYERS || temporal >= MAX_TEMPORAL_LAYERS {
                return None;
            }
            self.templates.try_push(Template { spatial, temporal, ..Template::default() }).ok()?;
            match bits.take(2)? {
                0 => {}
                1 => temporal += 1,
                2 => (spatial, temporal) = (spatial + 1, 0),
                _ => return Some(()),
            }
        }
    }

    fn read_chains(&mut self, bits: &mut Bits<'_>, targets: u8) -> Option<()> {
        let chains = bits.non_symmetric(u32::from(targets) + 1)?;
        self.chains = chains as u8;
        if chains == 0 {
            return Some(());
        }
        for _ in 0..targets {
            bits.non_symmetric(chains)?;
        }
        for _ in 0..self.templates.len() {
            for _ in 0..chains {
                bits.take(4)?;
            }
        }
        Some(())
    }

    /// The decode target of who receives a layer: the highest that is not above it.
    fn target_of(&self, spatial: u8, temporal: u8) -> Option<u8> {
        let below = |(_, (s, t)): &(usize, &(u8, u8))| *s <= spatial && *t <= temporal;
        let fitting = self.targets.iter().enumerate().filter(below);
        fitting.max_by_key(|(_, layers)| **layers).map(|(index, _)| index as u8)
    }

    /// Receivers of which layers need a frame, and which layers go on from it if it can be decoded itself (A.4, Switch).
    fn layers(&self, indications: Indications) -> (LayerSet, LayerSet) {
        let (mut needed, mut entry) = (LayerSet::NONE, LayerSet::NONE);
        for spatial in 0..MAX_SPATIAL_LAYERS {
            for temporal in 0..MAX_TEMPORAL_LAYERS {
                // A layer below every target would get nothing at all.
                let indication = self
                    .target_of(spatial, temporal)
                    .map_or(Indication::Required, |target| indications.get(target));
                if indication != Indication::NotPresent {
                    needed.insert(spatial, temporal);
                }
                if indication == Indication::Switch {
                    entry.insert(spatial, temporal);
                }
            }
        }
        (needed, entry)
    }

    fn all_targets(&self) -> u32 {
        u32::MAX >> (32 - (self.targets.len() as u32).clamp(1, 32))
    }

    /// How many decode targets there are, 1 to 32.
    pub fn target_count(&self) -> u8 {
        self.targets.len() as u8
    }

    /// The decode targets that remain for who receives up to a layer, bit n for target n.
    pub fn targets_up_to(&self, spatial: u8, temporal: u8) -> u32 {
        let within =
            |(index, (s, t)): (usize, &(u8, u8))| u32::from(*s <= spatial && *t <= temporal) << index;
        self.targets.iter().enumerate().map(within).fold(0, |all, target| all | target)
    }

    /// Spatial and temporal layers, as counts.
    #[cfg(test)]
    pub fn layer_counts(&self) -> (u8, u8) {
        let highest = |of: fn(&Template) -> u8| self.templates.iter().map(of).max().unwrap_or(0) + 1;
        (highest(|template| template.spatial), highest(|template| template.temporal))
    }

    /// Width and height in pixels of the highest spatial layer, if told.
    pub fn resolution(&self) -> Option<(u16, u16)> {
        let (width, height) = *self.resolutions.last()?;
        Some((u16::try_from(width).ok()?, u16::try_from(height).ok()?))
    }
}

#[cfg(test)]
#[path = "dependency_descriptor_tests.rs"]
mod tests;
