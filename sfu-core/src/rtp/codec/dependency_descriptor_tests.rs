use super::*;
use proptest::prelude::*;

/// Spatial and temporal layer, indications, frame differences, chain differences.
type Row<'a> = (u8, u8, &'a str, &'a [u32], &'a [u32]);

/// Writes a structure: for each template its layers, its indications as the spec writes them (`-DSR`), its frame differences, and
/// its chain differences; then by which chain each decode target is protected.
pub(super) struct Templates<'a> {
    pub(super) id_offset: u8,
    pub(super) templates: &'a [Row<'a>],
    pub(super) protected_by: &'a [u32],
    pub(super) sizes: &'a [(u32, u32)],
}

/// Two spatial and two temporal layers, as libwebrtc's L2T2 has them; decode targets S0T0, S0T1, S1T0, S1T1.
const L2T2: Templates<'static> = Templates {
    id_offset: 5,
    templates: &[
        (0, 0, "SSSS", &[], &[0, 0]),
        (0, 0, "SSRR", &[4], &[4, 3]),
        (0, 1, "-D-R", &[2], &[2, 1]),
        (1, 0, "--SS", &[1], &[1, 1]),
        (1, 0, "--SS", &[4, 1], &[1, 1]),
        (1, 1, "---D", &[2, 1], &[3, 2]),
    ],
    protected_by: &[0, 0, 1, 1],
    sizes: &[(320, 180), (640, 360)],
};

/// One spatial and three temporal layers.
const L1T3: Templates<'static> = Templates {
    id_offset: 63,
    templates: &[
        (0, 0, "SSS", &[], &[0]),
        (0, 0, "SSS", &[4], &[4]),
        (0, 1, "-DS", &[2], &[2]),
        (0, 2, "--D", &[1], &[1]),
    ],
    protected_by: &[0, 0, 0],
    sizes: &[],
};

fn non_symmetric(writer: &mut BitWriter<'_>, value: u32, n: u32) {
    let width = u32::BITS - n.leading_zeros();
    let short = (1 << width) - n;
    if value < short { writer.put(value, width - 1) } else { writer.put(value + short, width) }
}

impl Templates<'_> {
    fn write(&self, writer: &mut BitWriter<'_>) {
        let targets = self.templates[0].2.len() as u32;
        writer.put(u32::from(self.id_offset), 6);
        writer.put(targets - 1, 5);
        for (index, (spatial, temporal, ..)) in self.templates.iter().enumerate() {
            let next = match self.templates.get(index + 1) {
                None => 3,
                Some((s, ..)) if s > spatial => 2,
                Some((_, t, ..)) if t > temporal => 1,
                Some(_) => 0,
            };
            writer.put(next, 2);
        }
        for (_, _, indications, ..) in self.templates {
            for letter in indications.chars() {
                writer.put("-DSR".find(letter).unwrap() as u32, 2);
            }
        }
        for (_, _, _, differences, _) in self.templates {
            for difference in *differences {
                writer.put(1, 1);
                writer.put(difference - 1, 4);
            }
            writer.put(0, 1);
        }
        let chains = self.templates[0].4.len() as u32;
        non_symmetric(writer, chains, targets + 1);
        for chain in self.protected_by {
            non_symmetric(writer, *chain, chains);
        }
        for (.., differences) in self.templates {
            for difference in *differences {
                writer.put(*difference, 4);
            }
        }
        writer.put(u32::from(!self.sizes.is_empty()), 1);
        for (width, height) in self.sizes {
            writer.put(width - 1, 16);
            writer.put(height - 1, 16);
        }
    }

    /// A descriptor: template index, frame number, and the active decode targets if it tells some.
    fn descriptor(&self, index: u8, frame: u16, structure: bool, active: Option<u32>) -> Vec<u8> {
        let mut bytes = vec![0; MAX_DESCRIPTOR_LEN];
        let mut writer = BitWriter::new(&mut bytes);
        writer.put(3, 2);
        writer.put(u32::from((self.id_offset + index) & 63), 6);
        writer.put(u32::from(frame), 16);
        if structure || active.is_some() {
            writer.put(u32::from(structure), 1);
            writer.put(u32::from(active.is_some()), 1);
            writer.put(0, 3);
            if structure {
                self.write(&mut writer);
            }
            if let Some(active) = active {
                writer.put(active, self.templates[0].2.len() as u32);
            }
        }
        let len = writer.len().unwrap();
        bytes.truncate(len);
        bytes
    }
}

fn parse(bytes: &[u8], known: &mut Option<TemplateStructure>) -> DependencyDescriptor {
    DependencyDescriptor::parse(bytes, known).unwrap()
}

fn edit(active: u32, targets: u8, frame_number_offset: u16) -> DescriptorEdit {
    DescriptorEdit { active, targets, frame_number_offset }
}

#[test]
fn a_key_frame_brings_the_structure_that_later_frames_refer_to() {
    let mut known = None;
    let delta = L2T2.descriptor(1, 11, false, None);
    assert_eq!(delta.len(), 3);
    assert_eq!(DependencyDescriptor::parse(&delta, &mut known), None, "nothing is known yet");
    let key = parse(&L2T2.descriptor(0, 10, true, None), &mut known);
    assert!(key.has_structure && key.start && key.end);
    assert_eq!((key.frame_number, key.active_targets, key.mark.entry), (10, Some(0b1111), LayerSet::ALL));
    let structure = known.clone().unwrap();
    assert_eq!(structure.targets[..], [(0, 0), (0, 1), (1, 0), (1, 1)]);
    assert_eq!(
        (structure.layer_counts(), structure.resolution(), structure.chains),
        ((2, 2), Some((640, 360)), 2)
    );
    assert_eq!(
        (structure.targets_up_to(0, 1), structure.targets_up_to(1, 0), structure.targets_up_to(3, 7)),
        (3, 5, 15)
    );
    let upper = parse(&L2T2.descriptor(4, 11, false, None), &mut known);
    assert_eq!(
        (upper.mark.spatial, upper.mark.temporal, upper.has_structure, upper.active_targets),
        (1, 0, false, None)
    );
    assert!(
        upper.mark.needed.contains(1, 0)
            && upper.mark.needed.contains(3, 7)
            && !upper.mark.needed.contains(0, 1)
    );
    assert!(upper.mark.entry.contains(1, 0) && !upper.mark.entry.contains(0, 0));
    assert_eq!(
        DependencyDescriptor::parse(&L2T2.descriptor(9, 11, false, None), &mut known),
        None,
        "no such template"
    );
}

#[test]
fn template_ids_wrap_and_temporal_layers_are_entered_where_they_may_be() {
    let mut known = None;
    parse(&L1T3.descriptor(0, 65_535, true, None), &mut known);
    let base = parse(&L1T3.descriptor(1, 0, false, None), &mut known).mark;
    assert!(base.entry.contains(0, 2) && base.needed.contains(0, 0));
    let middle = parse(&L1T3.descriptor(2, 1, false, None), &mut known).mark;
    assert!(!middle.needed.contains(0, 0) && middle.needed.contains(0, 1) && middle.entry.contains(0, 2));
    let top = parse(&L1T3.descriptor(3, 2, false, None), &mut known).mark;
    assert!(!top.needed.contains(0, 1) && top.needed.contains(0, 2) && top.entry == LayerSet::NONE);
}

#[test]
fn receivers_are_told_other_active_decode_targets() {
    let mut known = None;
    for (index, structure, told) in
        [(0, true, None), (0, true, Some(0b0111)), (4, false, None), (4, false, Some(0b1111))]
    {
        let original = L2T2.descriptor(index, 700, structure, told);
        let before = parse(&original, &mut known);
        let mut out = [0; MAX_DESCRIPTOR_LEN];
        let len = DependencyDescriptor::rewrite(&original, edit(0b0011, 4, 65_000), &mut out).unwrap();
        let after = parse(&out[..len], &mut known);
        assert_eq!(after, DependencyDescriptor { active_targets: Some(0b0011), frame_number: 164, ..before });
        assert!(len <= original.len() + 2);
    }
    // Another number of decode targets belongs to another structure.
    let original = L2T2.descriptor(0, 700, true, None);
    assert_eq!(DependencyDescriptor::rewrite(&original, edit(1, 5, 0), &mut [0; MAX_DESCRIPTOR_LEN]), None);
}

#[test]
fn a_malformed_structure_leaves_the_known_one() {
    let mut known = None;
    parse(&L2T2.descriptor(0, 10, true, None), &mut known);
    let before = known.clone();
    let bytes = L1T3.descriptor(0, 10, true, None);
    for len in 0..bytes.len() - 1 {
        let _ = DependencyDescriptor::parse(&bytes[..len], &mut known);
        assert_eq!(known, before, "cut off at {len}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80), active: u32, targets in 0u8..33) {
        let mut known = None;
        parse(&L2T2.descriptor(0, 10, true, None), &mut known);
        let _ = DependencyDescriptor::parse(&bytes, &mut known);
        let mut out = [0; MAX_DESCRIPTOR_LEN];
        if let Some(len) = DependencyDescriptor::rewrite(&bytes, edit(active, targets, 7), &mut out) {
            prop_assert!(len <= MAX_DESCRIPTOR_LEN);
            let mut again = [0; MAX_DESCRIPTOR_LEN];
            prop_assert_eq!(DependencyDescriptor::rewrite(&bytes, edit(active, targets, 7), &mut again), Some(len));
            prop_assert_eq!(out, again);
        }
    }

    #[test]
    fn damaged_structures_are_read_or_refused(at in 0usize..400, flip in 0u8..8, active: u32) {
        let mut bytes = L2T2.descriptor(0, 10, true, Some(active & 15));
        let len = bytes.len();
        bytes[at % len] ^= 1 << flip;
        let mut known = None;
        let _ = DependencyDescriptor::parse(&bytes, &mut known);
        if let Some(structure) = known {
            prop_assert!((1..=32).contains(&structure.target_count()));
        }
    }
}
