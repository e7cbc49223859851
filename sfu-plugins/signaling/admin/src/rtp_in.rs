//! `POST /streams/{name}/rtp-in`: plain RTP becomes a publisher.
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use sfu_core::control::{
    Command, ConnectPlainTransport, ErrorKind, ListenInfo, MediaKind, PlainTransportCreated,
    PlainTransportOptions, ProducerId, ProducerOptions, RouterId, RtcpParameters, RtpEncodingParameters,
    RtpMapping, RtpMappingCodec, RtpMappingEncoding, RtpParameters, SrtpParameters, Target, TransportId,
    TransportTuple, WorkerStats,
};

use crate::api::{Api, to_the_end};
use crate::body::{Body, Id};
use crate::codec::{Codec, is_parameter};
use crate::error::{ApiError, Kind};
use crate::rtp_out::{is_rtcp_type, random};
use crate::settings::Settings;
use crate::stream_name::StreamName;
use crate::streams::is_of;
use crate::{routers, streams};

/// Least time between two key frame requests to the sender.
const KEY_FRAME_DELAY: Duration = Duration::from_secs(1);

/// What will be sent to us. Audio and video are two requests for one stream.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RtpIn {
    /// Audio or video.
    kind: MediaKind,
    /// `VP8` or `video/VP8`.
    codec: String,
    /// 0–127.
    payload_type: u8,
    /// Hz; may be left out for Opus, PCMU, PCMA, G722, VP8, VP9, H264, H265, AV1.
    clock_rate: Option<u32>,
    /// Audio only.
    channels: Option<u8>,
    /// Format parameters (`a=fmtp`), for H264 at least `packetization-mode` and `profile-level-id`.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    /// Without one, that of the first packet with the payload type counts.
    ssrc: Option<u32>,
    /// Where to listen; by default `signaling.admin.rtp_in_listen_ip`.
    listen_ip: Option<IpAddr>,
    /// Port to listen on; 0 or none: any free one.
    #[serde(default)]
    listen_port: u16,
    /// Learn the sender's address from its first packet: the default unless `ip` and `port` are given.
    comedia: Option<bool>,
    /// The sender's address, which RTCP reports go to; within `signaling.admin.rtp_out_allow`.
    ip: Option<IpAddr>,
    /// The sender's port.
    port: Option<u16>,
    /// The sender's RTCP port, without `rtcpMux`.
    rtcp_port: Option<u16>,
    /// RTP and RTCP on one port.
    #[serde(default = "yes")]
    rtcp_mux: bool,
    /// The sender's SRTP key; ours is in the answer.
    srtp: Option<SrtpParameters>,
}

fn yes() -> bool {
    true
}

/// Where to send RTP to.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RtpInStarted {
    transport: TransportId,
    router: RouterId,
    producer: ProducerId,
    /// `local` is where RTP is expected.
    tuple: TransportTuple,
    /// `local` is where RTCP is expected, without `rtcpMux`.
    rtcp_tuple: Option<TransportTuple>,
    /// Our SRTP key, for the RTCP that we send.
    srtp: Option<SrtpParameters>,
    /// What the producer takes.
    rtp_parameters: RtpParameters,
}

/// A checked request.
struct Plan {
    kind: MediaKind,
    rtp_parameters: RtpParameters,
    mapping: RtpMapping,
    transport: PlainTransportOptions,
    /// What `ConnectPlainTransport` is to be told, if anything.
    peer: Option<ConnectPlainTransport>,
}

/// `POST /streams/{name}/rtp-in`.
pub(crate) async fn start(
    State(api): State<Api>,
    Id(name): Id<StreamName>,
    Body(asked): Body<RtpIn>,
) -> Result<(StatusCode, Json<RtpInStarted>), ApiError> {
    let plan = plan(&api.settings, &name, asked)?;
    to_the_end(async move {
        // One at a time: the next one sees what this one makes.
        let mut all = api.made.lock().await;
        let stats = api.control.stats(Target::Worker).await?;
        check_free(&stats, &name, plan.kind)?;
        let known = routers::of_stream(&stats, &name).or(all.routers.get(name.as_str()).copied());
        let mut made = None;
        let outcome = match known {
            Some(router) => produce(&api, router, &name, &plan).await,
            None => Err(ApiError::not_found("")),
        };
        let outcome = match outcome {
            // No router, or it closed since: one for the stream, on a media thread in turn.
            Err(ApiError { kind: Kind::NotFound, .. }) => {
                let labels = routers::labels(&name, "stream", "rtp-in");
                let router = api.control.create_router(api.control.pick_worker(), labels).await?;
                made = Some(router);
                produce(&api, router, &name, &plan).await
            }
            other => other,
        };
        match (&outcome, made) {
            (Ok(_), Some(router)) => {
                all.routers.insert(name.as_str().to_owned(), router);
            }
            (Err(_), Some(router)) => {
                let _ = api.control.run(Command::CloseRouter(router)).await;
            }
            _ => {}
        }
        let started = outcome?;
        tracing::info!(stream = %name, local = %started.tuple.local, "admin: plain RTP is received");
        Ok((StatusCode::CREATED, Json(started)))
    })
    .await
}

/// A stream has one publisher of a kind.
fn check_free(stats: &WorkerStats, name: &StreamName, kind: MediaKind) -> Result<(), ApiError> {
    let publishes = |transport: TransportId| {
        stats.transports.iter().any(|other| {
            other.id == transport
                && is_of(other, name.as_str())
                && other.labels.get("role").is_none_or(|role| role == routers::PUBLISHER)
        })
    };
    match stats.producers.iter().find(|producer| producer.kind == kind && publishes(producer.transport)) {
        Some(producer) => Err(ApiError::new(
            Kind::State,
            format!(
                "api.rtp_in: `{name}` has a publisher of {} already (producer {}); close its transport {} first",
                crate::codec::prefix(kind),
                producer.id,
                producer.transport
            ),
        )),
        None => Ok(()),
    }
}

async fn produce(
    api: &Api,
    router: RouterId,
    name: &StreamName,
    plan: &Plan,
) -> Result<RtpInStarted, ApiError> {
    let created = api.control.create_plain_transport(router, plan.transport.clone()).await?;
    let steps = async {
        let connected = match &plan.peer {
            Some(peer) => Some(api.control.connect_plain_transport(created.id, peer.clone()).await?),
            None => None,
        };
        let labels = routers::labels(name, routers::PUBLISHER, "rtp-in");
        let options = ProducerOptions {
            rtp_mapping: plan.mapping.clone(),
            key_frame_request_delay: KEY_FRAME_DELAY,
            labels,
            ..ProducerOptions::new(plan.kind, plan.rtp_parameters.clone())
        };
        Ok((connected, api.control.produce(created.id, options).await?))
    };
    match steps.await {
        Ok((connected, producer)) => Ok(started(router, created, connected, producer.id, plan)),
        Err(error) => {
            let error: sfu_core::control::ControlError = error;
            let _ = streams::gone_is_fine(api.control.run(Command::CloseTransport(created.id)).await);
            // Were it `NotFound`, another router would be made for it.
            let gone = error.kind == ErrorKind::NotFound;
            Err(if gone { ApiError::new(Kind::State, error.text) } else { error.into() })
        }
    }
}

fn started(
    router: RouterId,
    created: PlainTransportCreated,
    connected: Option<PlainTransportCreated>,
    producer: ProducerId,
    plan: &Plan,
) -> RtpInStarted {
    let connected = connected.as_ref();
    RtpInStarted {
        transport: created.id,
        router,
        producer,
        tuple: TransportTuple { remote: connected.and_then(|c| c.tuple.remote), ..created.tuple },
        rtcp_tuple: connected.and_then(|c| c.rtcp_tuple).or(created.rtcp_tuple),
        srtp: connected.and_then(|c| c.srtp_parameters.clone()).or(created.srtp_parameters),
        rtp_parameters: plan.rtp_parameters.clone(),
    }
}

fn plan(settings: &Settings, name: &StreamName, asked: RtpIn) -> Result<Plan, ApiError> {
    let invalid = |text: String| ApiError::invalid(format!("api.rtp_in.{text}"));
    let codec = Codec::named(asked.kind, &asked.codec, asked.clock_rate, asked.channels).map_err(invalid)?;
    if asked.payload_type > 127 {
        return Err(invalid("payloadType: must be 0 to 127".into()));
    }
    if asked.rtcp_mux && is_rtcp_type(asked.payload_type) {
        return Err(invalid(
            "payloadType: 64 to 95 look like RTCP on the same port; choose another, or `rtcpMux: false`"
                .into(),
        ));
    }
    if asked.parameters.len() > 32 || !asked.parameters.iter().all(|(name, value)| is_parameter(name, value))
    {
        return Err(invalid("parameters: at most 32, names of letters, printable values without `;`".into()));
    }
    let listen_ip = asked.listen_ip.unwrap_or(settings.rtp_in_listen_ip).to_canonical();
    if !settings.may_listen_on(listen_ip) {
        let text =
            format!("api.rtp_in.listenIp: {listen_ip} is not allowed; set signaling.admin.rtp_in_listen_ip");
        return Err(ApiError::new(Kind::Refused, text));
    }
    let peer = peer(settings, asked.comedia, asked.ip, asked.port)?;
    if asked.rtcp_port.is_some() && (asked.rtcp_mux || peer.is_none() || asked.rtcp_port == Some(0)) {
        return Err(invalid("rtcpPort: goes with `ip`, `port` and `rtcpMux: false`, and is not 0".into()));
    }
    if !asked.rtcp_mux && peer.is_some() && asked.rtcp_port.is_none() {
        return Err(invalid("rtcpPort: is needed with `ip`, `port` and `rtcpMux: false`".into()));
    }
    let connect = ConnectPlainTransport {
        ip: peer.map(|peer| peer.0),
        port: peer.map(|peer| peer.1),
        rtcp_port: asked.rtcp_port,
        srtp: asked.srtp.clone(),
    };
    let (payload_type, ssrc) = (asked.payload_type, asked.ssrc);
    let listen = ListenInfo { port: asked.listen_port, ..ListenInfo::udp(listen_ip) };
    Ok(Plan {
        kind: asked.kind,
        rtp_parameters: RtpParameters {
            codecs: vec![codec.to_parameters(asked.kind, payload_type, asked.parameters)],
            encodings: vec![RtpEncodingParameters { ssrc, ..Default::default() }],
            rtcp: RtcpParameters { cname: Some(name.as_str().to_owned()), reduced_size: false },
            ..Default::default()
        },
        mapping: RtpMapping {
            codecs: vec![RtpMappingCodec { payload_type, mapped_payload_type: payload_type }],
            encodings: vec![RtpMappingEncoding {
                rid: None,
                ssrc,
                scalability_mode: None,
                mapped_ssrc: random()?,
            }],
        },
        transport: PlainTransportOptions {
            labels: routers::labels(name, routers::PUBLISHER, "rtp-in"),
            listen,
            rtcp_mux: asked.rtcp_mux,
            comedia: peer.is_none(),
            srtp: asked.srtp.as_ref().map(|srtp| srtp.crypto_suite),
            ..PlainTransportOptions::default()
        },
        peer: (peer.is_some() || asked.srtp.is_some()).then_some(connect),
    })
}

/// The sender's address; `None` if it is to be learnt.
fn peer(
    settings: &Settings,
    comedia: Option<bool>,
    ip: Option<IpAddr>,
    port: Option<u16>,
) -> Result<Option<(IpAddr, u16)>, ApiError> {
    match (comedia, ip, port) {
        (None | Some(true), None, None) => Ok(None),
        (None | Some(false), Some(ip), Some(port)) => {
            crate::rtp_out::check_target(settings, "api.rtp_in", ip, port)?;
            Ok(Some((ip.to_canonical(), port)))
        }
        _ => Err(ApiError::invalid(
            "api.rtp_in.comedia: give `ip` and `port`, or neither with `comedia: true`",
        )),
    }
}
