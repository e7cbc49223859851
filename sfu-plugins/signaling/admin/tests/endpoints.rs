//! What each endpoint does.
mod bench;

use axum::http::{Method, StatusCode};
use bench::*;
use serde_json::{Value, json};
use sfu_core::control::*;

#[tokio::test]
async fn streams_are_listed_with_their_peers() {
    let bench = Bench::with_workers("", 2);
    let call = bench.call("room/cam").await;
    bench.call("another").await;
    let answer = bench.get("/api/streams").await;
    assert_eq!(answer.status, StatusCode::OK);
    let streams = answer.json["streams"].as_array().unwrap();
    let names: Vec<&str> = streams.iter().map(|stream| stream["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["another", "room/cam"]);
    let stream = &streams[1];
    assert_eq!(stream["live"], true);
    let publisher = &stream["publishers"][0];
    assert_eq!(publisher["transport"], call.sends.to_string());
    assert_eq!(publisher["session"], call.publisher.to_string());
    assert_eq!(publisher["producers"][0]["id"], call.producer.to_string());
    assert_eq!(publisher["iceState"], "new");
    let viewer = &stream["viewers"][0];
    assert_eq!(viewer["session"], call.viewer.to_string());
    assert_eq!(viewer["consumers"][0]["producer"], call.producer.to_string());
    let one = bench.get("/api/streams/room%2Fcam").await;
    assert_eq!((one.status, &one.json), (StatusCode::OK, stream));
}

#[tokio::test]
async fn a_transport_without_a_stream_is_no_stream_and_one_without_a_role_shows_it_by_what_it_does() {
    let bench = Bench::new("");
    let router = bench.control.create_router(0, Labels::new()).await.unwrap();
    bench.transport(router, None, Labels::new()).await;
    let sends = bench.transport(router, None, Labels::new().with("stream", "s")).await;
    bench.producer(sends, MediaKind::Audio, Labels::new()).await;
    bench.transport(router, None, Labels::new().with("stream", "s")).await;
    let answer = bench.get("/api/streams").await;
    assert_eq!(answer.json["streams"].as_array().unwrap().len(), 1);
    let stream = &answer.json["streams"][0];
    assert_eq!(
        (stream["publishers"].as_array().unwrap().len(), stream["viewers"].as_array().unwrap().len()),
        (1, 1)
    );
}

#[tokio::test]
async fn a_stream_that_is_not_live_is_not_found() {
    let bench = Bench::new("");
    for answer in [bench.get("/api/streams/cam").await, bench.delete("/api/streams/cam").await] {
        assert_eq!((answer.status, answer.error().0), (StatusCode::NOT_FOUND, "not_found"));
        assert!(answer.error().1.contains("cam"));
    }
}

#[tokio::test]
async fn closing_a_stream_closes_all_of_it_and_nothing_else() {
    let bench = Bench::new("");
    let call = bench.call("cam").await;
    let other = bench.call("other").await;
    // One session that watches both, through transports in both routers.
    let both = bench.control.create_session(0, CreateSession::default()).await.unwrap();
    let viewer = |name: &str| Labels::new().with("stream", name).with("role", "viewer");
    let here = bench.transport(call.router, Some(both), viewer("cam")).await;
    bench.transport(other.router, Some(both), viewer("other")).await;
    let answer = bench.delete("/api/streams/cam").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json["routers"], json!([call.router.to_string()]));
    assert_eq!(answer.json["transports"], json!([here.to_string()]));
    assert_eq!(answer.json["sessions"], json!([call.publisher.to_string(), call.viewer.to_string()]));
    assert_eq!(bench.get("/api/streams/cam").await.status, StatusCode::NOT_FOUND);
    let left = bench.get("/api/streams/other").await;
    assert_eq!(left.json["viewers"].as_array().unwrap().len(), 2);
    assert_eq!(bench.double.open(EntityKind::Router), 1);
}

#[tokio::test]
async fn closing_a_stream_leaves_a_router_that_others_use() {
    let bench = Bench::new("");
    let call = bench.call("cam").await;
    bench.peer(call.router, "screen", "publisher").await;
    let answer = bench.delete("/api/streams/cam").await;
    assert_eq!(answer.json["routers"], json!([]));
    assert_eq!(bench.double.open(EntityKind::Router), 1);
    assert_eq!(bench.get("/api/streams/screen").await.status, StatusCode::OK);
}

#[tokio::test]
async fn sessions_are_listed_and_kicked() {
    let bench = Bench::new("");
    let call = bench.call("cam").await;
    let list = bench.get("/api/sessions").await;
    let sessions = list.json["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["id"], call.publisher.to_string());
    assert_eq!(sessions[0]["streams"], json!(["cam"]));
    assert_eq!(sessions[0]["transports"], json!([call.sends.to_string()]));
    let kick = bench.post(&format!("/api/sessions/{}/kick", call.viewer), json!({})).await;
    assert_eq!((kick.status, kick.json), (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(bench.double.open(EntityKind::Session), 1);
    let again = bench.post(&format!("/api/sessions/{}/kick", call.viewer), json!({})).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_kick_needs_no_body() {
    let bench = Bench::new("");
    let call = bench.call("cam").await;
    let path = format!("/api/sessions/{}/kick", call.viewer);
    let request = request(Method::POST, &path, &[("content-type", "application/json")], "");
    assert_eq!(bench.send(request).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn transports_are_closed() {
    let bench = Bench::new("");
    let call = bench.call("cam").await;
    assert_eq!(
        bench.delete(&format!("/api/transports/{}", call.receives)).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(bench.double.open(EntityKind::Transport), 1);
    assert_eq!(
        bench.delete(&format!("/api/transports/{}", call.receives)).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn figures_are_those_of_the_worker_or_of_a_target() {
    let bench = Bench::with_workers("", 2);
    let call = bench.call("cam").await;
    bench.call("other").await;
    let all = bench.get("/api/stats").await;
    assert_eq!(all.status, StatusCode::OK);
    assert_eq!(all.json["transports"].as_array().unwrap().len(), 4);
    assert_eq!(bench.get("/api/stats?target=worker").await.json, all.json);
    let one = bench.get(&format!("/api/stats?target=producer:{}", call.producer)).await;
    assert_eq!(one.json["producers"][0]["id"], call.producer.to_string());
    assert_eq!(one.json["transports"], json!([]));
    for bad in ["target=room:1", "target=producer:x", "target=", "what=1"] {
        let answer = bench.get(&format!("/api/stats?{bad}")).await;
        assert_eq!((answer.status, answer.error().0), (StatusCode::BAD_REQUEST, "invalid"), "{bad}");
    }
}

#[tokio::test]
async fn media_threads_are_listed_with_their_load() {
    let bench = Bench::with_workers("", 2);
    bench.call("cam").await;
    let answer = bench.get("/api/workers").await;
    let workers = answer.json["workers"].as_array().unwrap();
    assert_eq!(workers.len(), 2);
    assert_eq!((&workers[1]["id"], &workers[1]["sendBitrate"]), (&json!(1), &json!(0)));
    assert!(workers[0]["transports"].as_u64().unwrap() >= 2);
}

#[tokio::test]
async fn a_plugin_is_asked_and_its_answer_comes_back_as_it_is() {
    let bench = Bench::new("");
    let call = bench.call("cam").await;
    bench.double.clear_commands();
    let body =
        json!({ "target": format!("producer:{}", call.producer), "request": { "method": "start", "n": 1 } });
    let answer = bench.post("/api/plugins/recorder", body).await;
    assert_eq!((answer.status, answer.json), (StatusCode::OK, json!({ "method": "start", "n": 1 })));
    let asked = Command::PluginRequest {
        plugin: "recorder".into(),
        target: call.producer.into(),
        body: json!({ "method": "start", "n": 1 }),
    };
    assert_eq!(bench.double.commands(), [asked]);
    // Without a target, every media thread answers.
    let all = bench.post("/api/plugins/recorder", json!({ "request": null })).await;
    assert_eq!(all.json, json!([null]));
}

#[tokio::test]
async fn a_plugin_is_switched_on_and_off_and_configured() {
    let bench = Bench::new("");
    let call = bench.call("cam").await;
    let target = Target::Router(call.router);
    bench.double.clear_commands();
    let on = json!({ "target": { "router": call.router }, "options": { "file": "x" } });
    assert_eq!(bench.post("/api/plugins/recorder/enable", on).await.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.post("/api/plugins/recorder/enable", json!({})).await.status, StatusCode::NO_CONTENT);
    let off = json!({ "target": format!("router:{}", call.router) });
    assert_eq!(bench.post("/api/plugins/recorder/disable", off).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        bench.put("/api/plugins/recorder/config", json!({ "a": 1 })).await.status,
        StatusCode::NO_CONTENT
    );
    let plugin = || "recorder".to_owned();
    assert_eq!(
        bench.double.commands(),
        [
            Command::EnablePlugin { plugin: plugin(), target, options: json!({ "file": "x" }) },
            Command::EnablePlugin { plugin: plugin(), target: Target::Worker, options: json!({}) },
            Command::DisablePlugin { plugin: plugin(), target },
            Command::ReconfigurePlugin { plugin: plugin(), config: json!({ "a": 1 }) },
        ]
    );
    assert_eq!(bench.get("/api/plugins").await.json, json!({ "plugins": [] }));
}

#[tokio::test]
async fn every_kind_of_error_has_its_status() {
    let bench = Bench::new("");
    type Make = fn(&'static str) -> ControlError;
    let cases: [(Make, u16, &str); 8] = [
        (ControlError::not_found, 404, "not_found"),
        (ControlError::invalid, 400, "invalid"),
        (ControlError::state, 409, "state"),
        (ControlError::refused, 403, "refused"),
        (ControlError::limit, 503, "limit"),
        (ControlError::stopped, 503, "stopped"),
        (ControlError::unsupported, 501, "unsupported"),
        (ControlError::internal, 500, "internal"),
    ];
    for (make, status, kind) in cases {
        bench.double.refuse(move |_| Some(make("control.x: why")));
        for answer in [
            bench.get("/api/streams").await,
            bench.post("/api/plugins/x", json!({ "request": 1 })).await,
            bench.delete("/api/transports/0.1.0").await,
        ] {
            assert_eq!(answer.status.as_u16(), status);
            assert_eq!(answer.json, json!({ "error": { "kind": kind, "text": "control.x: why" } }));
        }
    }
}

#[tokio::test]
async fn the_code_of_a_plugin_reaches_the_client() {
    let bench = Bench::new("");
    for (code, status) in
        [(426, 400), (454, 400), (490, 500), (403, 403), (404, 404), (409, 409), (503, 503), (7, 400)]
    {
        bench.double.refuse(move |_| Some(ControlError::plugin(code, "plugins.x: why")));
        let answer = bench.post("/api/plugins/x", json!({ "request": 1 })).await;
        assert_eq!(answer.status.as_u16(), status, "{code}");
        assert_eq!(answer.json["error"], json!({ "kind": "plugin", "text": "plugins.x: why", "code": code }));
    }
}

#[tokio::test]
async fn what_is_malformed_is_refused_in_the_same_form() {
    let bench = Bench::new("");
    let typed = |body: &'static str| {
        request(Method::POST, "/api/plugins/x", &[("content-type", "application/json")], body)
    };
    for body in
        ["", "{", "[]", "null", "{}", r#"{"request":1,"x":2}"#, r#"{"request":1,"target":"room:1"}"#, "\u{0}"]
    {
        let answer = bench.send(typed(body)).await;
        assert_eq!((answer.status, answer.error().0), (StatusCode::BAD_REQUEST, "invalid"), "{body:?}");
    }
    for path in [
        "/api/streams/..",
        "/api/streams/a%20b",
        "/api/streams/%ff",
        "/api/streams/%2E%2E%2Fetc",
        "/api/streams/a%0D%0Ab",
    ] {
        let answer = bench.get(path).await;
        assert_eq!((answer.status, answer.error().0), (StatusCode::BAD_REQUEST, "invalid"), "{path}");
    }
    for id in ["x", "1.2", "300.0.0", "0.1.0.0", "%ff"] {
        assert_eq!(
            bench.delete(&format!("/api/transports/{id}")).await.status,
            StatusCode::BAD_REQUEST,
            "{id}"
        );
        assert_eq!(
            bench.post(&format!("/api/sessions/{id}/kick"), json!({})).await.status,
            StatusCode::BAD_REQUEST
        );
    }
    for id in ["Recorder", "a.b", "%2e%2e", "a%2fb"] {
        let answer = bench.post(&format!("/api/plugins/{id}"), json!({ "request": 1 })).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{id}");
    }
    assert_eq!(bench.double.commands(), []);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_answered_in_the_same_form() {
    let bench = Bench::new("");
    for path in ["/api", "/api/nothing", "/api/streams/a/b", "/api/drains"] {
        let answer = bench.get(path).await;
        assert_eq!((answer.status, answer.error().0), (StatusCode::NOT_FOUND, "not_found"), "{path}");
    }
    let answer = bench.send(request(Method::OPTIONS, "/api/streams", &[], "")).await;
    assert_eq!((answer.status, answer.error().0), (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"));
    assert_eq!(bench.put("/api/streams", json!({})).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(start_paused = true)]
async fn a_media_thread_that_does_not_answer_is_given_up_after_30_s() {
    let bench = Bench::new("");
    bench.double.set_delay(std::time::Duration::from_secs(3600));
    let answer = bench.get("/api/streams").await;
    assert_eq!((answer.status, answer.error().0), (StatusCode::GATEWAY_TIMEOUT, "timeout"));
}

#[tokio::test]
async fn the_description_names_every_path_that_is_served() {
    let bench = Bench::new("");
    let document = bench.get("/api/openapi.json").await.json;
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push(operation["operationId"].as_str().unwrap().to_owned());
            assert!(operation["summary"].as_str().unwrap().len() > 8, "{method} {path}");
            let taken = operation["parameters"].as_array().unwrap();
            let in_path = taken.iter().filter(|parameter| parameter["in"] == "path").count();
            assert_eq!(in_path, path.matches('{').count(), "{path}");
            if path == "/events" {
                continue;
            }
            // It is served: what a made-up name is answered with is no 405 and not the text for unknown paths.
            let url = format!(
                "/api{}",
                path.replace("{name}", "cam").replace("{id}", "0.1.0").replace("{file}", "a.mjr")
            );
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
            let answer = bench.send(json(method.clone(), &url, &json!({}))).await;
            assert!(answer.status != StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert!(!answer.error().1.contains("no such path"), "{method} {path}");
        }
    }
    operations.sort();
    let count = operations.len();
    operations.dedup();
    assert_eq!((operations.len(), count), (22, 22));
}

#[tokio::test]
async fn the_description_refers_to_nothing_that_it_lacks() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    match value.as_str() {
                        Some(text) if name == "$ref" => found.push(text),
                        _ => references(value, found),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let bench = Bench::new("");
    let document = bench.get("/api/openapi.json").await.json;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let rtp_in = &document["paths"]["/streams/{name}/rtp-in"]["post"];
    assert_eq!(
        rtp_in["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/RtpIn"
    );
    assert!(document["components"]["schemas"]["RtpIn"]["properties"]["payloadType"].is_object());
    assert!(document["components"]["schemas"]["Error"]["properties"]["error"].is_object());
}

#[tokio::test]
async fn the_description_of_figures_and_events_has_the_fields_that_are_sent() {
    let bench = Bench::new("");
    let document = bench.get("/api/openapi.json").await.json;
    let described = |name: &str| -> Vec<String> {
        document["components"]["schemas"][name]["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let sent = |value: Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(described("Stats"), sent(bench.get("/api/stats").await.json));
    let event = Event { target: Target::Worker, body: EventBody::Closed(CloseReason::Peer) };
    let mut fields = sent(serde_json::to_value(event).unwrap());
    fields.sort();
    let mut described = described("Event");
    described.sort();
    assert_eq!(described, fields);
}
