use futures_lite::future::block_on;
use mediasoup::prelude::*;
use mediasoup::transport::TransportTraceEventType;
use mediasoup_types::data_structures::*;
use mediasoup_types::srtp_parameters::SrtpParameters;
use serde_json::json;

use crate::rig::{everything, local, read, room, until, video};

/// 16 + 14 bytes.
const KEY_30: &str = "ITAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4";

#[test]
fn a_webrtc_server_has_the_ports_of_its_transports() {
    block_on(async {
        let (worker, router) = room().await;
        let mut tcp = local(Protocol::Tcp);
        (tcp.announced_address, tcp.expose_internal_ip) = (Some("sfu.example.org".into()), true);
        tcp.port_range = Some(20_000..=21_000);
        tcp.flags = Some(SocketFlags { ipv6_only: false, udp_reuse_port: false });
        (tcp.send_buffer_size, tcp.recv_buffer_size) = (Some(100_000), Some(100_000));
        let infos = WebRtcServerListenInfos::new(local(Protocol::Udp)).insert(tcp);
        let server = worker.create_webrtc_server(WebRtcServerOptions::new(infos)).await.unwrap();
        assert_eq!(worker.dump().await.unwrap().webrtc_server_ids, [server.id()]);

        let mut options = WebRtcTransportOptions::new_with_server(server.clone());
        (options.enable_udp, options.prefer_tcp) = (false, true);
        let transport = router.create_webrtc_transport(options).await.unwrap();
        let dump = server.dump().await.unwrap();
        assert_eq!((dump.id, dump.udp_sockets.len(), dump.tcp_servers.len()), (server.id(), 1, 1));
        let port = dump.tcp_servers[0].port;
        assert!((20_000..=21_000).contains(&port));
        assert_eq!(dump.webrtc_transport_ids.iter().collect::<Vec<_>>(), [&transport.id()]);
        let [fragment] = &dump.local_ice_username_fragments[..] else { panic!("{dump:?}") };
        assert_eq!(fragment.local_ice_username_fragment, transport.ice_parameters().username_fragment);
        let candidates = transport.ice_candidates();
        let addresses: Vec<_> = candidates.iter().map(|candidate| candidate.address.as_str()).collect();
        assert_eq!(addresses, ["sfu.example.org", "127.0.0.1"]);
        for candidate in candidates {
            assert_eq!(
                (candidate.protocol, candidate.port, candidate.r#type),
                (Protocol::Tcp, port, IceCandidateType::Host)
            );
            assert_eq!(candidate.tcp_type, Some(IceCandidateTcpType::Passive));
            assert!(candidate.priority > 0 && !candidate.foundation.is_empty());
        }
        drop(transport);
        until(|| block_on(server.dump()).unwrap().webrtc_transport_ids.is_empty().then_some(()));
    });
}

#[test]
fn a_webrtc_transport_has_the_options_that_it_was_made_with() {
    block_on(async {
        let (_worker, router) = room().await;
        let mut options = WebRtcTransportOptions::new(WebRtcTransportListenInfos::new(local(Protocol::Udp)));
        options.initial_available_outgoing_bitrate = 1_000_000;
        options.max_incoming_bitrate = Some(2_000_000);
        options.max_outgoing_bitrate = Some(800_000);
        options.min_outgoing_bitrate = Some(50_000);
        options.ice_consent_timeout = 20;
        options.enable_sctp = true;
        (options.max_send_message_size, options.max_receive_message_size) = (100_000, 200_000);
        (options.sctp_send_buffer_size, options.sctp_per_stream_send_queue_limit) = (3_000_000, 1_000_000);
        options.sctp_max_receiver_window_buffer_size = 4_000_000;
        options.sctp_default_stream_buffered_amount_low_threshold = 500;
        let transport = router.create_webrtc_transport(options).await.unwrap();
        assert_eq!((transport.ice_role(), transport.ice_state()), (IceRole::Controlled, IceState::New));
        assert_eq!((transport.dtls_state(), transport.ice_selected_tuple()), (DtlsState::New, None));
        assert!(
            transport.ice_parameters().ice_lite == Some(true)
                || transport.ice_parameters().ice_lite.is_none()
        );
        let sctp = transport.sctp_parameters().unwrap();
        assert_eq!(
            (sctp.port, sctp.max_send_message_size, sctp.max_receive_message_size),
            (5000, 100_000, 200_000)
        );
        assert_eq!((sctp.send_buffer_size, sctp.per_stream_send_queue_limit), (3_000_000, 1_000_000));
        assert_eq!((sctp.max_receiver_window_buffer_size, sctp.is_data_channel), (4_000_000, true));
        assert_eq!(
            (transport.sctp_state(), transport.sctp_negotiated_capabilities()),
            (Some(SctpState::New), None)
        );

        transport
            .enable_trace_event(vec![TransportTraceEventType::Probation, TransportTraceEventType::Bwe])
            .await
            .unwrap();
        let producer = transport.produce(video(&[1])).await.unwrap();
        let consumer =
            transport.consume(ConsumerOptions::new(producer.id(), everything(&router))).await.unwrap();
        let stream = SctpStreamParameters::new_unordered_with_life_time(7, 5000);
        let data_producer = transport.produce_data(DataProducerOptions::new_sctp(stream)).await.unwrap();
        let data_consumer =
            transport.consume_data(DataConsumerOptions::new_sctp(data_producer.id())).await.unwrap();

        let dump = transport.dump().await.unwrap();
        assert_eq!((dump.id, dump.direct), (transport.id(), false));
        assert_eq!(
            (&dump.producer_ids[..], &dump.consumer_ids[..]),
            (&[producer.id()][..], &[consumer.id()][..])
        );
        assert_eq!(dump.data_producer_ids, [data_producer.id()]);
        assert_eq!(dump.data_consumer_ids, [data_consumer.id()]);
        let encoding = &consumer.rtp_parameters().encodings[0];
        assert_eq!(dump.map_ssrc_consumer_id[&encoding.ssrc.unwrap()], consumer.id());
        assert_eq!(dump.map_rtx_ssrc_consumer_id[&encoding.rtx.unwrap().ssrc], consumer.id());
        assert_eq!(dump.rtp_listener.ssrc_table, [(1, producer.id()), (1001, producer.id())]);
        assert_eq!(dump.rtp_listener.mid_table, [("v".to_owned(), producer.id())]);
        assert!(dump.rtp_listener.rid_table.is_empty());
        let json = serde_json::to_value(&dump).unwrap();
        assert_eq!(json["sctpListener"]["streamIdTable"], json!([[7, data_producer.id()]]));
        assert_eq!(json["recvRtpHeaderExtensions"]["absSendTime"], json!(4));
        assert_eq!(dump.sctp_parameters, Some(sctp));
        assert_eq!((dump.max_send_message_size, dump.max_receive_message_size), (100_000, 200_000));
        assert_eq!(dump.trace_event_types.len(), 2);
        assert_eq!(&dump.ice_candidates, transport.ice_candidates());
        assert_eq!(&dump.ice_parameters, transport.ice_parameters());
        assert_eq!(dump.dtls_parameters.fingerprints.len(), transport.dtls_parameters().fingerprints.len());

        let [stat] = &transport.get_stats().await.unwrap()[..] else { panic!("one") };
        assert_eq!(
            (stat.transport_id, stat.ice_role, stat.ice_state),
            (transport.id(), IceRole::Controlled, IceState::New)
        );
        assert!(stat.timestamp > 1_700_000_000_000);
        assert_eq!((stat.dtls_state, stat.sctp_state), (DtlsState::New, Some(SctpState::New)));
        assert_eq!(stat.max_incoming_bitrate, Some(2_000_000));
        assert_eq!((stat.max_outgoing_bitrate, stat.min_outgoing_bitrate), (Some(800_000), Some(50_000)));
        // What it begins with, within its limits.
        assert_eq!(stat.available_outgoing_bitrate, Some(800_000));

        transport.set_max_incoming_bitrate(0).await.unwrap();
        transport.set_min_outgoing_bitrate(1).await.unwrap();
        transport.set_max_outgoing_bitrate(2).await.unwrap();
        let [stat] = &transport.get_stats().await.unwrap()[..] else { panic!("one") };
        assert_eq!(stat.max_incoming_bitrate, None);
        assert_eq!((stat.max_outgoing_bitrate, stat.min_outgoing_bitrate), (Some(30_000), Some(30_000)));
        transport.set_min_outgoing_bitrate(100_000).await.unwrap();
        let [stat] = &transport.get_stats().await.unwrap()[..] else { panic!("one") };
        assert_eq!((stat.max_outgoing_bitrate, stat.min_outgoing_bitrate), (Some(100_000), Some(100_000)));
    });
}

#[test]
fn transports_without_estimation_have_neither_limits_nor_feedback() {
    block_on(async {
        let (_worker, router) = room().await;
        let mut options = WebRtcTransportOptions::new(WebRtcTransportListenInfos::new(local(Protocol::Udp)));
        options.enable_bwe = false;
        options.max_incoming_bitrate = Some(2_000_000);
        options.max_outgoing_bitrate = Some(800_000);
        let transport = router.create_webrtc_transport(options).await.unwrap();
        let producer = transport.produce(video(&[1])).await.unwrap();
        let consumer =
            transport.consume(ConsumerOptions::new(producer.id(), everything(&router))).await.unwrap();
        let dump = consumer.dump().await.unwrap();
        let extensions = &dump.rtp_parameters.header_extensions;
        assert!(!extensions.iter().any(|extension| extension.uri == RtpHeaderExtensionUri::AbsSendTime));
        let [stat] = &transport.get_stats().await.unwrap()[..] else { panic!("one") };
        assert_eq!((stat.max_incoming_bitrate, stat.max_outgoing_bitrate), (None, None));
        assert_eq!(stat.available_outgoing_bitrate, None);
    });
}

#[test]
fn a_plain_transport_has_the_options_that_it_was_made_with() {
    block_on(async {
        let (_worker, router) = room().await;
        let mut options = PlainTransportOptions::new(local(Protocol::Udp));
        let mut rtcp = local(Protocol::Udp);
        rtcp.announced_address = Some("192.0.2.7".into());
        options.rtcp_listen_info = Some(rtcp);
        options.rtcp_mux = false;
        options.enable_srtp = true;
        options.srtp_crypto_suite = SrtpCryptoSuite::AeadAes256Gcm;
        options.max_outgoing_bitrate = Some(500_000);
        let transport = router.create_plain_transport(options).await.unwrap();
        assert_eq!(transport.srtp_parameters().unwrap().crypto_suite, SrtpCryptoSuite::AeadAes256Gcm);
        let ours =
            SrtpParameters { crypto_suite: SrtpCryptoSuite::AesCm128HmacSha132, key_base64: KEY_30.into() };
        let peer = PlainTransportRemoteParameters {
            ip: Some([127, 0, 0, 2].into()),
            port: Some(9999),
            rtcp_port: Some(9998),
            srtp_parameters: Some(ours),
        };
        transport.connect(peer).await.unwrap();
        assert_eq!(transport.tuple().remote_port(), Some(9999));
        assert_eq!(transport.rtcp_tuple().unwrap().remote_ip(), Some([127, 0, 0, 2].into()));
        assert_eq!(transport.rtcp_tuple().unwrap().local_address(), "192.0.2.7");
        // It follows the peer's.
        assert_eq!(transport.srtp_parameters().unwrap().crypto_suite, SrtpCryptoSuite::AesCm128HmacSha132);
        let dump = transport.dump().await.unwrap();
        assert_eq!((dump.rtcp_mux, dump.comedia, dump.sctp_parameters), (false, false, None));
        assert_eq!((dump.tuple, dump.rtcp_tuple), (transport.tuple(), transport.rtcp_tuple()));
        assert_eq!(dump.srtp_parameters, transport.srtp_parameters());
        let [stat] = &transport.get_stats().await.unwrap()[..] else { panic!("one") };
        assert_eq!((stat.rtcp_mux, stat.comedia, &stat.tuple), (false, false, &transport.tuple()));
        assert_eq!(
            (stat.rtcp_tuple.clone(), stat.max_outgoing_bitrate),
            (transport.rtcp_tuple(), Some(500_000))
        );

        let mut options = PlainTransportOptions::new(local(Protocol::Udp));
        (options.comedia, options.enable_sctp) = (true, true);
        let transport = router.create_plain_transport(options).await.unwrap();
        let dump = transport.dump().await.unwrap();
        assert_eq!((dump.rtcp_mux, dump.comedia, dump.rtcp_tuple), (true, true, None));
        assert_eq!((dump.tuple.remote_port(), dump.srtp_parameters), (None, None));
        assert!(!dump.sctp_parameters.unwrap().is_data_channel);
    });
}

#[test]
fn a_pipe_transport_has_the_options_that_it_was_made_with() {
    block_on(async {
        let (_worker, router) = room().await;
        let mut options = PipeTransportOptions::new(local(Protocol::Udp));
        (options.enable_rtx, options.enable_srtp, options.enable_sctp) = (true, true, true);
        let transport = router.create_pipe_transport(options).await.unwrap();
        let ours: SrtpParameters = transport.srtp_parameters().unwrap();
        assert_eq!(ours.crypto_suite, SrtpCryptoSuite::AeadAes256Gcm);
        let peer = PipeTransportRemoteParameters {
            ip: [127, 0, 0, 1].into(),
            port: 9999,
            srtp_parameters: Some(read(json!({
                "cryptoSuite": "AEAD_AES_256_GCM",
                "keyBase64": "YTdjcDBvY2JoMGY5YXNlNDc0eDJsdGgwaWRvNnJsamRrdG16aWVpZHphdHo=",
            }))),
        };
        transport.connect(peer).await.unwrap();
        assert_eq!(transport.tuple().remote_port(), Some(9999));
        let dump = transport.dump().await.unwrap();
        assert_eq!((dump.rtx, dump.tuple, dump.srtp_parameters), (true, transport.tuple(), Some(ours)));
        let [stat] = &transport.get_stats().await.unwrap()[..] else { panic!("one") };
        assert_eq!((&stat.tuple, stat.max_outgoing_bitrate), (&transport.tuple(), None));

        // All encodings, as they come.
        let direct = router.create_direct_transport(DirectTransportOptions::default()).await.unwrap();
        let producer = direct.produce(video(&[1, 2, 3])).await.unwrap();
        let consumer =
            transport.consume(ConsumerOptions::new(producer.id(), everything(&router))).await.unwrap();
        assert_eq!(consumer.r#type(), mediasoup::consumer::ConsumerType::Pipe);
        assert_eq!(consumer.dump().await.unwrap().rtp_streams.len(), 3);
        let dump = router.dump().await.unwrap();
        assert!(dump.transport_ids.contains(&transport.id()) && dump.transport_ids.contains(&direct.id()));
        assert!(dump.map_producer_id_consumer_ids[&producer.id()].contains(&consumer.id()));
        assert_eq!(dump.map_consumer_id_producer_id[&consumer.id()], producer.id());
    });
}

#[test]
fn a_direct_transport_has_the_options_that_it_was_made_with() {
    block_on(async {
        let (_worker, router) = room().await;
        let mut options = DirectTransportOptions::default();
        (options.max_send_message_size, options.max_receive_message_size) = (5000, 6000);
        let transport = router.create_direct_transport(options).await.unwrap();
        let dump = transport.dump().await.unwrap();
        assert!(dump.direct && dump.id == transport.id());
        assert_eq!((dump.max_send_message_size, dump.max_receive_message_size), (5000, 6000));
        let [stat] = &transport.get_stats().await.unwrap()[..] else { panic!("one") };
        assert_eq!((stat.transport_id, stat.bytes_received, stat.round_trip_time), (transport.id(), 0, None));
        let id = transport.id();
        let (told, closed) = crate::rig::heard();
        transport.on_close(Box::new(move || told.tell(()))).detach();
        drop(transport);
        closed.next();
        until(|| (!block_on(router.dump()).unwrap().transport_ids.contains(&id)).then_some(()));
    });
}
