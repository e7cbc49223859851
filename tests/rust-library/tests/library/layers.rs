use std::time::Duration;

use futures_lite::future::block_on;
use mediasoup::consumer::ConsumerType;
use mediasoup::prelude::*;
use mediasoup::producer::ProducerType;

use crate::media::{direct_transport, rtp_of};
use crate::rig::{direct, everything, heard, room, svc, until, video};
use crate::rtcp::Rtcp;
use crate::rtp::{Stream, numbered_vp8, vp8_number, vp9};

/// Layers as numbers.
fn layers(layers: Option<ConsumerLayers>) -> Option<(u8, Option<u8>)> {
    layers.map(|layers| (layers.spatial_layer, layers.temporal_layer))
}

#[test]
fn a_simulcast_consumer_gets_the_encoding_that_it_prefers() {
    block_on(async {
        let (_worker, router) = room().await;
        let (from, to) = (direct_transport(&router).await, direct_transport(&router).await);
        let ssrcs = [1, 2, 3];
        let producer = from.produce(video(&ssrcs)).await.unwrap();
        assert_eq!(producer.r#type(), ProducerType::Simulcast);
        let mut options = ConsumerOptions::new(producer.id(), everything(&router));
        options.preferred_layers = Some(ConsumerLayers { spatial_layer: 2, temporal_layer: None });
        let consumer = to.consume(options).await.unwrap();
        assert_eq!(consumer.r#type(), ConsumerType::Simulcast);
        assert_eq!(layers(consumer.preferred_layers()).unwrap().0, 2);
        assert_eq!(consumer.score().producer_scores, [0, 0, 0]);
        let packets = rtp_of(&consumer);
        let (told, changes) = heard();
        consumer.on_layers_change(move |layers| told.tell(*layers)).detach();

        let mut streams: Vec<Stream> = ssrcs.iter().map(|ssrc| Stream::video(*ssrc)).collect();
        // Each encoder counts pictures by itself, the receiver sees one count.
        let (mut count, mut last) = (0, None);
        for ssrc in ssrcs {
            from.send_rtcp(Rtcp::sender_report(ssrc, 0).bytes()).unwrap();
        }
        let mut reach = |wanted: u8| {
            until(|| {
                count += 1;
                for (tag, stream) in (0u8..).zip(&mut streams) {
                    let picture = numbered_vp8(u16::from(tag) * 5000 + count, true, tag);
                    direct(&producer).send(stream.packet(&picture)).unwrap();
                }
                std::thread::sleep(Duration::from_millis(30));
                let seen = packets.all();
                for packet in &seen {
                    let number = vp8_number(packet);
                    assert!(last.is_none_or(|last| number == last + 1), "{number} after {last:?}");
                    last = Some(number);
                }
                seen.iter().any(|packet| packet.payload.last() == Some(&wanted)).then_some(())
            });
        };
        reach(2);
        changes.find(|change| layers(*change).is_some_and(|(spatial, _)| spatial == 2));
        assert_eq!(layers(consumer.current_layers()).unwrap().0, 2);
        let dump = consumer.dump().await.unwrap();
        assert_eq!((dump.preferred_spatial_layer, dump.current_spatial_layer), (Some(2), Some(2)));
        assert_eq!(dump.rtp_streams.len(), 1);
        consumer
            .set_preferred_layers(ConsumerLayers { spatial_layer: 0, temporal_layer: Some(0) })
            .await
            .unwrap();
        assert_eq!(layers(consumer.preferred_layers()), Some((0, Some(0))));
        reach(0);
        changes.find(|change| layers(*change).is_some_and(|(spatial, _)| spatial == 0));
        assert_eq!(producer.get_stats().await.unwrap().len(), 3);
        assert_eq!(producer.dump().await.unwrap().rtp_streams.len(), 3);

        consumer.set_priority(5).await.unwrap();
        assert_eq!((consumer.priority(), consumer.dump().await.unwrap().priority), (5, 5));
        consumer.unset_priority().await.unwrap();
        assert_eq!((consumer.priority(), consumer.dump().await.unwrap().priority), (1, 1));
    });
}

#[test]
fn an_svc_consumer_gets_the_layers_that_it_prefers() {
    block_on(async {
        let (_worker, router) = room().await;
        let (from, to) = (direct_transport(&router).await, direct_transport(&router).await);
        let producer = from.produce(svc(1)).await.unwrap();
        assert_eq!(producer.r#type(), ProducerType::Svc);
        let consumer = to.consume(ConsumerOptions::new(producer.id(), everything(&router))).await.unwrap();
        assert_eq!(consumer.r#type(), ConsumerType::Svc);
        assert_eq!(layers(consumer.preferred_layers()), Some((2, Some(2))));
        let packets = rtp_of(&consumer);
        let mut stream = Stream::video(1);
        let mut picture = 0;
        let mut send = || {
            picture += 1;
            direct(&producer).send(stream.part(&vp9(picture, 0))).unwrap();
            direct(&producer).send(stream.part(&vp9(picture, 1))).unwrap();
            direct(&producer).send(stream.packet(&vp9(picture, 2))).unwrap();
            std::thread::sleep(Duration::from_millis(30));
        };
        until(|| {
            send();
            packets.all().iter().any(|packet| packet.payload.last() == Some(&2)).then_some(())
        });
        assert_eq!(layers(consumer.current_layers()).unwrap().0, 2);
        consumer
            .set_preferred_layers(ConsumerLayers { spatial_layer: 0, temporal_layer: None })
            .await
            .unwrap();
        assert_eq!(layers(consumer.preferred_layers()).unwrap().0, 0);
        until(|| {
            send();
            let tags: Vec<_> =
                packets.all().iter().filter_map(|packet| packet.payload.last().copied()).collect();
            (!tags.is_empty() && tags.iter().all(|tag| *tag == 0)).then_some(())
        });
        let dump = consumer.dump().await.unwrap();
        assert_eq!((dump.preferred_spatial_layer, dump.target_spatial_layer), (Some(0), Some(0)));
        assert_eq!(dump.current_spatial_layer, Some(0));
        let json = serde_json::to_value(&dump).unwrap();
        assert_eq!(json["rtpStreams"][0]["params"]["spatialLayers"], serde_json::json!(3));
    });
}
