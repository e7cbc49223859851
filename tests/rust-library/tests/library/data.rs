use futures_lite::future::block_on;
use mediasoup::data_consumer::DataConsumerType;
use mediasoup::data_producer::DataProducerType;
use mediasoup::prelude::*;
use mediasoup::worker::RequestError;
use mediasoup_types::data_structures::OwnedWebRtcMessage;

use crate::media::direct_transport;
use crate::rig::{Heard, direct_data, heard, room, until};

/// What a data consumer of a direct transport gets.
pub fn messages_of(consumer: &DataConsumer) -> Heard<OwnedWebRtcMessage> {
    let (told, messages) = heard();
    let tell = move |message: &WebRtcMessage<'_>| told.tell(message.clone().into_owned());
    consumer.on_message(tell).detach();
    messages
}

/// One that is text, as text.
#[track_caller]
pub fn text(message: OwnedWebRtcMessage) -> String {
    match message {
        OwnedWebRtcMessage::String(text) => String::from_utf8(text).unwrap(),
        other => panic!("{other:?}"),
    }
}

pub fn say(producer: &DataProducer, text: &str, subchannels: Option<Vec<u16>>, required: Option<u16>) {
    let message = WebRtcMessage::String(text.as_bytes().to_vec().into());
    direct_data(producer).send(message, subchannels, required, None).unwrap();
}

#[test]
fn messages_go_from_the_program_through_a_worker_to_the_program() {
    block_on(async {
        let (_worker, router) = room().await;
        let (from, to) = (direct_transport(&router).await, direct_transport(&router).await);
        let mut options = DataProducerOptions::new_direct();
        (options.label, options.protocol) = ("chat".into(), "text".into());
        let producer = from.produce_data(options).await.unwrap();
        assert_eq!(producer.r#type(), DataProducerType::Direct);
        let consumer = to.consume_data(DataConsumerOptions::new_direct(producer.id(), None)).await.unwrap();
        assert_eq!(consumer.r#type(), DataConsumerType::Direct);
        assert_eq!((consumer.label().as_str(), consumer.protocol().as_str()), ("chat", "text"));
        let messages = messages_of(&consumer);
        let send = |message| direct_data(&producer).send(message, None, None, None).unwrap();
        send(WebRtcMessage::String(b"words"[..].into()));
        send(WebRtcMessage::Binary(vec![7; 100_000].into()));
        send(WebRtcMessage::EmptyString);
        send(WebRtcMessage::EmptyBinary);
        assert_eq!(text(messages.next()), "words");
        assert!(matches!(messages.next(), OwnedWebRtcMessage::Binary(bytes) if bytes == vec![7; 100_000]));
        assert!(matches!(messages.next(), OwnedWebRtcMessage::EmptyString));
        assert!(matches!(messages.next(), OwnedWebRtcMessage::EmptyBinary));

        let [stat] = &producer.get_stats().await.unwrap()[..] else { panic!("one") };
        // An empty one is a byte.
        assert_eq!((stat.messages_received, stat.bytes_received), (4, 100_007));
        assert_eq!((stat.label.as_str(), stat.protocol.as_str()), ("chat", "text"));
        let [stat] = &consumer.get_stats().await.unwrap()[..] else { panic!("one") };
        assert_eq!((stat.messages_sent, stat.bytes_sent, stat.buffered_amount), (4, 100_005, 0));
        let dump = producer.dump().await.unwrap();
        assert_eq!(
            (dump.id, dump.r#type, dump.label.as_str()),
            (producer.id(), DataProducerType::Direct, "chat")
        );
        assert_eq!((dump.sctp_stream_parameters, dump.paused), (None, false));
        let dump = consumer.dump().await.unwrap();
        assert_eq!(
            (dump.id, dump.data_producer_id, dump.r#type),
            (consumer.id(), producer.id(), DataConsumerType::Direct)
        );
        assert!(matches!(consumer.get_buffered_amount().await, Err(RequestError::Response { .. })));
        let dump = router.dump().await.unwrap();
        assert!(dump.map_data_producer_id_data_consumer_ids[&producer.id()].contains(&consumer.id()));
        assert_eq!(dump.map_data_consumer_id_data_producer_id[&consumer.id()], producer.id());
    });
}

#[test]
fn no_message_comes_while_either_side_is_paused() {
    block_on(async {
        let (_worker, router) = room().await;
        let transport = direct_transport(&router).await;
        let producer = transport.produce_data(DataProducerOptions::new_direct()).await.unwrap();
        let consumer =
            transport.consume_data(DataConsumerOptions::new_direct(producer.id(), None)).await.unwrap();
        let messages = messages_of(&consumer);
        let (told, events) = heard();
        let tell = |what: &'static str| {
            let told = told.clone();
            move || told.tell(what)
        };
        consumer.on_data_producer_pause(tell("pause")).detach();
        consumer.on_data_producer_resume(tell("resume")).detach();
        consumer.on_data_producer_close(tell("close")).detach();
        producer.pause().await.unwrap();
        assert_eq!(events.next(), "pause");
        say(&producer, "lost", None, None);
        assert!(producer.dump().await.unwrap().paused && consumer.dump().await.unwrap().data_producer_paused);
        producer.resume().await.unwrap();
        assert_eq!(events.next(), "resume");
        consumer.pause().await.unwrap();
        say(&producer, "lost, too", None, None);
        assert!(consumer.dump().await.unwrap().paused);
        consumer.resume().await.unwrap();
        say(&producer, "heard", None, None);
        assert_eq!(text(messages.next()), "heard");
        drop(producer);
        assert_eq!(events.next(), "close");
        assert!(until(|| consumer.closed().then_some(true)));
    });
}

#[test]
fn subchannels_say_who_gets_a_message() {
    block_on(async {
        let (_worker, router) = room().await;
        let transport = direct_transport(&router).await;
        let producer = transport.produce_data(DataProducerOptions::new_direct()).await.unwrap();
        let options = DataConsumerOptions::new_direct(producer.id(), Some(vec![1, 2]));
        let consumer = transport.consume_data(options).await.unwrap();
        let sorted = || {
            let mut subchannels = consumer.subchannels();
            subchannels.sort_unstable();
            subchannels
        };
        assert_eq!(sorted(), [1, 2]);
        let messages = messages_of(&consumer);
        say(&producer, "to 3", Some(vec![3]), None);
        say(&producer, "to 2", Some(vec![2]), None);
        assert_eq!(text(messages.next()), "to 2");
        consumer.set_subchannels(vec![3, 4]).await.unwrap();
        assert_eq!(sorted(), [3, 4]);
        consumer.add_subchannel(5).await.unwrap();
        consumer.remove_subchannel(4).await.unwrap();
        assert_eq!(sorted(), [3, 5]);
        say(&producer, "to 2", Some(vec![2]), None);
        say(&producer, "to 3 and 1, if 1", Some(vec![3]), Some(1));
        let message = WebRtcMessage::String(b"to 3, not to 5"[..].into());
        direct_data(&producer).send(message, Some(vec![3]), None, Some(5)).unwrap();
        say(&producer, "to 3, if 5", Some(vec![3]), Some(5));
        assert_eq!(text(messages.next()), "to 3, if 5");
        let mut subchannels = consumer.dump().await.unwrap().subchannels;
        subchannels.sort_unstable();
        assert_eq!(subchannels, [3, 5]);
    });
}
