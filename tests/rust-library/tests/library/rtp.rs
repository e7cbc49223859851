//! RTP packets, written by hand.

/// A packet to be sent.
#[derive(Clone)]
pub struct Packet {
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub is_marked: bool,
    /// Of header extensions, with one byte for id and length.
    pub extensions: Vec<(u8, Vec<u8>)>,
    pub payload: Vec<u8>,
}

impl Packet {
    pub fn bytes(&self) -> Vec<u8> {
        let has_extensions = !self.extensions.is_empty();
        let mut bytes =
            vec![0x80 | u8::from(has_extensions) << 4, self.payload_type | u8::from(self.is_marked) << 7];
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.timestamp.to_be_bytes());
        bytes.extend(self.ssrc.to_be_bytes());
        if has_extensions {
            let mut block = Vec::new();
            for (id, value) in &self.extensions {
                block.push(id << 4 | (value.len() as u8 - 1));
                block.extend(value);
            }
            block.resize(block.len().next_multiple_of(4), 0);
            bytes.extend([0xbe, 0xde]);
            bytes.extend((block.len() as u16 / 4).to_be_bytes());
            bytes.extend(block);
        }
        bytes.extend(&self.payload);
        bytes
    }
}

/// One sender's packets in order.
pub struct Stream {
    next: Packet,
    step: u32,
}

impl Stream {
    /// 20 ms of sound each.
    pub fn audio(ssrc: u32) -> Self {
        Self::new(111, ssrc, 960)
    }

    /// A picture of 1/30 s each.
    pub fn video(ssrc: u32) -> Self {
        Self::new(112, ssrc, 3000)
    }

    fn new(payload_type: u8, ssrc: u32, step: u32) -> Self {
        let (extensions, payload) = (Vec::new(), Vec::new());
        let next = Packet {
            payload_type,
            sequence: 100,
            timestamp: 5000,
            ssrc,
            is_marked: true,
            extensions,
            payload,
        };
        Self { next, step }
    }

    pub fn packet(&mut self, payload: &[u8]) -> Vec<u8> {
        self.with(&[], payload)
    }

    pub fn with(&mut self, extensions: &[(u8, &[u8])], payload: &[u8]) -> Vec<u8> {
        let extensions = extensions.iter().map(|(id, value)| (*id, value.to_vec())).collect();
        let packet = Packet { extensions, payload: payload.to_vec(), ..self.next.clone() };
        self.next.sequence = self.next.sequence.wrapping_add(1);
        self.next.timestamp = self.next.timestamp.wrapping_add(self.step);
        packet.bytes()
    }

    /// Part of the same picture as the one after it.
    pub fn part(&mut self, payload: &[u8]) -> Vec<u8> {
        let packet = Packet { is_marked: false, payload: payload.to_vec(), ..self.next.clone() };
        self.next.sequence = self.next.sequence.wrapping_add(1);
        packet.bytes()
    }
}

/// What is seen of a packet that came.
#[derive(Debug, PartialEq)]
pub struct Seen {
    pub payload_type: u8,
    pub sequence: u16,
    pub ssrc: u32,
    pub payload: Vec<u8>,
}

/// `None` if it is RTCP.
pub fn parse(bytes: &[u8]) -> Option<Seen> {
    let payload_type = bytes[1] & 0x7f;
    if (64..96).contains(&payload_type) {
        return None;
    }
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut at = 12 + usize::from(bytes[0] & 15) * 4;
    if bytes[0] & 0x10 != 0 {
        at += 4 + (word(at) & 0xffff) as usize * 4;
    }
    let padding = if bytes[0] & 0x20 != 0 { usize::from(bytes[bytes.len() - 1]) } else { 0 };
    Some(Seen {
        payload_type,
        sequence: (word(0) & 0xffff) as u16,
        ssrc: word(8),
        payload: bytes[at..bytes.len() - padding].to_vec(),
    })
}

/// A key frame of VP8, 160 × 120, or a picture after one; `tag` stands at its end.
pub fn vp8(is_key: bool, tag: u8) -> Vec<u8> {
    numbered_vp8(0, is_key, tag)
}

/// The same with a number of the picture, 15 bits of it.
pub fn numbered_vp8(number: u16, is_key: bool, tag: u8) -> Vec<u8> {
    // Begins a picture; it has a number, and no layers.
    let [high, low] = number.to_be_bytes();
    let mut payload = vec![0x90, 0x80, 0x80 | high, low, u8::from(!is_key), 2, 0];
    if is_key {
        payload.extend([0x9d, 0x01, 0x2a, 160, 0, 120, 0]);
    }
    payload.resize(40, 0x55);
    payload.push(tag);
    payload
}

/// The number of the picture that is seen.
pub fn vp8_number(seen: &Seen) -> u16 {
    u16::from_be_bytes([seen.payload[2] & 0x7f, seen.payload[3]])
}

/// A layer of a key picture of VP9 in three spatial layers, which is whole; `tag` stands at its end.
pub fn vp9(picture: u8, spatial: u8) -> Vec<u8> {
    // Picture number, layers, begin and end of a frame; a layer above the lowest is predicted from that below it.
    let inter_layer = u8::from(spatial > 0);
    let mut payload = vec![0b1010_1100, picture & 0x7f, spatial << 1 | inter_layer, picture];
    payload.resize(40, 0x55);
    payload.push(spatial);
    payload
}
