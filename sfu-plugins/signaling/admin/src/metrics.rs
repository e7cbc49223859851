//! `GET /metrics`: the text of the plugin `metrics`, for Prometheus and its like.
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sfu_core::control::Target;
use sfu_core::plugin::Description;

use crate::api::Api;
use crate::error::{ApiError, Kind};

/// The plugin that writes the text.
const METRICS: &str = "metrics";
/// Bytes of an `Accept` that are looked at.
const MAX_ACCEPT: usize = 1024;

/// The text, which is no JSON.
pub(crate) struct Text;

impl schemars::JsonSchema for Text {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Metrics".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "Prometheus' text format, or OpenMetrics." })
    }
}

/// Whether the plugin is in this program.
pub(crate) fn is_linked() -> bool {
    Description::all().iter().any(|description| description.meta.id == METRICS)
}

/// `GET /metrics`.
pub(crate) async fn text(State(api): State<Api>, headers: HeaderMap) -> Result<Response, ApiError> {
    let mut accept = String::new();
    for value in headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()) {
        if accept.len() + value.len() >= MAX_ACCEPT {
            break;
        }
        accept.push_str(value);
        accept.push(',');
    }
    let request = json!({ "method": "text", "accept": accept });
    let answer = api.control.plugin_request(METRICS, Target::Worker, request).await?;
    let (text, content_type) = (answer["text"].as_str(), answer["contentType"].as_str());
    let content_type = content_type.and_then(|value| HeaderValue::from_str(value).ok());
    let (Some(text), Some(content_type)) = (text, content_type) else {
        return Err(ApiError::new(Kind::Internal, "api.metrics: the plugin `metrics` answered no text"));
    };
    let headers = [(CONTENT_TYPE, content_type), (VARY, HeaderValue::from_static("accept"))];
    Ok((headers, text.to_owned()).into_response())
}
