//! Names of entities: which media thread owns it, its place there, and how often that place was used.
use std::fmt;
use std::str::FromStr;

/// The untyped form of every id: worker (8 bits), generation (24 bits), index (32 bits).
///
/// An id stays unique until its place was used 2^24 times; a stale id never reaches a newer entity before that.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RawId(u64);

impl RawId {
    /// Puts an id together; `generation` keeps its low 24 bits.
    pub const fn new(worker: u8, index: u32, generation: u32) -> Self {
        RawId(((worker as u64) << 56) | (((generation & 0x00ff_ffff) as u64) << 32) | index as u64)
    }
    /// The media thread that owns the entity.
    #[inline]
    pub const fn worker(self) -> u8 {
        (self.0 >> 56) as u8
    }
    /// The place in that thread's table.
    #[inline]
    pub const fn index(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }
    /// How often the place was used before.
    #[inline]
    pub const fn generation(self) -> u32 {
        ((self.0 >> 32) & 0x00ff_ffff) as u32
    }
}

impl fmt::Display for RawId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.worker(), self.index(), self.generation())
    }
}

impl fmt::Debug for RawId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no id: it is not of the form `worker.index.generation`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("control.id: `{0}` is not an id; ids look like `0.17.1`")]
pub struct ParseIdError(String);

impl FromStr for RawId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let bad = || ParseIdError(text.chars().take(40).collect());
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or_else(bad);
        let (worker, index, generation) = (next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(bad());
        }
        let generation: u32 = generation.parse().map_err(|_| bad())?;
        if generation > 0x00ff_ffff {
            return Err(bad());
        }
        Ok(RawId::new(worker.parse().map_err(|_| bad())?, index.parse().map_err(|_| bad())?, generation))
    }
}

/// The seven kinds of entity a plugin can attach to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// One peer of one signaling crate.
    Session,
    /// A room: what is produced in it can be consumed in it.
    Router,
    /// A network path to one peer.
    Transport,
    /// A media source.
    Producer,
    /// One receiver's copy of a producer.
    Consumer,
    /// A source of data channel messages.
    DataProducer,
    /// One receiver's copy of a data producer.
    DataConsumer,
}

/// What all typed ids have in common.
pub trait EntityId: Copy + Eq + std::hash::Hash + fmt::Debug + 'static {
    /// Wraps an untyped id.
    fn from_raw(raw: RawId) -> Self;
    /// The untyped id.
    fn raw(self) -> RawId;
}

macro_rules! entity_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(RawId);

        impl EntityId for $name {
            #[inline]
            fn from_raw(raw: RawId) -> Self { $name(raw) }
            #[inline]
            fn raw(self) -> RawId { self.0 }
        }
        impl $name {
            /// The media thread that owns it.
            #[inline]
            pub fn worker(self) -> u8 { self.0.worker() }
            /// Its place in that thread's table.
            #[inline]
            pub fn index(self) -> usize { self.0.index() }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> { text.parse().map($name) }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(&self.0) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> { stringify!($name).into() }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": r"^\d+\.\d+\.\d+$" })
            }
        }
    )*};
}

entity_ids! {
    /// Names a session: one peer of one signaling crate.
    SessionId;
    /// Names a router (a room).
    RouterId;
    /// Names a transport.
    TransportId;
    /// Names a producer.
    ProducerId;
    /// Names a consumer.
    ConsumerId;
    /// Names a data producer.
    DataProducerId;
    /// Names a data consumer.
    DataConsumerId;
    /// Names a server whose ports several WebRTC transports share.
    WebRtcServerId;
    /// Names an observer of audio.
    RtpObserverId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form() {
        let id = ProducerId::from_raw(RawId::new(3, 17, 0x00ab_cdef));
        assert_eq!(id.to_string().parse::<ProducerId>().unwrap(), id);
        assert_eq!((id.worker(), id.index(), id.raw().generation()), (3, 17, 0x00ab_cdef));
    }

    #[test]
    fn a_text_that_is_no_id_is_refused() {
        for text in ["", "1", "1.2", "1.2.3.4", "256.0.0", "a.b.c", "0.0.16777216", "-1.0.0"] {
            assert!(text.parse::<RouterId>().is_err(), "{text}");
        }
    }
}
