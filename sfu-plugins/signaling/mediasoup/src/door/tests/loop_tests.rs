use std::time::Duration;

use sfu_core::control::{EntityKind, EventBody, Target};

use super::library::{Library, create_router, notice, request};
use crate::schema::v3_27::call::Call;
use crate::schema::v3_27::direct_transport::DirectTransportOptions;
use crate::schema::v3_27::message::Body;
use crate::schema::v3_27::notice::Notice;
use crate::schema::v3_27::notification::Event;
use crate::schema::v3_27::response;
use crate::schema::v3_27::router::CreateDirectTransportRequest;
use crate::schema::v3_27::transport::Options;

/// As the library gives them.
pub(crate) fn direct_options(max_send_message_size: u32) -> Options {
    Options {
        direct: true,
        initial_available_outgoing_bitrate: None,
        enable_sctp: false,
        max_send_message_size,
        max_receive_message_size: 1000,
        sctp_send_buffer_size: 0,
        sctp_per_stream_send_queue_limit: 0,
        sctp_max_receiver_window_buffer_size: 0,
        sctp_default_stream_buffered_amount_low_threshold: 0,
        is_data_channel: false,
        enable_bwe: true,
        max_incoming_bitrate: None,
        max_outgoing_bitrate: None,
        min_outgoing_bitrate: None,
    }
}

pub(super) fn direct_transport(id: &str, max_send_message_size: u32) -> Call {
    let base = direct_options(max_send_message_size);
    let options = DirectTransportOptions { base };
    Call::RouterCreateDirectTransport(CreateDirectTransportRequest { transport_id: id.into(), options })
}

#[tokio::test]
async fn requests_are_answered_in_order_in_whatever_pieces_they_come() {
    let mut library = Library::start().await;
    let mut bytes = Vec::new();
    for id in 0..20 {
        bytes.extend(create_router(id, &format!("router-{id}")));
    }
    for piece in bytes.chunks(7) {
        library.write(piece).await;
        tokio::task::yield_now().await;
    }
    for id in 0..20 {
        let response = library.response().await;
        assert!(response.accepted && response.id == id, "{response:?}");
    }
    let Some(response::Body::WorkerDumpResponse(dump)) = library.ask("", Call::WorkerDump).await.body else {
        panic!("no dump");
    };
    let expected: Vec<String> = (0..20).map(|id| format!("router-{id}")).collect();
    assert_eq!(dump.router_ids, expected);
    assert_eq!(library.double.open(EntityKind::Router), 20);
}

#[tokio::test]
async fn what_is_unknown_is_not_found_and_the_door_stays_open() {
    let mut library = Library::start().await;
    let refused = library.ask("ghost", Call::RouterDump).await;
    assert_eq!(refused.error.as_deref(), Some("NotFoundError"));
    assert_eq!(
        refused.reason.as_deref(),
        Some("Channel request handler with ID ghost not found [method:router.dump]")
    );
    library.write(&[9, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).await;
    library.write(&notice("ghost", Notice::WorkerClose)[..3]).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    library.write(&notice("ghost", Notice::WorkerClose)[3..]).await;
    library.ended().await;
}

#[tokio::test]
async fn a_name_can_be_given_once() {
    let mut library = Library::start().await;
    library.write(&create_router(1, "r")).await;
    assert!(library.response().await.accepted);
    library.write(&create_router(2, "r")).await;
    let refused = library.response().await;
    assert_eq!((refused.accepted, refused.error.as_deref()), (false, Some("Error")));
    assert_eq!(library.double.open(EntityKind::Router), 1);
}

#[tokio::test]
async fn nothing_after_the_close_is_done() {
    let mut library = Library::start().await;
    let mut bytes = create_router(1, "before");
    bytes.extend(notice("", Notice::WorkerClose));
    bytes.extend(create_router(2, "after"));
    library.write(&bytes).await;
    assert_eq!(library.response().await.id, 1);
    let double = library.double.clone();
    library.ended().await;
    assert_eq!(double.open(EntityKind::Router), 1);
}

#[tokio::test]
async fn the_door_shuts_when_the_library_is_gone_or_the_worker_stops() {
    let mut library = Library::start().await;
    library.to_worker = None;
    library.ended().await;
    let library = Library::start().await;
    library.switch.send(true).unwrap();
    library.ended().await;
}

#[tokio::test]
async fn a_library_that_does_not_listen_any_more_can_still_close_the_worker() {
    let mut library = Library::start().await;
    let (deaf, _) = tokio::net::UnixStream::pair().unwrap();
    library.from_worker = deaf;
    library.write(&create_router(1, "r")).await;
    library.write(&create_router(2, "s")).await;
    library.write(&notice("", Notice::WorkerClose)).await;
    let double = library.double.clone();
    library.ended().await;
    assert_eq!(double.open(EntityKind::Router), 2);
}

#[tokio::test]
async fn while_the_library_does_not_read_its_requests_wait_and_events_are_taken() {
    let mut library = Library::start().await;
    library.write(&create_router(1, "r")).await;
    assert!(library.response().await.accepted);
    assert!(library.ask("r", direct_transport("t", 1000)).await.accepted);
    // So many that their answers don't fit between the two.
    let many = 3000;
    let requests: Vec<u8> = (0..many).flat_map(|id| request(id, "t", Call::TransportDump)).collect();
    let mut to_worker = library.to_worker.take().unwrap();
    let writing = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        to_worker.write_all(&requests).await.unwrap();
        to_worker
    });
    let mut asked = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = library.double.commands().len();
        if now == asked {
            break;
        }
        asked = now;
    }
    assert!(asked < many as usize, "all {asked} were done while nobody read the answers");
    let transport = library.double.targets(EntityKind::Transport)[0];
    for _ in 0..100 {
        let state = sfu_core::control::SctpState::Connecting;
        library.double.emit(transport, EventBody::SctpState(state));
    }
    let (mut answers, mut told) = (0, 0);
    while answers < many || told < 100 {
        match library.read().await {
            Body::Response(response) => {
                assert_eq!(response.id, answers, "in order");
                answers += 1;
            }
            Body::Notification(notification) => {
                assert_eq!(notification.event, Event::TransportSctpStateChange);
                told += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    drop(writing.await.unwrap());
    library.ended().await;
}

#[tokio::test]
async fn what_a_plugin_closes_is_gone_with_all_that_belongs_to_it() {
    let mut library = Library::start().await;
    library.write(&create_router(1, "r")).await;
    assert!(library.response().await.accepted);
    assert!(library.ask("r", direct_transport("t", 1000)).await.accepted);
    let router: Target = library.double.targets(EntityKind::Router)[0];
    library.double.close(router, sfu_core::control::CloseReason::Plugin);
    // An event is told before what is asked after it.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let refused = library.ask("t", Call::TransportDump).await;
    assert_eq!(refused.error.as_deref(), Some("NotFoundError"));
}
