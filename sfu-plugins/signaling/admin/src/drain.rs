//! The end of a worker without an end of its calls.
use axum::extract::State;
use axum::http::StatusCode;

use crate::api::{Api, to_the_end};
use crate::error::ApiError;

/// `POST /drain`: answers when address and ports are free.
pub(crate) async fn drain(State(api): State<Api>) -> Result<StatusCode, ApiError> {
    to_the_end(async move {
        api.control.drain().await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
