//! What peers really write, and what nobody should.
use proptest::prelude::*;

use super::*;

/// Offers of real stacks; see `testdata/README.md`.
pub(crate) const SAMPLES: [(&str, &str); 17] = [
    ("chromium-publish", include_str!("../testdata/chromium-publish.sdp")),
    ("chromium-simulcast", include_str!("../testdata/chromium-simulcast.sdp")),
    ("chromium-watch", include_str!("../testdata/chromium-watch.sdp")),
    ("chromium-data", include_str!("../testdata/chromium-data.sdp")),
    ("firefox-publish", include_str!("../testdata/firefox-publish.sdp")),
    ("firefox-simulcast", include_str!("../testdata/firefox-simulcast.sdp")),
    ("firefox-watch", include_str!("../testdata/firefox-watch.sdp")),
    ("firefox-data", include_str!("../testdata/firefox-data.sdp")),
    ("gstreamer-publish", include_str!("../testdata/gstreamer-publish.sdp")),
    ("gstreamer-unbundled", include_str!("../testdata/gstreamer-unbundled.sdp")),
    ("gstreamer-watch", include_str!("../testdata/gstreamer-watch.sdp")),
    ("libdatachannel-publish", include_str!("../testdata/libdatachannel-publish.sdp")),
    ("ffmpeg-publish", include_str!("../testdata/ffmpeg-publish.sdp")),
    ("janus-subscriber-offer", include_str!("../testdata/janus-subscriber-offer.sdp")),
    ("janus-subscriber-answer", include_str!("../testdata/janus-subscriber-answer.sdp")),
    ("janus-simulcast-answer", include_str!("../testdata/janus-simulcast-answer.sdp")),
    ("janus-data-offer", include_str!("../testdata/janus-data-offer.sdp")),
];

/// The sample of that name, read.
pub(crate) fn sample(name: &str) -> SessionDescription {
    SessionDescription::parse(sample_text(name).as_bytes()).expect("samples are readable")
}

/// The sample of that name.
pub(crate) fn sample_text(name: &str) -> &'static str {
    SAMPLES.iter().find(|(n, _)| *n == name).expect("a sample of that name").1
}

/// A text with some lines removed, doubled, moved or damaged; `changes` are positions and kinds of damage.
pub(crate) fn mutated(text: &str, changes: &[(u16, u8, u8)]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = text.split_inclusive('\n').map(|line| line.as_bytes().to_vec()).collect();
    for (place, kind, byte) in changes {
        if lines.is_empty() {
            break;
        }
        let index = usize::from(*place) % lines.len();
        let length = lines[index].len();
        if length == 0 {
            continue;
        }
        match kind % 8 {
            0 => drop(lines.remove(index)),
            1 => lines.push(lines[index].clone()),
            2 => lines.insert(0, lines[index].clone()),
            3 => lines.swap(index, (index + usize::from(*byte)) % (index + 1)),
            4 => lines[index][usize::from(*byte) % length] = *byte,
            5 => lines[index].truncate(usize::from(*byte) % length),
            6 => lines[index].insert(usize::from(*byte) % length, b"0 ;:/=,~"[usize::from(*byte) % 8]),
            _ => drop(lines[index].remove(usize::from(*byte) % length)),
        }
    }
    lines.concat()
}

fn parse(lines: &str) -> Result<SessionDescription, SdpError> {
    SessionDescription::parse(lines.replace('\n', "\r\n").as_bytes())
}

#[test]
fn a_description_survives_writing_and_reading() {
    for (name, text) in SAMPLES {
        let description =
            SessionDescription::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let written = description.to_string();
        let read = SessionDescription::parse(written.as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(read, description, "{name}");
        assert_eq!(read.to_string(), written, "{name}");
    }
}

#[test]
fn a_firefox_section_is_read_in_whatever_order_its_lines_are() {
    let video = &sample("firefox-simulcast").media[1];
    assert_eq!(video.codecs.len(), 9);
    assert_eq!(video.codecs[0].mime_type, "video/VP8");
    assert!(video.codecs[0].has_feedback("nack", "pli"));
    assert_eq!((video.codecs[1].is_rtx(), video.codecs[1].apt()), (true, Some(120)));
    assert_eq!(video.simulcast.send.len(), 3);
    assert_eq!(video.ssrcs.len(), 6);
    assert_eq!(video.header_extensions[3].direction, Some(Direction::Recvonly));
    assert!(video.extmap_allow_mixed && !sample("firefox-simulcast").extmap_allow_mixed);
}

#[test]
fn sections_inherit_what_the_session_says() {
    let offer = sample("libdatachannel-publish");
    for media in &offer.media {
        assert_eq!(media.ice.as_ref().unwrap().username_fragment, "wLmD");
        assert_eq!((media.fingerprints.len(), media.setup), (1, Some(Setup::Actpass)));
        assert_eq!(media.ice_options, ["ice2", "trickle"]);
    }
    assert_eq!(offer.media[0].candidates.len(), 2);
    assert!(offer.media[0].end_of_candidates && !offer.media[1].end_of_candidates);
    let text = "v=0\na=sendonly\na=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\nm=audio 9 RTP/SAVPF 0\n\
                m=video 9 RTP/SAVPF 96\na=inactive\na=ice-ufrag:efgh\na=ice-pwd:1123456789012345678901\n";
    let offer = parse(text).unwrap();
    assert_eq!(offer.media[0].direction, Direction::Sendonly);
    assert_eq!(offer.media[1].direction, Direction::Inactive);
    assert_eq!(offer.media[1].ice.as_ref().unwrap().username_fragment, "efgh");
    assert_eq!(offer.media[0].codecs[0].mime_type, "audio/PCMU");
}

#[test]
fn static_payload_types_need_no_map_where_they_are_audio() {
    let codecs = |line: &str| parse(&format!("v=0\n{line}\n")).unwrap().media.remove(0).codecs;
    assert_eq!(
        codecs("m=audio 9 RTP/SAVPF 8 13 96").iter().map(|c| c.payload_type).collect::<Vec<_>>(),
        [8, 13]
    );
    assert!(codecs("m=audio 0 RTP/SAVPF 8").is_empty());
    assert!(codecs("m=video 9 RTP/SAVPF 9").is_empty());
}

#[test]
fn feedback_for_all_payload_types_reaches_each_codec() {
    let text = "v=0\nm=video 9 RTP/SAVPF 96 97\na=rtpmap:96 VP8/90000\na=rtpmap:97 VP9/90000\na=rtcp-fb:* nack pli\n\
                a=rtcp-fb:97 nack\nb=AS:500\n";
    let video = parse(text).unwrap().media.remove(0);
    assert!(video.codecs.iter().all(|codec| codec.has_feedback("nack", "pli")));
    assert!(!video.codecs[0].has_feedback("nack", "") && video.codecs[1].has_feedback("nack", ""));
    assert_eq!(video.bitrate, Some(500_000));
}

#[test]
fn an_error_names_the_line_and_the_reason() {
    let head = "v=0\ns=-\nm=audio 9 UDP/TLS/RTP/SAVPF 111\n";
    for (line, reason) in [
        ("a=rtpmap:200 opus/48000", "a=rtpmap"),
        ("a=fingerprint:sha-256 AB", "a=fingerprint"),
        ("a=extmap:0 urn:x", "a=extmap"),
        ("a=ssrc:x cname:y", "a=ssrc"),
        ("a=ice-pwd:short", "a=ice-pwd"),
        ("a=setup:maybe", "a=setup"),
        ("a=mid:", "a=mid"),
        ("a=simulcast:send ;", "a=simulcast"),
        ("x", "key=value"),
        ("b=AS:x", "Bandwidth"),
    ] {
        let error = parse(&format!("{head}\n{line}\n")).unwrap_err();
        assert_eq!(error.line(), Some(5), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert_eq!(parse("hello\n").unwrap_err().line(), Some(1));
    assert!(parse("v=0\nm=audio 9 RTP/SAVPF opus\n").unwrap_err().to_string().contains("payload types"));
    assert_eq!(parse("v=0\nm=audio 9 A 0\na=mid:x\nm=audio 9 A 0\na=mid:x\n").unwrap_err().line(), Some(4));
}

#[test]
fn too_much_is_refused() {
    let long = vec![b'v'; MAX_BYTES + 1];
    assert!(matches!(SessionDescription::parse(&long), Err(SdpError::TooLong { .. })));
    let lines = format!("v=0\n{}", "a=x\n".repeat(MAX_LINES));
    assert!(matches!(parse(&lines), Err(SdpError::TooMany { what: "lines", .. })));
    let sections = format!("v=0\n{}", "m=audio 9 A 0\n".repeat(MAX_SECTIONS + 1));
    assert!(
        matches!(parse(&sections), Err(SdpError::TooMany { what: "sections", line, .. }) if line == MAX_SECTIONS + 2)
    );
}

#[test]
fn what_sections_inherit_cannot_multiply_a_short_text() {
    let options = "a ".repeat(20_000);
    let text = format!("v=0\na=ice-options:{options}\n{}", "m=audio 9 RTP/SAVPF 0\n".repeat(MAX_SECTIONS));
    let total: usize = parse(&text).unwrap().media.iter().map(|media| media.ice_options.len()).sum();
    assert!(total <= 16 * MAX_SECTIONS);
    let feedback: String = (0..3000).map(|i| format!("a=rtcp-fb:* x{i}\n")).collect();
    let maps: String = (0..128).map(|pt| format!("a=rtpmap:{pt} x/1\n")).collect();
    let formats: Vec<String> = (0..128).map(|pt| pt.to_string()).collect();
    let text = format!("v=0\nm=audio 9 RTP/SAVPF {}\n{maps}{feedback}", formats.join(" "));
    assert!(parse(&text).unwrap().media[0].codecs.iter().all(|codec| codec.rtcp_feedback.len() <= 32));
}

#[test]
fn no_value_can_begin_another_line() {
    let mut description = sample("ffmpeg-publish");
    description.media[0].mid = Some("0\r\na=ice-lite\r\n".into());
    description.media[0].msid = Some("a\nm=video 9 RTP/SAVPF 96".into());
    let read = SessionDescription::parse(description.to_string().as_bytes()).unwrap();
    assert!(!read.ice_lite);
    assert_eq!(read.media.len(), 2);
}

#[test]
fn fragments_survive_writing_and_reading() {
    let text = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
                a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\n\
                a=candidate:bad\r\na=end-of-candidates\r\n";
    let fragment = IceFragment::parse(text.as_bytes()).unwrap();
    assert_eq!(fragment.credentials().unwrap().username_fragment, "EsAw");
    assert_eq!(fragment.media[0].mid.as_deref(), Some("0"));
    assert_eq!(fragment.media[0].candidates.len(), 1);
    assert!(fragment.media[0].end_of_candidates && !fragment.end_of_candidates);
    let written = fragment.to_string();
    assert!(written.starts_with("a=ice-ufrag:EsAw\r\n"), "{written}");
    assert_eq!(IceFragment::parse(written.as_bytes()).unwrap(), fragment);
    let bad = IceFragment::parse(b"a=ice-ufrag:EsAw\na=ice-pwd:x\n").unwrap_err();
    assert_eq!(bad.line(), Some(2));
    assert_eq!(IceFragment::parse(b"").unwrap(), IceFragment::default());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = SessionDescription::parse(&bytes);
        let _ = IceFragment::parse(&bytes);
        let _ = SessionDescription::parse(&[b"v=0\r\nm=audio 9 RTP/SAVPF 0\r\na=", bytes.as_slice()].concat());
    }

    #[test]
    fn arbitrary_attributes_never_panic_and_survive_writing(
        lines in proptest::collection::vec(
            "a=(mid|rtpmap|fmtp|rtcp-fb|extmap|ssrc|ssrc-group|rid|simulcast|msid|candidate|ice-options|group|setup):[ -~]{0,40}",
            0..12,
        ),
    ) {
        let text = format!("v=0\r\nm=video 9 RTP/SAVPF 96 97\r\na=rtpmap:96 VP8/90000\r\n{}\r\n", lines.join("\r\n"));
        if let Ok(description) = SessionDescription::parse(text.as_bytes()) {
            let read = SessionDescription::parse(description.to_string().as_bytes());
            prop_assert_eq!(read, Ok(description));
        }
    }

    #[test]
    fn mutated_samples_never_panic_and_survive_writing(
        index in 0..SAMPLES.len(),
        changes in proptest::collection::vec(any::<(u16, u8, u8)>(), 1..8),
    ) {
        let text = mutated(SAMPLES[index].1, &changes);
        if let Ok(description) = SessionDescription::parse(&text) {
            let read = SessionDescription::parse(description.to_string().as_bytes());
            prop_assert_eq!(read, Ok(description));
        }
        if let Ok(fragment) = IceFragment::parse(&text) {
            prop_assert_eq!(IceFragment::parse(fragment.to_string().as_bytes()), Ok(fragment));
        }
    }
}
