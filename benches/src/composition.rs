//! The compositions that are compared, and one run of each.
use sfu_core::plugin::{Composition, PluginSet, Target};
use sfu_core::testing::Build;
use sfu_core::testing::bench_support::MediaPath;

/// Viewers of the one publisher.
pub const VIEWERS: usize = 10;

/// Places where plugins may be asked about a packet: once as it comes in, once for each viewer.
pub const DISPATCH_POINTS: usize = 1 + VIEWERS;

/// Bytes of payload in a packet.
const PAYLOAD: usize = 1000;

/// Packets before the counting begins: stores and histories have then grown to their size.
const WARM_UP: usize = 4096;

/// Packets that are counted.
pub const PACKETS: usize = 4096;

/// Datagrams in a turn of the loop.
const TURN: usize = 8;

mod sets {
    use crate::plugins::*;
    sfu_core::worker! { pub struct None; plugins = []; }
    sfu_core::worker! { pub struct Silent; plugins = [SilentA, SilentB, SilentC, SilentD, SilentE]; }
    sfu_core::worker! { pub struct Empty; plugins = [EmptyA, EmptyB, EmptyC, EmptyD, EmptyE]; }
    sfu_core::worker! { pub struct Count; plugins = [CountA, CountB, CountC, CountD, CountE]; }
    sfu_core::worker! { pub struct CountIngress; plugins = [CountIn]; }
}

/// A composition in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// No plugins.
    None,
    /// Five that override nothing.
    Silent,
    /// Five with empty hooks both ways.
    Empty,
    /// Five that count both ways, all switched off while the worker runs.
    Off,
    /// Every first-party plugin, none switched on.
    FirstParty,
    /// One that counts what comes in.
    CountIn,
    /// Five that count both ways.
    Count,
}

impl Case {
    /// All, the one that the others are compared with first.
    pub const ALL: [Case; 7] =
        [Case::None, Case::Silent, Case::Empty, Case::Off, Case::FirstParty, Case::CountIn, Case::Count];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Case::None => "none",
            Case::Silent => "silent",
            Case::Empty => "empty",
            Case::Off => "off",
            Case::FirstParty => "first-party",
            Case::CountIn => "count-in",
            Case::Count => "count",
        }
    }

    /// How many runs it takes, each with its buffers at other places: how many instructions the C library takes to copy some
    /// bytes depends on where they lie, by three a packet, and the least counts. That matters where next to nothing is allowed.
    pub fn shifts(self) -> usize {
        match self {
            Case::None | Case::Silent | Case::Empty => 4,
            Case::Off | Case::FirstParty | Case::CountIn | Case::Count => 1,
        }
    }

    /// What it is.
    pub fn about(self) -> &'static str {
        match self {
            Case::None => "no plugins",
            Case::Silent => "5 plugins that override nothing",
            Case::Empty => "5 plugins with empty `rtp_in` and `rtp_out`",
            Case::Off => "5 counting plugins, switched off at run time",
            Case::FirstParty => "all first-party plugins, none switched on",
            Case::CountIn => "1 plugin counting on ingress",
            Case::Count => "5 plugins counting both ways",
        }
    }

    /// The most instructions that it may cost a packet over no plugins, if that is promised.
    pub fn bound(self) -> Option<f64> {
        match self {
            Case::None => None,
            Case::Silent | Case::Empty => Some(2.0),
            Case::Off | Case::FirstParty => Some(8.0 * DISPATCH_POINTS as f64),
            Case::CountIn => None,
            Case::Count => Some(8.0 * (5 * DISPATCH_POINTS) as f64),
        }
    }

    /// The case of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|case| case.name() == name)
    }

    /// Forwards packets; panics unless each viewer got each, and each plugin saw what it should have.
    pub fn run(self) {
        let nothing = |_: &str| None;
        match self {
            Case::None => run::<sets::None>(false, nothing),
            Case::Silent => run::<sets::Silent>(false, nothing),
            Case::Empty => run::<sets::Empty>(false, nothing),
            Case::Off => run::<sets::Count>(true, |_| Some((0, 0))),
            Case::FirstParty => run::<crate::first_party::All>(false, nothing),
            Case::CountIn => run::<sets::CountIngress>(false, |_| Some((1, 0))),
            Case::Count => run::<sets::Count>(false, |_| Some((1, VIEWERS as u64))),
        }
    }
}

fn run<C: Composition>(off: bool, seen: impl Fn(&str) -> Option<(u64, u64)>) {
    let mut path = MediaPath::new(Build::composed::<C>(), VIEWERS, PAYLOAD, true);
    let ids: Vec<&str> = C::Plugins::metas().map(|(_, meta, _)| meta.id).collect();
    for id in ids.iter().filter(|_| off) {
        path.bench().disable(id, Target::Worker).expect("plugins can be switched off");
    }
    forward(&mut path, WARM_UP);
    let before: Vec<_> = ids.iter().map(|id| path.bench().stats(id)).collect();
    path.stock(PACKETS);
    crate::counting_begins();
    forward(&mut path, PACKETS);
    for (id, before) in ids.iter().zip(before) {
        let after = path.bench().stats(id);
        let grew = |figure: &str| {
            let of = |stats: &sfu_core::serde_json::Value| stats[figure].as_u64().unwrap_or(0);
            of(&after) - of(&before)
        };
        if let Some((ingress, egress)) = seen(id) {
            assert_eq!(
                (grew("in"), grew("out")),
                (ingress * PACKETS as u64, egress * PACKETS as u64),
                "{id}"
            );
        }
    }
}

fn forward<S: PluginSet>(path: &mut MediaPath<S>, packets: usize) {
    path.stock(packets.saturating_sub(path.in_stock()));
    for _ in 0..packets / TURN {
        let turned = path.turn(TURN);
        assert_eq!(turned.sealed, (TURN * VIEWERS) as u64, "not every viewer got every packet");
    }
}
