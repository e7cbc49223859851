//! Sessions and their connections: what a plugin hears of them and may do with them.
use std::cell::RefCell;

use serde_json::{Value, json};
use sfu_core::control::{DtlsState, EventBody, Labels};
use sfu_core::plugin::{
    Attach, Cx, Plugin, ProducerId, ProducerInfo, Refusal, Responder, Rows, RtpPacket, SessionId,
    SessionInfo, SessionPush, Stats, Target, TransportEvent, TransportId, TransportInfo, Verdict, plugin,
    request,
};
use sfu_core::testing::{Build, Media, PeerOptions};

use crate::{ms, seconds};

thread_local! {
    static JOURNAL: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

fn note(entry: &'static str) {
    JOURNAL.with_borrow_mut(|journal| journal.push(entry));
}

/// Lets in whoever has the right word, and keeps a tally of each session.
#[derive(Default)]
struct Host;

#[request]
#[derive(Debug)]
enum Ask {
    /// Offers a new description to the session.
    Offer,
    /// Asks all video of a session for key frames.
    KeyFrames,
    /// Closes the connection, or the session with it.
    HangUp,
    /// Tells everybody that nobody listens.
    Tell,
}

#[plugin(id = "host")]
impl Plugin for Host {
    type Request = Ask;
    type Session = u32;
    type Transport = ();
    type Producer = Option<SessionId>;
    fn session_opened(&mut self, info: &SessionInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<u32> {
        if info.labels.get("token") != Some("right") {
            return Attach::Refuse(Refusal::new("wrong token").with_code(403));
        }
        note("session opened");
        Attach::On(0)
    }
    fn session_closed(&mut self, _: SessionId, _: u32, _: &mut Cx<'_>) {
        note("session closed");
    }
    fn transport_opened(&mut self, _: &TransportInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        note("transport opened");
        Attach::On(())
    }
    fn transport_event(
        &mut self,
        _: TransportId,
        event: &TransportEvent,
        _: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        match event {
            TransportEvent::DtlsState(DtlsState::Connected) => note("media can flow"),
            TransportEvent::DtlsState(DtlsState::Closed) => note("peer hung up"),
            _ => {}
        }
    }
    fn transport_closed(&mut self, _: TransportId, (): (), _: &mut Cx<'_>) {
        note("transport closed");
    }
    fn producer_opened(
        &mut self,
        info: &ProducerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<Option<SessionId>> {
        Attach::On(info.session)
    }
    fn rtp_in(
        &mut self,
        _: &mut Option<SessionId>,
        _: &mut RtpPacket<'_>,
        _: &mut (),
        _: &mut Cx<'_>,
    ) -> Verdict {
        note("packet");
        Verdict::Forward
    }
    fn request(&mut self, ask: Ask, at: Target, re: Responder, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        match (ask, at) {
            (Ask::Offer, Target::Session(id)) => {
                *rows.get_mut(id).unwrap() += 1;
                let jsep = json!({ "type": "offer", "sdp": "v=0\r\n", "restart": true });
                let (body, transaction) = (json!({ "event": "look" }), Some("t7".into()));
                cx.push(id, SessionPush { body, transaction, jsep: Some(jsep) });
            }
            (Ask::KeyFrames, at) => {
                let all = cx.view().below::<ProducerId>(at);
                all.into_iter().for_each(|id| cx.request_key_frame(id));
            }
            (Ask::HangUp, at) => cx.close(at),
            (Ask::Tell, at) => cx.notify(at, json!("hello?")),
            (ask, at) => return re.error(400, format!("{ask:?} at {at:?}")),
        }
        re.ok(());
    }
    fn stats(&self, at: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
        if let Target::Session(id) = at {
            out.put_sum("offers", rows.get(id).copied().unwrap_or(0));
        }
    }
}

fn guest(workers: u8) -> PeerOptions {
    PeerOptions::webrtc().worker(workers - 1).labels(Labels::new().with("token", "right"))
}

fn said() -> Vec<&'static str> {
    let mut said = JOURNAL.take();
    said.dedup();
    said
}

fn lived(end: &[&'static str]) -> Vec<&'static str> {
    [&["session opened", "transport opened", "media can flow", "packet"], end].concat()
}

#[test]
fn a_session_is_refused_without_the_right_token() {
    for workers in [1, 2] {
        JOURNAL.take();
        let mut bench = Build::of::<Host>().workers(workers).start();
        let stranger = PeerOptions::webrtc().worker(workers - 1).labels(Labels::new().with("token", "wrong"));
        let error = bench.try_peer(stranger).unwrap_err();
        assert!(error.text.contains("wrong token"), "{error}");
        assert_eq!((bench.counter("sessions"), JOURNAL.take()), (0, vec![]));
        bench.peer_with(guest(workers));
        assert_eq!((bench.counter("sessions"), said().len()), (1, 3));
    }
}

#[test]
fn the_life_of_a_session_is_told_whoever_ends_it() {
    for workers in [1, 2] {
        for by_plugin in [None, Some("transport"), Some("session")] {
            JOURNAL.take();
            let mut bench = Build::of::<Host>().workers(workers).start();
            let ann = bench.peer_with(guest(workers));
            let p = bench.produce(ann, Media::vp8());
            bench.consume(ann, p);
            bench.play(&[p], ms(100));
            let (session, transport) = (bench.session(ann), bench.transport(ann));
            let hang_up = json!({ "method": "hang_up" });
            let gone = ["transport closed", "session closed"];
            match by_plugin {
                None => {
                    bench.hang_up(ann);
                    bench.advance(ms(10));
                    let heard = said();
                    assert_eq!(heard[..5], lived(&["peer hung up"]), "{workers} workers: {heard:?}");
                    bench.close(session);
                    assert_eq!(JOURNAL.take().last(), Some(&"session closed"));
                }
                Some("transport") => {
                    bench.request("host", transport, hang_up).unwrap();
                    assert_eq!(said(), lived(&gone[..1]), "{workers} workers");
                    assert!(ended(&bench.events_of(transport)) && !ended(&bench.events_of(session)));
                    bench.request("host", session, json!({ "method": "hang_up" })).unwrap();
                    assert_eq!(said(), gone[1..]);
                }
                _ => {
                    bench.request("host", session, hang_up).unwrap();
                    assert_eq!(said(), lived(&gone), "{workers} workers");
                    assert!(ended(&bench.events_of(transport)) && ended(&bench.events_of(session)));
                }
            }
        }
    }
}

fn ended(events: &[EventBody]) -> bool {
    events.iter().any(|body| matches!(body, EventBody::Closed(_)))
}

#[test]
fn a_session_is_pushed_an_offer_and_shows_what_the_plugin_knows_of_it() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Host>().workers(workers).start();
        let (ann, bob) = (bench.peer_with(guest(workers)), bench.peer_with(guest(1)));
        let sessions = [ann, bob].map(|peer| bench.session(peer));
        bench.request("host", sessions[0], json!({ "method": "offer" })).unwrap();
        let pushed = EventBody::SessionPush {
            plugin: "host".into(),
            body: json!({ "event": "look" }),
            transaction: Some("t7".into()),
            jsep: Some(json!({ "type": "offer", "sdp": "v=0\r\n", "restart": true })),
        };
        assert!(bench.events_of(sessions[0]).contains(&pushed));
        assert!(!bench.events_of(sessions[1]).contains(&pushed), "nobody else gets it");
        let offers = sessions.map(|id| bench.stats_of("host", id)["offers"].clone());
        assert_eq!(offers, [Value::from(1), Value::from(0)]);
    }
}

#[test]
fn all_video_of_a_connection_is_asked_for_key_frames_or_only_one() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Host>().workers(workers).start();
        let ann = bench.peer_with(guest(workers));
        let all = [bench.produce(ann, Media::vp8()), bench.produce(ann, Media::vp8())];
        bench.play(&all, seconds(2));
        let plis = |bench: &sfu_core::testing::Bench<_>| all.map(|p| bench.sender(p).plis);
        let before = plis(&bench);
        let transport = bench.transport(ann);
        bench.request("host", transport, json!({ "method": "key_frames" })).unwrap();
        assert_eq!(plis(&bench), before.map(|plis| plis + 1), "{workers} workers");
        bench.play(&all, seconds(1));
        bench.request("host", all[1], json!({ "method": "key_frames" })).unwrap();
        assert_eq!(plis(&bench), [before[0] + 1, before[1] + 2]);
    }
}

#[test]
fn an_event_that_nobody_listens_to_costs_nobody_anything() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Host>().workers(workers).start();
        let ann = bench.peer_with(guest(workers));
        let p = bench.produce(ann, Media::opus());
        let bob = bench.peer_with(guest(1));
        let c = bench.consume(bob, p);
        for _ in 0..2000 {
            bench.request("host", p, json!({ "method": "tell" })).unwrap();
        }
        bench.play(&[p], ms(200));
        assert_eq!(bench.received(c).len(), 10);
        assert_eq!(bench.notices("host").len(), 2000);
        assert_eq!(bench.worker_stats().plugin_faults["host"], Default::default());
    }
}
