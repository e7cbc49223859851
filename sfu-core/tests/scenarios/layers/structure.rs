//! Dependency Descriptors of three spatial and three temporal layers, K-SVC, as libwebrtc writes them for AV1.

/// Spatial and temporal layer, indications for nine decode targets, differences to the frames referred to and to those of the chains.
type Template = (u8, u8, &'static str, &'static [u16], [u32; 3]);

/// Sorted by layers. Per layer the first of T0 is of the key picture, and the first of T2 of the picture after it.
const TEMPLATES: [Template; 15] = [
    (0, 0, "SSSSSSSSS", &[], [0, 0, 0]),
    (0, 0, "SSS------", &[12], [12, 11, 10]),
    (0, 1, "-DS------", &[6], [6, 5, 4]),
    (0, 2, "--D------", &[3], [3, 2, 1]),
    (0, 2, "--D------", &[3], [9, 8, 7]),
    (1, 0, "---SSSSSS", &[1], [1, 1, 1]),
    (1, 0, "---SSS---", &[12], [1, 12, 11]),
    (1, 1, "----DS---", &[6], [7, 6, 5]),
    (1, 2, "-----D---", &[3], [4, 3, 2]),
    (1, 2, "-----D---", &[3], [10, 9, 8]),
    (2, 0, "------SSS", &[1], [2, 1, 1]),
    (2, 0, "------SSS", &[12], [2, 1, 12]),
    (2, 1, "-------DS", &[6], [8, 7, 6]),
    (2, 2, "--------D", &[3], [5, 4, 3]),
    (2, 2, "--------D", &[3], [11, 10, 9]),
];

/// The descriptor of a frame.
pub struct Descriptor {
    template: u32,
    frame: u16,
    /// It begins a key picture.
    has_structure: bool,
    /// Where the template tells others.
    differences: Option<Vec<u16>>,
}

/// Describes a frame that refers to those so many numbers before.
pub fn l3t3_key(frame: u16, spatial: u8, temporal: u8, is_key: bool, differences: &[u16]) -> Descriptor {
    let of_layer = |(_, template): &(usize, &Template)| (template.0, template.1) == (spatial, temporal);
    let mut fitting = TEMPLATES.iter().enumerate().filter(of_layer);
    // After the key picture's come those of later ones.
    let skipped = usize::from(temporal == 0 && !is_key);
    let (index, template) = fitting.nth(skipped).expect("a template of each layer");
    Descriptor {
        template: index as u32,
        frame,
        has_structure: is_key && spatial == 0,
        differences: (template.3 != differences).then(|| differences.to_vec()),
    }
}

impl Descriptor {
    /// Its value in a packet that is, or is not, the first and the last of the frame.
    pub fn of_part(&self, first: bool, last: bool) -> Vec<u8> {
        let mut fields = vec![
            (u32::from(first), 1),
            (u32::from(last), 1),
            (self.template, 6),
            (u32::from(self.frame), 16),
        ];
        let has_structure = self.has_structure && first;
        if has_structure || self.differences.is_some() {
            fields.extend([
                (u32::from(has_structure), 1),
                (0, 2),
                (u32::from(self.differences.is_some()), 1),
                (0, 1),
            ]);
        }
        if has_structure {
            structure(&mut fields);
        }
        for difference in self.differences.iter().flatten() {
            fields.extend([(2, 2), (u32::from(*difference - 1), 8)]);
        }
        if self.differences.is_some() {
            fields.push((0, 2));
        }
        bits(&fields)
    }
}

/// Ids begin at 0; nine decode targets, three to a chain.
fn structure(fields: &mut Vec<(u32, u32)>) {
    fields.extend([(0, 6), (8, 5)]);
    for (index, (spatial, temporal, ..)) in TEMPLATES.iter().enumerate() {
        let next = match TEMPLATES.get(index + 1) {
            None => 3,
            Some((s, ..)) if s > spatial => 2,
            Some((_, t, ..)) if t > temporal => 1,
            Some(_) => 0,
        };
        fields.push((next, 2));
    }
    for (_, _, indications, ..) in TEMPLATES {
        fields.extend(indications.chars().map(|letter| ("-DSR".find(letter).unwrap() as u32, 2)));
    }
    for (.., differences, _) in TEMPLATES {
        fields.extend(differences.iter().flat_map(|difference| [(1, 1), (u32::from(*difference - 1), 4)]));
        fields.push((0, 1));
    }
    // Three chains: ns(10) takes three bits for values below six; ns(3) one bit for 0 and two for 1 and 2.
    fields.push((3, 3));
    for chain in [0, 0, 0, 1, 1, 1, 2, 2, 2] {
        fields.push(if chain == 0 { (0, 1) } else { (chain + 1, 2) });
    }
    for (.., chains) in TEMPLATES {
        fields.extend(chains.map(|difference| (difference, 4)));
    }
    // No resolutions.
    fields.push((0, 1));
}

/// Bits, most significant first.
pub fn bits(fields: &[(u32, u32)]) -> Vec<u8> {
    let mut all = Vec::new();
    for (value, count) in fields {
        all.extend((0..*count).rev().map(|shift| (value >> shift & 1) as u8));
    }
    all.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |sum, (n, bit)| sum | bit << (7 - n))).collect()
}
