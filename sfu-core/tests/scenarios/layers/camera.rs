//! A camera whose frames say in their payload what they are and what they refer to.
use sfu_core::media::ExtensionKind;
use sfu_core::plugin::{Nil, ProducerId};
use sfu_core::testing::{Bench, Rtp};
use std::time::Duration;

use super::structure;

/// Four pictures of three temporal layers: layer, whether one may begin with it, and how far back it refers.
const PATTERN: [(u8, bool, &[u32]); 4] =
    [(0, false, &[4]), (2, true, &[1]), (1, true, &[2]), (2, false, &[1, 2])];

/// How a codec carries its layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// VP8, temporal layers.
    Vp8,
    /// VP9, spatial layers that depend on each other in every picture.
    Vp9Full,
    /// VP9, spatial layers that depend on each other in key pictures only.
    Vp9Key,
    /// AV1, likewise, told by Dependency Descriptors.
    Av1Key,
}

/// The frame that a payload belongs to, as its last bytes tell: encoding, spatial layer, picture, key, references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub encoding: u8,
    pub spatial: u8,
    pub temporal: u8,
    pub picture: u32,
    pub part: u8,
    pub parts: u8,
    pub references: Vec<(u32, u8)>,
}

impl Told {
    /// Reads what a payload tells.
    pub fn read(payload: &[u8]) -> Told {
        let at = payload.windows(4).rposition(|bytes| bytes == b"TOLD").expect("a frame of the camera");
        let bytes = &payload[at + 4..];
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        let count = usize::from(bytes[9]);
        Told {
            encoding: bytes[0],
            spatial: bytes[1],
            temporal: bytes[2],
            part: bytes[3],
            parts: bytes[4],
            picture: number(5),
            references: (0..count).map(|n| (number(10 + 5 * n), bytes[14 + 5 * n])).collect(),
        }
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = b"TOLD".to_vec();
        bytes.extend([self.encoding, self.spatial, self.temporal, self.part, self.parts]);
        bytes.extend(self.picture.to_be_bytes());
        bytes.push(self.references.len() as u8);
        for (picture, spatial) in &self.references {
            bytes.extend(picture.to_be_bytes());
            bytes.push(*spatial);
        }
        bytes
    }
}

/// One encoding of the camera.
#[derive(Debug, Clone)]
struct Encoder {
    /// Bytes of each packet.
    size: usize,
    /// Its ids begin elsewhere than those of others.
    picture_id: u16,
    tl0: u8,
    timestamp: u32,
    key: u32,
    on: bool,
    /// Number of the last frame.
    frame: u16,
    /// Numbers of the last frames, by picture and spatial layer.
    frames: Vec<(u32, u8, u16)>,
}

/// The camera.
pub struct Camera {
    pub producer: ProducerId,
    coding: Coding,
    encoders: Vec<Encoder>,
    spatial_layers: u8,
    temporal_layers: u8,
    picture: u32,
    /// Spatial layers that are sent.
    pub spatial_on: u8,
    /// Key pictures sent.
    pub keys: u32,
    /// It answers wishes for key frames.
    pub gives_key_frames: bool,
}

const PARTS: u8 = 3;

impl Camera {
    /// A camera of 30 pictures a second; each encoding in `kbits` takes about that much.
    pub fn new(
        producer: ProducerId,
        coding: Coding,
        kbits: &[usize],
        spatial_layers: u8,
        temporal_layers: u8,
    ) -> Self {
        let encoders = kbits.iter().enumerate().map(|(n, kbit)| Encoder {
            size: kbit * 1000 / 8 / 30 / usize::from(PARTS) / usize::from(spatial_layers),
            picture_id: 32_700 - 1000 * n as u16,
            tl0: 250 - 7 * n as u8,
            timestamp: 0xFFFF_0000u32.wrapping_add(n as u32 * 1_000_000_007),
            key: 0,
            on: true,
            frame: 65_500,
            frames: Vec::new(),
        });
        Camera {
            producer,
            coding,
            encoders: encoders.collect(),
            spatial_layers,
            temporal_layers,
            picture: 0,
            spatial_on: spatial_layers,
            keys: 0,
            gives_key_frames: true,
        }
    }

    /// Begins or stops to send an encoding.
    pub fn switch(&mut self, encoding: usize, on: bool) {
        self.encoders[encoding].on = on;
    }

    /// Films for so long.
    pub fn film(&mut self, bench: &mut Bench<Nil>, time: Duration) {
        film(bench, &mut [self], time);
    }

    fn picture(&mut self, bench: &mut Bench<Nil>) {
        let picture = self.picture;
        let wanted =
            self.gives_key_frames && std::mem::take(&mut bench.sender_mut(self.producer).key_frame_wanted);
        let is_key = picture == 0 || wanted;
        self.keys += u32::from(is_key);
        self.picture += 1;
        for index in 0..self.encoders.len() {
            if is_key {
                self.encoders[index].key = picture;
            }
            self.encode(bench, index, picture);
        }
    }

    fn encode(&mut self, bench: &mut Bench<Nil>, index: usize, picture: u32) {
        let (coding, spatial_on) = (self.coding, self.spatial_on);
        let encoder = &mut self.encoders[index];
        let place = picture - encoder.key;
        let is_key = place == 0;
        let (mut temporal, mut sync, mut back) = PATTERN[(place % 4) as usize];
        if self.temporal_layers == 1 {
            (temporal, sync, back) = (0, false, &[1]);
        }
        encoder.picture_id = (encoder.picture_id + 1) & 0x7FFF;
        encoder.tl0 = encoder.tl0.wrapping_add(u8::from(temporal == 0));
        encoder.timestamp = encoder.timestamp.wrapping_add(3000);
        if !encoder.on {
            return;
        }
        for spatial in 0..self.spatial_layers.min(spatial_on) {
            let mut references: Vec<(u32, u8)> = match is_key {
                true => Vec::new(),
                false => back.iter().filter(|n| place >= **n).map(|n| (picture - n, spatial)).collect(),
            };
            let inter_layer = spatial > 0 && (is_key || coding == Coding::Vp9Full);
            if inter_layer {
                references.push((picture, spatial - 1));
            }
            let encoder = &mut self.encoders[index];
            encoder.frame = encoder.frame.wrapping_add(1);
            let descriptor = (coding == Coding::Av1Key).then(|| {
                let number_of = |(picture, spatial): &(u32, u8)| {
                    let frame = encoder.frames.iter().find(|(p, s, _)| (p, s) == (picture, spatial));
                    encoder.frame.wrapping_sub(frame.expect("a frame that was sent").2)
                };
                let differences: Vec<u16> = references.iter().map(number_of).collect();
                structure::l3t3_key(encoder.frame, spatial, temporal, is_key, &differences)
            });
            encoder.frames.push((picture, spatial, encoder.frame));
            let excess = encoder.frames.len().saturating_sub(64);
            encoder.frames.drain(..excess);
            let encoder = encoder.clone();
            for part in 0..PARTS {
                let (first, last) = (part == 0, part == PARTS - 1);
                let mut payload = match coding {
                    Coding::Vp8 => vp8(&encoder, temporal, sync, is_key, first),
                    // One OBU, N for the key frame.
                    Coding::Av1Key => vec![0x10 | u8::from(is_key && spatial == 0 && first) << 3, 0x32],
                    _ => vp9(&encoder, spatial, temporal, sync && !is_key, is_key, inter_layer, first, last),
                };
                let told = Told {
                    encoding: index as u8,
                    spatial,
                    temporal,
                    picture,
                    part,
                    parts: PARTS,
                    references: references.clone(),
                }
                .write();
                payload.resize(encoder.size.saturating_sub(told.len()).max(payload.len()), 0x55);
                payload.extend(told);
                let marker = last && spatial + 1 == self.spatial_layers.min(spatial_on);
                let mut packet = Rtp::new(encoder.timestamp, payload).marker(marker).encoding(index);
                if let Some(descriptor) = &descriptor {
                    let value = descriptor.of_part(first, last);
                    packet = packet.extension(ExtensionKind::DependencyDescriptor, value);
                }
                bench.send(self.producer, packet);
            }
        }
    }
}

/// Cameras film side by side for so long.
pub fn film(bench: &mut Bench<Nil>, cameras: &mut [&mut Camera], time: Duration) {
    let end = bench.now() + time;
    while bench.now() < end {
        for camera in cameras.iter_mut() {
            camera.picture(bench);
        }
        bench.advance(Duration::from_nanos(1_000_000_000 / 30));
    }
}

/// RFC 7741 section 4.2: 15-bit picture id, TL0PICIDX, TID and Y.
fn vp8(encoder: &Encoder, temporal: u8, sync: bool, is_key: bool, first: bool) -> Vec<u8> {
    let mut payload = vec![if first { 0x90 } else { 0x80 }, 0xE0];
    payload.extend((encoder.picture_id | 0x8000).to_be_bytes());
    payload.extend([encoder.tl0, temporal << 6 | u8::from(sync) << 5]);
    match (first, is_key) {
        (true, true) => payload.extend([0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]),
        (true, false) => payload.extend([0x31, 0, 0]),
        (false, _) => {}
    }
    payload
}

/// RFC 9628 section 4.2, non-flexible mode.
#[allow(clippy::too_many_arguments, reason = "the fields of a descriptor")]
fn vp9(
    encoder: &Encoder,
    spatial: u8,
    temporal: u8,
    up: bool,
    is_key: bool,
    inter_layer: bool,
    first: bool,
    last: bool,
) -> Vec<u8> {
    let flags = 0xA0 | u8::from(!is_key) << 6 | u8::from(first) << 3 | u8::from(last) << 2;
    let mut payload = vec![flags];
    payload.extend((encoder.picture_id | 0x8000).to_be_bytes());
    payload.extend([temporal << 5 | u8::from(up) << 4 | spatial << 1 | u8::from(inter_layer), encoder.tl0]);
    payload
}
