//! A signaling crate of one's own: `POST /echo` opens a UDP port that sends every Opus packet back to its sender.
//!
//! ```sh
//! cargo run -p sfu-core --example signaling &
//! curl -X POST http://127.0.0.1:8080/echo        # where to send RTP with payload type 111 and SSRC 1111
//! ```
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use sfu_core::control::*;
use sfu_core::signaling::{Mounts, Shutdown, Signaling, SignalingError};

sfu_core::worker! {
    /// A worker that speaks our protocol only.
    pub plugins = [];
    pub signaling = [Echo];
}

#[allow(dead_code, reason = "the test of this example starts the worker by its builder")]
fn main() -> ExitCode {
    sfu_core::run::<Worker>()
}

/// `[signaling.echo]`
#[sfu_core::plugin::config]
pub struct Config {
    /// Where it is mounted.
    path: String,
}

impl Default for Config {
    fn default() -> Self {
        Config { path: "/echo".to_owned() }
    }
}

/// Sends media back to where it came from.
pub struct Echo(Config);

impl Signaling for Echo {
    const ID: &'static str = "echo";
    const ABOUT: &'static str = "Sends plain RTP back to its sender";
    type Config = Config;

    fn new(config: Config) -> Result<Self, SignalingError> {
        if !config.path.starts_with('/') || config.path.len() < 2 {
            let text = format!("path: `{}` must begin with `/` and have a name", config.path);
            return Err(SignalingError { id: Self::ID, text });
        }
        Ok(Echo(config))
    }

    async fn run(
        self,
        control: ControlHandle,
        http: Mounts,
        mut stop: Shutdown,
    ) -> Result<(), SignalingError> {
        let routes = axum::Router::new().route("/", post(open)).with_state(control);
        let taken = |error| SignalingError { id: Self::ID, text: format!("{error}") };
        http.mount(&self.0.path, routes).map_err(taken)?;
        stop.wait().await;
        Ok(())
    }
}

/// Makes a room for one; real signaling would first ask who is there and what they may do.
async fn open(State(control): State<ControlHandle>) -> Result<String, (StatusCode, String)> {
    let failed = |error: ControlError| (StatusCode::SERVICE_UNAVAILABLE, error.to_string());
    let labels = Labels::new().with("room", "echo");
    let router = control.create_router(control.pick_worker(), labels).await.map_err(failed)?;
    match echo(&control, router).await {
        Ok(transport) => Ok(transport.tuple.local.to_string()),
        Err(error) => {
            let _ = control.run(Command::CloseRouter(router)).await;
            Err(failed(error))
        }
    }
}

/// One transport that takes a stream and gives the same stream back.
async fn echo(control: &ControlHandle, router: RouterId) -> Result<PlainTransportCreated, ControlError> {
    let transport = control.create_plain_transport(router, listen()).await?;
    let offered = ProducerOptions {
        kind: MediaKind::Audio,
        rtp_parameters: opus(1111),
        rtp_mapping: RtpMapping {
            codecs: vec![RtpMappingCodec { payload_type: 111, mapped_payload_type: 111 }],
            encodings: vec![RtpMappingEncoding {
                rid: None,
                ssrc: Some(1111),
                scalability_mode: None,
                mapped_ssrc: 1111,
            }],
        },
        paused: false,
        key_frame_request_delay: std::time::Duration::ZERO,
        labels: Labels::new(),
    };
    let producer = control.produce(transport.id, offered).await?;
    let wanted = ConsumerOptions {
        producer: producer.id,
        kind: ConsumerType::Simple,
        rtp_parameters: opus(2222),
        paused: false,
        ignore_dtx: false,
        outlives_producer: false,
        labels: Labels::new(),
    };
    control.consume(transport.id, wanted).await?;
    Ok(transport)
}

/// A port that learns its peer from the first packet.
fn listen() -> PlainTransportOptions {
    PlainTransportOptions {
        session: None,
        labels: Labels::new(),
        listen: ListenInfo {
            protocol: Protocol::Udp,
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            announced_address: None,
            port: 0,
            port_range: None,
            send_buffer_size: None,
            recv_buffer_size: None,
        },
        rtcp_listen: None,
        rtcp_mux: true,
        comedia: true,
        srtp: None,
    }
}

/// Opus with payload type 111.
fn opus(ssrc: u32) -> RtpParameters {
    RtpParameters {
        codecs: vec![RtpCodecParameters {
            mime_type: "audio/opus".to_owned(),
            payload_type: 111,
            clock_rate: 48_000,
            channels: Some(2),
            ..Default::default()
        }],
        encodings: vec![RtpEncodingParameters { ssrc: Some(ssrc), ..Default::default() }],
        ..Default::default()
    }
}
