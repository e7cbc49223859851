use futures_lite::future::block_on;
use mediasoup::prelude::*;
use mediasoup::router::NewTransport;
use mediasoup_types::data_structures::SctpState;

use crate::data::{messages_of, say, text};
use crate::media::{direct_transport, rtp_of};
use crate::rig::{audio, direct, everything, heard, local, room, until};
use crate::rtp::Stream;

#[test]
fn media_goes_from_one_worker_through_a_pipe_to_another() {
    block_on(async {
        let (worker, one) = room().await;
        let other = worker.worker_manager().create_worker(WorkerSettings::default()).await.unwrap();
        let two = other.create_router(RouterOptions::new(crate::rig::codecs())).await.unwrap();
        let (from, to) = (direct_transport(&one).await, direct_transport(&two).await);
        let producer = from.produce(audio(1111)).await.unwrap();
        let mut options = PipeToRouterOptions::new(two.clone());
        (options.enable_rtx, options.enable_srtp) = (true, true);
        let pair = one.pipe_producer_to_router(producer.id(), options).await.unwrap();
        let piped = pair.pipe_producer.into_inner();
        assert_eq!(piped.id(), producer.id());
        let consumer = to.consume(ConsumerOptions::new(piped.id(), everything(&two))).await.unwrap();
        let packets = rtp_of(&consumer);
        let (told, events) = heard();
        let tell = |what: &'static str| {
            let told = told.clone();
            move || told.tell(what)
        };
        consumer.on_producer_pause(tell("pause")).detach();
        consumer.on_producer_resume(tell("resume")).detach();
        consumer.on_producer_close(tell("close")).detach();
        let mut stream = Stream::audio(1111);
        let mut arrives = |tag: u8| {
            until(|| {
                direct(&producer).send(stream.packet(&[tag; 30])).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(20));
                packets.all().into_iter().find(|packet| packet.payload == [tag; 30])
            })
        };
        arrives(1);
        producer.pause().await.unwrap();
        assert_eq!(events.next(), "pause");
        producer.resume().await.unwrap();
        assert_eq!(events.next(), "resume");
        arrives(2);
        drop(producer);
        assert_eq!(events.next(), "close");
    });
}

#[test]
fn messages_go_from_one_worker_through_a_pipe_to_another() {
    block_on(async {
        let (worker, one) = room().await;
        let other = worker.worker_manager().create_worker(WorkerSettings::default()).await.unwrap();
        let two = other.create_router(RouterOptions::default()).await.unwrap();
        let (told, pipes) = heard();
        let tell = move |transport: NewTransport<'_>| {
            if let NewTransport::Pipe(pipe) = transport {
                told.tell(pipe.clone());
            }
        };
        one.on_new_transport(tell).detach();
        let (from, to) = (direct_transport(&one).await, direct_transport(&two).await);
        let producer = from.produce_data(DataProducerOptions::new_direct()).await.unwrap();
        let pair = one
            .pipe_data_producer_to_router(producer.id(), PipeToRouterOptions::new(two.clone()))
            .await
            .unwrap();
        let piped = pair.pipe_data_producer.into_inner();
        let pipe = pipes.next();
        until(|| (pipe.sctp_state() == Some(SctpState::Connected)).then_some(()));
        let streams = until(|| block_on(pipe.dump()).unwrap().sctp_negotiated_capabilities);
        assert!(streams.negotiated_max_outbound_streams > 0 && streams.negotiated_max_inbound_streams > 0);
        let consumer = to.consume_data(DataConsumerOptions::new_direct(piped.id(), None)).await.unwrap();
        let messages = messages_of(&consumer);
        for number in 0..100 {
            say(&producer, &format!("message {number}"), None, None);
        }
        for number in 0..100 {
            assert_eq!(text(messages.next()), format!("message {number}"));
        }
        let (told, closed) = heard();
        consumer.on_data_producer_close(move || told.tell(())).detach();
        drop(producer);
        closed.next();
    });
}

/// A pipe by hand: what it buffers is seen, and the program may speak on it itself.
#[test]
fn a_data_consumer_on_sctp_sends_for_the_program_and_tells_what_it_buffers() {
    block_on(async {
        let (_worker, router) = room().await;
        let pipe = || async {
            let mut options = PipeTransportOptions::new(local(Protocol::Udp));
            options.enable_sctp = true;
            options.sctp_default_stream_buffered_amount_low_threshold = 77;
            router.create_pipe_transport(options).await.unwrap()
        };
        let (one, two) = (pipe().await, pipe().await);
        let (told, states) = heard();
        one.on_sctp_state_change(move |state| told.tell(state)).detach();
        for (pipe, peer) in [(&one, &two), (&two, &one)] {
            let port = peer.tuple().local_port();
            let peer =
                PipeTransportRemoteParameters { ip: [127, 0, 0, 1].into(), port, srtp_parameters: None };
            pipe.connect(peer).await.unwrap();
        }
        let direct = direct_transport(&router).await;
        let source = direct.produce_data(DataProducerOptions::new_direct()).await.unwrap();
        let options = DataConsumerOptions::new_sctp_ordered(source.id());
        let consumer = one.consume_data(options).await.unwrap();
        states.find(|state| *state == SctpState::Connected);
        let stream = consumer.sctp_stream_parameters().unwrap();
        assert!(stream.ordered());
        let producer = two.produce_data(DataProducerOptions::new_sctp(stream)).await.unwrap();
        let listener =
            direct.consume_data(DataConsumerOptions::new_direct(producer.id(), None)).await.unwrap();
        let messages = messages_of(&listener);
        assert_eq!(consumer.dump().await.unwrap().buffered_amount_low_threshold, 77);
        consumer.set_buffered_amount_low_threshold(10_000).await.unwrap();
        assert_eq!(consumer.dump().await.unwrap().buffered_amount_low_threshold, 10_000);
        let (told, low) = heard();
        consumer.on_buffered_amount_low(move |amount| told.tell(amount)).detach();
        let DataConsumer::Regular(speaker) = &consumer else { panic!("it is on SCTP") };
        let big = vec![b'x'; 200_000];
        speaker.send(WebRtcMessage::String(big.as_slice().into())).await.unwrap();
        assert_eq!(text(messages.next()).len(), 200_000);
        assert!(low.next() <= 10_000);
        until(|| (block_on(consumer.get_buffered_amount()).unwrap() == 0).then_some(()));
        let [stat] = &producer.get_stats().await.unwrap()[..] else { panic!("one") };
        assert_eq!((stat.messages_received, stat.bytes_received), (1, 200_000));
        say(&source, "from elsewhere", None, None);
        assert_eq!(text(messages.next()), "from elsewhere");
        // More than is buffered for it.
        let (told, full) = heard();
        consumer.on_sctp_send_buffer_full(move || told.tell(())).detach();
        let mut refused = None;
        for _ in 0..60 {
            refused = speaker.send(WebRtcMessage::Binary(big.as_slice().into())).await.err();
            if refused.is_some() {
                break;
            }
        }
        if refused.is_some() {
            full.next();
        }
    });
}
