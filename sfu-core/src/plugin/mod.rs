//! The plugin API.
//!
//! A plugin is a type with `#[plugin(id = "…")] impl Plugin for X`; `worker!` lists the plugins of a worker.
mod attach;
mod check;
mod commands;
mod compose;
mod composition;
mod config;
mod costs;
mod cx;
mod data;
mod enabling;
mod error;
mod faults;
mod hooks;
mod info;
mod kind;
mod kind_event;
pub(crate) mod list;
mod meta;
mod no_config;
mod offload;
mod outcomes;
mod packet;
mod plugin_trait;
mod plugins;
#[doc(hidden)]
pub mod private;
mod registry;
mod responder;
mod rows;
mod serving;
mod settling;
mod slot;
mod standing;
mod start;
mod stats;
mod switching;
mod tables;
mod verdict;
mod view;
pub(crate) mod waited;

pub use attach::{Attach, Refusal};
pub use commands::{CommandLimits, Full, NewRtp, SessionPush};
pub use compose::{Cons, Nil, PluginSet};
pub use composition::Composition;
pub use config::PluginSettings;
pub use cx::{Cx, ToConsumer, ToDataConsumer, ToDataProducer, ToProducer, ToTransport};
pub use data::{DataMessage, MAX_RECIPIENTS, Recipients, ppid};
pub use error::Error;
pub use faults::FaultPolicy;
pub(crate) use faults::drop_contained;
pub use hooks::Hooks;
pub use info::{
    ConsumerInfo, DataConsumerInfo, DataProducerInfo, Info, ProducerInfo, RouterInfo, SessionInfo,
    TransportInfo,
};
pub use kind::Kind;
pub use kind_event::{
    ConsumerEvent, DataConsumerEvent, DataProducerEvent, ProducerEvent, RouterEvent, SessionEvent,
    TransportEvent,
};
pub use meta::{Meta, OnPanic};
pub use no_config::{NoConfig, NoMessage};
pub use offload::Offload;
pub use packet::{
    AudioLevel, Codec, ExtensionKind, MediaKind, PacketError, RtcpPacket, RtpPacket, VideoOrientation, rtcp,
};
pub use plugin_trait::Plugin;
pub use registry::Description;
pub use responder::{Answer, CODE_DROPPED, CODE_MALFORMED, Responder};
pub use rows::Rows;
pub use start::{MAILBOX, PluginHandle, Spawner, Start};
pub use stats::{Figure, Stats};
pub use verdict::Verdict;
pub use view::{
    ConsumerView, DataConsumerView, DataProducerView, Lineage, ProducerView, RouterView, SenderClock,
    SessionView, TransportKind, TransportView, View,
};

pub use crate::control::{
    ConsumerId, DataConsumerId, DataProducerId, Event, ProducerId, Reply, RouterId, SessionId, Target,
    TransportId,
};
pub use sfu_plugin_macros::{config, plugin, request};

#[doc(hidden)]
pub use private as __private;

pub(crate) use stats::merge_figures;

pub(crate) use {
    commands::{NewRtpHeader, QueuedCommand},
    compose::{Below, Mode, Past, Refused, Timed, Timing, TurnTimer, Untimed},
    outcomes::OutcomeSender,
    plugins::{Moment, PluginLimits, Plugins},
    serving::Serving,
    slot::PluginSlot,
    start::Launch,
    view::ViewSource,
};

#[cfg(test)]
pub(crate) use {settling::Settled, view::NoView};

#[cfg(test)]
mod tests;
