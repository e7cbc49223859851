//! Who has the floor: dominant speaker identification after Volfin and Cohen (2013, §4), from the levels that packets carry
//! (RFC 6464).
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::speech::{Activity, Speech};
use crate::control::{EventBody, ProducerId};

/// How far the logarithm of a rival's score must be above the dominant speaker's to take the floor: over the last 20 ms, 100 ms and
/// second (C1, C2, C3 of the paper).
const MARGIN: [f64; 3] = [3.0, 2.0, 0.0];
/// Silence after which the level of a speaker is taken for zero.
const LEVEL_IDLE: Duration = Duration::from_millis(40);
/// Silence after which a speaker is no rival any more before being heard again.
const SPEAKER_IDLE: Duration = Duration::from_secs(60 * 60);

#[derive(Debug)]
struct Speaker {
    speech: Speech,
    is_paused: bool,
}

/// The observed speakers, and who of them has the floor.
#[derive(Debug, Default)]
pub(crate) struct ActiveSpeakers {
    speakers: BTreeMap<ProducerId, Speaker>,
    dominant: Option<ProducerId>,
}

impl ActiveSpeakers {
    /// Observes a producer; false if it is observed already.
    pub(crate) fn add(&mut self, now: Instant, producer: ProducerId, is_paused: bool) -> bool {
        if self.speakers.contains_key(&producer) {
            return false;
        }
        self.speakers.insert(producer, Speaker { speech: Speech::new(now), is_paused });
        true
    }

    /// Observes it no more; true if it had the floor, which then is somebody else's.
    pub(crate) fn remove(&mut self, producer: ProducerId) -> bool {
        self.speakers.remove(&producer);
        if self.dominant != Some(producer) {
            return false;
        }
        self.dominant = None;
        true
    }

    /// A paused producer can't take the floor. One that has it keeps it until another speaks.
    pub(crate) fn set_paused(&mut self, producer: ProducerId, is_paused: bool) {
        if let Some(speaker) = self.speakers.get_mut(&producer) {
            speaker.is_paused = is_paused;
        }
    }

    /// Takes the level of one packet, in -dBov.
    pub(crate) fn hear(&mut self, now: Instant, producer: ProducerId, level: u8) {
        if let Some(speaker) = self.speakers.get_mut(&producer) {
            speaker.speech.hear(now, 127 - level.min(127));
        }
    }

    /// Decides who has the floor; what is to be told if that is another.
    pub(crate) fn decide(&mut self, now: Instant) -> Option<EventBody> {
        for speaker in self.speakers.values_mut() {
            if speaker.speech.quiet_for(now) > LEVEL_IDLE && speaker.speech.quiet_for(now) <= SPEAKER_IDLE {
                speaker.speech.fade(now);
            }
        }
        let winner = match self.dominant.and_then(|id| self.speakers.get(&id)) {
            Some(speaker) => self.rival(now, speaker.speech.activity()),
            // Somebody always has it: whoever it is, whoever speaks takes it from them.
            None => {
                let (first, speaker) = self.speakers.iter().find(|(_, speaker)| !speaker.is_paused)?;
                self.rival(now, speaker.speech.activity()).or(Some(*first))
            }
        }?;
        self.dominant = Some(winner);
        Some(EventBody::DominantSpeaker(winner))
    }

    /// The one who speaks more than the dominant speaker by all margins, and most over the last 100 ms.
    fn rival(&self, now: Instant, dominant: Activity) -> Option<ProducerId> {
        let [_, mut best, _] = MARGIN;
        let mut winner = None;
        for (id, speaker) in &self.speakers {
            if Some(*id) == self.dominant || speaker.is_paused || speaker.speech.quiet_for(now) > SPEAKER_IDLE
            {
                continue;
            }
            let activity = speaker.speech.activity();
            let ratio = |span: usize| {
                let of = |activity: &Activity| activity.0.get(span).map_or(0.0, |score| score.ln());
                of(&activity) - of(&dominant)
            };
            let is_above = (0..).zip(MARGIN).all(|(span, margin)| ratio(span) > margin);
            if is_above && ratio(1) > best {
                best = ratio(1);
                winner = Some(*id);
            }
        }
        winner
    }
}
