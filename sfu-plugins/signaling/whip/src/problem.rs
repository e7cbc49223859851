//! What a refused request is answered with: a status and a problem statement (RFC 9457).
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sfu_core::control::{ControlError, ErrorKind};

use crate::stream_name::BadStreamName;
use crate::tokens::Denied;

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Status.
    pub status: StatusCode,
    /// What is wrong and what to do.
    pub detail: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A status and a text.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Problem { status, detail: detail.into(), header: None }
    }

    /// The same, to be tried again after some seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.header = Some((RETRY_AFTER, seconds.into()));
        self
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    /// 503, to be tried again.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(5)
    }

    /// 405 with the methods that are allowed.
    pub fn method(allowed: &'static str) -> Self {
        let mut problem = Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("whip: this resource knows the methods {allowed}"),
        );
        problem.header = Some((ALLOW, HeaderValue::from_static(allowed)));
        problem
    }

    /// 415 with the type that is right.
    pub fn media_type(right: &str) -> Self {
        let detail = format!("whip: the body must be of type {right}");
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "status": self.status.as_u16(),
            "title": self.status.canonical_reason().unwrap_or("error"),
            "detail": self.detail,
        });
        let problem_type = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(CONTENT_TYPE, problem_type)], body.to_string()).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<BadStreamName> for Problem {
    fn from(error: BadStreamName) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let (status, challenge) = match denied {
            Denied::Missing => (StatusCode::UNAUTHORIZED, r#"Bearer realm="sfukit""#),
            Denied::Unknown => (StatusCode::UNAUTHORIZED, r#"Bearer realm="sfukit", error="invalid_token""#),
            Denied::NotGranted => {
                (StatusCode::FORBIDDEN, r#"Bearer realm="sfukit", error="insufficient_scope""#)
            }
        };
        let mut problem = Problem::new(status, denied.to_string());
        problem.header = Some((WWW_AUTHENTICATE, HeaderValue::from_static(challenge)));
        problem
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        let status = match error.kind {
            ErrorKind::Invalid | ErrorKind::Unsupported | ErrorKind::Plugin => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            ErrorKind::Refused => StatusCode::FORBIDDEN,
            ErrorKind::State => StatusCode::CONFLICT,
            // What vanished while it was being set up may well be there at the next try.
            ErrorKind::NotFound | ErrorKind::Limit | ErrorKind::Stopped => {
                return Problem::unavailable(error.text);
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Problem::new(status, error.text)
    }
}
