//! `DELETE /transports/{id}`.
use axum::extract::State;
use axum::http::StatusCode;
use sfu_core::control::{Command, TransportId};

use crate::api::{Api, to_the_end};
use crate::body::Id;
use crate::error::ApiError;
use crate::routers;

/// Closes a transport; a router that was made for it here goes with the last one.
pub(crate) async fn close(State(api): State<Api>, Id(id): Id<TransportId>) -> Result<StatusCode, ApiError> {
    to_the_end(async move {
        api.control.run(Command::CloseTransport(id)).await?;
        routers::sweep(&api).await;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
