//! All transports of a mediasoup worker share the ports of one WebRtcServer.
use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::{Conference, address, id};
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs};

call_test! {
    async fn a_call_over_one_udp_and_one_tcp_port() {
        needs!("chromium", "node");
        let conference = Conference::start().await;
        let worker = conference.worker().await;
        let listen = |protocol| json!({ "protocol": protocol, "ip": address() });
        let options = json!([{ "listenInfos": [listen("udp"), listen("tcp")] }]);
        let server = id(&conference.call(&worker, "createWebRtcServer", options).await);
        let router = conference.router(&worker, "VP8").await;
        let browser = Browser::launch(Kind::Chromium).await;
        let over = |udp: bool, tcp: bool| json!({ "webRtcServer": { "object": server }, "enableUdp": udp, "enableTcp": tcp });
        let alice = Participant::join_over(&conference, &browser, &router, over(true, true), None).await;
        let bob = Participant::join_over(&conference, &browser, &router, over(false, true), None).await;
        let (from_alice, from_bob) = tokio::join!(alice.publish(), bob.publish());
        tokio::join!(alice.watch(&from_bob), bob.watch(&from_alice));
        tokio::join!(alice.sees(), bob.sees());

        let dump = conference.call(&server, "dump", json!([])).await;
        for (transport, protocol, sockets) in [
            (&alice.up, "udp", "udpSockets"),
            (&alice.down, "udp", "udpSockets"),
            (&bob.up, "tcp", "tcpServers"),
            (&bob.down, "tcp", "tcpServers"),
        ] {
            let path = conference.show(transport).await["iceSelectedTuple"].clone();
            assert_eq!(path["protocol"], protocol, "{path}");
            assert_eq!(path["localPort"], dump[sockets][0]["port"], "{path} of {dump:#}");
        }
        let ids = dump["webRtcTransportIds"].as_array().map_or(0, Vec::len);
        assert_eq!(ids, 4, "{dump:#}");
        conference.call(&server, "close", json!([])).await;
        conference.wait_for(&bob.down, "listenserverclose", |arguments: &Value| *arguments == json!([])).await;
    }
}
