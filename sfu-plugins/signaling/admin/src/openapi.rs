//! The OpenAPI 3.1 description, made of the route table.
use std::sync::LazyLock;

use axum::Json;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::error::ErrorBody;
use crate::route::Route;
use crate::routes;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| describe(&routes::table()));

/// `GET /openapi.json`.
pub(crate) async fn document() -> Json<&'static Value> {
    Json(&DOCUMENT)
}

/// Describes routes.
pub(crate) fn describe(routes: &[Route]) -> Value {
    let mut schemas = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let error = json!({
        "description": "Refused",
        "content": { "application/json": { "schema": schemas.subschema_for::<ErrorBody>() } }
    });
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let in_path = route.path_parameters().map(|name| {
            json!({ "name": name, "in": "path", "required": true, "description": about(route.path, name),
                    "schema": { "type": "string" } })
        });
        let in_query = route.query.iter().map(|parameter| {
            json!({ "name": parameter.name, "in": "query", "required": false, "description": parameter.about,
                    "schema": { "type": "string" } })
        });
        let parameters: Vec<Value> = in_path.chain(in_query).collect();
        let mut answer = json!({ "description": "Done" });
        if let Some((media_type, schema)) = route.answer.body {
            answer["content"] = json!({ media_type: { "schema": schema(&mut schemas) } });
        }
        let mut operation = json!({
            "operationId": route.id,
            "summary": route.about,
            "parameters": parameters,
            "responses": { route.answer.status.as_str(): answer, "default": { "$ref": "#/components/responses/Error" } }
        });
        if let Some(schema) = route.request {
            let schema = schema(&mut schemas);
            operation["requestBody"] =
                json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        }
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "sfukit admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "POST and PUT requests need `Content-Type: application/json`, also without a body.",
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") }
        },
        "servers": [{ "url": crate::PATH }],
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "signaling.admin.token; not needed on this machine when none is configured"
                }
            },
            "responses": { "Error": error },
            "schemas": schemas.take_definitions(true)
        }
    })
}

/// What a parameter of a path is.
fn about(path: &str, parameter: &str) -> &'static str {
    match parameter {
        "name" => "Name of the stream; a `/` in it is written `%2F`",
        "file" => "Name of the file, as listed",
        _ if path.starts_with("/plugins/") => "Id of the plugin",
        _ => "Id of the entity, such as `0.17.1`",
    }
}
