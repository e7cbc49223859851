//! Firefox watches what Chromium sends, and the other way round, in a mediasoup call.
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::Conference;
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs, skip};

call_test! {
    async fn firefox_and_chromium_see_each_other() {
        needs!("chromium", "firefox-esr", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let (chromium, firefox) = tokio::join!(Browser::launch(Kind::Chromium), Browser::launch(Kind::Firefox));
        let alice = Participant::join(&conference, &chromium, &router).await;
        let bob = Participant::join(&conference, &firefox, &router).await;
        let (from_alice, from_bob) = tokio::join!(alice.publish(), bob.publish());
        tokio::join!(alice.watch(&from_bob), bob.watch(&from_alice));
        tokio::join!(alice.sees(), bob.sees());
    }
}

call_test! {
    async fn firefox_sends_h264_if_it_can() {
        needs!("chromium", "firefox-esr", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "H264").await;
        let (chromium, firefox) = tokio::join!(Browser::launch(Kind::Chromium), Browser::launch(Kind::Firefox));
        let alice = Participant::join(&conference, &firefox, &router).await;
        // Its encoder is a plugin that it downloads after it was installed. Firefox names the codec all the same.
        let has_encoder = "const media = await navigator.mediaDevices.getUserMedia({ video: true }); \
            const [here, there] = [new RTCPeerConnection(), new RTCPeerConnection()]; \
            for (const [one, other] of [[here, there], [there, here]]) \
                one.onicecandidate = ({ candidate }) => candidate && other.addIceCandidate(candidate); \
            const transceiver = here.addTransceiver(media.getVideoTracks()[0], { direction: 'sendonly' }); \
            const codecs = RTCRtpSender.getCapabilities('video').codecs.filter(({ mimeType }) => mimeType === 'video/H264'); \
            if (!codecs.length) return false; \
            transceiver.setCodecPreferences(codecs); \
            await here.setLocalDescription(); await there.setRemoteDescription(here.localDescription); \
            await there.setLocalDescription(); await here.setRemoteDescription(there.localDescription); \
            for (let tries = 0; tries < 50; tries++) { \
                const all = [...(await here.getStats()).values()]; \
                if (all.some(({ type, framesEncoded }) => type === 'outbound-rtp' && framesEncoded)) return true; \
                await new Promise(done => setTimeout(done, 100)); \
            } \
            return false";
        if alice.page.evaluate(has_encoder, serde_json::Value::Null).await != true {
            skip!("this Firefox has no encoder of H264: it downloads one, and this machine may not");
        }
        let bob = Participant::join(&conference, &chromium, &router).await;
        bob.watch(&alice.publish().await).await;
        let seen = bob.sees().await;
        assert_eq!(seen["inbound-video"]["codec"], "video/H264", "{seen:#}");
    }
}
