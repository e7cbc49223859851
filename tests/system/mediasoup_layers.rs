//! A consumer of a mediasoup call chooses among the layers that a browser sends.
use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::Conference;
use sfu_tests::participant::Participant;
use sfu_tests::stream::{self, number};
use sfu_tests::{call_test, needs};

/// Waits until the picture is so wide.
async fn sees_width(participant: &Participant<'_>, width: f64) {
    let mut figures = json!(null);
    for _ in 0..100 {
        figures = stream::figures(&participant.page, "down").await;
        if number(&figures, "inbound-video", "frameWidth") == width {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("not {width} wide within 20 s: {figures:#}");
}

/// Publishes two spatial layers, of 320 and 640 columns, and asks for one and the other.
async fn chooses(codec: &str, encodings: Value, kind: &str) {
    let conference = Conference::start().await;
    let router = conference.router(&conference.worker().await, codec).await;
    let browser = Browser::launch(Kind::Chromium).await;
    let alice = Participant::join(&conference, &browser, &router).await;
    let bob = Participant::join(&conference, &browser, &router).await;
    let published = alice.publish_with(json!({ "width": 640, "height": 480, "encodings": encodings })).await;
    assert_eq!(conference.show(&published.video).await["type"], kind);
    let consumer = bob.watch(&published).await.video;
    sees_width(&bob, 640.0).await;

    for (layer, width) in [(0, 320.0), (1, 640.0)] {
        conference.call(&consumer, "setPreferredLayers", json!([{ "spatialLayer": layer }])).await;
        conference.wait_for(&consumer, "layerschange", |layers| layers[0]["spatialLayer"] == layer).await;
        sees_width(&bob, width).await;
    }
    bob.sees().await;
}

call_test! {
    async fn preferred_layers_of_simulcast_are_sent() {
        needs!("chromium", "node");
        let encodings = json!([
            { "scaleResolutionDownBy": 2, "maxBitrate": 200_000, "scalabilityMode": "L1T2" },
            { "scaleResolutionDownBy": 1, "maxBitrate": 600_000, "scalabilityMode": "L1T2" },
        ]);
        chooses("VP8", encodings, "simulcast").await;
    }
}

call_test! {
    async fn preferred_layers_of_vp9_svc_are_sent() {
        needs!("chromium", "node");
        chooses("VP9", json!([{ "maxBitrate": 900_000, "scalabilityMode": "L2T2" }]), "svc").await;
    }
}
