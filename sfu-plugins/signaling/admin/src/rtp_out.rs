//! `POST /streams/{name}/rtp-out`: a stream leaves as plain RTP.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use sfu_core::control::{
    Command, ConnectPlainTransport, ConsumerId, ControlError, ListenInfo, MediaKind, PlainTransportCreated,
    PlainTransportOptions, ProducerId, RouterId, RtpParameters, SrtpParameters, Target, TransportId,
    TransportTuple,
};

use crate::api::{Api, to_the_end};
use crate::body::{Body, Id};
use crate::codec::mime_type;
use crate::error::{ApiError, Kind};
use crate::rtp_out_plan::{self, Planned};
use crate::settings::Settings;
use crate::stream_name::StreamName;
use crate::streams::gone_is_fine;
use crate::{routers, sdp};

/// Where a stream is to be sent to.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RtpOut {
    /// The receiver's address, within `signaling.admin.rtp_out_allow`.
    ip: IpAddr,
    /// The receiver's port, 1024 at least.
    port: u16,
    /// The receiver's RTCP port; without one, RTCP goes to `port` too.
    rtcp_port: Option<u16>,
    /// Audio or video; without it, both on one port.
    pub(crate) kind: Option<MediaKind>,
    /// `VP8` or `video/VP8`: only with `kind`, and only needed while a publisher that may send several codecs has not
    /// sent anything yet.
    pub(crate) codec: Option<String>,
    /// Payload type to send under, only with `kind`; by default that of the publisher.
    pub(crate) payload_type: Option<u8>,
    /// The receiver's SRTP key, for the RTCP that it sends; ours is in the answer.
    srtp: Option<SrtpParameters>,
}

/// What is sent.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RtpOutStarted {
    transport: TransportId,
    router: RouterId,
    /// `local` is where RTP comes from.
    tuple: TransportTuple,
    /// `local` is where RTCP comes from, with `rtcpPort`.
    rtcp_tuple: Option<TransportTuple>,
    /// Our SRTP key.
    srtp: Option<SrtpParameters>,
    consumers: Vec<Sent>,
    /// An SDP for a player (`ffplay -protocol_whitelist file,udp,rtp out.sdp`), if there is one consumer.
    sdp: Option<String>,
}

/// One RTP stream that is sent.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Sent {
    id: ConsumerId,
    producer: ProducerId,
    kind: MediaKind,
    rtp_parameters: RtpParameters,
}

/// `POST /streams/{name}/rtp-out`.
pub(crate) async fn start(
    State(api): State<Api>,
    Id(name): Id<StreamName>,
    Body(asked): Body<RtpOut>,
) -> Result<(StatusCode, Json<RtpOutStarted>), ApiError> {
    check(&api.settings, &asked)?;
    to_the_end(async move {
        let mut made = api.made.lock().await;
        let stats = api.control.stats(Target::Worker).await?;
        let router = routers::of_stream(&stats, &name).ok_or_else(|| nothing(&name, asked.kind))?;
        let planned = rtp_out_plan::consumers(&api.control, &stats, router, &name, &asked).await?;
        let options = transport(&name, &asked);
        let created = api.control.create_plain_transport(router, options).await?;
        match send(&api, &created, planned, &asked).await {
            Ok((connected, sent)) => {
                made.senders.insert(created.id);
                let started = started(router, created, connected, sent, &name, &asked);
                tracing::info!(stream = %name, ip = %asked.ip, port = asked.port, "admin: plain RTP is sent");
                Ok((StatusCode::CREATED, Json(started)))
            }
            Err(error) => {
                let _ = gone_is_fine(api.control.run(Command::CloseTransport(created.id)).await);
                Err(error.into())
            }
        }
    })
    .await
}

async fn send(
    api: &Api,
    created: &PlainTransportCreated,
    planned: Vec<Planned>,
    asked: &RtpOut,
) -> Result<(PlainTransportCreated, Vec<Sent>), ControlError> {
    let peer = ConnectPlainTransport {
        ip: Some(asked.ip.to_canonical()),
        port: Some(asked.port),
        rtcp_port: asked.rtcp_port,
        srtp: asked.srtp.clone(),
    };
    let connected = api.control.connect_plain_transport(created.id, peer).await?;
    let mut sent = Vec::with_capacity(planned.len());
    for Planned { kind, options } in planned {
        let (producer, rtp_parameters) = (options.producer, options.rtp_parameters.clone());
        let id = api.control.consume(created.id, options).await?;
        sent.push(Sent { id, producer, kind, rtp_parameters });
    }
    Ok((connected, sent))
}

fn started(
    router: RouterId,
    created: PlainTransportCreated,
    connected: PlainTransportCreated,
    consumers: Vec<Sent>,
    name: &StreamName,
    asked: &RtpOut,
) -> RtpOutStarted {
    let srtp = connected.srtp_parameters.or(created.srtp_parameters);
    let peer = SocketAddr::new(asked.ip.to_canonical(), asked.port);
    let sdp = match consumers.as_slice() {
        [one] => {
            sdp::describe(name.as_str(), peer, asked.rtcp_port, one.kind, &one.rtp_parameters, srtp.as_ref())
        }
        _ => None,
    };
    RtpOutStarted {
        transport: created.id,
        router,
        tuple: TransportTuple { remote: connected.tuple.remote.or(Some(peer)), ..created.tuple },
        rtcp_tuple: connected.rtcp_tuple.or(created.rtcp_tuple),
        srtp,
        consumers,
        sdp,
    }
}

fn check(settings: &Settings, asked: &RtpOut) -> Result<(), ApiError> {
    let invalid = |text: &str| Err(ApiError::invalid(format!("api.rtp_out.{text}")));
    if asked.payload_type.is_some_and(|number| number > 127) {
        return invalid("payloadType: must be 0 to 127");
    }
    if asked.kind.is_none() && (asked.codec.is_some() || asked.payload_type.is_some()) {
        return invalid("kind: `codec` and `payloadType` are for one kind; say which");
    }
    if asked.rtcp_port == Some(asked.port) {
        return invalid("rtcpPort: leave it out to have RTCP on the same port");
    }
    if asked.rtcp_port.is_none() && asked.payload_type.is_some_and(is_rtcp_type) {
        return invalid(
            "payloadType: 64 to 95 look like RTCP on the same port; choose another, or give `rtcpPort`",
        );
    }
    if let (Some(kind), Some(codec)) = (asked.kind, &asked.codec)
        && let Err(text) = mime_type(kind, codec)
    {
        return invalid(&text);
    }
    check_target(settings, "api.rtp_out", asked.ip, asked.port)?;
    asked.rtcp_port.map_or(Ok(()), |port| check_target(settings, "api.rtp_out", asked.ip, port))
}

/// Whether packets may be sent to an address: only where the configuration allows, and not to the ports of system
/// services, which might take them for something else.
pub(crate) fn check_target(settings: &Settings, place: &str, ip: IpAddr, port: u16) -> Result<(), ApiError> {
    if !settings.may_send_to(ip) {
        let text =
            format!("{place}.ip: {ip} is not allowed; add its network to signaling.admin.rtp_out_allow");
        return Err(ApiError::new(Kind::Refused, text));
    }
    if port < 1024 {
        return Err(ApiError::invalid(format!("{place}.port: must be 1024 to 65535")));
    }
    Ok(())
}

/// Whether a payload type can't be told from RTCP on the same port (RFC 5761 §4).
pub(crate) fn is_rtcp_type(payload_type: u8) -> bool {
    (64..=95).contains(&payload_type)
}

/// The stream has nothing of that kind.
pub(crate) fn nothing(name: &StreamName, kind: Option<MediaKind>) -> ApiError {
    let what = kind.map_or("anything", crate::codec::prefix);
    ApiError::not_found(format!("api.rtp_out: nobody publishes {what} as `{name}`"))
}

fn transport(name: &StreamName, asked: &RtpOut) -> PlainTransportOptions {
    let ip = asked.ip.to_canonical();
    // To this machine from this machine; elsewhere the system chooses the address by its routes.
    let from: IpAddr = match (ip, ip.is_loopback()) {
        (IpAddr::V4(_), true) => Ipv4Addr::LOCALHOST.into(),
        (IpAddr::V4(_), false) => Ipv4Addr::UNSPECIFIED.into(),
        (IpAddr::V6(_), true) => Ipv6Addr::LOCALHOST.into(),
        (IpAddr::V6(_), false) => Ipv6Addr::UNSPECIFIED.into(),
    };
    PlainTransportOptions {
        labels: routers::labels(name, routers::VIEWER, "rtp-out"),
        listen: ListenInfo::udp(from),
        rtcp_mux: asked.rtcp_port.is_none(),
        srtp: asked.srtp.as_ref().map(|srtp| srtp.crypto_suite),
        ..PlainTransportOptions::default()
    }
}

/// A number that nobody can guess, for an SSRC.
pub(crate) fn random() -> Result<u32, ApiError> {
    let mut bytes = [0; 4];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| ApiError::new(Kind::Internal, "api: the system gives no random bytes"))?;
    Ok(u32::from_be_bytes(bytes).max(1))
}
