//! The hook in Lua 5.4, which is given numbers, or the bytes of a packet, too.
use mlua::{Function, Lua};

use crate::native::Hook;
use crate::packet::{Counts, Packet, Verdict};

/// An interpreter with the hook in it.
pub struct Script {
    lua: Lua,
    rtp_in: Function,
    with_bytes: bool,
}

impl Script {
    /// Loads the source that lies beside this file; `with_bytes` copies each payload into a string.
    pub fn load(with_bytes: bool) -> mlua::Result<Self> {
        let lua = Lua::new();
        lua.load(include_str!("counting.lua")).exec()?;
        let rtp_in = lua.globals().get(if with_bytes { "rtp_in_bytes" } else { "rtp_in" })?;
        Ok(Script { lua, rtp_in, with_bytes })
    }
}

impl Hook for Script {
    fn rtp_in(&mut self, packet: &Packet<'_>) -> Verdict {
        let (number, timestamp) = (packet.sequence_number, packet.timestamp);
        let goes_on = if self.with_bytes {
            let payload = self.lua.create_string(packet.payload());
            payload.and_then(|payload| self.rtp_in.call::<bool>((number, timestamp, payload)))
        } else {
            self.rtp_in.call::<bool>((number, timestamp, packet.payload().len()))
        };
        match goes_on {
            Ok(false) => Verdict::Drop,
            Ok(true) | Err(_) => Verdict::Forward,
        }
    }

    fn counts(&self) -> Counts {
        let counts = self.lua.globals().get::<Function>("counts").and_then(|counts| counts.call(()));
        let (packets, bytes, dropped) = counts.unwrap_or_default();
        Counts { packets, bytes, dropped }
    }
}
