//! Data channels beside the media.
use axum::http::StatusCode;
use sfu_core::control::{Command, DataPath, EntityKind};

use crate::bench::*;

const WITH_DATA: &str = include_str!("../../../../../sfu-core/src/signaling/testdata/chromium-data.sdp");

/// The viewer's offer with a section for data channels behind its media.
fn watch_with_data() -> String {
    let data = &WITH_DATA[WITH_DATA.find("m=application").unwrap()..];
    let group = WATCH.lines().find(|line| line.starts_with("a=group:BUNDLE")).unwrap();
    let mid = data.lines().find_map(|line| line.strip_prefix("a=mid:")).unwrap();
    let data = data.replace(&format!("a=mid:{mid}"), "a=mid:data");
    format!("{}{data}", WATCH.replace(group, &format!("{group} data")))
}

#[tokio::test(start_paused = true)]
async fn publisher_and_viewer_each_have_a_channel_of_their_own() {
    let bench = Bench::start("").await;
    let publisher = bench.join("/whip/a", WITH_DATA).await;
    let viewer = bench.join("/whep/a", &watch_with_data()).await;
    for peer in [&publisher, &viewer] {
        assert!(peer.answer.contains("m=application 9 UDP/DTLS/SCTP webrtc-datachannel"), "{}", peer.answer);
        assert!(peer.answer.contains("a=sctp-port:5000"), "{}", peer.answer);
    }
    let commands = bench.double.commands();
    let made = commands.iter().filter_map(|command| match command {
        Command::ProduceData { transport, options } => Some((*transport, options.path)),
        Command::ConsumeData { transport, options } => Some((*transport, options.path)),
        _ => None,
    });
    let of_transport = |id| {
        let paths = made.clone().filter(|(transport, _)| *transport == id);
        paths
            .map(|(_, path)| if let DataPath::Sctp(stream) = path { stream.stream_id } else { u16::MAX })
            .collect()
    };
    let (first, second): (Vec<_>, Vec<_>) =
        (of_transport(publisher.transport), of_transport(viewer.transport));
    assert_eq!((first, second), (vec![0, 0], vec![0, 0]));
    for kind in [EntityKind::DataProducer, EntityKind::DataConsumer] {
        let targets = bench.double.targets(kind);
        let roles = targets
            .iter()
            .map(|target| bench.double.labels(*target).unwrap().get("role").unwrap().to_owned());
        assert_eq!(roles.collect::<Vec<_>>(), ["publisher", "viewer"], "{kind:?}");
    }
    assert_eq!(bench.delete(&viewer).await, StatusCode::OK);
    bench.settle().await;
    assert_eq!(bench.double.open(EntityKind::DataConsumer), 1, "it ends with its session");
}

#[tokio::test(start_paused = true)]
async fn who_offers_none_gets_none() {
    let bench = Bench::start("").await;
    let peer = bench.publish("a").await;
    bench.watch("a").await;
    assert!(!peer.answer.contains("m=application"), "{}", peer.answer);
    assert_eq!(
        (bench.double.open(EntityKind::DataProducer), bench.double.open(EntityKind::DataConsumer)),
        (0, 0)
    );
    for command in bench.double.commands() {
        if let Command::CreateWebRtcTransport { options, .. } = command {
            assert_eq!(options.sctp, None);
        }
    }
}
