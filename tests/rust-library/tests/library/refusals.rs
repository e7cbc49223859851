use futures_lite::future::block_on;
use mediasoup::prelude::*;
use mediasoup::webrtc_server::WebRtcServerListenInfos;
use mediasoup::worker::{CreateWebRtcServerError, RequestError};

use crate::media::direct_transport;
use crate::rig::{audio, everything, local, room, video};

#[track_caller]
fn reason(error: RequestError) -> String {
    match error {
        RequestError::Response { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_worker_refuses_is_an_error_with_a_reason() {
    block_on(async {
        let (worker, router) = room().await;
        let mut nowhere = local(Protocol::Udp);
        nowhere.ip = [192, 0, 2, 1].into();
        let options = WebRtcServerOptions::new(WebRtcServerListenInfos::new(nowhere.clone()));
        let Err(CreateWebRtcServerError::Request(error)) = worker.create_webrtc_server(options).await else {
            panic!("no such address")
        };
        assert!(reason(error).contains("192.0.2.1"));
        assert!(router.create_plain_transport(PlainTransportOptions::new(nowhere)).await.is_err());

        // Plain RTP goes over UDP alone.
        let error = router
            .create_plain_transport(PlainTransportOptions::new(local(Protocol::Tcp)))
            .await
            .unwrap_err();
        assert!(reason(error).contains("udp"));
        let transport =
            router.create_plain_transport(PlainTransportOptions::new(local(Protocol::Udp))).await.unwrap();
        let peer =
            PlainTransportRemoteParameters { ip: None, port: None, rtcp_port: None, srtp_parameters: None };
        assert!(!reason(transport.connect(peer).await.unwrap_err()).is_empty());

        let direct = direct_transport(&router).await;
        let _producer = direct.produce(audio(1)).await.unwrap();
        let mut twice = video(&[1]);
        twice.rtp_parameters.mid = Some("w".into());
        match direct.produce(twice).await {
            Err(ProduceError::Request(error)) => assert!(!reason(error).is_empty()),
            other => panic!("an SSRC is there once: {other:?}"),
        }

        // Of the observers' kind: pictures have no volume.
        let camera = direct.produce(video(&[7])).await.unwrap();
        let observer =
            router.create_audio_level_observer(AudioLevelObserverOptions::default()).await.unwrap();
        let refused = observer.add_producer(RtpObserverAddProducerOptions::new(camera.id())).await;
        assert!(!reason(refused.unwrap_err()).is_empty());

        // All that was refused left nothing behind.
        let dump = router.dump().await.unwrap();
        assert_eq!((dump.transport_ids.len(), dump.map_producer_id_consumer_ids.len()), (2, 2));
        assert!(direct.consume(ConsumerOptions::new(camera.id(), everything(&router))).await.is_ok());
    });
}
