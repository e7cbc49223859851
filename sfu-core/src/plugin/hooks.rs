//! Which hooks a plugin overrides.
use std::fmt;

/// A set of hooks; `#[plugin]` computes a plugin's own, and what is not in it is never called, nor checked for.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Hooks(u64);

macro_rules! hook_table {
    ($($CONST:ident $name:literal;)*) => {
        /// Places of the hooks in the bit set.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Bit { $($CONST),* }

        impl Hooks {
            $(
                #[doc = concat!("The hook `", $name, "`.")]
                pub const $CONST: Hooks = Hooks(1 << Bit::$CONST as u32);
            )*
            /// The names of all hooks, in the order of their bits.
            pub const NAMES: &'static [&'static str] = &[$($name),*];
        }
    };
}

// `plugin-macros/src/hook_table.rs` holds the same names with their signatures; a test compares the two.
hook_table! {
    SHARED "shared";
    NEW "new";
    RECONFIGURE "reconfigure";
    STOP "stop";
    SESSION_OPENED "session_opened";
    SESSION_EVENT "session_event";
    SESSION_CLOSED "session_closed";
    ROUTER_OPENED "router_opened";
    ROUTER_EVENT "router_event";
    ROUTER_CLOSED "router_closed";
    TRANSPORT_OPENED "transport_opened";
    TRANSPORT_EVENT "transport_event";
    TRANSPORT_CLOSED "transport_closed";
    PRODUCER_OPENED "producer_opened";
    PRODUCER_EVENT "producer_event";
    PRODUCER_CLOSED "producer_closed";
    CONSUMER_OPENED "consumer_opened";
    CONSUMER_EVENT "consumer_event";
    CONSUMER_CLOSED "consumer_closed";
    DATA_PRODUCER_OPENED "data_producer_opened";
    DATA_PRODUCER_EVENT "data_producer_event";
    DATA_PRODUCER_CLOSED "data_producer_closed";
    DATA_CONSUMER_OPENED "data_consumer_opened";
    DATA_CONSUMER_EVENT "data_consumer_event";
    DATA_CONSUMER_CLOSED "data_consumer_closed";
    RTP_IN "rtp_in";
    RTP_OUT "rtp_out";
    RTCP_IN "rtcp_in";
    RTCP_OUT "rtcp_out";
    DATA_IN "data_in";
    DATA_OUT "data_out";
    DATA_READY "data_ready";
    REQUEST "request";
    SERVE "serve";
    MESSAGE "message";
    DONE "done";
    EVENT "event";
    TICK "tick";
    STATS "stats";
}

impl Hooks {
    /// No hook.
    pub const NONE: Hooks = Hooks(0);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Hooks) -> Hooks {
        Hooks(self.0 | other.0)
    }

    /// Whether all of `other` is in this set.
    #[inline]
    pub const fn contains(self, other: Hooks) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in this set.
    #[inline]
    pub const fn intersects(self, other: Hooks) -> bool {
        self.0 & other.0 != 0
    }

    /// The names of the hooks in this set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| *name)
    }
}

impl fmt::Display for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.names().enumerate() {
            write!(f, "{}{name}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hooks({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_macros_know_exactly_these_hooks() {
        assert_eq!(sfu_plugin_macros::__hook_names!(), Hooks::NAMES);
    }

    #[test]
    fn a_set_names_its_hooks() {
        let hooks = Hooks::RTP_IN.with(Hooks::TICK);
        assert_eq!(hooks.to_string(), "rtp_in, tick");
        assert!(hooks.contains(Hooks::TICK) && !hooks.contains(Hooks::RTP_OUT));
    }
}
