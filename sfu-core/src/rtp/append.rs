//! One more header extension in a packet that is there already (RFC 8285).
use super::header::{ExtensionProfile, RtpHeader};

/// Profile of one-byte elements.
const ONE_BYTE: [u8; 2] = [0xBE, 0xDE];

/// Adds an element of 4 bytes under `id`, 1 to 14, behind those of the packet that has `len` bytes and that `header` was parsed
/// from; answers its new length. `None`, and nothing changed: there is no room in `bytes`, or its extension is of no known form.
pub(crate) fn append_element(
    bytes: &mut [u8],
    len: usize,
    header: &RtpHeader,
    id: u8,
    value: [u8; 4],
) -> Option<usize> {
    let [a, b, c, d] = value;
    // Both forms take two words.
    let (element, is_new) = match header.extension_profile {
        ExtensionProfile::None => ([id << 4 | 3, a, b, c, d, 0, 0, 0], true),
        ExtensionProfile::OneByte => ([id << 4 | 3, a, b, c, d, 0, 0, 0], false),
        ExtensionProfile::TwoByte => ([id, 4, a, b, c, d, 0, 0], false),
        ExtensionProfile::Other(_) => return None,
    };
    let at = usize::from(header.payload_offset);
    let added = if is_new { 12 } else { 8 };
    if !(1..=14).contains(&id) || at > len || len + added > bytes.len() {
        return None;
    }
    if !is_new {
        let words = usize::from(header.extension_offset).checked_sub(2)?;
        let words = bytes.get_mut(words..words + 2)?;
        let count = u16::from_be_bytes([*words.first()?, *words.get(1)?]).checked_add(2)?;
        words.copy_from_slice(&count.to_be_bytes());
    }
    bytes.copy_within(at..len, at + added);
    let block = bytes.get_mut(at..at + added)?;
    let (start, place) = block.split_at_mut(added - 8);
    place.copy_from_slice(&element);
    if is_new {
        start.copy_from_slice(&[ONE_BYTE[0], ONE_BYTE[1], 0, 2]);
        *bytes.first_mut()? |= 0x10;
    }
    Some(len + added)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Id and value of each element.
    fn elements(packet: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let header = RtpHeader::parse(packet).unwrap();
        header.elements(packet).map(|element| (element.id, element.value.to_vec())).collect()
    }

    fn appended(packet: &[u8], room: usize) -> Option<Vec<u8>> {
        let header = RtpHeader::parse(packet).unwrap();
        let mut bytes = packet.to_vec();
        bytes.resize(packet.len() + room, 0xEE);
        let len = append_element(&mut bytes, packet.len(), &header, 12, [1, 2, 3, 4])?;
        bytes.truncate(len);
        Some(bytes)
    }

    fn packet(extension: &[u8]) -> Vec<u8> {
        let mut packet =
            vec![if extension.is_empty() { 0x80 } else { 0x90 }, 96, 0, 7, 0, 0, 0, 9, 0, 0, 0, 5];
        packet.extend(extension);
        packet.extend(b"payload");
        packet
    }

    #[test]
    fn an_element_comes_behind_those_of_any_form_and_the_payload_stays() {
        type Form<'a> = (&'a [u8], Vec<(u8, Vec<u8>)>);
        let forms: [Form<'_>; 3] = [
            (&[], vec![]),
            (&[0xBE, 0xDE, 0, 1, 0x10, b'm', 0, 0], vec![(1, b"m".to_vec())]),
            (&[0x10, 0, 0, 1, 20, 1, b'm', 0], vec![(20, b"m".to_vec())]),
        ];
        for (extension, mut expected) in forms {
            let after = appended(&packet(extension), 12).expect("there is room");
            expected.push((12, vec![1, 2, 3, 4]));
            assert_eq!(elements(&after), expected);
            assert_eq!(RtpHeader::parse(&after).unwrap().payload(&after), b"payload");
            assert_eq!(appended(&packet(extension), 7), None, "there is no room");
        }
        assert_eq!(appended(&packet(&[0xAB, 0xCD, 0, 1, 1, 2, 3, 4]), 12), None, "of another form");
    }

    proptest! {
        #[test]
        fn any_packet_is_still_one_afterwards(bytes in proptest::collection::vec(any::<u8>(), 0..80), id in any::<u8>(), room in 0usize..16) {
            if let Ok(header) = RtpHeader::parse(&bytes) {
                let mut more = bytes.clone();
                more.resize(bytes.len() + room, 0);
                match append_element(&mut more, bytes.len(), &header, id, [9; 4]) {
                    Some(len) => {
                        let after = RtpHeader::parse(&more[..len]).expect("still a packet");
                        prop_assert_eq!(after.payload(&more[..len]), header.payload(&bytes));
                    }
                    None => prop_assert_eq!(&more[..bytes.len()], &bytes[..]),
                }
            }
        }
    }
}
