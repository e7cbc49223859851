//! RTP parameters in the terms of ORTC.
use crate::flat::schema;

schema! {
    namespace "RtpParameters";

    enum MediaKind {
        Audio = 0,
        Video = 1,
    }

    enum Type {
        Simple = 0,
        Simulcast = 1,
        Svc = 2,
        Pipe = 3,
    }

    table BooleanValue as "Boolean" {
        /// 0 or 1.
        value: u8,
    }

    table Integer32Value as "Integer32" {
        value: i32,
    }

    table Integer32Array {
        value: Option<Vec<i32>>,
    }

    table DoubleValue as "Double" {
        value: f64,
    }

    table StringValue as "String" {
        value: String,
    }

    union Value {
        Boolean(BooleanValue) = 1,
        Integer32(Integer32Value) = 2,
        Double(DoubleValue) = 3,
        String(StringValue) = 4,
        Integer32Array(Integer32Array) = 5,
    }

    table Parameter {
        name: String,
        value: Value,
    }

    table RtcpFeedback {
        r#type: String,
        parameter: Option<String>,
    }

    table RtpCodecParameters {
        mime_type: String,
        payload_type: u8,
        /// Hertz.
        clock_rate: u32,
        channels: Option<u8>,
        parameters: Option<Vec<Parameter>>,
        rtcp_feedback: Option<Vec<RtcpFeedback>>,
    }

    enum RtpHeaderExtensionUri {
        Mid = 0,
        RtpStreamId = 1,
        RepairRtpStreamId = 2,
        AbsSendTime = 3,
        TransportWideCcDraft01 = 4,
        SsrcAudioLevel = 5,
        DependencyDescriptor = 6,
        VideoOrientation = 7,
        TimeOffset = 8,
        AbsCaptureTime = 9,
        PlayoutDelay = 10,
        MediasoupPacketId = 11,
    }

    table RtpHeaderExtensionParameters {
        uri: RtpHeaderExtensionUri,
        id: u8,
        encrypt: bool,
        parameters: Option<Vec<Parameter>>,
    }

    table Rtx {
        ssrc: u32,
    }

    table RtpEncodingParameters {
        ssrc: Option<u32>,
        rid: Option<String>,
        codec_payload_type: Option<u8>,
        rtx: Option<Rtx>,
        dtx: bool,
        scalability_mode: Option<String>,
        /// Bits per second.
        max_bitrate: Option<u64>,
    }

    table RtcpParameters {
        cname: Option<String>,
        reduced_size: bool = true,
    }

    table RtpParameters {
        mid: Option<String>,
        codecs: Vec<RtpCodecParameters>,
        header_extensions: Vec<RtpHeaderExtensionParameters>,
        encodings: Vec<RtpEncodingParameters>,
        rtcp: RtcpParameters,
        msid: Option<String>,
    }

    table CodecMapping {
        payload_type: u8,
        mapped_payload_type: u8,
    }

    table EncodingMapping {
        rid: Option<String>,
        ssrc: Option<u32>,
        mapped_ssrc: u32,
    }

    table RtpMapping {
        codecs: Vec<CodecMapping>,
        encodings: Vec<EncodingMapping>,
    }
}
