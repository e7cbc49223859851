//! The HTTP client of one hook: one connection, which is kept while the server keeps it.
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::endpoint::Endpoint;

/// Bytes of an answer that are read to keep the connection; longer ones close it.
const MAX_ANSWER: usize = 64 * 1024;
/// How long the rest of an answer may take.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// A post.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    /// The same for all attempts.
    pub(crate) id: String,
    /// Unix seconds.
    pub(crate) timestamp: u64,
    pub(crate) signature: String,
    pub(crate) body: Bytes,
}

/// What a server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// When it wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
}

/// The client of one hook. It follows no redirects.
pub(crate) struct Client {
    endpoint: Endpoint,
    tls: Option<Arc<ClientConfig>>,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// For an address; `tls` is needed where it is `https://`.
    pub(crate) fn new(endpoint: Endpoint, tls: Option<Arc<ClientConfig>>) -> Self {
        Client { endpoint, tls, open: None }
    }

    /// Posts. If this is given up half-way, the next post takes another connection.
    pub(crate) async fn post(&mut self, post: &Post) -> Result<Answer, String> {
        // The server may have closed it meanwhile; then this is no attempt yet.
        if let Some(mut open) = self.open.take()
            && open.ready().await.is_ok()
            && let Ok(response) = open.send_request(self.request(post)?).await
        {
            return Ok(self.finish(response, open).await);
        }
        let mut open = self.connect().await?;
        let response = open.send_request(self.request(post)?).await;
        let response = response.map_err(|error| format!("no answer: {error}"))?;
        Ok(self.finish(response, open).await)
    }

    fn request(&self, post: &Post) -> Result<Request<Full<Bytes>>, String> {
        Request::builder()
            .method(Method::POST)
            .uri(self.endpoint.path.as_str())
            .header(HOST, self.endpoint.authority.as_str())
            .header(USER_AGENT, concat!("sfukit-webhook/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header("sfukit-delivery", post.id.as_str())
            .header("sfukit-timestamp", post.timestamp)
            .header("sfukit-signature", post.signature.as_str())
            .body(Full::new(post.body.clone()))
            .map_err(|error| format!("no request: {error}"))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let to = (self.endpoint.host.as_str(), self.endpoint.port);
        let stream = TcpStream::connect(to).await.map_err(|error| format!("no connection: {error}"))?;
        let _ = stream.set_nodelay(true);
        if !self.endpoint.tls {
            return open(stream).await;
        }
        let config = self.tls.clone().ok_or("no TLS")?;
        let name = ServerName::try_from(self.endpoint.host.clone());
        let name = name.map_err(|error| format!("no name for TLS: {error}"))?;
        let stream = TlsConnector::from(config).connect(name, stream).await;
        open(stream.map_err(|error| format!("no TLS: {error}"))?).await
    }

    /// Reads the rest of an answer, and keeps the connection if there is little of it.
    async fn finish(&mut self, response: Response<Incoming>, open: SendRequest<Full<Bytes>>) -> Answer {
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let answer = Answer { status: response.status(), retry_after };
        let rest = Limited::new(response.into_body(), MAX_ANSWER).collect();
        if matches!(tokio::time::timeout(ANSWER_PATIENCE, rest).await, Ok(Ok(_))) {
            self.open = Some(open);
        }
        answer
    }
}

async fn open<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (send, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|error| format!("no HTTP: {error}"))?;
    tokio::spawn(async move {
        // What goes wrong with it, the request tells.
        let _ = connection.await;
    });
    Ok(send)
}
