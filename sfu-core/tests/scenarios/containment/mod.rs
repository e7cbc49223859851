//! What a plugin that misbehaves costs: itself, and nobody else a packet.
mod flood;
mod guard;
mod panic;
mod slow;
