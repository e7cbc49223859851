//! Codec matching and the way of parameters from a producer to a consumer.
use super::codec_match::{consumes, produces};
use super::*;
use crate::control::*;
use crate::signaling::sdp::{MediaDescription, SessionDescription};

fn section(lines: &str) -> MediaDescription {
    let text = format!("v=0\r\n{}", lines.replace('\n', "\r\n"));
    SessionDescription::parse(text.as_bytes()).unwrap().media.remove(0)
}

fn video(codec: &str) -> MediaDescription {
    let (map, fmtp) = codec.split_once(' ').unwrap_or((codec, ""));
    let fmtp = if fmtp.is_empty() { String::new() } else { format!("a=fmtp:96 {fmtp}\n") };
    section(&format!("m=video 9 UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 {map}\n{fmtp}a=ssrc:5 cname:c\n"))
}

fn produce(section: &MediaDescription) -> Result<ProducedMedia, OrtcError> {
    let mut next = 1000;
    let mut random = || {
        next += 1;
        next
    };
    let filter = ProduceFilter::default();
    producer_from_section(section, &RtpCapabilities::router(), &filter, &mut SsrcSource::new(&mut random))
}

fn consumable(section: &MediaDescription) -> RtpParameters {
    let made = produce(section).unwrap();
    consumable_parameters(made.kind, &made.rtp_parameters, &made.rtp_mapping, &RtpCapabilities::router())
        .unwrap()
}

#[test]
fn payload_types_and_extension_ids_of_the_router_are_unique() {
    let router = RtpCapabilities::router();
    let mut payload_types: Vec<u8> = router.codecs.iter().map(|c| c.preferred_payload_type).collect();
    payload_types.sort_unstable();
    assert!(payload_types.windows(2).all(|pair| pair[0] < pair[1]), "{payload_types:?}");
    assert!(
        payload_types.iter().all(|pt| *pt < 128 && !(64..=95).contains(pt)),
        "RTCP types collide with 64–95"
    );
    for codec in router.media_codecs(MediaKind::Video) {
        assert!(router.rtx_of(codec.preferred_payload_type).is_some(), "{}", codec.mime_type);
        assert!(codec.rtcp_feedback.len() == 5);
    }
    for a in &router.header_extensions {
        for b in &router.header_extensions {
            assert_eq!(a.uri == b.uri, a.preferred_id == b.preferred_id);
        }
    }
}

#[test]
fn profiles_of_h264_are_told_apart() {
    use H264Profile::*;
    for (text, profile) in [
        ("42e01f", Some(ConstrainedBaseline)),
        ("42c015", Some(ConstrainedBaseline)),
        ("42001f", Some(Baseline)),
        ("4d001f", Some(Main)),
        ("4d0032", Some(Main)),
        ("640c1f", Some(ConstrainedHigh)),
        ("640028", Some(High)),
        ("6e0028", None),
        ("f40028", None),
        ("42e01", None),
        ("42é1f", None),
        ("+2e01f", None),
    ] {
        assert_eq!(H264Profile::of(text), profile, "{text}");
    }
}

#[test]
fn what_the_router_cannot_carry_is_not_produced() {
    for codec in [
        "H265/90000",
        "VP8/48000",
        "VP9/90000 profile-id=1",
        "AV1/90000 profile=1",
        "H264/90000 profile-level-id=f40028;packetization-mode=1",
        "red/90000",
        "rtx/90000 apt=96",
        "AV1X/90000",
    ] {
        let error = produce(&video(codec)).unwrap_err();
        assert!(matches!(error, OrtcError::NoCommonCodec { kind: MediaKind::Video, .. }), "{codec}");
    }
    let error = produce(&section("m=audio 9 UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 opus/16000/2\n")).unwrap_err();
    assert!(error.to_string().contains("opus, G722, PCMU, PCMA"), "{error}");
    let data = section("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n");
    assert_eq!(produce(&data).unwrap_err(), OrtcError::NotMedia);
}

#[test]
fn what_the_router_carries_is_produced_under_its_own_payload_type() {
    let router = RtpCapabilities::router();
    for (codec, wanted) in [
        ("vp8/90000", ""),
        ("VP9/90000", "0"),
        ("VP9/90000 profile-id=2", "2"),
        ("AV1/90000 level-idx=5;profile=0;tier=0", "0"),
        ("H264/90000 profile-level-id=42c015;packetization-mode=1", "42e01f"),
        ("H264/90000 profile-level-id=640028", "64001f"),
        ("H264/90000", "42001f"),
    ] {
        let made = produce(&video(codec)).unwrap_or_else(|e| panic!("{codec}: {e}"));
        let mapped = made.rtp_mapping.codecs[0].mapped_payload_type;
        let of_router = router.codecs.iter().find(|c| c.preferred_payload_type == mapped).unwrap();
        let profile =
            ["profile-id", "profile", "profile-level-id"].iter().find_map(|n| of_router.parameters.get(*n));
        assert_eq!(profile.map_or("", String::as_str), wanted, "{codec}");
    }
    let opus = section("m=audio 9 UDP/TLS/RTP/SAVPF 97\na=rtpmap:97 OPUS/48000\n");
    assert_eq!(produce(&opus).unwrap().rtp_mapping.codecs[0].mapped_payload_type, 100);
}

#[test]
fn a_receiver_gets_the_h264_that_fits_best() {
    let codec = |fmtp: &str| video(&format!("H264/90000 {fmtp}")).codecs.remove(0);
    let sent = codec("profile-level-id=42001f;packetization-mode=1");
    let misfit = |fmtp: &str, profiles| consumes(&sent, &codec(fmtp), profiles);
    let same = misfit("profile-level-id=42001f;packetization-mode=1", ProfileMatch::Exact);
    assert_eq!(same, Some(0));
    let constrained = "profile-level-id=42e01f;packetization-mode=1";
    assert_eq!(misfit(constrained, ProfileMatch::Exact), None);
    assert!(
        misfit(constrained, ProfileMatch::Compatible)
            < misfit("profile-level-id=4d001f;packetization-mode=1", ProfileMatch::Compatible)
    );
    assert_eq!(misfit("profile-level-id=42001f;packetization-mode=0", ProfileMatch::Any), None);
    assert_eq!(misfit("profile-level-id=42001f", ProfileMatch::Any), None);
    let high = codec("profile-level-id=640028;packetization-mode=1");
    let baseline = codec(constrained);
    assert_eq!(consumes(&high, &baseline, ProfileMatch::Compatible), None);
    assert!(consumes(&high, &baseline, ProfileMatch::Any).is_some());
    assert!(consumes(&baseline, &high, ProfileMatch::Compatible).is_some());
    let single = codec("profile-level-id=42e01f;packetization-mode=0");
    let (to_zero, to_one) =
        (consumes(&single, &single, ProfileMatch::Any), consumes(&single, &baseline, ProfileMatch::Any));
    assert!(to_one < to_zero, "mode 1 takes whatever the sender really makes");
}

#[test]
fn same_codec_looks_at_profiles_but_not_at_payload_types() {
    let mut a = video("VP9/90000 profile-id=2").codecs.remove(0);
    let b = a.clone();
    a.payload_type = 1;
    assert!(same_codec(&a, &b));
    assert!(!same_codec(&a, &video("VP9/90000").codecs[0]));
    assert!(produces(&a, &b));
}

#[test]
fn a_group_of_ssrcs_becomes_simulcast_with_retransmissions() {
    let media = section(
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=rtpmap:96 VP8/90000\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n\
         a=ssrc:1 cname:c\na=ssrc-group:SIM 1 2 2 3\na=ssrc-group:FID 1 11\na=ssrc-group:FID 2 12\n",
    );
    let encodings = produce(&media).unwrap().rtp_parameters.encodings;
    let pairs: Vec<_> = encodings.iter().map(|e| (e.ssrc, e.rtx.map(|rtx| rtx.ssrc))).collect();
    assert_eq!(pairs, [(Some(1), Some(11)), (Some(2), Some(12)), (Some(3), None)]);
}

#[test]
fn the_retransmission_stream_is_never_taken_for_the_media() {
    let media = section(
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=rtpmap:96 VP8/90000\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n\
         a=ssrc:11 cname:c\na=ssrc:1 cname:c\na=ssrc-group:FID 1 11\n",
    );
    let encoding = produce(&media).unwrap().rtp_parameters.encodings.remove(0);
    assert_eq!((encoding.ssrc, encoding.rtx), (Some(1), Some(RtxParameters { ssrc: 11 })));
}

#[test]
fn without_an_extension_for_rids_there_is_one_encoding() {
    let media = section(
        "m=video 9 UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 VP8/90000\na=mid:0\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\n\
         a=rid:h send\na=rid:l send\na=simulcast:send h;l\n",
    );
    let made = produce(&media).unwrap();
    assert_eq!(made.rtp_parameters.encodings, [RtpEncodingParameters::default()]);
    assert_eq!(made.rtp_mapping.encodings.len(), 1);
}

#[test]
fn only_one_bandwidth_estimation_is_negotiated() {
    let cc = "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\n";
    let time = "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\n";
    let kinds = |extensions: &str| {
        let text = format!(
            "m=video 9 UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 VP8/90000\na=rtcp-fb:96 goog-remb\na=rtcp-fb:96 transport-cc\n{extensions}"
        );
        let feedback = produce(&section(&text)).unwrap().rtp_parameters.codecs.remove(0).rtcp_feedback;
        feedback.into_iter().map(|f| f.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&format!("{cc}{time}")), ["transport-cc"]);
    assert_eq!(kinds(time), ["goog-remb"]);
    assert!(kinds("").is_empty());
}

#[test]
fn consumable_parameters_are_the_routers() {
    let media = section(
        "m=video 9 UDP/TLS/RTP/SAVPF 45\na=rtpmap:45 H264/90000\na=fmtp:45 profile-level-id=42e01f;packetization-mode=1;x=1\n\
         a=mid:v\na=ssrc:7 cname:c\na=msid:s t\n",
    );
    let parameters = consumable(&media);
    assert_eq!(parameters.mid, None);
    assert_eq!(parameters.codecs.len(), 2, "RTX is the router's to offer");
    assert_eq!((parameters.codecs[0].payload_type, parameters.codecs[1].apt()), (107, Some(107)));
    assert_eq!(parameters.codecs[0].parameters["x"], "1");
    assert_eq!((parameters.encodings[0].ssrc, parameters.encodings[0].rtx), (Some(1001), None));
    assert!(!parameters.header_extensions.iter().any(|e| e.uri == uri::RID));
    assert_eq!((parameters.rtcp.cname.as_deref(), parameters.msid.as_deref()), (Some("c"), Some("s t")));
    let made = produce(&media).unwrap();
    let stranger = RtpMapping {
        codecs: vec![RtpMappingCodec { payload_type: 45, mapped_payload_type: 1 }],
        ..RtpMapping::default()
    };
    let router = RtpCapabilities::router();
    assert_eq!(
        consumable_parameters(made.kind, &made.rtp_parameters, &stranger, &router),
        Err(OrtcError::UnknownPayloadType(1))
    );
}

#[test]
fn a_consumer_speaks_the_receivers_terms() {
    let media = video("VP8/90000");
    let mut consumable = consumable(&media);
    consumable.encodings.push(consumable.encodings[0].clone());
    let receiver = section(
        "m=video 9 UDP/TLS/RTP/SAVPF 120 124\na=rtpmap:120 VP8/90000\na=rtpmap:124 rtx/90000\na=fmtp:124 apt=120\n\
         a=fmtp:120 max-fs=12288\na=rtcp-fb:120 nack\na=rtcp-fb:120 ccm tmmbr\na=mid:0\n\
         a=extmap:7/sendonly urn:ietf:params:rtp-hdrext:toffset\na=extmap:9 urn:3gpp:video-orientation\n\
         a=extmap:5 urn:ietf:params:rtp-hdrext:sdes:mid\na=extmap:6 urn:x\n",
    );
    let capabilities = RtpCapabilities::of_section(&receiver);
    assert!(can_consume(&consumable, &capabilities, ProfileMatch::Exact));
    let options = ReceiverOptions { mid: Some("0".into()), ..ReceiverOptions::default() };
    let mut random = || 77;
    let sent =
        consumer_parameters(&consumable, &capabilities, &options, &mut SsrcSource::new(&mut random)).unwrap();
    let payload_types: Vec<u8> = sent.codecs.iter().map(|c| c.payload_type).collect();
    assert_eq!(payload_types, [120, 124]);
    assert_eq!(sent.codecs[0].rtcp_feedback, [RtcpFeedback::new("nack", "")]);
    let ids: Vec<u8> = sent.header_extensions.iter().map(|e| e.id).collect();
    assert_eq!(ids, [9, 5]);
    let encoding = &sent.encodings[0];
    assert_eq!((encoding.ssrc, encoding.rtx), (Some(77), Some(RtxParameters { ssrc: 78 })));
    assert_eq!((sent.encodings.len(), encoding.scalability_mode.as_deref()), (1, Some("L2T1")));
    let h264 = RtpCapabilities::of_section(&video("H264/90000"));
    assert!(!can_consume(&consumable, &h264, ProfileMatch::Any));
    let error =
        consumer_parameters(&consumable, &h264, &options, &mut SsrcSource::new(&mut random)).unwrap_err();
    assert_eq!(error, OrtcError::CannotConsume { codec: "video/VP8".into() });
}

#[test]
fn capabilities_survive_json() {
    let router = RtpCapabilities::router();
    let json = serde_json::to_value(&router).unwrap();
    assert_eq!(json["headerExtensions"][0]["preferredId"], 1);
    assert_eq!(serde_json::from_value::<RtpCapabilities>(json).unwrap(), router);
}
