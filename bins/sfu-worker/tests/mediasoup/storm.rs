//! What the library really sends, damaged and out of order, against the running worker: engine, sockets, plugins and all.
use std::collections::{BTreeSet, VecDeque};
use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use sfu_mediasoup::channel::MESSAGE_MAX;
use sfu_mediasoup::flat::{decode, encode};
use sfu_mediasoup::schema::v3_27::call::Call;
use sfu_mediasoup::schema::v3_27::message::{Body, Message};
use sfu_mediasoup::schema::v3_27::notice::Notice;
use sfu_mediasoup::schema::v3_27::request::{Method, Request};
use sfu_mediasoup::schema::v3_27::worker::{CloseRouterRequest, CloseWebRtcServerRequest, DumpResponse};
use sfu_mediasoup::schema::v3_27::{Incoming, read, response};

use super::{PATIENCE, Worker};

/// Messages between two looks at whether all is answered.
const BATCH: u32 = 200;

/// Messages between two times that all is closed.
const ROUND: u32 = 5_000;

/// What memory may differ by from one empty worker to the next, while what was allocated lies elsewhere; kilobytes.
const LEVEL: u64 = 16 << 10;

/// So many messages at the end of the recording close what is there.
const CLOSING: usize = 12;

/// Length of the library's ids.
const ID: usize = 36;

#[test]
fn each_damaged_message_gets_an_answer_or_a_line_in_the_log() {
    let count = if std::env::var_os("SFU_TEST_LONG").is_some() { 1_000_000 } else { 50_000 };
    let recorded = recorded();
    let mut storm = Storm::start();
    let mut level = 0;
    for number in 0..count {
        let message = storm.damaged(&recorded, number);
        storm.send(&message);
        if number % BATCH == BATCH - 1 {
            storm.catch_up();
        }
        if number % ROUND == ROUND - 1 {
            storm.close_all();
            level = if level == 0 { storm.memory() } else { level };
        }
    }
    println!("{} answers, {} yes; {} lines", storm.answers, storm.accepted, storm.told);
    assert!(storm.answers > count / 2 && storm.told > count / 20, "{} {}", storm.answers, storm.told);
    assert!(storm.accepted > count / 20 && storm.accepted < storm.answers, "{}", storm.accepted);
    let memory = storm.memory();
    println!("{level} kB of memory at first, {memory} kB at the end");
    assert!(memory < level + LEVEL, "{level} kB grew to {memory} kB");

    // It still does all that the library can ask for, in order, and ends as it should.
    let before = (storm.answers, storm.accepted);
    let (last, all) = recorded.split_last().unwrap();
    for message in all {
        storm.send(message);
    }
    storm.catch_up();
    assert_eq!(storm.answers - before.0, storm.accepted - before.1);
    storm.worker.to.write_all(last).unwrap();
    assert_eq!(storm.worker.ended().code(), Some(0));
}

/// All that the library says in a worker's life, in order, each with its length in front; `record.mjs` beside the file made it.
fn recorded() -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../sfu-plugins/signaling/mediasoup/tests/recorded.hex");
    let text = std::fs::read_to_string(path).unwrap();
    let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
    let messages: Vec<Vec<u8>> =
        text.lines().map(|line| line.as_bytes().chunks(2).map(byte).collect()).collect();
    let (mut methods, mut notices) = (BTreeSet::new(), BTreeSet::new());
    for message in &messages {
        match read(&message[4..]) {
            Ok(Incoming::Request(request)) => methods.insert(request.call.kind() as u8),
            Ok(Incoming::Notification(told)) => notices.insert(told.notice.kind() as u8),
            Err(refused) => panic!("{refused}"),
        };
    }
    // The library has a word for TRANSPORT_CONNECT, but never says it.
    assert_eq!((methods.len(), notices.len()), (Method::ALL.len() - 1, 4), "{methods:?} {notices:?}");
    messages
}

struct Storm {
    worker: Worker,
    heard: Receiver<Body>,
    random: u64,
    /// Requests that wait for their answer.
    asked: VecDeque<u32>,
    /// Refusals that wait for their line in the log.
    refused: VecDeque<String>,
    /// Where the method lies in a request without a body.
    method_at: usize,
    next: u32,
    answers: u32,
    accepted: u32,
    told: u32,
}

impl Storm {
    fn start() -> Self {
        let mut worker = Worker::running(&["--logLevel=error", "--rtcMinPort=20000", "--rtcMaxPort=29999"]);
        let (mut errors, mut from) = (worker.child.stderr.take().unwrap(), worker.from.try_clone().unwrap());
        let (heard, receiver) = channel();
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::stderr()));
        std::thread::spawn(move || {
            loop {
                let mut length = [0; 4];
                if from.read_exact(&mut length).is_err() {
                    return;
                }
                let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
                if from.read_exact(&mut bytes).is_err() {
                    return;
                }
                if heard.send(decode::<Message>(&bytes).expect("it can be read").data).is_err() {
                    return;
                }
            }
        });
        let [one, two] = [Method::WorkerGetResourceUsage, Method::WorkerWebRtcServerClose]
            .map(|method| request(7, method, String::new()));
        let method_at = one.iter().zip(&two).position(|(one, two)| one != two).unwrap();
        Self {
            worker,
            heard: receiver,
            random: 2,
            asked: VecDeque::new(),
            refused: VecDeque::new(),
            method_at,
            next: 1 << 30,
            answers: 0,
            accepted: 0,
            told: 0,
        }
    }

    /// SplitMix64.
    fn bits(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.bits() % count as u64) as usize
    }

    /// The next message of the recording. In every fourth life all is made and nothing closed; in those between comes any other
    /// message as well, and they are changed here and there, cut, with another's id, or of no known kind.
    fn damaged(&mut self, recorded: &[Vec<u8>], number: u32) -> Vec<u8> {
        let (life, next) = (number as usize / recorded.len(), number as usize % recorded.len());
        if life.is_multiple_of(4) && next < recorded.len() - CLOSING {
            return recorded[next].clone();
        }
        let place = match self.below(4) {
            0 => self.below(recorded.len()),
            _ => next,
        };
        let mut message = recorded[place].clone();
        match self.below(12) {
            0..4 => {}
            4..7 => {
                for _ in 0..=self.below(4) {
                    let at = 4 + self.below(message.len() - 4);
                    message[at] = self.bits() as u8;
                }
            }
            7 => {
                let at = 4 * (1 + self.below(message.len() / 4 - 1));
                let offset = [self.bits() as u32, self.below(400) as u32, u32::MAX - self.below(400) as u32];
                message[at..at + 4].copy_from_slice(&offset[self.below(3)].to_le_bytes());
            }
            8 => {
                message.truncate(5 + self.below(message.len() - 5));
                let length = message.len() as u32 - 4;
                message[..4].copy_from_slice(&length.to_le_bytes());
            }
            9 | 10 => {
                let other = &recorded[self.below(recorded.len())];
                if let (Some(&from), places) = (ids(other).first(), ids(&message))
                    && !places.is_empty()
                {
                    let to = places[self.below(places.len())];
                    message[to..to + ID].copy_from_slice(&other[from..from + ID]);
                }
            }
            _ => {
                let id = self.bits() as u32;
                message = request(id, Method::TransportConnect, "nobody".into());
                // One in four is TRANSPORT_CONNECT to somebody.
                match (self.below(4), ids(&recorded[place]).first()) {
                    (0, Some(&at)) => {
                        let handler = String::from_utf8_lossy(&recorded[place][at..at + ID]).into_owned();
                        message = request(id, Method::TransportConnect, handler);
                    }
                    _ => message[self.method_at] = 68 + self.below(188) as u8,
                }
            }
        }
        message
    }

    /// Sends a message, and knows what has to come of it.
    fn send(&mut self, message: &[u8]) {
        match read(&message[4..]) {
            Ok(Incoming::Request(request)) => {
                if leads_astray(&request.call) {
                    return;
                }
                self.asked.push_back(request.id);
            }
            Ok(Incoming::Notification(told)) if told.notice == Notice::WorkerClose => return,
            Ok(Incoming::Notification(_)) => {}
            Err(refused) => {
                self.asked.extend(refused.request());
                self.refused.push_back(refused.to_string());
            }
        }
        self.worker.to.write_all(message).expect("it is alive");
    }

    /// A message that is longer than the channel allows, of nothing.
    fn send_too_long(&mut self) {
        let length = MESSAGE_MAX as u32;
        self.refused.push_back(format!("a message of {length} bytes is too long, and skipped"));
        self.worker.to.write_all(&length.to_le_bytes()).expect("it is alive");
        let piece = vec![0x55; 1 << 16];
        for _ in 0..MESSAGE_MAX / piece.len() {
            self.worker.to.write_all(&piece).expect("it is alive");
        }
    }

    /// Waits until all is answered, in order, and all that could not be read has its line.
    fn catch_up(&mut self) {
        self.ask(Method::WorkerDump, String::new(), None);
        assert!(self.refused.is_empty(), "no line says: {:?}", self.refused);
    }

    /// Asks, waits for all answers before this one, and gives this one.
    fn ask(&mut self, method: Method, handler_id: String, call: Option<Call>) -> Option<response::Body> {
        let id = self.next;
        self.next += 1;
        let body = call.and_then(Call::into_body);
        let mut bytes = Vec::new();
        encode(&Message { data: Body::Request(Request { id, method, handler_id, body }) }, &mut bytes);
        self.asked.push_back(id);
        self.worker.to.write_all(&bytes).expect("it is alive");
        loop {
            match self.heard.recv_timeout(PATIENCE).expect("it answers") {
                Body::Response(response) => {
                    assert_eq!(
                        Some(response.id),
                        self.asked.pop_front(),
                        "answers come in order: {response:?}"
                    );
                    if response.id == id && self.asked.is_empty() {
                        assert!(response.accepted, "{response:?}");
                        return response.body;
                    }
                    self.answers += 1;
                    self.accepted += u32::from(response.accepted);
                }
                Body::Log(line) => {
                    if self.refused.front().is_some_and(|text| line.data.contains(text.as_str())) {
                        self.refused.pop_front();
                        self.told += 1;
                    }
                }
                // Of what the entities do.
                Body::Notification(_) => {}
                Body::Request(request) => panic!("a worker does not ask: {request:?}"),
            }
        }
    }

    fn dump(&mut self) -> DumpResponse {
        match self.ask(Method::WorkerDump, String::new(), None) {
            Some(response::Body::WorkerDumpResponse(dump)) => dump,
            other => panic!("no dump: {other:?}"),
        }
    }

    /// Closes what is there, after one message that is too long; then nothing is left.
    fn close_all(&mut self) {
        self.send_too_long();
        self.catch_up();
        let dump = self.dump();
        for router_id in dump.router_ids {
            let call = Call::WorkerCloseRouter(CloseRouterRequest { router_id });
            self.ask(call.kind(), String::new(), Some(call));
        }
        for web_rtc_server_id in dump.web_rtc_server_ids {
            let call = Call::WorkerWebRtcServerClose(CloseWebRtcServerRequest { web_rtc_server_id });
            self.ask(call.kind(), String::new(), Some(call));
        }
        let dump = self.dump();
        let handlers = dump.channel_message_handlers;
        assert_eq!((dump.router_ids, dump.web_rtc_server_ids), (vec![], vec![]));
        assert_eq!(handlers.channel_request_handlers, Vec::<String>::new());
        assert_eq!(handlers.channel_notification_handlers, Vec::<String>::new());
    }

    /// Kilobytes that no file backs.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.worker.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse().unwrap()
    }
}

/// Silences the log that the test reads, or would send packets to others than this machine.
fn leads_astray(call: &Call) -> bool {
    let is_elsewhere = |ip: &Option<String>| {
        let address = ip.as_deref().and_then(|ip| ip.parse::<IpAddr>().ok());
        address.is_some_and(|address| !address.is_loopback())
    };
    match call {
        Call::WorkerUpdateSettings(body) => body.log_level.as_deref() != Some("error"),
        Call::PlainTransportConnect(body) => is_elsewhere(&body.ip),
        Call::PipeTransportConnect(body) => is_elsewhere(&Some(body.ip.clone())),
        _ => false,
    }
}

/// A request without a body, whether or not it needs one.
fn request(id: u32, method: Method, handler_id: String) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&Message { data: Body::Request(Request { id, method, handler_id, body: None }) }, &mut bytes);
    bytes
}

/// Where the library's ids are: groups of 8, 4, 4, 4 and 12 digits.
fn ids(message: &[u8]) -> Vec<usize> {
    let is_id = |text: &[u8]| {
        text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    message.windows(ID).enumerate().filter(|(_, text)| is_id(text)).map(|(at, _)| at).collect()
}
