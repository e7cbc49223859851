//! A consumer of a mediasoup call chooses among the layers that a browser sends.
use serde_json::json;
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

call_test! {
    async fn preferred_layers_of_simulcast_are_sent() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let alice = Participant::join(&conference, &browser, &router).await;
        let bob = Participant::join(&conference, &browser, &router).await;
        let encodings = json!([
            { "scaleResolutionDownBy": 2, "maxBitrate": 200_000, "scalabilityMode": "L1T2" },
            { "scaleResolutionDownBy": 1, "maxBitrate": 600_000, "scalabilityMode": "L1T2" },
        ]);
        let published = alice.publish_with(json!({ "width": 640, "height": 480, "encodings": encodings })).await;
        assert_eq!(conference.show(&published.video).await["type"], "simulcast");
        let consumer = bob.watch(&published).await.video;
        sees_width(&bob, 640.0).await;

        for (layer, width) in [(0, 320.0), (1, 640.0)] {
            let preferred = json!([{ "spatialLayer": layer }]);
            conference.call(&consumer, "setPreferredLayers", preferred).await;
            conference.wait_for(&consumer, "layerschange", |layers| layers[0]["spatialLayer"] == layer).await;
            sees_width(&bob, width).await;
        }
        bob.sees().await;
    }
}
