//! How loud producers are, on average over an interval.
use std::collections::BTreeMap;

use crate::control::{AudioLevelObserverOptions, AudioVolume, EventBody, ProducerId};

/// A producer of which fewer packets told their level within an interval is not heard in it.
const MIN_PACKETS: u32 = 10;

/// What was heard of a producer since the interval began.
#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    /// Levels in -dBov, added up.
    sum: u32,
    packets: u32,
}

impl Heard {
    /// The average in dBov, 0 to -127; `None` if too little was heard.
    fn volume(self) -> Option<i8> {
        if self.packets < MIN_PACKETS {
            return None;
        }
        let average = (self.sum + self.packets / 2) / self.packets;
        Some(-i8::try_from(average).unwrap_or(i8::MAX))
    }
}

/// The volumes of the observed producers.
#[derive(Debug)]
pub(crate) struct AudioLevels {
    options: AudioLevelObserverOptions,
    heard: BTreeMap<ProducerId, Heard>,
    /// Nobody was loud enough in the interval before; silence is told when it begins.
    is_silent: bool,
}

impl AudioLevels {
    /// Nobody is observed yet, so it is silent.
    pub(crate) fn new(options: AudioLevelObserverOptions) -> Self {
        AudioLevels { options, heard: BTreeMap::new(), is_silent: true }
    }

    /// Observes a producer.
    pub(crate) fn add(&mut self, producer: ProducerId) {
        self.heard.entry(producer).or_default();
    }

    /// Observes it no more.
    pub(crate) fn remove(&mut self, producer: ProducerId) {
        self.heard.remove(&producer);
    }

    /// Takes the level of one packet, in -dBov.
    pub(crate) fn hear(&mut self, producer: ProducerId, level: u8) {
        if let Some(heard) = self.heard.get_mut(&producer) {
            heard.sum += u32::from(level);
            heard.packets += 1;
        }
    }

    /// The interval is over: what is to be told of it.
    pub(crate) fn end_interval(&mut self) -> Option<EventBody> {
        let mut volumes = Vec::new();
        for (producer, heard) in &mut self.heard {
            let volume = std::mem::take(heard).volume();
            if let Some(volume) = volume.filter(|volume| *volume >= self.options.threshold) {
                volumes.push(AudioVolume { producer: *producer, volume });
            }
        }
        if volumes.is_empty() {
            return self.fall_silent();
        }
        self.is_silent = false;
        volumes.sort_by_key(|heard| std::cmp::Reverse(heard.volume));
        volumes.truncate(usize::from(self.options.max_entries));
        Some(EventBody::AudioLevels(volumes))
    }

    /// Nothing is observed from now on: what was heard so far is forgotten, and it is silent.
    pub(crate) fn pause(&mut self) -> Option<EventBody> {
        self.heard.values_mut().for_each(|heard| *heard = Heard::default());
        self.fall_silent()
    }

    fn fall_silent(&mut self) -> Option<EventBody> {
        (!std::mem::replace(&mut self.is_silent, true)).then_some(EventBody::Silence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{EntityId, RawId};

    fn id(n: u32) -> ProducerId {
        ProducerId::from_raw(RawId::new(0, n, 0))
    }

    fn levels(max_entries: u16, threshold: i8, heard: &[&[u8]]) -> AudioLevels {
        let mut levels =
            AudioLevels::new(AudioLevelObserverOptions { max_entries, threshold, ..Default::default() });
        for (n, own) in (0..).zip(heard) {
            levels.add(id(n));
            own.iter().for_each(|level| levels.hear(id(n), *level));
        }
        levels
    }

    fn volumes(levels: &mut AudioLevels) -> Vec<(ProducerId, i8)> {
        match levels.end_interval() {
            Some(EventBody::AudioLevels(told)) => told.iter().map(|v| (v.producer, v.volume)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn volumes_are_averages_loudest_first() {
        let mixed: Vec<u8> = (0..20).map(|n| if n % 2 == 0 { 30 } else { 41 }).collect();
        let mut levels = levels(5, -80, &[&[50; 10], &mixed, &[20; 50], &[127; 50]]);
        assert_eq!(volumes(&mut levels), [(id(2), -20), (id(1), -36), (id(0), -50)]);
        assert_eq!(levels.end_interval(), Some(EventBody::Silence), "each interval is counted anew");
    }

    #[test]
    fn no_more_than_wanted_are_told() {
        let mut levels = levels(2, -127, &[&[9; 10], &[7; 10], &[8; 10]]);
        assert_eq!(volumes(&mut levels), [(id(1), -7), (id(2), -8)]);
    }

    #[test]
    fn the_threshold_itself_is_loud_enough() {
        assert_eq!(volumes(&mut levels(9, -60, &[&[60; 10], &[61; 10]])), [(id(0), -60)]);
    }

    #[test]
    fn a_producer_of_fewer_than_ten_packets_is_not_heard() {
        assert_eq!(levels(1, -127, &[&[0; 9]]).end_interval(), None);
        assert_eq!(volumes(&mut levels(1, -127, &[&[0; 10]])), [(id(0), 0)]);
    }

    #[test]
    fn silence_is_told_when_it_begins() {
        let mut levels = levels(1, -80, &[&[100; 50]]);
        assert_eq!(levels.end_interval(), None, "it was silent from the beginning");
        (0..10).for_each(|_| levels.hear(id(0), 10));
        assert_eq!(volumes(&mut levels), [(id(0), -10)]);
        assert_eq!(levels.end_interval(), Some(EventBody::Silence));
        assert_eq!(levels.end_interval(), None);
    }

    #[test]
    fn a_pause_is_silent_and_forgets() {
        let mut levels = levels(1, -80, &[&[10; 10]]);
        assert_eq!(levels.pause(), None, "nothing was told yet");
        assert_eq!(levels.end_interval(), None);
        (0..10).for_each(|_| levels.hear(id(0), 10));
        volumes(&mut levels);
        assert_eq!(levels.pause(), Some(EventBody::Silence));
        assert_eq!(levels.pause(), None);
    }

    #[test]
    fn one_that_left_is_not_heard() {
        let mut levels = levels(1, -80, &[&[10; 10]]);
        levels.remove(id(0));
        levels.hear(id(0), 10);
        assert_eq!(levels.end_interval(), None);
    }
}
