//! Blocks of a packet capture (draft-ietf-opsawg-pcapng), little endian, and the IP datagrams in them.

/// Begins a section.
const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const NAMES: u32 = 4;
const PACKET: u32 = 6;
/// By which readers tell the byte order.
const BYTE_ORDER: u32 = 0x1A2B_3C4D;
/// LINKTYPE_RAW: packets begin with an IP header.
const RAW_IP: u16 = 101;
/// Option `opt_comment`, of any block.
const COMMENT: u16 = 1;
/// Option `if_name` of an interface.
const IF_NAME: u16 = 2;
/// Option `if_description` of an interface.
const IF_DESCRIPTION: u16 = 3;
/// Option `shb_userappl` of a section.
const APPLICATION: u16 = 4;
/// Option `if_tsresol` of an interface.
const TIME_RESOLUTION: u16 = 9;
/// `nrb_record_ipv4`.
const IPV4_NAME: u16 = 1;
/// Bytes before RTP in a packet.
pub const DATAGRAM: usize = 20 + 8;

/// Where all packets are sent to.
pub const WORKER: [u8; 4] = [198, 19, 0, 1];
/// UDP port of RTP, at both ends.
pub const RTP_PORT: u16 = 5004;
/// UDP port of RTCP, at both ends.
pub const RTCP_PORT: u16 = 5005;

/// The address that stream `number` comes from: one of those set apart for measurements (RFC 2544), which no host has.
pub fn address(number: u16) -> [u8; 4] {
    let [high, low] = number.to_be_bytes();
    [198, 18, high, low]
}

/// Begins a file.
pub fn section(out: &mut Vec<u8>, comment: &str) {
    block(out, SECTION, |out| {
        out.extend(BYTE_ORDER.to_le_bytes());
        // Version 1.0, and a length that is not known yet.
        out.extend([1, 0, 0, 0]);
        out.extend((-1i64).to_le_bytes());
        option(out, COMMENT, comment.as_bytes());
        option(out, APPLICATION, b"sfukit recorder");
        end_of_options(out);
    });
}

/// Adds an interface; they are numbered from 0.
pub fn interface(out: &mut Vec<u8>, name: &str, description: &str) {
    block(out, INTERFACE, |out| {
        out.extend(RAW_IP.to_le_bytes());
        // Reserved, and packets of any length.
        out.extend([0; 6]);
        option(out, IF_NAME, name.as_bytes());
        option(out, IF_DESCRIPTION, description.as_bytes());
        // Nanoseconds.
        option(out, TIME_RESOLUTION, &[9]);
        end_of_options(out);
    });
}

/// Tells the names of addresses.
pub fn names<'a>(out: &mut Vec<u8>, names: impl IntoIterator<Item = ([u8; 4], &'a str)>) {
    block(out, NAMES, |out| {
        for (address, name) in names {
            let record = [&address, name.as_bytes(), b"\0"].concat();
            option(out, IPV4_NAME, &record);
        }
        end_of_options(out);
    });
}

/// Adds a packet: `payload` in a UDP datagram from `from` to [`WORKER`] on `port`, at a time in nanoseconds since 1970.
pub fn packet(
    out: &mut Vec<u8>,
    interface: u32,
    at: u64,
    (from, port): ([u8; 4], u16),
    payload: &[u8],
    comment: Option<&str>,
) {
    block(out, PACKET, |out| {
        out.extend(interface.to_le_bytes());
        out.extend(((at >> 32) as u32).to_le_bytes());
        out.extend((at as u32).to_le_bytes());
        let len = (DATAGRAM + payload.len()) as u32;
        out.extend(len.to_le_bytes());
        out.extend(len.to_le_bytes());
        out.extend(headers(from, port, payload.len()));
        out.extend(payload);
        pad(out, len as usize);
        if let Some(comment) = comment {
            option(out, COMMENT, comment.as_bytes());
            end_of_options(out);
        }
    });
}

/// IPv4 and UDP headers, the latter without a checksum, as IPv4 allows.
fn headers(from: [u8; 4], port: u16, payload: usize) -> [u8; DATAGRAM] {
    let udp = (8 + payload) as u16;
    let mut headers = [0; DATAGRAM];
    let (ip, rest) = headers.split_at_mut(20);
    // Version 4, five words; don't fragment; 64 hops; UDP.
    let [high, low] = (20 + udp).to_be_bytes();
    ip.copy_from_slice(&[0x45, 0, high, low, 0, 0, 0x40, 0, 64, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    if let Some(addresses) = ip.get_mut(12..) {
        let (source, destination) = addresses.split_at_mut(4);
        source.copy_from_slice(&from);
        destination.copy_from_slice(&WORKER);
    }
    let sum: u32 = ip.as_chunks().0.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let checksum = !((sum & 0xFFFF) + (sum >> 16)) as u16;
    if let Some(place) = ip.get_mut(10..12) {
        place.copy_from_slice(&checksum.to_be_bytes());
    }
    for (place, value) in rest.chunks_exact_mut(2).zip([port, port, udp, 0]) {
        place.copy_from_slice(&value.to_be_bytes());
    }
    headers
}

/// A block: its length stands at both ends.
fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    out.extend(kind.to_le_bytes());
    let at = out.len();
    out.extend([0; 4]);
    body(out);
    let len = (out.len() - at + 8) as u32;
    out.extend(len.to_le_bytes());
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&len.to_le_bytes());
    }
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..value.len().min(usize::from(u16::MAX))).unwrap_or_default();
    out.extend(code.to_le_bytes());
    out.extend((value.len() as u16).to_le_bytes());
    out.extend(value);
    pad(out, value.len());
}

fn end_of_options(out: &mut Vec<u8>) {
    out.extend([0; 4]);
}

/// Fills up to four bytes after something of `len` bytes.
fn pad(out: &mut Vec<u8>, len: usize) {
    out.resize(out.len() + len.next_multiple_of(4) - len, 0);
}

/// What the beginning of a capture of ours says: the description of each interface, and when its first packet came, in
/// nanoseconds since 1970. `None`: it is no such file.
pub fn read(head: &[u8]) -> Option<(Vec<String>, u64)> {
    let mut blocks = Blocks(head);
    let (SECTION, body) = blocks.next()? else { return None };
    let (order, options) = body.split_first_chunk()?;
    if u32::from_le_bytes(*order) != BYTE_ORDER
        || find(options.get(12..)?, APPLICATION)? != b"sfukit recorder"
    {
        return None;
    }
    let (mut descriptions, mut started) = (Vec::new(), 0);
    for (kind, body) in blocks {
        match kind {
            INTERFACE => {
                let text = find(body.get(8..)?, IF_DESCRIPTION)?;
                descriptions.push(String::from_utf8_lossy(text).into_owned());
            }
            PACKET => {
                let word = |at: usize| body.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word));
                started = (u64::from(word(4)?) << 32) | u64::from(word(8)?);
                break;
            }
            _ => {}
        }
    }
    Some((descriptions, started))
}

/// The whole blocks of a file.
struct Blocks<'a>(&'a [u8]);

impl<'a> Iterator for Blocks<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = self.0.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let len = u32::from_le_bytes(*len) as usize;
        let body = rest.get(..len.checked_sub(12)?)?;
        self.0 = self.0.get(len..)?;
        Some((u32::from_le_bytes(*kind), body))
    }
}

/// The value of an option.
fn find(mut options: &[u8], code: u16) -> Option<&[u8]> {
    loop {
        let (found, rest) = options.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (found, len) = (u16::from_le_bytes(*found), usize::from(u16::from_le_bytes(*len)));
        if found == 0 {
            return None;
        }
        if found == code {
            return rest.get(..len);
        }
        options = rest.get(len.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read() {
        let mut file = Vec::new();
        section(&mut file, "five");
        interface(&mut file, "cam", "video vp8, of cam");
        names(&mut file, [(address(1), "cam"), (WORKER, "worker")]);
        packet(&mut file, 0, 1_769_903_999_123_456_789, (address(1), RTP_PORT), &[0x80; 13], Some("first"));
        assert_eq!(file.len() % 4, 0);
        let all: Vec<u32> = Blocks(&file).map(|(kind, _)| kind).collect();
        assert_eq!(all, [SECTION, INTERFACE, NAMES, PACKET]);
        let read = read(&file).unwrap();
        assert_eq!(read, (vec!["video vp8, of cam".to_owned()], 1_769_903_999_123_456_789));
    }

    #[test]
    fn the_headers_add_up() {
        let headers = headers(address(300), RTCP_PORT, 1000);
        // RFC 1071: with its checksum in it, a header's sum is all ones.
        let sum: u32 =
            headers[..20].chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        assert_eq!((sum & 0xFFFF) + (sum >> 16), 0xFFFF);
        assert_eq!(headers[2..4], 1028u16.to_be_bytes());
        assert_eq!(headers[12..20], [198, 18, 1, 44, 198, 19, 0, 1]);
        assert_eq!(headers[20..], [0x13, 0x8D, 0x13, 0x8D, 0x03, 0xF0, 0, 0]);
    }

    proptest! {
        #[test]
        fn hostile_captures_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut file = Vec::new();
            section(&mut file, "");
            file.extend(&bytes);
            let _ = (read(&file), read(&bytes));
        }

        #[test]
        fn a_capture_that_is_cut_off_is_read_up_to_there(cut in 0..400usize, len in 0..100usize) {
            let mut file = Vec::new();
            section(&mut file, "comment");
            let head = file.len();
            interface(&mut file, "a", "audio opus");
            packet(&mut file, 0, 5, (address(1), RTP_PORT), &vec![1; len], None);
            let cut = cut.min(file.len());
            prop_assert_eq!(read(&file[..cut]).is_some(), cut >= head);
        }
    }
}
