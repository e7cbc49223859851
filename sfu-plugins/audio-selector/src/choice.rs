//! Who is forwarded.
use std::time::Instant;

use sfu_core::plugin::ProducerId;

use crate::settings::Options;

/// Somebody who might be forwarded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) producer: ProducerId,
    pub(crate) loudness: f32,
}

/// Who holds a place, and since when.
#[derive(Debug, Clone, Copy)]
struct Holder {
    producer: ProducerId,
    since: Instant,
}

/// The choice in one room.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    holders: Vec<Holder>,
    speaking: Vec<ProducerId>,
}

impl Choice {
    /// Chooses anew; whether anything is otherwise now.
    ///
    /// Places that are free are given away, to the loudest first, also to silent ones: so that of who begins to speak not even the
    /// first syllable is lost while there is room. Then who speaks may take the place of the quietest who has held it long
    /// enough, or is silent.
    pub(crate) fn choose(&mut self, now: Instant, candidates: &[Candidate], options: &Options) -> bool {
        let before: Vec<ProducerId> = self.forwarded().collect();
        let loudness =
            |id: ProducerId| candidates.iter().find(|one| one.producer == id).map(|one| one.loudness);
        self.holders.retain(|holder| loudness(holder.producer).is_some());
        self.holders.truncate(options.speakers.into());
        let mut others: Vec<&Candidate> = candidates.iter().filter(|one| !self.holds(one.producer)).collect();
        others.sort_by(|a, b| b.loudness.total_cmp(&a.loudness));
        let mut others = others.into_iter().peekable();
        while self.holders.len() < usize::from(options.speakers)
            && let Some(next) = others.next()
        {
            self.holders.push(Holder { producer: next.producer, since: now });
        }
        for challenger in others.take_while(|one| one.loudness >= options.loudness()) {
            let replaceable = self.holders.iter_mut().filter_map(|holder| {
                let loud = loudness(holder.producer)?;
                let held = now.saturating_duration_since(holder.since) >= options.hold();
                (held || loud < options.loudness()).then_some((loud, holder))
            });
            let Some((loud, quietest)) = replaceable.min_by(|a, b| a.0.total_cmp(&b.0)) else { break };
            if challenger.loudness < loud + f32::from(options.margin) {
                break;
            }
            *quietest = Holder { producer: challenger.producer, since: now };
        }
        let mut speaking: Vec<(f32, ProducerId)> =
            self.forwarded().filter_map(|id| Some((loudness(id)?, id))).collect();
        speaking.retain(|(loud, _)| *loud >= options.loudness());
        speaking.sort_by(|a, b| b.0.total_cmp(&a.0));
        let changed = self.lead(speaking, options);
        changed || !self.forwarded().eq(before)
    }

    /// Who speaks, the dominant one first: another one has to be louder by the margin to become that.
    fn lead(&mut self, mut speaking: Vec<(f32, ProducerId)>, options: &Options) -> bool {
        let leader = self.speaking.first().copied();
        if let Some(place) = speaking.iter().position(|(_, id)| Some(*id) == leader)
            && let (Some(loudest), Some(led)) = (speaking.first(), speaking.get(place))
            && loudest.0 < led.0 + f32::from(options.margin)
        {
            let leader = speaking.remove(place);
            speaking.insert(0, leader);
        }
        let now: Vec<ProducerId> = speaking.into_iter().map(|(_, id)| id).collect();
        let mut before = self.speaking.clone();
        let mut after = now.clone();
        let is_led_by_another = before.first() != after.first();
        before.sort_unstable();
        after.sort_unstable();
        self.speaking = now;
        is_led_by_another || before != after
    }

    fn holds(&self, producer: ProducerId) -> bool {
        self.holders.iter().any(|holder| holder.producer == producer)
    }

    /// Who is forwarded.
    pub(crate) fn forwarded(&self) -> impl Iterator<Item = ProducerId> + '_ {
        self.holders.iter().map(|holder| holder.producer)
    }

    /// Who of them speaks, the dominant one first.
    pub(crate) fn speaking(&self) -> &[ProducerId] {
        &self.speaking
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const OPTIONS: Options = Options { speakers: 2, threshold: -50, margin: 6, hold_ms: 2000 };

    fn id(number: u32) -> ProducerId {
        format!("0.{number}.0").parse().expect("an id")
    }

    /// Chooses among producers 1, 2, 3 … with these loudnesses; who is forwarded.
    fn choose(choice: &mut Choice, at: Instant, loudness: &[f32]) -> Vec<ProducerId> {
        let candidates: Vec<Candidate> = (1..)
            .zip(loudness)
            .map(|(number, loudness)| Candidate { producer: id(number), loudness: *loudness })
            .collect();
        choice.choose(at, &candidates, &OPTIONS);
        let mut forwarded: Vec<ProducerId> = choice.forwarded().collect();
        forwarded.sort_unstable();
        forwarded
    }

    #[test]
    fn free_places_are_given_to_silent_ones_too() {
        let mut choice = Choice::default();
        assert_eq!(choose(&mut choice, Instant::now(), &[0.0]), [id(1)]);
        assert_eq!(choose(&mut choice, Instant::now(), &[0.0, 0.0, 0.0]).len(), 2);
        assert_eq!(choice.speaking(), []);
    }

    #[test]
    fn who_speaks_takes_the_place_of_a_silent_one_at_once() {
        let (mut choice, now) = (Choice::default(), Instant::now());
        assert_eq!(choose(&mut choice, now, &[90.0, 10.0, 5.0]), [id(1), id(2)]);
        assert_eq!(choose(&mut choice, now, &[90.0, 10.0, 85.0]), [id(1), id(3)]);
        assert_eq!(choice.speaking(), [id(1), id(3)]);
    }

    #[test]
    fn a_speaker_keeps_the_place_for_a_while_and_against_who_is_hardly_louder() {
        let (mut choice, now) = (Choice::default(), Instant::now());
        let later = now + Duration::from_secs(3);
        assert_eq!(choose(&mut choice, now, &[90.0, 85.0, 0.0]), [id(1), id(2)]);
        assert_eq!(choose(&mut choice, now, &[90.0, 85.0, 120.0]), [id(1), id(2)], "it was just given");
        assert_eq!(choose(&mut choice, later, &[90.0, 85.0, 90.0]), [id(1), id(2)], "5 dB are not 6");
        assert_eq!(choose(&mut choice, later, &[90.0, 85.0, 92.0]), [id(1), id(3)]);
    }

    #[test]
    fn who_is_gone_makes_room() {
        let (mut choice, now) = (Choice::default(), Instant::now());
        assert_eq!(choose(&mut choice, now, &[90.0, 85.0, 80.0]), [id(1), id(2)]);
        let left =
            [Candidate { producer: id(3), loudness: 80.0 }, Candidate { producer: id(1), loudness: 90.0 }];
        assert!(choice.choose(now, &left, &OPTIONS));
        assert!(choice.forwarded().eq([id(1), id(3)]));
    }

    #[test]
    fn two_who_are_equally_loud_do_not_take_turns_in_leading() {
        let (mut choice, now) = (Choice::default(), Instant::now());
        choose(&mut choice, now, &[90.0, 89.0]);
        for turn in 0..10 {
            let (a, b) = if turn % 2 == 0 { (88.0, 92.0) } else { (92.0, 88.0) };
            choose(&mut choice, now, &[a, b]);
            assert_eq!(choice.speaking().first(), Some(&id(1)));
        }
        choose(&mut choice, now, &[80.0, 92.0]);
        assert_eq!(choice.speaking().first(), Some(&id(2)));
    }
}
