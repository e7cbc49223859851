//! What a refused request is answered with.
use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sfu_core::control::{ControlError, ErrorKind};
use sfu_core::plugin::CODE_DROPPED;

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
    /// A plugin answered an error; `code` says which. 403, 404, 409, 500, 501 and 503 are the status too, 490 (the plugin did
    /// not answer) is 500, every other one 400.
    Plugin,
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
    /// The code of a plugin that answered it.
    pub(crate) code: Option<u32>,
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
    /// The plugin's code, where a plugin answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u32>,
}

impl ApiError {
    /// A class and a text.
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> ApiError {
        ApiError { kind, text: text.into(), code: None }
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
            Kind::Plugin => plugin_status(self.code),
            Kind::Unauthorized => StatusCode::UNAUTHORIZED,
            Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Kind::Range => StatusCode::RANGE_NOT_SATISFIABLE,
            Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

/// Codes that mean the same in HTTP go through; those of the Janus API mean something else there.
fn plugin_status(code: Option<u32>) -> StatusCode {
    match code {
        Some(403) => StatusCode::FORBIDDEN,
        Some(404) => StatusCode::NOT_FOUND,
        Some(409) => StatusCode::CONFLICT,
        Some(500 | CODE_DROPPED) => StatusCode::INTERNAL_SERVER_ERROR,
        Some(501) => StatusCode::NOT_IMPLEMENTED,
        Some(503) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> ApiError {
        let code = error.code();
        let kind = match error.kind {
            ErrorKind::NotFound => Kind::NotFound,
            ErrorKind::Invalid => Kind::Invalid,
            ErrorKind::State => Kind::State,
            ErrorKind::Refused => Kind::Refused,
            ErrorKind::Limit => Kind::Limit,
            ErrorKind::Stopped => Kind::Stopped,
            ErrorKind::Unsupported => Kind::Unsupported,
            ErrorKind::Plugin => Kind::Plugin,
            _ => Kind::Internal,
        };
        ApiError { kind, text: error.text, code }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, kind) = (self.status(), self.kind);
        let body = ErrorBody { error: ErrorDetail { kind, text: self.text, code: self.code } };
        let mut response = (status, Json(body)).into_response();
        if kind == Kind::Unauthorized {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sfukit admin\""));
        }
        response
    }
}
