//! The hooks.
use std::rc::Rc;
use std::time::{Duration, Instant};

use sfu_core::control::Labels;
use sfu_core::plugin::{
    Attach, Cx, DataConsumerId, DataConsumerInfo, DataMessage, DataProducerId, DataProducerInfo, Error,
    Plugin, Refusal, Responder, RouterId, RouterInfo, Rows, SessionId, Start, Stats, Target, TransportId,
    TransportKind, Verdict, plugin,
};
use sfu_core::serde_json::json;
use sfu_core::tracing;

use crate::budget::Budget;
use crate::counts::Counts;
use crate::directory::{Change, CircleKind, Directory};
use crate::header::{self, kind};
use crate::json::Text;
use crate::label::Label;
use crate::message::{Form, Problem, Said};
use crate::peer::Device;
use crate::routing::Routing;
use crate::settings::{Config, Options, Plain, Request};
use crate::slab::Key;
use crate::{envelope, notice};

/// Delivers data channel messages to the peers, groups and topics that they name.
pub struct DataRouter {
    pub(crate) config: Config,
    pub(crate) directory: Directory,
    pub(crate) routing: Routing,
    pub(crate) counts: Counts,
    events: Option<Budget>,
    /// Where among the rooms news are told next.
    pub(crate) next_room: usize,
    /// Which peers are looked after next, and when.
    pub(crate) next_peer: (usize, Option<Instant>),
}

/// A data producer: where a peer sends.
pub struct Speaker {
    pub(crate) place: Place,
    is_plain_forwarded: bool,
}

/// A data consumer: where a peer hears.
pub struct Ear {
    pub(crate) place: Place,
}

/// To whom a data producer or data consumer belongs.
#[derive(Clone)]
pub(crate) struct Place {
    /// The peer.
    pub(crate) peer: Key,
    /// The peer's device.
    pub(crate) device: Device,
    /// What its labels said of peer and room.
    named: (Option<Rc<str>>, Option<Rc<str>>),
    /// The options that it was opened with.
    pub(crate) options: Rc<Options>,
}

/// What decides to whom a data producer or data consumer belongs.
pub(crate) struct Origin<'a> {
    pub(crate) router: RouterId,
    pub(crate) transport: TransportId,
    pub(crate) session: Option<SessionId>,
    pub(crate) labels: &'a Labels,
}

#[plugin(id = "data-router", off, on_panic = "drop")]
impl Plugin for DataRouter {
    type Config = Config;
    type Options = Options;
    type Request = Request;
    type Router = ();
    type DataProducer = Speaker;
    type DataConsumer = Ear;

    fn new(config: Config, _: Start<'_, Self>) -> Result<Self, Error> {
        config.check()?;
        Ok(DataRouter {
            config,
            directory: Directory::default(),
            routing: Routing::default(),
            counts: Counts::default(),
            events: None,
            next_room: 0,
            next_peer: (0, None),
        })
    }

    fn reconfigure(&mut self, config: Config, _: &mut Cx<'_>) -> Result<(), Error> {
        config.check()?;
        self.config = config;
        self.events = None;
        Ok(())
    }

    // Who is where is known on one media thread alone.
    fn router_opened(&mut self, router: &RouterInfo<'_>, _: &Options, _: &mut Cx<'_>) -> Attach<()> {
        match router.part_of {
            None => Attach::On(()),
            Some(_) => Attach::Refuse(Refusal::new(
                "plugins.data-router: it routes messages on one media thread; this room stays on its own",
            )),
        }
    }

    fn data_producer_opened(
        &mut self,
        info: &DataProducerInfo<'_>,
        options: &Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Speaker> {
        if !is_routed(info.label, info.transport, options, cx) {
            return Attach::Off;
        }
        let (router, transport, session, labels) = (info.router, info.transport, info.session, info.labels);
        let origin = Origin { router, transport, session, labels };
        let place = self.admit(&origin, &Rc::new(options.clone()), cx);
        if let Some(peer) = self.directory.peers.get_mut(place.peer) {
            peer.senders.push(info.id);
        }
        Attach::On(Speaker { place, is_plain_forwarded: options.plain == Plain::Forward })
    }

    fn data_producer_closed(&mut self, id: DataProducerId, state: Speaker, cx: &mut Cx<'_>) {
        let change = self.directory.remove_sender(state.place.peer, id);
        self.tell_gone(change, cx);
    }

    fn data_consumer_opened(
        &mut self,
        info: &DataConsumerInfo<'_>,
        options: &Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Ear> {
        if !is_routed(info.label, info.transport, options, cx) {
            return Attach::Off;
        }
        let (router, transport, session, labels) = (info.router, info.transport, info.session, info.labels);
        let origin = Origin { router, transport, session, labels };
        let place = self.admit(&origin, &Rc::new(options.clone()), cx);
        if let Some(peer) = self.directory.peers.get_mut(place.peer) {
            peer.add_ear(info.id, place.device);
        }
        Attach::On(Ear { place })
    }

    fn data_consumer_closed(&mut self, id: DataConsumerId, state: Ear, cx: &mut Cx<'_>) {
        let change = self.directory.remove_ear(state.place.peer, id);
        self.tell_gone(change, cx);
    }

    fn data_in(&mut self, st: &mut Speaker, msg: &mut DataMessage<'_>, cx: &mut Cx<'_>) -> Verdict {
        let form = if msg.is_binary() { Form::Binary } else { Form::Text };
        let Some(peer) = self.directory.peers.get_mut(st.place.peer) else { return Verdict::Drop };
        if !peer.may_send(cx.now(), msg.payload().len()) {
            self.counts.dropped_rate += 1;
            self.slow_down(&st.place, form, cx);
            return Verdict::Drop;
        }
        let said = match form {
            Form::Text => envelope::read(msg.payload()),
            Form::Binary => header::read(msg.payload()),
        };
        match said {
            Ok(Some(Said::Send { to, body })) => {
                let most = self.config.list_peers;
                let problem = self.routing.choose(&self.directory, st.place.peer, form, &to, most);
                if let Some(problem) = problem {
                    self.refuse(&st.place, problem, form, cx);
                }
                self.deliver(st.place.peer, problem.is_some(), form, msg, body)
            }
            Ok(Some(control)) => {
                self.obey(&st.place, &control, form, cx);
                Verdict::Drop
            }
            Ok(None) if st.is_plain_forwarded => {
                self.counts.plain += 1;
                Verdict::Forward
            }
            Ok(None) => {
                self.counts.dropped_plain += 1;
                self.drop_of(st.place.peer);
                Verdict::Drop
            }
            Err(malformed) => {
                notice::error(form, malformed.problem, "", malformed.text, &mut self.routing.notice);
                self.refuse(&st.place, malformed.problem, form, cx);
                self.drop_of(st.place.peer);
                Verdict::Drop
            }
        }
    }

    fn request(
        &mut self,
        request: Request,
        at: Target,
        re: Responder,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        match request {
            Request::Peers { skip } => re.ok(self.list_peers(at, skip as usize, rows, cx)),
            Request::Groups { skip } => re.ok(self.list_groups(at, skip as usize, rows, cx)),
            Request::Send { room, to, body } => {
                re.ok(self.send((at, room.as_deref()), &to, &body, rows, cx));
            }
        }
    }

    fn tick(&mut self, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        self.look_after(rows, cx);
        self.tell_news(cx);
    }

    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        let rooms = || self.directory.rooms.iter().map(|(_, room)| room);
        out.put_sum("rooms", self.directory.rooms.len());
        out.put_sum("peers", self.directory.peers.len());
        out.put_sum("groups", rooms().map(|room| room.groups.len()).sum::<usize>());
        out.put_sum("topics", rooms().map(|room| room.topics.len()).sum::<usize>());
        out.put_sum("watchers", rooms().map(|room| room.watchers.len()).sum::<usize>());
        self.counts.put(out);
    }
}

/// Whether messages of a data channel on a transport are routed. Pipes lead to other workers, not to peers.
fn is_routed(channel: &str, transport: TransportId, options: &Options, cx: &Cx<'_>) -> bool {
    let is_pipe = cx.view().transport(transport).is_some_and(|view| view.kind == TransportKind::Pipe);
    !is_pipe && (options.channel.is_empty() || options.channel == channel)
}

impl DataRouter {
    /// Finds or makes the peer that something belongs to.
    pub(crate) fn admit(&mut self, origin: &Origin<'_>, options: &Rc<Options>, cx: &mut Cx<'_>) -> Place {
        let device = Device::of(origin.session, origin.transport);
        let named = named(origin.labels, options);
        let given = named.0.as_deref();
        let label = given.and_then(Label::new);
        if let Some(name) = given
            && label.is_none()
        {
            let length = name.len();
            tracing::warn!(
                transport = %origin.transport,
                "plugins.data-router: a name of {length} bytes can't be a peer's; label it with 1 to 255"
            );
        }
        let label = label.unwrap_or_else(|| match device {
            Device::Session(id) => Label::of_id("session", id),
            Device::Transport(id) => Label::of_id("transport", id),
        });
        let room: Rc<str> = named.1.clone().unwrap_or_else(|| origin.router.to_string().into());
        let place = (origin.router, &*room);
        let (peer, change) = self.directory.admit(place, label, options, &self.config, cx.now());
        if let Some(change) = change {
            self.tell_event("data-router.joined", &change, cx);
        }
        Place { peer, device, named, options: options.clone() }
    }

    /// Somebody went, maybe.
    pub(crate) fn tell_gone(&mut self, change: Option<Change>, cx: &mut Cx<'_>) {
        if let Some(change) = change {
            self.tell_event("data-router.left", &change, cx);
        }
    }

    fn tell_event(&mut self, event: &str, change: &Change, cx: &mut Cx<'_>) {
        if change.is_awaited {
            cx.wake_at(cx.now());
        }
        let (per_second, now) = (self.config.events_per_second.into(), cx.now());
        let budget = self.events.get_or_insert_with(|| Budget::new(per_second, Duration::from_secs(1), now));
        if budget.spend(now) {
            let body = json!({ "event": event, "room": *change.room, "peer": *change.peer });
            cx.notify(change.router, body);
        } else {
            self.counts.events_withheld += 1;
        }
    }

    /// Gives a message to those who were chosen; the verdict about it.
    fn deliver(
        &mut self,
        sender: Key,
        is_refused: bool,
        form: Form,
        msg: &mut DataMessage<'_>,
        body: std::ops::Range<usize>,
    ) -> Verdict {
        self.counts.dropped_copies += self.routing.beyond as u64;
        if self.routing.chosen.is_empty() {
            self.counts.dropped_nobody += u64::from(!is_refused);
            self.drop_of(sender);
            return Verdict::Drop;
        }
        self.counts.routed += 1;
        self.counts.delivered += self.routing.chosen.len() as u64;
        self.routing.rewrite(form, msg.payload_mut(), body);
        let to = msg.to();
        to.clear();
        for id in &self.routing.chosen {
            to.push(*id);
        }
        Verdict::Forward
    }

    fn drop_of(&mut self, sender: Key) {
        if let Some(peer) = self.directory.peers.get_mut(sender) {
            peer.dropped += 1;
        }
    }

    /// Does what a peer asks of the worker.
    fn obey(&mut self, place: &Place, said: &Said<'_>, form: Form, cx: &mut Cx<'_>) {
        let done = match said {
            Said::Join(name) => self.enter(place.peer, CircleKind::Group, name, form, ("join", kind::JOIN)),
            Said::Subscribe(name) => {
                self.enter(place.peer, CircleKind::Topic, name, form, ("subscribe", kind::SUBSCRIBE))
            }
            Said::Leave(name) => {
                self.leave(place.peer, CircleKind::Group, name, form, ("leave", kind::LEAVE))
            }
            Said::Unsubscribe(name) => {
                self.leave(place.peer, CircleKind::Topic, name, form, ("unsubscribe", kind::UNSUBSCRIBE))
            }
            Said::Presence(true) => {
                let is_watching = self.directory.watch(place.peer, Some(form), &self.config);
                if is_watching {
                    self.counts.controls += 1;
                    return self.tell_present(place, form, cx);
                }
                let text = "as many as may watch this room do";
                notice::error(form, Problem::Limit, "", text, &mut self.routing.notice);
                false
            }
            Said::Presence(false) => {
                self.directory.watch(place.peer, None, &self.config);
                notice::done(form, ("presence", kind::PRESENCE), "", &mut self.routing.notice);
                true
            }
            Said::Send { .. } => return,
        };
        if done {
            self.counts.controls += 1;
            self.answer(place, form, cx);
        } else {
            self.refuse(place, Problem::Limit, form, cx);
            self.drop_of(place.peer);
        }
    }

    /// Lets a peer into a group or topic; the notice says what came of it.
    fn enter(&mut self, peer: Key, kind: CircleKind, name: &Text<'_>, form: Form, what: (&str, u8)) -> bool {
        let mut scratch = String::new();
        let entered = match name.read(&mut scratch) {
            Some(name) => self.directory.enter(peer, kind, name, &self.config).map(|()| name),
            None => Err("the name is too long"),
        };
        match entered {
            Ok(name) => notice::done(form, what, name, &mut self.routing.notice),
            Err(why) => notice::error(form, Problem::Limit, "", why, &mut self.routing.notice),
        }
        entered.is_ok()
    }

    fn leave(&mut self, peer: Key, kind: CircleKind, name: &Text<'_>, form: Form, what: (&str, u8)) -> bool {
        let mut scratch = String::new();
        let name = name.read(&mut scratch).unwrap_or_default();
        self.directory.leave(peer, kind, name);
        notice::done(form, what, name, &mut self.routing.notice);
        true
    }

    /// Sends the notice to where a peer hears.
    fn answer(&mut self, place: &Place, form: Form, cx: &mut Cx<'_>) {
        let ear = self.directory.peers.get(place.peer).and_then(|peer| peer.ear(place.device));
        let sent = ear.is_some_and(|ear| send(cx, ear, form, &self.routing.notice));
        self.counts.note(sent);
    }

    /// Counts that something is wrong, and sends the notice about it unless too many were sent.
    fn refuse(&mut self, place: &Place, problem: Problem, form: Form, cx: &mut Cx<'_>) {
        *match problem {
            Problem::Malformed | Problem::Version => &mut self.counts.dropped_malformed,
            Problem::UnknownPeer | Problem::UnknownGroup => &mut self.counts.dropped_unknown,
            Problem::Unreachable => &mut self.counts.dropped_unreachable,
            Problem::Limit | Problem::Rate => &mut self.counts.dropped_limit,
        } += 1;
        let peer = self.directory.peers.get_mut(place.peer);
        let ear = peer.and_then(|peer| peer.may_hear_of_error(cx.now()).then(|| peer.ear(place.device))?);
        self.send_error(ear, form, cx);
    }

    /// Tells a peer that it sends too much, once a second.
    fn slow_down(&mut self, place: &Place, form: Form, cx: &mut Cx<'_>) {
        let peer = self.directory.peers.get_mut(place.peer);
        let ear = peer.and_then(|peer| peer.may_hear_of_rate(cx.now()).then(|| peer.ear(place.device))?);
        if ear.is_none() {
            self.counts.errors_withheld += 1;
            return;
        }
        let text = "you send more than you may; what is too much is dropped";
        notice::error(form, Problem::Rate, "", text, &mut self.routing.notice);
        self.send_error(ear, form, cx);
    }

    fn send_error(&mut self, ear: Option<DataConsumerId>, form: Form, cx: &mut Cx<'_>) {
        let sent = ear.is_some_and(|ear| send(cx, ear, form, &self.routing.notice));
        *if sent { &mut self.counts.errors_sent } else { &mut self.counts.errors_withheld } += 1;
    }
}

/// What labels say of peer and room.
fn named(labels: &Labels, options: &Options) -> (Option<Rc<str>>, Option<Rc<str>>) {
    let label = |name: &str| labels.get(name).map(Rc::from);
    (label(&options.peer_label), label(&options.room_label))
}

impl Place {
    /// Whether labels say something else of peer and room now.
    pub(crate) fn is_renamed(&self, labels: &Labels) -> bool {
        labels.get(&self.options.peer_label) != self.named.0.as_deref()
            || labels.get(&self.options.room_label) != self.named.1.as_deref()
    }
}

/// Sends a message of the worker's own; false if the queue of this turn is full.
pub(crate) fn send(cx: &mut Cx<'_>, to: DataConsumerId, form: Form, message: &[u8]) -> bool {
    use sfu_core::plugin::ppid;
    let ppid = if form == Form::Text { ppid::STRING } else { ppid::BINARY };
    cx.data_consumer(to).send(ppid, message).is_ok()
}
