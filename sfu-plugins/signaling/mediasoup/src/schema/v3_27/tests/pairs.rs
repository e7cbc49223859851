use crate::flat::encode;
use crate::schema::v3_27::call::Call;
use crate::schema::v3_27::message::{Body, Message};
use crate::schema::v3_27::notification::{self, Event, Notification};
use crate::schema::v3_27::request::{self, Method, Request};
use crate::schema::v3_27::response::Response;
use crate::schema::v3_27::rtp_observer::AddProducerRequest;
use crate::schema::v3_27::transport::SendRtcpNotification;
use crate::schema::v3_27::worker::CreateRouterRequest;
use crate::schema::v3_27::{Refused, read};

fn frame(body: Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&Message { data: body }, &mut bytes);
    bytes.split_off(4)
}

fn request(id: u32, method: Method, body: Option<request::Body>) -> Vec<u8> {
    frame(Body::Request(Request { id, method, handler_id: "x".into(), body }))
}

/// Changes the only byte of this value.
fn change(mut frame: Vec<u8>, from: u8, to: u8) -> Vec<u8> {
    let places: Vec<usize> = (0..frame.len()).filter(|at| frame[*at] == from).collect();
    assert_eq!(places.len(), 1, "{from} is there once");
    frame[places[0]] = to;
    frame
}

#[test]
fn a_request_with_an_unknown_method_can_be_answered() {
    let frame = change(request(0x0102_0304, Method::RtpObserverRemoveProducer, None), 67, 200);
    let refused = read(&frame).unwrap_err();
    assert_eq!(refused, Refused::UnknownMethod { id: 0x0102_0304, method: 200 });
    assert_eq!(refused.request(), Some(0x0102_0304));
    let response = refused.response().unwrap();
    assert_eq!(
        (response.id, response.accepted, response.error.as_deref()),
        (0x0102_0304, false, Some("Error"))
    );
    assert!(response.reason.unwrap().contains("unknown method 200"));
}

#[test]
fn a_request_with_the_body_of_another_or_with_none_can_be_answered() {
    let id = 7;
    let other = request::Body::RtpObserverAddProducerRequest(AddProducerRequest { producer_id: "p".into() });
    let method = Method::WorkerCreateRouter;
    for (method, body) in [(method, Some(other.clone())), (method, None), (Method::WorkerDump, Some(other))] {
        let refused = read(&request(id, method, body)).unwrap_err();
        assert_eq!(refused, Refused::WrongBody { id, method });
        let response = refused.response().unwrap();
        assert_eq!((response.id, response.error.as_deref()), (7, Some("TypeError")));
        assert!(response.reason.unwrap().contains(&method.name()));
    }
}

#[test]
fn a_request_whose_body_is_broken_can_be_answered() {
    let body = request::Body::WorkerCreateRouterRequest(CreateRouterRequest { router_id: "\u{7f}".into() });
    let frame = change(request(9, Method::WorkerCreateRouter, Some(body)), 0x7f, 0xff);
    let refused = read(&frame).unwrap_err();
    assert!(matches!(refused, Refused::BrokenRequest { id: 9, .. }), "{refused:?}");
    assert_eq!(refused.request(), Some(9));
}

#[test]
fn messages_that_only_a_worker_sends_are_refused() {
    let response = Response { id: 1, accepted: true, body: None, error: None, reason: None };
    let log = crate::schema::v3_27::log::Log { data: "DHello".into() };
    for (body, number) in [(Body::Response(response), 2), (Body::Log(log), 4)] {
        let refused = read(&frame(body)).unwrap_err();
        assert_eq!(refused, Refused::WrongDirection { number });
        assert!(refused.to_string().contains("discarding wrong Channel data"));
        assert_eq!((refused.request(), refused.response()), (None, None));
    }
}

#[test]
fn notifications_that_no_worker_is_told_are_refused() {
    let notification =
        |event, body| frame(Body::Notification(Notification { handler_id: "x".into(), event, body }));
    let rtcp = notification::Body::TransportSendRtcpNotification(SendRtcpNotification { data: vec![] });
    for (event, body) in [
        (Event::WorkerRunning, None),
        (Event::WorkerClose, Some(rtcp.clone())),
        (Event::ProducerSend, Some(rtcp)),
        (Event::DataProducerSend, None),
    ] {
        assert_eq!(read(&notification(event, body)), Err(Refused::WrongNotification { event }));
    }
    let unknown = change(notification(Event::AudioLevelObserverVolumes, None), 32, 99);
    assert_eq!(read(&unknown), Err(Refused::UnknownEvent { event: 99 }));
}

#[test]
fn an_empty_frame_is_refused() {
    assert!(matches!(read(&[]), Err(Refused::Broken(_))));
}

#[test]
fn a_call_goes_with_its_own_body_alone() {
    let body = request::Body::WorkerCreateRouterRequest(CreateRouterRequest { router_id: "r".into() });
    let fitting: Vec<Method> = Method::ALL
        .iter()
        .copied()
        .filter(|method| Call::join(*method, Some(body.clone())).is_some())
        .collect();
    assert_eq!(fitting, [Method::WorkerCreateRouter]);
}
