//! Answers to those who send.
use super::*;

#[test]
fn the_answer_to_chromium_is_this() {
    let answer = publish("chromium-publish").answer.to_string();
    let head: Vec<&str> = answer.lines().take_while(|line| !line.starts_with("m=")).collect();
    assert!(head[1].starts_with("o=- ") && head[1].ends_with(" 1 IN IP4 127.0.0.1"), "{}", head[1]);
    assert_eq!(head[2..], ["s=-", "t=0 0", "a=ice-lite", "a=group:BUNDLE 0 1", "a=extmap-allow-mixed"]);
    let audio = section_lines(&answer, 0);
    let fingerprint = format!("a=fingerprint:sha-256 {}", vec!["0A"; 32].join(":"));
    assert_eq!(
        audio,
        [
            "audio 9 UDP/TLS/RTP/SAVPF 111",
            "c=IN IP4 0.0.0.0",
            "a=mid:0",
            "a=recvonly",
            "a=ice-ufrag:ourfragment",
            "a=ice-pwd:pppppppppppppppppppppppppppppppp",
            &fingerprint,
            "a=setup:passive",
            "a=rtcp-mux",
            "a=rtcp-rsize",
            "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
            "a=rtpmap:111 opus/48000/2",
            "a=rtcp-fb:111 transport-cc",
            "a=fmtp:111 minptime=10;useinbandfec=1",
            "a=candidate:f 1 udp 1078862079 192.0.2.9 40000 typ host",
            "a=candidate:f 1 tcp 1078862079 192.0.2.9 40001 typ host tcptype passive",
            "a=end-of-candidates",
        ]
    );
    let video = section_lines(&answer, 1);
    assert_eq!(video[0], "video 9 UDP/TLS/RTP/SAVPF 96 97");
    for line in [
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:96 ccm fir",
        "a=fmtp:97 apt=96",
        "a=setup:passive",
    ] {
        assert!(has(&video, line), "{line} is missing in {video:#?}");
    }
    for text in [
        "goog-remb",
        "video-timing",
        "red/",
        "ulpfec",
        "a=candidate",
        "a=msid",
        "a=ssrc",
        "rtp-hdrext:unknown",
    ] {
        assert!(!video.iter().any(|line| line.contains(text)), "{text}");
    }
}

#[test]
fn chromium_is_produced_as_it_sends() {
    let PublisherAnswer { peer, produce, .. } = publish("chromium-publish");
    assert_eq!(peer.dtls.role, DtlsRole::Auto);
    assert_eq!(peer.dtls.fingerprints.len(), 1);
    let offered = sample("chromium-publish");
    assert_eq!(Some(&peer.ice), offered.media[0].ice.as_ref());
    let [audio, video] = produce.as_slice() else { panic!("{produce:?}") };
    assert_eq!((audio.kind, audio.mid.as_deref()), (MediaKind::Audio, Some("0")));
    assert_eq!(audio.rtp_parameters.encodings[0].ssrc, Some(offered.media[0].ssrcs[0].ssrc));
    let group = &offered.media[1].ssrc_groups[0].ssrcs;
    let encoding = &video.rtp_parameters.encodings[0];
    assert_eq!((encoding.ssrc, encoding.rtx.map(|rtx| rtx.ssrc)), (Some(group[0]), Some(group[1])));
    assert_eq!(video.rtp_mapping.codecs.len(), 2);
    assert_eq!(video.consumable.encodings[0].ssrc, Some(video.rtp_mapping.encodings[0].mapped_ssrc));
    assert!(video.rtp_parameters.rtcp.reduced_size);
}

#[test]
fn simulcast_is_answered_in_the_offers_order_and_produced_lowest_first() {
    for name in ["chromium-simulcast", "firefox-simulcast"] {
        let PublisherAnswer { answer, produce, .. } = publish(name);
        let text = answer.to_string();
        let video = section_lines(&text, 1);
        let at =
            |line: &str| video.iter().position(|l| *l == line).unwrap_or_else(|| panic!("{name}: {line}"));
        assert!(at("a=rid:h recv") < at("a=rid:m recv") && at("a=rid:m recv") < at("a=rid:l recv"));
        at("a=simulcast:recv h;m;l");
        let rids: Vec<_> =
            produce[1].rtp_parameters.encodings.iter().map(|e| e.rid.as_deref().unwrap()).collect();
        assert_eq!(rids, ["l", "m", "h"]);
        let mapped: Vec<_> =
            produce[1].rtp_mapping.encodings.iter().map(|e| e.rid.as_deref().unwrap()).collect();
        assert_eq!(mapped, rids);
        assert!(produce[1].rtp_parameters.header_extensions.iter().any(|e| e.uri == uri::REPAIRED_RID));
        assert_eq!(produce[1].consumable.rtcp.cname, produce[0].consumable.rtcp.cname, "{name}: one CNAME");
        assert!(produce[1].consumable.rtcp.cname.is_some());
    }
}

#[test]
fn firefox_gets_directions_and_mixed_extensions_echoed() {
    let text = publish("firefox-simulcast").answer.to_string();
    assert_eq!(text.matches("a=extmap-allow-mixed").count(), 2);
    let video = section_lines(&text, 1);
    assert!(has(&video, "a=extmap:9/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"));
    assert!(!text.contains("csrc-audio-level") && !text.contains("playout-delay"), "{text}");
    assert!(has(&video, "a=fmtp:120 max-fr=60;max-fs=12288"));
}

#[test]
fn data_channels_are_rejected_and_leave_the_bundle() {
    for name in ["chromium-data", "firefox-data"] {
        let PublisherAnswer { answer, .. } = publish(name);
        assert_eq!(answer.media.len(), 3);
        assert_eq!(answer.bundle.as_deref(), Some(["0".to_string(), "1".to_string()].as_slice()));
        let data = &answer.media[2];
        assert_eq!(
            (data.port, data.formats[0].as_str(), data.ice.is_none()),
            (0, "webrtc-datachannel", true)
        );
        assert_eq!(answer.media[0].direction, Direction::Recvonly);
    }
    let only_data = publish_with(&sample("janus-data-offer"), &PublisherPolicy::default());
    assert_eq!(only_data.unwrap_err(), NegotiationError::NothingToReceive);
}

#[test]
fn data_channels_are_taken_where_the_policy_takes_them() {
    let policy = PublisherPolicy { data_channels: true, ..PublisherPolicy::default() };
    for name in ["chromium-data", "firefox-data"] {
        let answer = publish_with(&sample(name), &policy).unwrap().answer;
        let text = answer.to_string();
        let data = section_lines(&text, 2);
        assert!(data[0].starts_with("application 9 UDP/DTLS/SCTP webrtc-datachannel"), "{data:?}");
        for line in
            ["a=sctp-port:5000", "a=max-message-size:262144", "a=ice-ufrag:ourfragment", "a=setup:passive"]
        {
            assert!(has(&data, line), "{line}: {data:?}");
        }
        assert_eq!(answer.bundle.map(|group| group.len()), Some(3), "{text}");
    }
}

#[test]
fn no_message_is_longer_than_what_the_peer_takes() {
    let policy = PublisherPolicy { data_channels: true, ..PublisherPolicy::default() };
    let text = sample_text("chromium-data").replace('\r', "");
    let longest = |line: &str| {
        let offer = offer(&text.replace("a=max-message-size:262144", line));
        let mut random = counter();
        let plan = PublisherPlan::new(
            &offer,
            &RtpCapabilities::router(),
            &policy,
            &mut SsrcSource::new(&mut random),
        );
        plan.unwrap().data.unwrap().sctp.max_send_message_size
    };
    let ours = SctpOptions::default().max_send_message_size;
    assert_eq!(longest("a=max-message-size:1000"), 1000);
    assert_eq!(longest("a=max-message-size:0"), ours, "any size");
    assert_eq!(longest("a=max-message-size:1073741823"), ours);
    assert_eq!(longest("a=x-nothing"), 65_536, "unsaid");
}

#[test]
fn data_channels_that_would_need_a_transport_of_their_own_are_rejected() {
    let policy = PublisherPolicy { data_channels: true, ..PublisherPolicy::default() };
    let text = sample_text("chromium-data").replace('\r', "");
    for (from, to) in [
        ("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0 1"),
        ("a=sctp-port:5000", "a=sctp-port:5001"),
        ("UDP/DTLS/SCTP webrtc-datachannel", "UDP/DTLS/SCTP something-else"),
    ] {
        let answer = publish_with(&offer(&text.replace(from, to)), &policy).unwrap().answer;
        assert_eq!((answer.media[2].port, answer.media[0].port), (0, 9), "{to}");
    }
}

#[test]
fn a_passive_offer_makes_us_the_dtls_client() {
    let PublisherAnswer { answer, peer, produce } = publish("ffmpeg-publish");
    assert_eq!((peer.dtls.role, peer.setup), (DtlsRole::Server, Setup::Active));
    assert!(answer.media.iter().all(|media| media.setup == Some(Setup::Active)));
    let [audio, video] = produce.as_slice() else { panic!() };
    assert_eq!(audio.rtp_parameters.encodings[0].ssrc, Some(3_915_623_027));
    assert!(video.rtp_parameters.header_extensions.is_empty());
    assert_eq!(video.rtp_parameters.codecs[0].parameters["profile-level-id"], "640028");
    let active =
        offer(&sample_text("ffmpeg-publish").replace("\r", "").replace("setup:passive", "setup:active"));
    let answer = publish_with(&active, &PublisherPolicy::default()).unwrap();
    assert_eq!((answer.peer.dtls.role, answer.peer.setup), (DtlsRole::Client, Setup::Passive));
}

#[test]
fn libdatachannel_is_found_by_its_ssrcs() {
    let PublisherAnswer { answer, peer, produce } = publish("libdatachannel-publish");
    assert_eq!(peer.ice.username_fragment, "wLmD");
    assert_eq!(produce[1].rtp_parameters.encodings[0].ssrc, Some(1_391_482_074));
    assert!(produce.iter().all(|media| media.rtp_parameters.header_extensions.is_empty()));
    let text = answer.to_string();
    assert!(
        !text.contains("extmap") && !text.contains("goog-remb"),
        "no estimation without an extension to base it on"
    );
    assert!(!text.contains("sprop-stereo") && text.contains("stereo=1"));
}

#[test]
fn gstreamer_is_answered_with_its_bundle_only_section() {
    let PublisherAnswer { answer, produce, .. } = publish("gstreamer-publish");
    assert_eq!(answer.bundle.as_ref().unwrap().len(), 2);
    assert!(answer.media.iter().all(|media| media.port == 9 && media.direction == Direction::Recvonly));
    assert!(!answer.to_string().contains("sprop"));
    assert!(produce[0].consumable.codecs[0].parameters.contains_key("sprop-parameter-sets"));
    assert_eq!(produce[1].rtp_parameters.codecs[0].mime_type, "audio/OPUS");
    assert_eq!(produce[1].consumable.codecs[0].mime_type, "audio/opus");
}

#[test]
fn media_that_would_need_two_transports_is_refused() {
    let error = publish_with(&sample("gstreamer-unbundled"), &PublisherPolicy::default()).unwrap_err();
    assert_eq!(error, NegotiationError::NotBundled { section: 1 });
    assert_eq!(error.refusal().http_status(), 422);
    let only_video = PublisherPolicy { max_audio: 0, partial: true, ..PublisherPolicy::default() };
    let answer = publish_with(&sample("gstreamer-unbundled"), &only_video).unwrap().answer;
    assert_eq!((answer.bundle, answer.media[1].port), (None, 0));
}

#[test]
fn without_a_group_sections_with_the_same_credentials_share_a_transport() {
    let text = sample_text("ffmpeg-publish")
        .replace('\r', "")
        .replace("a=group:BUNDLE 0 1\n", "")
        .replace("a=rtcp-mux\n", "");
    let answer = publish_with(&offer(&text), &PublisherPolicy::default()).unwrap().answer;
    assert_eq!(answer.bundle, None);
    assert!(
        answer
            .media
            .iter()
            .all(|media| media.candidates.len() == 2 && media.end_of_candidates && media.rtcp_mux)
    );
}

#[test]
fn the_policy_chooses_codecs_and_numbers() {
    let video = vec!["h264".to_string()];
    let filter = ProduceFilter { video, ..ProduceFilter::default() };
    let policy = PublisherPolicy { filter, ..PublisherPolicy::default() };
    let answer = publish_with(&sample("chromium-publish"), &policy).unwrap();
    assert_eq!(answer.answer.media[1].formats, ["102", "103"]);
    assert_eq!(answer.produce.len(), 2, "the filter of video leaves audio alone");
    let all = ProduceFilter { all_codecs: true, ..ProduceFilter::default() };
    let policy = PublisherPolicy { filter: all, max_audio: 0, partial: true, ..PublisherPolicy::default() };
    let answer = publish_with(&sample("chromium-publish"), &policy).unwrap();
    let video = &answer.produce[0].rtp_parameters;
    let offered: Vec<u8> =
        sample("chromium-publish").media[1].codecs.iter().map(|c| c.payload_type).collect();
    let taken: Vec<u8> = video.codecs.iter().map(|c| c.payload_type).collect();
    assert!(taken.len() >= 16 && taken.iter().all(|pt| offered.contains(pt)));
    assert!(!video.codecs.iter().any(|c| c.mime_type.contains("red") || c.mime_type.contains("ulpfec")));
    assert_eq!(answer.answer.media[0].port, 0);
    let video = vec!["VP8".to_string()];
    let filter = ProduceFilter { video, ..ProduceFilter::default() };
    let policy = PublisherPolicy { filter, max_audio: 0, partial: true, ..PublisherPolicy::default() };
    let error = publish_with(&sample("ffmpeg-publish"), &policy).unwrap_err();
    assert_eq!(error.refusal(), Refusal::NotAcceptable);
    assert!(error.to_string().contains("supported are VP8"), "{error}");
}

#[test]
fn what_webrtc_cannot_use_is_refused_with_what_is_missing() {
    let text = sample_text("ffmpeg-publish").replace('\r', "");
    let refused = |text: String| publish_with(&offer(&text), &PublisherPolicy::default()).unwrap_err();
    assert_eq!(refused(text.replace("a=ice-ufrag", "a=x")), NegotiationError::NoIce { section: 0 });
    assert_eq!(refused(text.replace("a=fingerprint", "a=x")), NegotiationError::NoFingerprint { section: 0 });
    assert_eq!(refused(text.replace("sha-256", "md5")), NegotiationError::NoFingerprint { section: 0 });
    assert_eq!(refused(text.replace("passive", "holdconn")), NegotiationError::HeldConnection { section: 0 });
    assert_eq!(refused(text.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP")), NegotiationError::NothingToReceive);
    assert_eq!(refused(text.replace("BUNDLE 0 1", "BUNDLE 0")), NegotiationError::NotBundled { section: 1 });
    assert_eq!(refused("v=0\n".into()), NegotiationError::NothingToReceive);
    let unreadable = NegotiationError::from(SessionDescription::parse(b"x").unwrap_err());
    assert_eq!(unreadable.refusal().http_status(), 400);
}

#[test]
fn half_a_session_is_only_made_where_it_is_wanted() {
    let video = vec!["H264".to_string()];
    let filter = ProduceFilter { video, ..ProduceFilter::default() };
    let strict = PublisherPolicy { filter, ..PublisherPolicy::default() };
    let error = publish_with(&sample("firefox-publish"), &strict).unwrap_err();
    assert!(error.to_string().contains("supported are H264"), "{error}");
    assert_eq!(error.refusal(), Refusal::NotAcceptable);
    let partial = PublisherPolicy { partial: true, ..strict };
    let PublisherAnswer { answer, produce, .. } = publish_with(&sample("firefox-publish"), &partial).unwrap();
    assert_eq!((produce.len(), answer.media[1].port), (1, 0));
    let none = PublisherPolicy { max_video: 0, ..PublisherPolicy::default() };
    let error = publish_with(&sample("firefox-publish"), &none).unwrap_err();
    assert_eq!(error, NegotiationError::TooManySections { section: 1, kind: MediaKind::Video, limit: 0 });
    assert_eq!(error.refusal(), Refusal::Unprocessable);
}
