//! A signaling crate of one's own: `POST /echo` opens a UDP port that sends every Opus packet back to its sender.
//!
//! ```sh
//! cargo run -p sfu-core --example signaling &
//! curl -X POST http://127.0.0.1:8080/echo        # where to send RTP with payload type 111 and SSRC 1111
//! ```
use std::net::Ipv4Addr;
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

/// Sends media back to where it came from. What it needs to know is its table `[signaling.echo]`.
#[sfu_core::plugin::config]
pub struct Echo {
    /// Where it is mounted.
    path: String,
}

impl Default for Echo {
    fn default() -> Self {
        Echo { path: "/echo".to_owned() }
    }
}

impl Signaling for Echo {
    const ID: &'static str = "echo";
    const ABOUT: &'static str = "Sends plain RTP back to its sender";
    type Config = Self;

    fn new(config: Self) -> Result<Self, SignalingError> {
        if !config.path.starts_with('/') || config.path.len() < 2 {
            let text = format!("path: `{}` must begin with `/` and have a name", config.path);
            return Err(SignalingError { id: Self::ID, text });
        }
        Ok(config)
    }

    async fn run(
        self,
        control: ControlHandle,
        http: Mounts,
        mut stop: Shutdown,
    ) -> Result<(), SignalingError> {
        let routes = axum::Router::new().route("/", post(open)).with_state(control);
        let taken = |error| SignalingError { id: Self::ID, text: format!("{error}") };
        http.mount(&self.path, routes).map_err(taken)?;
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

/// One transport, on a port that learns its peer from the first packet, that gives back the stream that it takes.
async fn echo(control: &ControlHandle, router: RouterId) -> Result<PlainTransportCreated, ControlError> {
    let listen = ListenInfo::udp(Ipv4Addr::LOCALHOST);
    let options = PlainTransportOptions { listen, comedia: true, ..Default::default() };
    let transport = control.create_plain_transport(router, options).await?;
    let opus = |ssrc| RtpParameters::single(RtpCodecParameters::opus(111), ssrc);
    let offered = ProducerOptions::new(MediaKind::Audio, opus(1111));
    let producer = control.produce(transport.id, offered).await?;
    control.consume(transport.id, ConsumerOptions::new(producer.id, opus(2222))).await?;
    Ok(transport)
}
