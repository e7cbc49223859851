//! Accepts connections and hands requests to what the signaling crates mounted.
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use super::tls::Tls;
use super::{Client, HttpConfig};
use crate::control::ControlHandle;
use crate::signaling::{Mounts, Shutdown};

/// A client that has not sent its request's head by then is disconnected.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that has not finished the TLS handshake by then is disconnected.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the server can't start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The address can't be listened on.
    #[error("http.listen: {address}: {error}; choose another with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// One of the two TLS files is given without the other.
    #[error("http.tls_cert: certificate and key are given together, or neither")]
    HalfTls,
    /// The TLS files can't be used.
    #[error("{0}")]
    Tls(String),
}

/// A server that listens already; requests are answered once [`HttpServer::run`] is polled.
pub(crate) struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
    trusted: Arc<[IpAddr]>,
    connections: Arc<Semaphore>,
}

impl HttpServer {
    /// Listens.
    pub(crate) async fn bind(config: &HttpConfig) -> Result<HttpServer, HttpError> {
        let tls = match (&config.tls_cert, &config.tls_key) {
            (Some(cert), Some(key)) => Some(Tls::load(cert, key).map_err(HttpError::Tls)?),
            (None, None) => None,
            _ => return Err(HttpError::HalfTls),
        };
        let listen = |error| HttpError::Listen { address: config.listen, error };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(HttpServer {
            listener,
            address,
            tls,
            trusted: config.trusted_proxies.clone().into(),
            connections: Arc::new(Semaphore::new(config.max_connections.max(1))),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL for a person on this machine.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() {
                [127, 0, 0, 1].into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        format!("{scheme}://{address}")
    }

    /// Serves until `stop`, and takes no new connections while the worker drains: its address is free for another one.
    pub(crate) async fn run(self, mounts: Mounts, mut stop: Shutdown, control: ControlHandle) {
        if let Some(tls) = self.tls.clone() {
            tokio::spawn(tls.watch());
        }
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.wait() => return,
                () = control.begins_to_drain() => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: accepting again at once would spin.
                    tracing::warn!("http: accepting a connection failed: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(permit) = self.connections.clone().try_acquire_owned() else {
                tracing::warn!("http: too many connections; {peer} was refused");
                continue;
            };
            let (mounts, trusted, tls) = (mounts.clone(), self.trusted.clone(), self.tls.clone());
            tokio::spawn(async move {
                connection(stream, peer, tls, mounts, trusted).await;
                drop(permit);
            });
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Tls>,
    mounts: Mounts,
    trusted: Arc<[IpAddr]>,
) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve(stream, peer, false, mounts, trusted).await,
        Some(tls) => match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => serve(stream, peer, true, mounts, trusted).await,
            Ok(Err(error)) => tracing::debug!("http.tls: {peer}: {error}"),
            Err(_) => tracing::debug!("http.tls: {peer}: the handshake took too long"),
        },
    }
}

async fn serve<S>(stream: S, peer: SocketAddr, tls: bool, mounts: Mounts, trusted: Arc<[IpAddr]>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
        let (mounts, trusted) = (mounts.clone(), trusted.clone());
        async move {
            let mut request = request.map(Body::new);
            let client = Client::of(peer, tls, request.headers(), &trusted);
            request.extensions_mut().insert(client);
            mounts.router().oneshot(request).await
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!("http: {peer}: {error}");
    }
}
