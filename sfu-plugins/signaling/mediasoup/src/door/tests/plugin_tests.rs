use sfu_core::control::{EntityKind, EventBody, Target};
use sfu_core::serde_json::{self, Value, json};

use super::library::{Library, create_router, notice};
use super::loop_tests::direct_transport;
use crate::schema::v3_27::call::Call;
use crate::schema::v3_27::data_consumer::Type;
use crate::schema::v3_27::data_producer::{self, SendNotification};
use crate::schema::v3_27::notice::Notice;
use crate::schema::v3_27::notification::{self, Event};
use crate::schema::v3_27::response::Body;
use crate::schema::v3_27::router::CloseTransportRequest;
use crate::schema::v3_27::transport::{CloseDataProducerRequest, ConsumeDataRequest, ProduceDataRequest};

fn produce(id: &str) -> Call {
    Call::TransportProduceData(ProduceDataRequest {
        data_producer_id: id.into(),
        r#type: data_producer::Type::Direct,
        sctp_stream_parameters: None,
        label: Some("recorder".into()),
        protocol: Some("sfukit.plugin".into()),
        paused: false,
    })
}

fn consume(id: &str, r#type: Type) -> Call {
    Call::TransportConsumeData(ConsumeDataRequest {
        data_consumer_id: id.into(),
        data_producer_id: "door".into(),
        r#type,
        sctp_stream_parameters: None,
        label: Some("recorder".into()),
        protocol: Some("sfukit.plugin".into()),
        paused: false,
        subchannels: None,
    })
}

fn send(request: &Value) -> Vec<u8> {
    let data = request.to_string().into_bytes();
    let (subchannels, required_subchannel, ignored_subchannel) = Default::default();
    notice(
        "door",
        Notice::DataProducerSend(SendNotification {
            ppid: 51,
            data,
            subchannels,
            required_subchannel,
            ignored_subchannel,
        }),
    )
}

/// A library with a direct transport and a door to the recorder on it.
async fn library() -> Library {
    let mut library = Library::start().await;
    library.write(&create_router(1, "router")).await;
    assert!(library.response().await.accepted);
    assert!(library.ask("router", direct_transport("t", 200)).await.accepted);
    let response = library.ask("t", produce("door")).await;
    let Some(Body::DataProducerDumpResponse(dump)) = response.body else { panic!("{response:?}") };
    assert_eq!((dump.r#type, dump.label.as_str()), (data_producer::Type::Direct, "recorder"));
    library
}

/// The next message for a data consumer.
async fn message(library: &mut Library) -> (String, Value) {
    let told = library.notification().await;
    match told.body {
        Some(notification::Body::DataConsumerMessageNotification(message)) => {
            assert_eq!(message.ppid, 51);
            (told.handler_id, serde_json::from_slice(&message.data).unwrap())
        }
        other => panic!("{:?} {other:?}", told.event),
    }
}

#[tokio::test]
async fn a_request_goes_to_the_plugin_and_its_answer_to_all_data_consumers() {
    let mut library = library().await;
    for id in ["one", "two"] {
        let response = library.ask("t", consume(id, Type::Direct)).await;
        assert!(response.accepted, "{response:?}");
    }
    library.write(&send(&json!({ "id": 7, "method": "start", "target": "router", "n": 1 }))).await;
    // The stand-in answers with what it was asked.
    let answer = json!({ "id": 7, "ok": { "method": "start", "n": 1 } });
    assert_eq!(message(&mut library).await, ("one".into(), answer.clone()));
    assert_eq!(message(&mut library).await, ("two".into(), answer));
    library.write(&send(&json!({ "id": 8, "method": "start", "target": "ghost" }))).await;
    let (_, error) = message(&mut library).await;
    assert_eq!((&error["id"], &error["error"]["kind"]), (&json!(8), &json!("not_found")));
}

#[tokio::test]
async fn what_was_said_before_anybody_listened_is_kept_up_to_a_limit_and_then_counted() {
    let mut library = library().await;
    let router = library.double.targets(EntityKind::Router)[0];
    for number in 0..70 {
        let body = EventBody::Plugin { plugin: "recorder".into(), body: json!(number) };
        library.double.emit(router, body);
    }
    let other = EventBody::Plugin { plugin: "other".into(), body: json!("not for this door") };
    library.double.emit(router, other);
    assert!(library.ask("t", consume("one", Type::Direct)).await.accepted);
    for number in 0..64 {
        assert_eq!(message(&mut library).await.1, json!({ "event": number, "target": "router" }));
    }
    assert_eq!(message(&mut library).await.1, json!({ "lost": 6 }));
    let body = EventBody::Plugin { plugin: "recorder".into(), body: json!("new") };
    library.double.emit(Target::Worker, body);
    assert_eq!(message(&mut library).await.1, json!({ "event": "new" }));
}

#[tokio::test]
async fn what_a_plugin_tells_comes_in_the_router_that_it_is_about_even_of_what_closed() {
    let mut library = library().await;
    assert!(library.ask("t", consume("one", Type::Direct)).await.accepted);
    let here = library.double.targets(EntityKind::Router)[0];
    let near = library.double.targets(EntityKind::Transport)[0];
    library.write(&create_router(2, "elsewhere")).await;
    assert!(library.response().await.accepted);
    assert!(library.ask("elsewhere", direct_transport("far", 200)).await.accepted);
    assert!(library.ask("router", direct_transport("closing", 200)).await.accepted);
    let other = |kind, known: &[Target]| {
        let targets = library.double.targets(kind);
        targets.into_iter().filter(|target| !known.contains(target)).collect::<Vec<_>>()
    };
    let elsewhere = other(EntityKind::Router, &[here])[0];
    let transports = other(EntityKind::Transport, &[near]);
    let close = CloseTransportRequest { transport_id: "closing".into() };
    assert!(library.ask("router", Call::RouterCloseTransport(close)).await.accepted);
    let closed = *transports
        .iter()
        .find(|target| !library.double.targets(EntityKind::Transport).contains(target))
        .unwrap();
    let far = *transports.iter().find(|target| **target != closed).unwrap();

    let tell = |library: &Library, target: Target, text: &str| {
        library.double.emit(target, EventBody::Plugin { plugin: "recorder".into(), body: json!(text) });
    };
    tell(&library, elsewhere, "not here");
    tell(&library, far, "not here");
    tell(&library, here, "here");
    tell(&library, closed, "late");
    let (plugin, step, text) = ("recorder".to_owned(), "detached".to_owned(), "it panicked".to_owned());
    library.double.emit(here, EventBody::PluginFault { plugin, step, text });
    for expected in [
        json!({ "event": "here", "target": "router" }),
        json!({ "event": "late", "target": "closing" }),
        json!({ "fault": { "step": "detached", "text": "it panicked" }, "target": "router" }),
    ] {
        assert_eq!(message(&mut library).await.1, expected);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_big_is_an_error_that_says_so() {
    let mut library = library().await;
    assert!(library.ask("t", consume("one", Type::Direct)).await.accepted);
    library.write(&send(&json!({ "id": 1, "method": "x", "text": "x".repeat(300) }))).await;
    let (_, error) = message(&mut library).await;
    assert_eq!((&error["id"], &error["error"]["kind"]), (&json!(1), &json!("limit")));
}

#[tokio::test]
async fn only_direct_data_consumers_listen_and_they_close_with_the_door() {
    let mut library = library().await;
    let refused = library.ask("t", consume("one", Type::Sctp)).await;
    assert_eq!(refused.error.as_deref(), Some("TypeError"), "{refused:?}");
    assert!(library.ask("t", consume("one", Type::Direct)).await.accepted);
    let close = CloseDataProducerRequest { data_producer_id: "door".into() };
    assert!(library.ask("t", Call::TransportCloseDataProducer(close)).await.accepted);
    let told = library.notification().await;
    assert_eq!((told.event, told.handler_id.as_str()), (Event::DataConsumerDataProducerClose, "one"));
    let refused = library.ask("one", Call::DataConsumerDump).await;
    assert_eq!(refused.error.as_deref(), Some("NotFoundError"));
}
