//! A small HTTP client that sets every header as told, `Host` and `Origin` too.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{HOST, HeaderMap};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(60);

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; panics with the body if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {} {}", self.status, self.text()))
    }

    /// A header as text, `""` if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Sends one request over a connection of its own; panics if there is no answer.
pub async fn send(method: Method, url: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    try_send(method.clone(), url, headers, body)
        .await
        .unwrap_or_else(|error| panic!("{method} {url}: {error}"))
}

/// Like [`send`], with the reason where no answer came.
pub async fn try_send(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Result<Answer, String> {
    let rest = url.strip_prefix("http://").ok_or("only http:// is spoken here")?;
    let (authority, path) =
        rest.split_once('/').map_or((rest, String::from("/")), |(a, p)| (a, format!("/{p}")));
    let exchange = async {
        let stream = TcpStream::connect(authority).await.map_err(|error| error.to_string())?;
        exchange(stream, authority, method, &path, headers, body.into()).await
    };
    tokio::time::timeout(LIMIT, exchange).await.map_err(|_| format!("no answer within {LIMIT:?}"))?
}

/// `GET url`.
pub async fn get(url: &str) -> Answer {
    send(Method::GET, url, &[], Bytes::new()).await
}

/// `POST url` with a JSON body.
pub async fn post_json(url: &str, body: &serde_json::Value) -> Answer {
    send(Method::POST, url, &[("content-type", "application/json")], body.to_string()).await
}

/// `POST url` with an SDP offer.
pub async fn post_sdp(url: &str, offer: &str) -> Answer {
    send(Method::POST, url, &[("content-type", "application/sdp")], offer.to_owned()).await
}

async fn exchange<S>(
    stream: S,
    host: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request = request.header(HOST, host);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}

/// `GET https://<address>/` trusting nothing but `certificate`; gives what the server presented instead if it differs.
pub async fn get_over_tls(
    address: SocketAddr,
    name: &str,
    path: &str,
    certificate: &CertificateDer<'static>,
) -> Result<Answer, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).map_err(|error| error.to_string())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
    let exchange = async {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
        exchange(stream, &address.to_string(), Method::GET, path, &[], Bytes::new()).await
    };
    tokio::time::timeout(LIMIT, exchange).await.map_err(|_| format!("no answer within {LIMIT:?}"))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn headers_and_body_arrive_as_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/a/b?c", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(async |request: axum::extract::Request| {
            let host = request.headers()[HOST].to_str().unwrap().to_owned();
            let line = format!("{} {} {host}", request.method(), request.uri());
            (StatusCode::IM_A_TEAPOT, line)
        });
        tokio::spawn(async { axum::serve(listener, app).await });
        let answer = send(Method::PUT, &url, &[("Host", "elsewhere")], "x").await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (418, "PUT /a/b?c elsewhere"));
    }

    #[tokio::test]
    async fn nobody_listening_is_an_error() {
        assert!(try_send(Method::GET, "http://127.0.0.1:1/", &[], "").await.is_err());
    }
}
