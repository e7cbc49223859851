//! What can be read of packets and messages, and what can be done with them.
use sfu_core::plugin::{DataMessage, ExtensionKind, MAX_RECIPIENTS, RtpPacket, Verdict, ppid};

/// Reads all of a packet.
pub(crate) fn look_at(pkt: &RtpPacket<'_>) {
    let _ = (pkt.payload_type(), pkt.sequence_number(), pkt.marker(), pkt.kind(), pkt.codec());
    let _ = (pkt.encoding(), pkt.origin(), pkt.is_key_frame(), pkt.audio_level(), pkt.is_empty());
    assert!(pkt.header_bytes().len() >= 12);
    let mut copy = [0; 1500];
    assert_eq!(pkt.copy_to(&mut copy), Ok(pkt.len()));
    assert_eq!(copy.get(..pkt.len()), pkt.as_bytes());
    assert!(pkt.extension(ExtensionKind::VideoOrientation).is_none() && pkt.extension_by_id(14).is_none());
}

/// Changes all of a packet that can be changed.
pub(crate) fn change(pkt: &mut RtpPacket<'_>) {
    let (marker, payload_type) = (pkt.marker(), pkt.payload_type());
    pkt.set_marker(!marker);
    pkt.set_payload_type(payload_type);
    pkt.replace_payload(b"something shorter?").expect("there is room");
    pkt.set_payload_len(17).expect("it is shorter");
    if let Some(last) = pkt.payload_mut().expect("there is a copy to spare").last_mut() {
        *last = b'!';
    }
    assert!(!pkt.remove_extension(ExtensionKind::VideoOrientation) && !pkt.remove_extension_by_id(14));
    pkt.set_extension_by_id(13, &[1, 2]).expect("there is room");
    assert_eq!(pkt.extension_by_id(13), Some(&[1, 2][..]));
    assert!(pkt.remove_extension_by_id(13));
}

/// Messages that begin with `none` are for nobody, those with `drop` are dropped; the rest goes to whom the core says.
pub(crate) fn address(msg: &mut DataMessage<'_>) -> Verdict {
    if msg.payload().starts_with(b"drop") {
        return Verdict::Drop;
    }
    let is_for_nobody = msg.payload().starts_with(b"none");
    if msg.ppid() == ppid::STRING_EMPTY {
        msg.set_ppid(ppid::STRING);
    }
    let _ = msg.is_binary();
    let _ = msg.from();
    let to = msg.to();
    let first = to.iter().next();
    to.retain(|_| false);
    assert!(to.is_empty() && to.len() < MAX_RECIPIENTS);
    if let Some(first) = first.filter(|_| !is_for_nobody) {
        to.push(first);
    } else {
        to.clear();
    }
    Verdict::Forward
}
