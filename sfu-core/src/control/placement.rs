//! Which media thread a new transport of a router goes to.
//!
//! A room begins on the media thread of its router. A packet that crosses to another one is copied and looked at once more,
//! which is nothing beside a hundred viewers there, and much beside two: so a room stays in one place until it is large, and
//! then takes further threads one after the other.
use super::part::{PartSettings, PartStep};
use super::steps::{Steps, unexpected};
use super::*;

/// Transports and consumers that a room has on a media thread before it takes another one, unless somebody says otherwise: a
/// hundred viewers of one stream, or a conference of ten.
const ROOM: usize = 192;

/// How rooms spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spread {
    /// Media threads.
    pub(crate) workers: u8,
    /// Transports and consumers that a room has on a media thread before it takes another one.
    room: usize,
}

impl Spread {
    /// Over so many media threads; 0 takes the usual size of a room.
    pub(crate) fn new(workers: u8, room: usize) -> Self {
        Spread { workers, room: if room == 0 { ROOM } else { room } }
    }
}

/// What a media thread carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Load {
    worker: u8,
    /// The router's part there, if it has one.
    router: Option<RouterId>,
    /// Transports and consumers of the room.
    room: usize,
    /// Those of all rooms.
    all: usize,
}

/// Chooses for a room that has outgrown its own thread: the least loaded of the threads that it is on, or one more if all of
/// those have their share and that one carries less than half as much as any of them.
fn choose(loads: &[Load], full: usize) -> Option<Load> {
    let least = |loads: &mut dyn Iterator<Item = &Load>| loads.min_by_key(|load| load.all).copied();
    let known = least(&mut loads.iter().filter(|load| load.router.is_some()))?;
    let fresh = least(&mut loads.iter().filter(|load| load.router.is_none()));
    let room: usize = loads.iter().map(|load| load.room).sum();
    let is_crowded = room / full >= loads.iter().filter(|load| load.router.is_some()).count();
    Some(fresh.filter(|fresh| is_crowded && fresh.all * 2 < known.all).unwrap_or(known))
}

/// What comes next.
enum Step {
    /// Ask the router what it carries.
    AskHome,
    /// Ask a media thread.
    Ask(u8),
    /// Make a part on a media thread, or bring the one there up to date.
    Make(u8),
    /// Tell the router of its part.
    Enter(RouterId),
    /// The router is gone: close the part again.
    Undo(RouterId, ControlError),
    /// Ask where the server of ports listens, that what is to be placed uses.
    AskServer(RouterId),
    /// Make a part of that server at a place.
    MakeServer(RouterId, Vec<ListenInfo>),
    /// Tell the server of its part.
    EnterServer(RouterId, WebRtcServerId),
    /// The server is gone: close the part again.
    UndoServer(WebRtcServerId, ControlError),
    /// Make what was to be placed.
    Create(RouterId),
    Done(Box<Result<Reply, ControlError>>),
}

/// Finds a place for a transport of a router, makes a part of the router there if there is none yet, and makes the transport.
pub(crate) struct Placing {
    home: RouterId,
    spread: Spread,
    /// What is to be made; only the place is wanted without.
    create: Option<Command>,
    /// The media thread that it has to be.
    fixed: Option<u8>,
    /// The server of ports that it uses.
    server: Option<WebRtcServerId>,
    /// What is known of the router.
    weight: Box<RouterWeight>,
    loads: Vec<Load>,
    step: Step,
}

impl Placing {
    /// Finds a place in a router; answers [`Reply::Router`], the router itself or a part of it.
    pub(crate) fn in_router(home: RouterId, spread: Spread) -> Self {
        Placing {
            home,
            spread,
            create: None,
            fixed: None,
            server: None,
            weight: Box::default(),
            loads: Vec::new(),
            step: Step::AskHome,
        }
    }

    /// For a command that makes a transport which may be anywhere.
    pub(crate) fn of(command: &Command, spread: Spread) -> Option<Self> {
        let (home, session, server) = match command {
            Command::CreateWebRtcTransport { router, options } => {
                let server = match options.listen {
                    TransportListen::Server(id) => Some(id),
                    _ => None,
                };
                (*router, options.session, server)
            }
            Command::CreatePlainTransport { router, options } => (*router, options.session, None),
            _ => return None,
        };
        // The transports of a session are where it is.
        let fixed = session.map(SessionId::worker);
        if fixed == Some(home.worker()) && server.is_none_or(|server| server.worker() == home.worker()) {
            return None;
        }
        Some(Placing { create: Some(command.clone()), fixed, server, ..Placing::in_router(home, spread) })
    }

    fn weigh(router: Option<RouterId>) -> Command {
        PartStep::Weigh(router).command()
    }

    /// The part of the router on a media thread, as far as its own one knows.
    fn part_on(&self, worker: u8) -> Option<RouterId> {
        self.weight.parts.iter().copied().find(|part| part.worker() == worker)
    }

    /// What comes once the place is found: a server of ports has to have sockets there.
    fn found(&self, place: RouterId) -> Step {
        match self.server {
            Some(server) if server.worker() != place.worker() => Step::AskServer(place),
            _ => Step::Create(place),
        }
    }

    /// What comes where a part of the server can't be made: the ports there are taken. The room stays where the server is.
    fn without_server(&self, error: ControlError) -> Step {
        match self.server {
            Some(server) if server.worker() == self.home.worker() && self.fixed.is_none() => {
                Step::Create(self.home)
            }
            _ => Step::Done(Box::new(Err(error))),
        }
    }

    /// After what is known of `worker`.
    fn ask_after(&self, worker: u8) -> Step {
        match (worker + 1..self.spread.workers).find(|other| *other != self.home.worker()) {
            Some(next) => Step::Ask(next),
            None => match choose(&self.loads, self.spread.room) {
                Some(Load { router: Some(router), .. }) => self.found(router),
                Some(Load { worker, .. }) => Step::Make(worker),
                None => self.found(self.home),
            },
        }
    }

    fn know(&mut self, worker: u8, router: Option<RouterId>, weight: &RouterWeight) {
        self.loads.push(Load { worker, router, room: weight.room, all: weight.all });
    }
}

impl Steps for Placing {
    fn next(&mut self) -> Option<(u8, Command)> {
        let home = self.home;
        match &self.step {
            Step::AskHome => Some((home.worker(), Self::weigh(Some(home)))),
            Step::Ask(worker) => Some((*worker, Self::weigh(self.part_on(*worker)))),
            Step::Make(worker) => {
                let (labels, rules) = (self.weight.labels.clone(), self.weight.rules.clone());
                Some((*worker, PartStep::Make(PartSettings { home, labels, rules }).command()))
            }
            Step::Enter(part) => Some((home.worker(), PartStep::Enter { home, part: *part }.command())),
            Step::Undo(part, _) => Some((part.worker(), Command::CloseRouter(*part))),
            Step::AskServer(_) => {
                let server = self.server?;
                Some((server.worker(), PartStep::ShowServer(server).command()))
            }
            Step::MakeServer(place, listen) => {
                let (home, listen) = (self.server?, listen.clone());
                Some((place.worker(), PartStep::MakeServer { home, listen }.command()))
            }
            Step::EnterServer(_, part) => {
                let home = self.server?;
                Some((home.worker(), PartStep::EnterServer { home, part: *part }.command()))
            }
            Step::UndoServer(part, _) => Some((part.worker(), Command::CloseWebRtcServer(*part))),
            Step::Create(place) => match self.create.take() {
                Some(command) => Some((place.worker(), command.placed(*place, self.server))),
                None => {
                    self.step = Step::Done(Box::new(Ok(Reply::Router(*place))));
                    None
                }
            },
            Step::Done(_) => None,
        }
    }

    fn note(&mut self, answer: Result<Reply, ControlError>) {
        let step = std::mem::replace(&mut self.step, Step::AskHome);
        self.step = match (step, answer) {
            (Step::AskHome, Ok(Reply::RouterWeight(weight))) => {
                self.know(self.home.worker(), Some(self.home), &weight);
                self.weight = weight;
                match self.fixed {
                    // Who names a part has found its place.
                    _ if self.weight.is_part => self.found(self.home),
                    Some(worker) => match self.part_on(worker) {
                        Some(part) => self.found(part),
                        None if worker == self.home.worker() => self.found(self.home),
                        None => Step::Make(worker),
                    },
                    None if self.weight.room < self.spread.room => self.found(self.home),
                    None => match (0..self.spread.workers).find(|other| *other != self.home.worker()) {
                        Some(first) => Step::Ask(first),
                        None => self.found(self.home),
                    },
                }
            }
            (Step::Ask(worker), Ok(Reply::RouterWeight(weight))) => {
                self.know(worker, self.part_on(worker), &weight);
                self.ask_after(worker)
            }
            // The part closes just now.
            (Step::Ask(worker), Err(_)) => self.ask_after(worker),
            (Step::Make(_), Ok(Reply::Router(part))) => Step::Enter(part),
            // A plugin wants no router there: the room stays where it is.
            (Step::Make(_), Err(_)) if self.fixed.is_none() => self.found(self.home),
            (Step::Enter(part), Ok(Reply::RouterWeight(weight))) => {
                // Somebody may have changed the router's settings since.
                let is_current = weight.labels == self.weight.labels && weight.rules == self.weight.rules;
                self.weight = weight;
                if is_current { self.found(part) } else { Step::Make(part.worker()) }
            }
            (Step::Enter(part), Err(error)) => Step::Undo(part, error),
            (Step::Undo(_, error), _) => Step::Done(Box::new(Err(error))),
            (Step::AskServer(place), Ok(Reply::ServerParts(server))) => {
                let known = server.parts.iter().copied().find(|part| part.worker() == place.worker());
                match (known, self.server) {
                    (Some(part), _) => {
                        self.server = Some(part);
                        Step::Create(place)
                    }
                    (None, Some(home)) => {
                        let threads =
                            (place.worker() + self.spread.workers - home.worker()) % self.spread.workers;
                        match server.listen_behind(threads) {
                            Some(listen) => Step::MakeServer(place, listen),
                            None => self.without_server(no_ports_behind(home)),
                        }
                    }
                    (None, None) => Step::Create(place),
                }
            }
            (Step::MakeServer(place, _), Ok(Reply::WebRtcServer(part))) => Step::EnterServer(place, part),
            (Step::MakeServer(..), Err(error)) => self.without_server(error),
            (Step::EnterServer(place, part), Ok(Reply::ServerParts(_))) => {
                self.server = Some(part);
                Step::Create(place)
            }
            (Step::EnterServer(_, part), Err(error)) => Step::UndoServer(part, error),
            (Step::UndoServer(_, error), _) => Step::Done(Box::new(Err(error))),
            (Step::Create(_), answer) => Step::Done(Box::new(answer)),
            (_, Err(error)) => Step::Done(Box::new(Err(error))),
            (_, Ok(other)) => Step::Done(Box::new(Err(unexpected(&other)))),
        };
    }

    fn outcome(self: Box<Self>) -> Result<Reply, ControlError> {
        match self.step {
            Step::Done(outcome) => *outcome,
            _ => Err(unexpected(&Reply::Done)),
        }
    }
}

fn no_ports_behind(server: WebRtcServerId) -> ControlError {
    ControlError::limit(format!(
        "control.create_webrtc_transport: another media thread needs ports behind those of server {server}, and there are none; let it listen on lower ones"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many threads; the room has a router where it has something, and on the first.
    fn loads(of: &[(usize, usize)]) -> Vec<Load> {
        let load = |(worker, (room, all)): (u8, &(usize, usize))| {
            let router = RouterId::from_raw(RawId::new(worker, 0, 0));
            let router = (worker == 0 || *room > 0).then_some(router);
            Load { worker, router, room: *room, all: *all }
        };
        (0..).zip(of).map(load).collect()
    }

    fn chosen(of: &[(usize, usize)]) -> u8 {
        choose(&loads(of), ROOM).unwrap().worker
    }

    #[test]
    fn a_room_that_outgrew_its_thread_takes_an_idle_one() {
        assert_eq!(chosen(&[(ROOM, ROOM), (0, 0), (0, 0)]), 1);
        assert_eq!(chosen(&[(ROOM, ROOM), (0, 50), (0, 10)]), 2);
    }

    #[test]
    fn it_takes_one_more_only_when_those_that_it_has_are_full() {
        assert_eq!(chosen(&[(ROOM, ROOM), (1, 1), (0, 0)]), 1);
        assert_eq!(chosen(&[(ROOM, ROOM), (ROOM - 1, ROOM - 1), (0, 0)]), 1);
        assert_eq!(chosen(&[(ROOM, ROOM), (ROOM, ROOM), (0, 0)]), 2);
    }

    #[test]
    fn a_thread_that_has_other_things_to_do_is_left_alone() {
        assert_eq!(chosen(&[(ROOM, ROOM), (0, ROOM)]), 0);
        assert_eq!(chosen(&[(ROOM, ROOM), (0, ROOM / 2)]), 0);
        assert_eq!(chosen(&[(ROOM, ROOM * 3), (0, ROOM)]), 1);
    }

    #[test]
    fn on_the_threads_that_it_has_a_room_fills_up_the_emptier_one() {
        assert_eq!(chosen(&[(500, 500), (400, 400)]), 1);
        assert_eq!(chosen(&[(400, 400), (500, 500)]), 0);
        assert_eq!(chosen(&[(400, 900), (500, 500)]), 1, "other rooms count, too");
    }

    /// Drives a placing, with threads that know what they made.
    struct Threads {
        loads: Vec<usize>,
        parts: Vec<RouterId>,
        labels: Labels,
        told: Vec<(u8, &'static str)>,
        is_closing: bool,
    }

    impl Threads {
        fn of(loads: &[usize]) -> Self {
            let (parts, labels, told) = (Vec::new(), Labels::new(), Vec::new());
            Threads { loads: loads.to_vec(), parts, labels, told, is_closing: false }
        }

        fn home() -> RouterId {
            RouterId::from_raw(RawId::new(0, 7, 0))
        }

        fn answer(&mut self, worker: u8, command: &Command) -> Result<Reply, ControlError> {
            let all = self.loads[usize::from(worker)];
            let parts = if worker == 0 { self.parts.clone() } else { Vec::new() };
            let labels = self.labels.clone();
            let weight = RouterWeight { room: all, all, parts, labels, ..RouterWeight::default() };
            let (name, answer) = match command {
                Command::Part(PartCommand(PartStep::Weigh(_))) => {
                    ("weigh", Ok(Reply::RouterWeight(Box::new(weight))))
                }
                Command::Part(PartCommand(PartStep::Make(_))) => {
                    ("make", Ok(Reply::Router(RouterId::from_raw(RawId::new(worker, 9, 0)))))
                }
                Command::Part(PartCommand(PartStep::Enter { part, .. })) => {
                    self.parts.push(*part);
                    let gone = ControlError::not_found("control: there is no router");
                    let answer = Ok(Reply::RouterWeight(Box::new(weight)));
                    ("enter", if self.is_closing { Err(gone) } else { answer })
                }
                Command::CloseRouter(_) => ("close", Ok(Reply::Done)),
                other => panic!("{other:?}"),
            };
            self.told.push((worker, name));
            answer
        }

        fn place(&mut self) -> Result<Reply, ControlError> {
            let mut placing = Placing::in_router(Self::home(), Spread::new(self.loads.len() as u8, 0));
            while let Some((worker, command)) = placing.next() {
                let answer = self.answer(worker, &command);
                placing.note(answer);
            }
            Box::new(placing).outcome()
        }
    }

    #[test]
    fn a_small_room_stays_after_one_question() {
        let mut threads = Threads::of(&[ROOM - 1, 0]);
        assert_eq!(threads.place(), Ok(Reply::Router(Threads::home())));
        assert_eq!(threads.told, [(0, "weigh")]);
    }

    #[test]
    fn a_part_is_made_once() {
        let mut threads = Threads::of(&[ROOM, 0]);
        let part = RouterId::from_raw(RawId::new(1, 9, 0));
        assert_eq!(threads.place(), Ok(Reply::Router(part)));
        assert_eq!(threads.told, [(0, "weigh"), (1, "weigh"), (1, "make"), (0, "enter")]);
        threads.told.clear();
        assert_eq!(threads.place(), Ok(Reply::Router(part)));
        assert_eq!(threads.told, [(0, "weigh"), (1, "weigh")]);
    }

    #[test]
    fn a_router_that_closes_meanwhile_leaves_no_part_behind() {
        let mut threads = Threads::of(&[ROOM, 0]);
        threads.is_closing = true;
        assert_eq!(threads.place().unwrap_err().kind, ErrorKind::NotFound);
        assert_eq!(threads.told.last(), Some(&(1, "close")));
    }

    #[test]
    fn a_part_takes_over_what_was_said_while_it_was_made() {
        let mut threads = Threads::of(&[ROOM, 0]);
        let mut placing = Placing::in_router(Threads::home(), Spread::new(2, 0));
        while let Some((worker, command)) = placing.next() {
            let answer = threads.answer(worker, &command);
            if threads.told.len() == 3 {
                threads.labels = Labels::new().with("room", "new");
            }
            placing.note(answer);
        }
        let told: Vec<_> = threads.told.iter().map(|(_, name)| *name).collect();
        assert_eq!(told, ["weigh", "weigh", "make", "enter", "make", "enter"]);
    }
}
