//! The hooks.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sfu_core::control::MediaKind;
use sfu_core::plugin::{
    Attach, Cx, Error, NoConfig, Plugin, PluginHandle, ProducerId, ProducerInfo, Responder, RouterId, Rows,
    RtpPacket, Start, Stats, Target, Verdict, plugin,
};
use sfu_core::serde_json::{Value, json};

use crate::choice::{Candidate, Choice};
use crate::loudness::Loudness;
use crate::settings::{Options, Request};

/// The instance that chooses for all of them.
const CHOOSER: u8 = 0;
/// What another instance told of a room is forgotten after this.
const STALE: Duration = Duration::from_secs(2);

/// Name of a room: its label, or the id of its router.
type Room = Arc<str>;

/// Forwards the loudest speakers of a room, and says who speaks.
pub struct AudioSelector {
    handle: PluginHandle<Message>,
    worker: u8,
    workers: u8,
    /// On the chooser: what it knows of each room.
    rooms: BTreeMap<Room, Known>,
    /// What was chosen last in rooms of this media thread.
    chosen: BTreeMap<Room, Arc<Chosen>>,
    dropped: u64,
    unranked: u64,
}

/// A room as the chooser knows it.
#[derive(Default)]
struct Known {
    choice: Choice,
    options: Options,
    /// What each media thread told, and when.
    told: BTreeMap<u8, (Instant, Vec<Candidate>)>,
}

/// The outcome for a room.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    forwarded: Vec<ProducerId>,
    speaking: Vec<ProducerId>,
}

/// What instances tell each other.
#[derive(Debug, Clone)]
pub struct Message(Word);

#[derive(Debug, Clone)]
enum Word {
    /// How loud a room is on a media thread.
    Levels { room: Room, worker: u8, options: Options, candidates: Vec<Candidate> },
    /// Who is forwarded.
    Chosen { room: Room, chosen: Arc<Chosen> },
}

/// An audio producer.
pub struct Speaker {
    room: Room,
    router: RouterId,
    options: Options,
    loudness: Loudness,
    forwarded: bool,
    dropped: u64,
}

#[plugin(id = "audio-selector", off, tick_ms = 100)]
impl Plugin for AudioSelector {
    type Options = Options;
    type Request = Request;
    type Message = Message;
    type Producer = Speaker;

    fn new(_: NoConfig, start: Start<'_, Self>) -> Result<Self, Error> {
        Ok(AudioSelector {
            handle: start.handle(),
            worker: start.worker(),
            workers: start.workers(),
            rooms: BTreeMap::new(),
            chosen: BTreeMap::new(),
            dropped: 0,
            unranked: 0,
        })
    }

    fn producer_opened(
        &mut self,
        info: &ProducerInfo<'_>,
        options: &Options,
        _: &mut Cx<'_>,
    ) -> Attach<Speaker> {
        if info.kind != MediaKind::Audio {
            return Attach::Off;
        }
        let room = info.labels.get("room").map_or_else(|| info.router.to_string(), str::to_owned);
        // Where everybody has a place nothing may be lost before the next choice.
        let room: Room = room.into();
        let places = self.chosen.get(&room).map_or(0, |chosen| chosen.forwarded.len());
        Attach::On(Speaker {
            room,
            router: info.router,
            options: *options,
            loudness: Loudness::default(),
            forwarded: places < usize::from(options.speakers),
            dropped: 0,
        })
    }

    fn producer_closed(&mut self, _: ProducerId, state: Speaker, _: &mut Cx<'_>) {
        self.dropped += state.dropped;
    }

    fn rtp_in(&mut self, st: &mut Speaker, pkt: &mut RtpPacket<'_>, _: &mut (), cx: &mut Cx<'_>) -> Verdict {
        let Some(level) = pkt.audio_level() else {
            // Nobody knows how loud it is.
            self.unranked += 1;
            return Verdict::Forward;
        };
        st.loudness.hear(cx.now(), level);
        if st.forwarded {
            return Verdict::Forward;
        }
        st.dropped += 1;
        Verdict::Drop
    }

    fn tick(&mut self, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let now = cx.now();
        let mut here: BTreeMap<Room, (Options, Vec<Candidate>)> = BTreeMap::new();
        for (producer, speaker) in rows.iter::<ProducerId>() {
            let room = here.entry(speaker.room.clone()).or_insert_with(|| (speaker.options, Vec::new()));
            if let Some(loudness) = speaker.loudness.at(now) {
                room.1.push(Candidate { producer, loudness });
            }
        }
        self.chosen.retain(|room, _| here.contains_key(room));
        let mut heard: Vec<(Room, Options, Vec<Candidate>)> =
            here.into_iter().map(|(room, (options, candidates))| (room, options, candidates)).collect();
        if self.worker != CHOOSER {
            for (room, options, candidates) in heard {
                let word = Word::Levels { room, worker: self.worker, options, candidates };
                self.tell(word);
            }
            return;
        }
        for (room, options, candidates) in heard.drain(..) {
            self.hear(room, self.worker, options, candidates, now);
        }
        self.choose(rows, cx);
    }

    fn message(&mut self, Message(word): Message, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        match word {
            Word::Levels { room, worker, options, candidates } => {
                if self.worker == CHOOSER {
                    self.hear(room, worker, options, candidates, cx.now());
                }
            }
            Word::Chosen { room, chosen } => {
                if self.worker != CHOOSER {
                    self.apply(room, chosen, rows, cx);
                }
            }
        }
    }

    fn request(
        &mut self,
        Request::Speakers {}: Request,
        at: Target,
        re: Responder,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        let mut rooms: BTreeMap<Room, Value> = BTreeMap::new();
        for (id, speaker) in rows.iter::<ProducerId>() {
            let Some(chosen) = self.chosen.get(&speaker.room) else { continue };
            if cx.view().lineage(id.into()).contains(&at) {
                rooms.entry(speaker.room.clone()).or_insert_with(|| told(&speaker.room, chosen));
            }
        }
        re.ok(json!({ "rooms": rooms.into_values().collect::<Vec<_>>() }));
    }

    fn stats(&self, _: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
        let all = || rows.iter::<ProducerId>().map(|(_, speaker)| speaker);
        out.put_sum("candidates", all().count());
        out.put_sum("forwarded", all().filter(|speaker| speaker.forwarded).count());
        out.put_sum("dropped_packets", self.dropped + all().map(|speaker| speaker.dropped).sum::<u64>());
        out.put_sum("unranked_packets", self.unranked);
    }
}

impl AudioSelector {
    fn tell(&self, word: Word) {
        // Levels are told again soon; of what was chosen the next change is told in full.
        let _ = self.handle.broadcast(Message(word));
    }

    /// On the chooser: takes down how loud a room is on a media thread.
    fn hear(&mut self, room: Room, worker: u8, options: Options, candidates: Vec<Candidate>, now: Instant) {
        let known = self.rooms.entry(room).or_default();
        known.options = options;
        known.told.insert(worker, (now, candidates));
    }

    /// On the chooser: chooses in all rooms.
    fn choose(&mut self, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let now = cx.now();
        let own = self.worker;
        let here: Vec<Room> = rows.iter::<ProducerId>().map(|(_, speaker)| speaker.room.clone()).collect();
        let mut changed = Vec::new();
        self.rooms.retain(|room, known| {
            known.told.retain(|worker, (at, _)| match *worker == own {
                true => here.contains(room),
                false => now.saturating_duration_since(*at) < STALE,
            });
            let candidates: Vec<Candidate> =
                known.told.values().flat_map(|(_, candidates)| candidates.iter().copied()).collect();
            if known.choice.choose(now, &candidates, &known.options) {
                let chosen = Chosen {
                    forwarded: known.choice.forwarded().collect(),
                    speaking: known.choice.speaking().to_vec(),
                };
                changed.push((room.clone(), Arc::new(chosen)));
            }
            !known.told.is_empty()
        });
        for (room, chosen) in changed {
            if self.workers > 1 {
                self.tell(Word::Chosen { room: room.clone(), chosen: chosen.clone() });
            }
            self.apply(room, chosen, rows, cx);
        }
    }

    /// Lets those through who were chosen, and says who speaks.
    fn apply(&mut self, room: Room, chosen: Arc<Chosen>, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let mut router = None;
        rows.for_each(|id: ProducerId, speaker| {
            if speaker.room == room {
                // While places are free there is one for whom the chooser has not heard of yet, too.
                let is_free = chosen.forwarded.len() < usize::from(speaker.options.speakers);
                speaker.forwarded = is_free || chosen.forwarded.contains(&id);
                router = Some(speaker.router);
            }
        });
        let Some(router) = router else { return };
        let spoke = self.chosen.get(&room).map(|before| before.speaking.as_slice()).unwrap_or_default();
        if spoke != chosen.speaking {
            let mut body = told(&room, &chosen);
            body["event"] = "audio-selector.speakers".into();
            cx.notify(router, body);
        }
        self.chosen.insert(room, chosen);
    }
}

fn told(room: &Room, chosen: &Chosen) -> Value {
    json!({ "room": **room, "speakers": chosen.speaking, "forwarded": chosen.forwarded })
}
