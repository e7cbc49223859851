use super::*;

#[tokio::test]
async fn a_session_and_its_transports_are_told_when_they_open_and_when_they_close() {
    let (control, double) = control_double(2);
    let mut events = control.events();
    let session = control.create_session(1, CreateSession::default()).await.unwrap();
    let router = control.create_router(1, Labels::new()).await.unwrap();
    let options = WebRtcTransportOptions { session: Some(session), ..Default::default() };
    let transport = control.create_webrtc_transport(router, options).await.unwrap().id;
    assert_eq!(double.transports_of(session), [transport]);
    control.run(Command::CloseSession(session)).await.unwrap();
    assert_eq!(double.open(EntityKind::Transport), 0);
    assert_eq!(double.open_entities(), 1);
    let opened: [Target; 3] = [session.into(), router.into(), transport.into()];
    for target in opened {
        let event = events.recv().await.unwrap();
        assert_eq!((event.target, event.body), (target, EventBody::Opened { labels: Labels::new() }));
    }
    assert_eq!(events.recv().await.unwrap().target, Target::Session(session));
    assert_eq!(events.recv().await.unwrap().body, EventBody::Closed(CloseReason::Parent));
    assert!(control.run(Command::CloseSession(session)).await.is_err());
}

#[tokio::test]
async fn a_rule_refuses_a_command_before_it_does_anything() {
    let (control, double) = control_double(1);
    double.refuse(|command| {
        matches!(command, Command::CreateRouter { .. }).then(|| ControlError::limit("full"))
    });
    assert_eq!(control.create_router(0, Labels::new()).await.unwrap_err().kind, ErrorKind::Limit);
    double.accept();
    assert!(control.create_router(0, Labels::new()).await.is_ok());
    assert_eq!(double.commands().len(), 2);
}

#[tokio::test]
async fn a_plain_transport_is_made_connected_and_counted() {
    let (control, _double) = control_double(2);
    let router = control.create_router(1, Labels::new()).await.unwrap();
    let options = PlainTransportOptions {
        listen: ListenInfo::udp([127, 0, 0, 1]),
        rtcp_mux: false,
        ..PlainTransportOptions::default()
    };
    let created = control.create_plain_transport(router, options).await.unwrap();
    assert!(created.rtcp_tuple.is_some());
    let peer =
        ConnectPlainTransport { ip: Some([127, 0, 0, 1].into()), port: Some(5000), ..Default::default() };
    let connected = control.connect_plain_transport(created.id, peer).await.unwrap();
    assert_eq!(connected.tuple.remote, Some(([127, 0, 0, 1], 5000).into()));
    let stats = control.stats(Target::Worker).await.unwrap();
    assert_eq!((stats.transports.len(), stats.transports[0].ice_state), (1, None));
}

#[tokio::test]
async fn a_producer_is_described_as_it_was_made() {
    let (control, _double) = control_double(1);
    let router = control.create_router(0, Labels::new()).await.unwrap();
    let transport = control.create_webrtc_transport(router, WebRtcTransportOptions::default()).await.unwrap();
    let rtp_parameters = RtpParameters { mid: Some("m".into()), ..Default::default() };
    let options = ProducerOptions {
        rtp_mapping: RtpMapping::default(),
        labels: Labels::new().with("a", "b"),
        ..ProducerOptions::new(MediaKind::Audio, rtp_parameters.clone())
    };
    let producer = control.produce(transport.id, options).await.unwrap().id;
    let described = control.describe_producer(producer).await.unwrap();
    assert_eq!((described.router, described.rtp_parameters), (router, rtp_parameters));
    assert_eq!(described.labels.get("a"), Some("b"));
}

#[tokio::test]
async fn media_stays_within_a_router() {
    let (control, _double) = control_double(1);
    let [here, there] = [
        control.create_router(0, Labels::new()).await.unwrap(),
        control.create_router(0, Labels::new()).await.unwrap(),
    ];
    let transport = |router| control.create_webrtc_transport(router, WebRtcTransportOptions::default());
    let options = ProducerOptions {
        rtp_mapping: RtpMapping::default(),
        ..ProducerOptions::new(MediaKind::Audio, RtpParameters::default())
    };
    let producer = control.produce(transport(here).await.unwrap().id, options).await.unwrap().id;
    let consume = |transport| {
        let options = ConsumerOptions::new(producer, RtpParameters::default());
        control.consume(transport, options)
    };
    assert!(consume(transport(here).await.unwrap().id).await.is_ok());
    let refused = consume(transport(there).await.unwrap().id).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid);
}
