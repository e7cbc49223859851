//! What a plugin is told of an entity that opens.
use std::ops::Deref;

use super::view::{
    ConsumerView, DataConsumerView, DataProducerView, ProducerView, RouterView, SessionView, TransportView,
};

/// An entity that a plugin may attach to: all of its view (`info.id`, `info.labels` …), and how it came.
#[derive(Debug, Clone, Copy)]
pub struct Info<V> {
    view: V,
    late: bool,
}

impl<V> Info<V> {
    pub(crate) fn new(view: V, late: bool) -> Self {
        Info { view, late }
    }

    /// Whether the entity was there before the plugin was switched on for it.
    pub fn late(&self) -> bool {
        self.late
    }
}

impl<V> Deref for Info<V> {
    type Target = V;
    fn deref(&self) -> &V {
        &self.view
    }
}

/// A session that opens; fields as in [`SessionView`].
pub type SessionInfo<'a> = Info<SessionView<'a>>;
/// A router that opens; fields as in [`RouterView`].
pub type RouterInfo<'a> = Info<RouterView<'a>>;
/// A transport that opens; fields as in [`TransportView`].
pub type TransportInfo<'a> = Info<TransportView<'a>>;
/// A producer that opens; fields as in [`ProducerView`].
pub type ProducerInfo<'a> = Info<ProducerView<'a>>;
/// A consumer that opens; fields as in [`ConsumerView`].
pub type ConsumerInfo<'a> = Info<ConsumerView<'a>>;
/// A data producer that opens; fields as in [`DataProducerView`].
pub type DataProducerInfo<'a> = Info<DataProducerView<'a>>;
/// A data consumer that opens; fields as in [`DataConsumerView`].
pub type DataConsumerInfo<'a> = Info<DataConsumerView<'a>>;
