//! What a refused request is answered with.
use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sfu_core::control::{ControlError, ErrorKind};

/// Why a request was refused: the class of a control error, or one of HTTP's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// 404: it does not exist (any more).
    NotFound,
    /// 400: a parameter is wrong; the text says which.
    Invalid,
    /// 409: it does not fit the state.
    State,
    /// 403: a plugin refused, or the configuration does not allow it.
    Refused,
    /// 503: a limit is reached.
    Limit,
    /// 503: the worker is stopping.
    Stopped,
    /// 501: not in this worker.
    Unsupported,
    /// 500: a fault of ours.
    Internal,
    /// 401: no token, or a wrong one.
    Unauthorized,
    /// 403: the request comes from where none is taken from.
    Forbidden,
    /// 405: the path knows other methods.
    MethodNotAllowed,
    /// 413: the body is too large.
    TooLarge,
    /// 416: the file has nothing of the range.
    Range,
    /// 415: the body is not JSON.
    MediaType,
    /// 504: no answer in time.
    Timeout,
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// Class.
    pub(crate) kind: Kind,
    /// Text that says where, what is wrong, and what to do.
    pub(crate) text: String,
}

/// The body of every answer that is no success.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct ErrorBody {
    error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
struct ErrorDetail {
    /// A class for programs.
    kind: Kind,
    /// A text for people.
    text: String,
}

impl ApiError {
    /// A class and a text.
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> ApiError {
        ApiError { kind, text: text.into() }
    }

    /// A parameter is wrong.
    pub(crate) fn invalid(text: impl Into<String>) -> ApiError {
        ApiError::new(Kind::Invalid, text)
    }

    /// It does not exist.
    pub(crate) fn not_found(text: impl Into<String>) -> ApiError {
        ApiError::new(Kind::NotFound, text)
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        match self.kind {
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Invalid => StatusCode::BAD_REQUEST,
            Kind::State => StatusCode::CONFLICT,
            Kind::Refused | Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::Limit | Kind::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Unsupported => StatusCode::NOT_IMPLEMENTED,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Kind::Unauthorized => StatusCode::UNAUTHORIZED,
            Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Kind::Range => StatusCode::RANGE_NOT_SATISFIABLE,
            Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> ApiError {
        let kind = match error.kind {
            ErrorKind::NotFound => Kind::NotFound,
            ErrorKind::Invalid => Kind::Invalid,
            ErrorKind::State => Kind::State,
            ErrorKind::Refused => Kind::Refused,
            ErrorKind::Limit => Kind::Limit,
            ErrorKind::Stopped => Kind::Stopped,
            ErrorKind::Unsupported => Kind::Unsupported,
            ErrorKind::Internal => Kind::Internal,
        };
        ApiError { kind, text: error.text }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, kind) = (self.status(), self.kind);
        let body = ErrorBody { error: ErrorDetail { kind, text: self.text } };
        let mut response = (status, Json(body)).into_response();
        if kind == Kind::Unauthorized {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sfukit admin\""));
        }
        response
    }
}
