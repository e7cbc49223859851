//! Bodies of requests, bounded in size and time.
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use crate::problem::Problem;

/// The longest body, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// How long a client may take to send it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The body of a request as text, if it has the right type and a decent size.
pub(super) async fn text(request: Request, media_type: &'static str) -> Result<String, Problem> {
    let given = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(media_type) {
        return Err(Problem::media_type(media_type));
    }
    let too_long = || {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("whip: the body is longer than {MAX_BYTES_TEXT}"))
    };
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length.and_then(|text| text.parse::<u64>().ok()).is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_long());
    }
    let bytes = match tokio::time::timeout(PATIENCE, to_bytes(request.into_body(), MAX_BODY)).await {
        Ok(Ok(bytes)) => bytes,
        // Too long, or cut off: then nobody reads the answer.
        Ok(Err(_)) => return Err(too_long()),
        Err(_) => {
            return Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "whip: the body did not arrive within 10 s",
            ));
        }
    };
    let text = String::from_utf8(bytes.to_vec())
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "whip: the body is not UTF-8"))?;
    if text.trim().is_empty() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "whip: the body is empty"));
    }
    Ok(text)
}

const MAX_BYTES_TEXT: &str = "64 KiB";
