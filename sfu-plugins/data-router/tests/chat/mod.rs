//! Peers that speak and hear by direct transports: no network between them and the worker.
#![allow(dead_code)]
use std::collections::BTreeMap;

use sfu_core::control::{
    Command, DataConsumerId, DataPath, DataProducerId, DirectTransportOptions, Labels, OutgoingData, Reply,
    SessionId, TransportId,
};
use sfu_core::plugin::{PluginSet, ppid};
use sfu_core::serde_json::{self, Value};
use sfu_core::testing::Bench;

/// A peer with one data channel each way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peer {
    pub transport: TransportId,
    pub speaks: DataProducerId,
    pub hears: DataConsumerId,
}

/// A bench with peers, on its last media thread.
pub struct Chat<S: PluginSet> {
    pub bench: Bench<S>,
}

impl<S: PluginSet> Chat<S> {
    pub fn transport(&mut self, labels: &[(&str, &str)], session: Option<SessionId>) -> TransportId {
        let worker = self.bench.workers() - 1;
        let router = self.bench.router(worker);
        let labels = labels.iter().copied().collect::<Labels>();
        let options = DirectTransportOptions { session, labels, ..Default::default() };
        match self.bench.command(Command::CreateDirectTransport { router, options }) {
            Reply::DirectTransport(id) => id,
            other => panic!("unexpected {other:?}"),
        }
    }

    /// A peer with labels.
    pub fn labelled(&mut self, labels: &[(&str, &str)]) -> Peer {
        let transport = self.transport(labels, None);
        self.on(transport)
    }

    /// A peer on a transport.
    pub fn on(&mut self, transport: TransportId) -> Peer {
        let speaks = self.bench.data_producer_on(transport, DataPath::Direct);
        let hears = self.bench.try_data_consumer(transport, speaks, DataPath::Direct, &[]).expect("an ear");
        Peer { transport, speaks, hears }
    }

    /// A peer with a name, in a room.
    pub fn peer(&mut self, room: &str, name: &str) -> Peer {
        self.labelled(&[("room", room), ("user", name)])
    }

    pub fn say(&mut self, peer: Peer, text: &str) {
        let message =
            OutgoingData { ppid: ppid::STRING, payload: text.to_owned().into(), ..Default::default() };
        self.bench.send_direct(peer.speaks, message);
    }

    pub fn say_bytes(&mut self, peer: Peer, bytes: &[u8]) {
        let message =
            OutgoingData { ppid: ppid::BINARY, payload: bytes.to_vec().into(), ..Default::default() };
        self.bench.send_direct(peer.speaks, message);
    }

    /// What was heard since the last time, by each.
    pub fn heard(&mut self) -> BTreeMap<DataConsumerId, Vec<(u32, Vec<u8>)>> {
        let mut heard: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, data) in self.bench.take_direct() {
            heard.entry(id).or_default().push((data.ppid, data.payload));
        }
        heard
    }

    /// The texts that peers heard since the last time, as JSON; nobody else may have heard anything.
    pub fn texts<const N: usize>(&mut self, peers: [Peer; N]) -> [Vec<Value>; N] {
        let mut heard = self.heard();
        let texts = peers.map(|peer| {
            let texts = heard.remove(&peer.hears).unwrap_or_default().into_iter();
            let text = |(ppid, payload): (u32, Vec<u8>)| {
                assert_eq!(ppid, ppid::STRING);
                serde_json::from_slice(&payload)
                    .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&payload)))
            };
            texts.map(text).collect()
        });
        assert!(heard.is_empty(), "somebody else heard {heard:?}");
        texts
    }

    /// The bytes that peers heard since the last time.
    pub fn bytes<const N: usize>(&mut self, peers: [Peer; N]) -> [Vec<Vec<u8>>; N] {
        let mut heard = self.heard();
        let bytes = peers.map(|peer| {
            let all = heard.remove(&peer.hears).unwrap_or_default().into_iter();
            all.map(|(ppid, payload)| {
                assert_eq!(ppid, ppid::BINARY);
                payload
            })
            .collect()
        });
        assert!(heard.is_empty(), "somebody else heard {heard:?}");
        bytes
    }

    pub fn figure(&mut self, name: &str) -> u64 {
        self.bench.stats("data-router")[name].as_u64().unwrap_or_else(|| panic!("no figure {name}"))
    }
}
