//! The configuration of the whole worker.
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};
use sfu_core::control::Reloaded;

use crate::api::Api;
use crate::body::Body;
use crate::error::ApiError;

/// A whole configuration in the form of the file, or nothing to read the file again.
pub(crate) type Whole = Option<Map<String, Value>>;

/// `PUT /config`.
pub(crate) async fn reload(
    State(api): State<Api>,
    Body(whole): Body<Whole>,
) -> Result<Json<Reloaded>, ApiError> {
    Ok(Json(api.control.reload(whole.map(Value::Object)).await?))
}
