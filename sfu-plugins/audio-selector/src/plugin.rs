//! The hooks.
use std::collections::BTreeMap;
use std::sync::Arc;

use sfu_core::control::MediaKind;
use sfu_core::plugin::{
    Attach, Cx, Error, NoConfig, Plugin, PluginHandle, ProducerId, ProducerInfo, Responder, RouterId, Rows,
    RtpPacket, Start, Stats, Target, Verdict, plugin,
};
use sfu_core::serde_json::{Value, json};

use crate::choice::Candidate;
use crate::chooser::{Chooser, Chosen, Levels, Room};
use crate::loudness::Loudness;
use crate::settings::{Options, Request};

/// The instance that chooses for all of them.
const CHOOSER: u8 = 0;

/// Forwards the loudest speakers of a room, and says who speaks.
pub struct AudioSelector {
    handle: PluginHandle<Message>,
    worker: u8,
    workers: u8,
    chooser: Chooser,
    /// What was chosen last in rooms of this media thread.
    chosen: BTreeMap<Room, Arc<Chosen>>,
    dropped: u64,
    unranked: u64,
}

/// What instances tell each other.
#[derive(Debug, Clone)]
pub struct Message(Word);

#[derive(Debug, Clone)]
enum Word {
    /// How loud a room is on a media thread.
    Levels { room: Room, levels: Levels },
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
            chooser: Chooser::default(),
            chosen: BTreeMap::new(),
            dropped: 0,
            unranked: 0,
        })
    }

    fn producer_opened(
        &mut self,
        info: &ProducerInfo<'_>,
        options: &Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Speaker> {
        if info.kind != MediaKind::Audio {
            return Attach::Off;
        }
        // A room may be on several media threads.
        let router = cx.view().known_router(info.router);
        let room = info.labels.get("room").map_or_else(|| router.to_string(), str::to_owned);
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
        let mut here: BTreeMap<Room, Levels> = BTreeMap::new();
        for (producer, speaker) in rows.iter::<ProducerId>() {
            let levels = here.entry(speaker.room.clone()).or_insert_with(|| Levels {
                worker: self.worker,
                options: speaker.options,
                candidates: Vec::new(),
            });
            if let Some(loudness) = speaker.loudness.at(now) {
                levels.candidates.push(Candidate { producer, loudness });
            }
        }
        self.chosen.retain(|room, _| here.contains_key(room));
        if self.worker != CHOOSER {
            for (room, levels) in here {
                self.tell(Word::Levels { room, levels });
            }
            return;
        }
        self.chooser.forget_others(self.worker, |room| here.contains_key(room));
        for (room, levels) in here {
            self.chooser.hear(now, room, levels);
        }
        for (room, chosen) in self.chooser.choose(now) {
            if self.workers > 1 {
                self.tell(Word::Chosen { room: room.clone(), chosen: chosen.clone() });
            }
            self.apply(room, chosen, rows, cx);
        }
    }

    fn message(&mut self, Message(word): Message, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        match word {
            Word::Levels { room, levels } if self.worker == CHOOSER => {
                self.chooser.hear(cx.now(), room, levels);
            }
            Word::Chosen { room, chosen } if self.worker != CHOOSER => self.apply(room, chosen, rows, cx),
            // What an instance tells all others it has heard itself.
            Word::Levels { .. } | Word::Chosen { .. } => {}
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
            if cx.view().is_below(id, at) {
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
        // What a full mailbox refuses is told again: levels at the next tick, what was chosen within a second.
        let _ = self.handle.broadcast(Message(word));
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
