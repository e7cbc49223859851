//! Answers to those who watch.
use super::*;

#[test]
fn an_offer_to_watch_cannot_publish_and_the_other_way_round() {
    for name in ["chromium-watch", "firefox-watch", "gstreamer-watch"] {
        let error = publish_with(&sample(name), &PublisherPolicy::default()).unwrap_err();
        assert_eq!((error.clone(), error.refusal().http_status()), (NegotiationError::NothingToReceive, 406));
    }
    let error = view_with(&sample("chromium-publish"), &producers("chromium-publish")).unwrap_err();
    assert_eq!(error, NegotiationError::NothingToSend);
    assert_eq!(view_with(&sample("chromium-watch"), &[]).unwrap_err(), NegotiationError::NothingToSend);
}

#[test]
fn every_publisher_can_be_watched_in_chromium_and_what_it_has_in_firefox() {
    for publisher in [
        "chromium-publish",
        "chromium-simulcast",
        "firefox-publish",
        "libdatachannel-publish",
        "ffmpeg-publish",
        "gstreamer-publish",
    ] {
        let ViewerAnswer { consume, .. } = view(publisher, "chromium-watch");
        assert_eq!(consume.len(), 2, "{publisher}");
    }
    assert_eq!(view("chromium-publish", "firefox-watch").consume.len(), 2);
    assert_eq!(view("firefox-publish", "gstreamer-watch").consume.len(), 2);
    // This Firefox has no H.264: it gets the sound.
    assert_eq!(view("ffmpeg-publish", "firefox-watch").consume.len(), 1);
}

#[test]
fn a_viewer_is_told_what_is_sent_in_its_own_terms() {
    let ViewerAnswer { answer, consume, peer } = view("chromium-simulcast", "firefox-watch");
    assert_eq!(peer.dtls.role, DtlsRole::Auto);
    let text = answer.to_string();
    assert!(text.contains("a=ice-lite\r\n") && text.contains("a=msid-semantic:WMS *\r\n"));
    let video = section_lines(&text, 1);
    assert_eq!(video[0], "video 9 UDP/TLS/RTP/SAVPF 120 124");
    let encoding = &consume[1].rtp_parameters.encodings[0];
    let (ssrc, rtx) = (encoding.ssrc.unwrap(), encoding.rtx.unwrap().ssrc);
    let parameters = &consume[1].rtp_parameters;
    let (cname, msid) = (parameters.rtcp.cname.as_deref().unwrap(), parameters.msid.as_deref().unwrap());
    for line in [
        "a=sendonly".to_string(),
        format!("a=msid:{msid}"),
        format!("a=ssrc-group:FID {ssrc} {rtx}"),
        format!("a=ssrc:{ssrc} cname:{cname}"),
        format!("a=ssrc:{rtx} cname:{cname}"),
        format!("a=ssrc:{ssrc} msid:{msid}"),
        "a=extmap:6/sendonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay".to_string(),
    ] {
        assert!(video.contains(&line.as_str()), "{line} is missing in {video:#?}");
    }
    assert!(!text.contains("simulcast") && !text.contains("rid:"));
    let audio = &consume[0].rtp_parameters;
    assert_eq!(audio.rtcp.cname.as_deref(), Some(cname));
    assert_eq!(audio.msid.as_deref().unwrap().split(' ').next(), msid.split(' ').next(), "one stream");
    assert_eq!(audio.header_extensions.iter().find(|e| e.uri == uri::MID).map(|e| e.id), Some(3));
    assert_eq!(consume[1].rtp_parameters.mid.as_deref(), Some("1"));
}

#[test]
fn sections_that_nobody_sends_to_stay_inactive() {
    let audio_only = producers("chromium-publish").remove(0);
    let ViewerAnswer { answer, consume, .. } = view_with(&sample("chromium-watch"), &[audio_only]).unwrap();
    assert_eq!((consume.len(), consume[0].producer, consume[0].section), (1, 0, 0));
    let video = &answer.media[1];
    assert_eq!((video.port, video.direction), (9, Direction::Inactive));
    assert!(video.ssrcs.is_empty() && video.msid.is_none() && !video.codecs.is_empty());
    assert_eq!(answer.bundle.unwrap().len(), 2);
}

#[test]
fn a_producer_is_given_to_one_section_only() {
    let text = sample("chromium-watch").to_string();
    let second =
        text.split_inclusive("\r\n").skip_while(|line| !line.starts_with("m=video")).collect::<String>();
    let doubled = text.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + &second.replace("a=mid:1", "a=mid:2");
    let offer = SessionDescription::parse(doubled.as_bytes()).unwrap();
    let mut available = producers("chromium-publish");
    let ViewerAnswer { answer, consume, .. } = view_with(&offer, &available).unwrap();
    assert_eq!(consume.len(), 2);
    assert_eq!(answer.media[2].direction, Direction::Inactive);
    available.push(available[1].clone());
    let consume = view_with(&offer, &available).unwrap().consume;
    assert_eq!(consume.iter().map(|media| media.producer).collect::<Vec<_>>(), [0, 1, 2]);
    let mut ssrcs: Vec<_> =
        consume.iter().flat_map(|m| &m.rtp_parameters.encodings).map(|e| e.ssrc).collect();
    ssrcs.sort_unstable();
    ssrcs.dedup();
    assert_eq!(ssrcs.len(), 3);
}

#[test]
fn a_viewer_without_the_codec_is_refused_by_its_name() {
    let video = producers("ffmpeg-publish").remove(1);
    let error = view_with(&sample("firefox-watch"), &[video]).unwrap_err();
    assert!(error.to_string().contains("video/H264"), "{error}");
    assert_eq!(error.refusal(), Refusal::NotAcceptable);
}
