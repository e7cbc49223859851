//! Redundant audio is taken and given where something takes it off and adds it, and nowhere else.
use super::*;
use crate::signaling::ortc::without_red;

/// A browser's offer that would rather have RED.
fn red_first(name: &str) -> SessionDescription {
    let text = sample_text(name).replace("SAVPF 111 63 ", "SAVPF 63 111 ");
    SessionDescription::parse(text.as_bytes()).unwrap()
}

fn publish_to(router: &RtpCapabilities, offer: &SessionDescription) -> PublisherAnswer {
    let (local, mut random) = (Local::new(), counter());
    let policy = PublisherPolicy::default();
    answer_publisher(offer, router, &policy, &local.transport(), &mut SsrcSource::new(&mut random)).unwrap()
}

fn watch(offer: &SessionDescription, red: bool) -> ViewerAnswer {
    let (local, mut random) = (Local::new(), counter());
    let (router, policy) = (RtpCapabilities::router(), ViewerPolicy { red, ..ViewerPolicy::default() });
    let available = producers("chromium-publish");
    let mut ssrcs = SsrcSource::new(&mut random);
    answer_viewer(offer, &available, &router, &policy, &local.transport(), &mut ssrcs).unwrap()
}

fn types(parameters: &RtpParameters) -> Vec<u8> {
    parameters.codecs.iter().map(|codec| codec.payload_type).collect()
}

#[test]
fn a_publisher_that_lists_red_first_may_send_it_and_the_opus_in_it() {
    let router = RtpCapabilities::router().with_red();
    let offer = red_first("chromium-publish");
    let PublisherAnswer { answer, produce, .. } = publish_to(&router, &offer);
    let text = answer.to_string();
    let audio = section_lines(&text, 0);
    assert_eq!(audio[0], "audio 9 UDP/TLS/RTP/SAVPF 63 111");
    assert!(has(&audio, "a=rtpmap:63 red/48000/2") && has(&audio, "a=fmtp:63 111/111"), "{audio:#?}");
    assert_eq!(types(&produce[0].rtp_parameters), [63, 111]);
    let mapped: Vec<u8> = produce[0].rtp_mapping.codecs.iter().map(|c| c.mapped_payload_type).collect();
    assert!(mapped[0] != mapped[1]);
    let opus = without_red(produce[0].consumable.clone());
    assert_eq!(opus.codecs.len(), 1);
    assert_eq!(opus.codecs[0].mime_type, "audio/opus");
    // By default, and where nothing takes it off, it is Opus.
    for (router, offer) in [(router, sample("chromium-publish")), (RtpCapabilities::router(), offer)] {
        let answer = publish_to(&router, &offer);
        assert_eq!(types(&answer.produce[0].rtp_parameters), [111]);
        assert!(!answer.answer.to_string().contains("red/48000"));
    }
}

#[test]
fn red_that_carries_nothing_known_is_not_taken() {
    let router = RtpCapabilities::router().with_red();
    for carried in ["a=fmtp:63 9/9", "a=fmtp:63 111/9", "a=fmtp:63 77/77", "a=fmtp:63 x", "a=x"] {
        let text = sample_text("chromium-publish").replace("SAVPF 111 63 ", "SAVPF 63 111 ");
        let text = text.replace("a=fmtp:63 111/111", carried);
        let offer = SessionDescription::parse(text.as_bytes()).unwrap();
        assert_eq!(types(&publish_to(&router, &offer).produce[0].rtp_parameters), [111], "{carried}");
    }
}

#[test]
fn a_viewer_that_lists_red_first_is_given_red_beside_opus() {
    let ViewerAnswer { answer, consume, .. } = watch(&red_first("chromium-watch"), true);
    let text = answer.to_string();
    let audio = section_lines(&text, 0);
    assert_eq!(audio[0], "audio 9 UDP/TLS/RTP/SAVPF 63 111");
    assert!(has(&audio, "a=fmtp:63 111/111"), "{audio:#?}");
    assert_eq!(types(&consume[0].rtp_parameters), [63, 111]);
    for (offer, red) in [(sample("chromium-watch"), true), (red_first("chromium-watch"), false)] {
        assert_eq!(types(&watch(&offer, red).consume[0].rtp_parameters), [111]);
    }
}
