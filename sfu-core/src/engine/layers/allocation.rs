//! How the bandwidth of a transport is shared among its consumers, layer by layer.

use arrayvec::ArrayVec;

use super::layer::Layer;
use crate::control::ConsumerId;
use crate::rtp::codec::{MAX_SPATIAL_LAYERS, MAX_TEMPORAL_LAYERS};

/// Steps that one consumer may have.
const MAX_RUNGS: usize = 8 * (MAX_SPATIAL_LAYERS as usize) * (MAX_TEMPORAL_LAYERS as usize) / 4;

/// An upgrade has to leave a tenth of the estimate free, so that it does not end in a downgrade at once.
const UPGRADE_SHARE: (u64, u64) = (9, 10);

/// A layer that a consumer might get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rung {
    /// The layer.
    pub(crate) layer: Layer,
    /// What it takes, bit/s, the layers that it needs included; 0 if not known yet.
    pub(crate) bitrate: u32,
}

/// What a consumer might get, and what it gets.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// The consumer.
    pub(crate) consumer: ConsumerId,
    /// Steps it may take while others take one.
    pub(crate) priority: u8,
    /// From the lowest to the highest that it wants.
    pub(crate) rungs: ArrayVec<Rung, MAX_RUNGS>,
    /// What it has now.
    pub(crate) present: Option<Layer>,
    /// It may not go above the spatial layer that it has now.
    pub(crate) held: bool,
    chosen: usize,
}

impl Wish {
    /// A wish that nothing was granted of.
    pub(crate) fn new(consumer: ConsumerId, priority: u8, present: Option<Layer>, held: bool) -> Self {
        Wish { consumer, priority: priority.max(1), rungs: ArrayVec::new(), present, held, chosen: 0 }
    }

    /// Adds the next higher layer.
    pub(crate) fn offer(&mut self, layer: Layer, bitrate: u32) {
        // More steps than any mode has are not told apart.
        let _ = self.rungs.try_push(Rung { layer, bitrate });
    }

    /// The lowest spatial layer that it might get.
    pub(crate) fn lowest_spatial(&self) -> u8 {
        self.rungs.first().map_or(0, |rung| rung.layer.spatial)
    }

    /// What it gets.
    pub(crate) fn granted(&self) -> Option<Rung> {
        self.rungs.get(self.chosen).copied()
    }

    /// What it would take to get all that it wants.
    pub(crate) fn desired(&self) -> u32 {
        self.rungs.iter().map(|rung| rung.bitrate).max().unwrap_or(0)
    }

    /// Takes the next step that fits: the bits that it takes more, or nothing.
    fn climb(&mut self, spent: u64, available: u64) -> Option<i64> {
        let now = self.granted()?;
        let present = self.present.unwrap_or_default();
        // A layer of which nothing is known is passed over, unless it is sent already.
        let is_known =
            |rung: &Rung| rung.bitrate > 0 || self.present.is_some_and(|present| rung.layer <= present);
        let next =
            (self.chosen + 1..self.rungs.len()).find(|index| self.rungs.get(*index).is_some_and(is_known))?;
        let rung = *self.rungs.get(next)?;
        if self.held && self.present.is_some() && rung.layer.spatial > present.spatial {
            return None;
        }
        let more = i64::from(rung.bitrate) - i64::from(now.bitrate);
        let share = match rung.layer > present {
            true => available * UPGRADE_SHARE.0 / UPGRADE_SHARE.1,
            false => available,
        };
        if more > 0 && spent.saturating_add(more as u64) > share {
            return None;
        }
        self.chosen = next;
        Some(more)
    }
}

/// Chooses for all. Everybody gets the lowest layer, whatever it takes; then the rest of `available` bit/s is given out step by step,
/// those of higher priority first. Without an estimate everybody gets all.
pub(crate) fn distribute(available: Option<u32>, wishes: &mut [Wish]) {
    let Some(available) = available else {
        for wish in wishes {
            wish.chosen = wish.rungs.len().saturating_sub(1);
        }
        return;
    };
    wishes.sort_by_key(|wish| std::cmp::Reverse(wish.priority));
    let available = u64::from(available);
    let mut spent: u64 = 0;
    for wish in wishes.iter_mut() {
        wish.chosen = 0;
        spent += wish.granted().map_or(0, |rung| u64::from(rung.bitrate));
    }
    loop {
        let mut progress = false;
        for wish in wishes.iter_mut() {
            for _ in 0..wish.priority {
                let Some(more) = wish.climb(spent, available) else { break };
                spent = spent.saturating_add_signed(more);
                progress = true;
            }
        }
        if !progress {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{EntityId, RawId};
    use proptest::prelude::*;

    fn wish(number: u32, priority: u8, rates: &[u32]) -> Wish {
        let mut wish = Wish::new(ConsumerId::from_raw(RawId::new(0, number, 0)), priority, None, false);
        for (index, rate) in rates.iter().enumerate() {
            wish.offer(Layer::new(index as u8, 0), *rate);
        }
        wish
    }

    fn granted(wishes: &[Wish]) -> Vec<(usize, u8)> {
        let mut all: Vec<_> = wishes
            .iter()
            .map(|wish| (wish.consumer.index(), wish.granted().unwrap().layer.spatial))
            .collect();
        all.sort();
        all
    }

    #[test]
    fn without_an_estimate_everybody_gets_all() {
        let mut wishes = [wish(0, 1, &[100, 0, 0]), wish(1, 1, &[100])];
        distribute(None, &mut wishes);
        assert_eq!(granted(&wishes), [(0, 2), (1, 0)]);
    }

    #[test]
    fn everybody_gets_the_lowest_layer_before_anybody_gets_more() {
        let rates = &[100, 300, 900];
        let mut wishes = [wish(0, 1, rates), wish(1, 1, rates), wish(2, 1, rates)];
        distribute(Some(50), &mut wishes);
        assert_eq!(granted(&wishes), [(0, 0), (1, 0), (2, 0)]);
        distribute(Some(600), &mut wishes);
        assert_eq!(granted(&wishes), [(0, 1), (1, 0), (2, 0)]);
        distribute(Some(1_000), &mut wishes);
        assert_eq!(granted(&wishes), [(0, 1), (1, 1), (2, 1)]);
        distribute(Some(3_000), &mut wishes);
        assert_eq!(granted(&wishes), [(0, 2), (1, 2), (2, 2)]);
    }

    #[test]
    fn higher_priority_climbs_first() {
        let rates = &[100, 300, 900];
        let mut wishes = [wish(0, 1, rates), wish(1, 10, rates)];
        distribute(Some(1_200), &mut wishes);
        assert_eq!(granted(&wishes), [(0, 0), (1, 2)]);
    }

    #[test]
    fn what_one_has_may_be_kept_where_it_could_not_be_taken() {
        let mut up = [wish(0, 1, &[100, 300])];
        distribute(Some(310), &mut up);
        assert_eq!(granted(&up), [(0, 0)]);
        let mut keep = [wish(0, 1, &[100, 300])];
        keep[0].present = Some(Layer::new(1, 0));
        distribute(Some(310), &mut keep);
        assert_eq!(granted(&keep), [(0, 1)]);
    }

    #[test]
    fn after_a_downgrade_no_higher_spatial_layer_is_taken() {
        let mut wishes = [wish(0, 1, &[100, 300])];
        (wishes[0].present, wishes[0].held) = (Some(Layer::new(0, 0)), true);
        distribute(Some(1_000_000), &mut wishes);
        assert_eq!(granted(&wishes), [(0, 0)]);
    }

    #[test]
    fn layers_of_unknown_rate_wait_until_it_is_known() {
        let mut wishes = [wish(0, 1, &[0, 0, 500])];
        distribute(Some(400), &mut wishes);
        assert_eq!(granted(&wishes), [(0, 0)]);
        distribute(Some(600), &mut wishes);
        assert_eq!(granted(&wishes), [(0, 2)]);
    }

    #[test]
    fn what_is_sent_already_is_kept_while_its_rate_is_not_known() {
        let mut wishes = [wish(0, 1, &[0, 0, 0])];
        wishes[0].present = Some(Layer::new(1, 0));
        distribute(Some(400), &mut wishes);
        assert_eq!(granted(&wishes), [(0, 1)]);
    }

    proptest! {
        #[test]
        fn no_more_is_given_out_than_there_is(
            available in 0u32..10_000_000,
            ladders in proptest::collection::vec((1u8..=255, proptest::collection::vec(0u32..4_000_000, 1..9)), 1..12),
        ) {
            let mut wishes: Vec<Wish> = ladders.iter().enumerate().map(|(n, (priority, rates))| wish(n as u32, *priority, rates)).collect();
            distribute(Some(available), &mut wishes);
            let lowest: u64 = ladders.iter().map(|(_, rates)| u64::from(rates[0])).sum();
            let spent: u64 = wishes.iter().map(|wish| u64::from(wish.granted().unwrap().bitrate)).sum();
            prop_assert!(spent <= lowest.max(u64::from(available)), "{spent} of {available}");
        }
    }
}
