/// Where the values of samples come from. The same number gives the same values.
pub(crate) struct Seed {
    state: u64,
    filling: Filling,
    turn: usize,
    depth: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Filling {
    /// Nothing that may be absent, and zeroes.
    Empty,
    /// Everything.
    Full,
    Random,
}

impl Seed {
    /// Of any six in a row one has nothing that may be absent and one has everything, and unions go through
    /// all their members one after the other.
    pub(crate) fn new(number: u64) -> Self {
        let filling = match number % 6 {
            0 => Filling::Empty,
            1 => Filling::Full,
            _ => Filling::Random,
        };
        // Those that have nothing don't take a turn.
        let turn = (number - number / 6) as usize;
        Self { state: number, filling, turn, depth: 0 }
    }

    /// SplitMix64.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// The bits of a number, zero and the greatest more often than chance has it.
    pub(crate) fn number(&mut self) -> u64 {
        match (self.filling, self.bits() % 4) {
            (Filling::Empty, _) | (Filling::Random, 0) => 0,
            (_, 1) => u64::MAX,
            _ => self.bits(),
        }
    }

    pub(crate) fn below(&mut self, count: usize) -> usize {
        match self.filling {
            Filling::Empty => 0,
            _ => (self.bits() % count as u64) as usize,
        }
    }

    pub(crate) fn is_present(&mut self) -> bool {
        match self.filling {
            Filling::Empty => false,
            Filling::Full => true,
            Filling::Random => self.bits().is_multiple_of(2),
        }
    }

    /// Whether a union is there that may be absent.
    pub(crate) fn has_union(&self) -> bool {
        self.filling != Filling::Empty
    }

    /// How many elements a vector has.
    pub(crate) fn length(&mut self) -> usize {
        match self.filling {
            Filling::Empty => 0,
            Filling::Full => 2,
            Filling::Random => (self.bits() % 4) as usize,
        }
    }

    /// The next member of a union; the first one deep inside, where statistics hold statistics.
    pub(crate) fn variant(&mut self, count: usize) -> usize {
        self.turn += 1;
        if self.depth > 4 { 0 } else { (self.turn - 1) % count }
    }

    /// One level further inside.
    pub(crate) fn inside<T>(&mut self, sample: impl FnOnce(&mut Self) -> T) -> T {
        self.depth += 1;
        let value = sample(self);
        self.depth -= 1;
        value
    }
}
