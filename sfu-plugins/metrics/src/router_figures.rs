//! Figures of routers, made of those of their transports.
use std::collections::BTreeMap;

use sfu_core::control::{Labels, TransportStats, WorkerStats};
use sfu_core::plugin::RouterId;

use crate::exposition::{Entity, Exposition};
use crate::family::Family;
use crate::labels::LabelText;
use crate::ledger::Ledger;
use crate::settings::LabelName;

/// What belongs to a router.
#[derive(Default)]
struct Router<'s> {
    transports: Vec<&'s TransportStats>,
    producers: usize,
    consumers: usize,
}

/// Adds the figures of each router that has transports.
pub(crate) fn add(stats: &WorkerStats, ledger: &Ledger, names: &[LabelName], out: &mut Exposition) {
    let mut routers: BTreeMap<RouterId, Router<'_>> = BTreeMap::new();
    let mut of_transport = std::collections::HashMap::new();
    for transport in &stats.transports {
        routers.entry(transport.router).or_default().transports.push(transport);
        of_transport.insert(transport.id, transport.router);
    }
    for producer in &stats.producers {
        let router = of_transport.get(&producer.transport).and_then(|router| routers.get_mut(router));
        router.into_iter().for_each(|router| router.producers += 1);
    }
    for consumer in &stats.consumers {
        let router = of_transport.get(&consumer.transport).and_then(|router| routers.get_mut(router));
        router.into_iter().for_each(|router| router.consumers += 1);
    }
    for (id, router) in routers {
        let mut labels = LabelText::new().with("worker", id.worker()).with("router", id);
        for name in names {
            labels = labels.with(name.as_str(), common(&router.transports, name));
        }
        let mut entity = Entity::new(labels.clone());
        let sum = |bitrate: fn(&TransportStats) -> u32| -> u64 {
            router.transports.iter().map(|transport| u64::from(bitrate(transport))).sum()
        };
        for (name, help, value) in [
            ("sfu_router_transports", "Transports of the router now.", router.transports.len() as u64),
            ("sfu_router_producers", "Producers of the router now.", router.producers as u64),
            ("sfu_router_consumers", "Consumers of the router now.", router.consumers as u64),
            (
                "sfu_router_receive_bits_per_second",
                "Bit/s received over the last second, all transports of the router.",
                sum(|transport| transport.receive_bitrate),
            ),
            (
                "sfu_router_send_bits_per_second",
                "Bit/s sent over the last second, all transports of the router.",
                sum(|transport| transport.send_bitrate),
            ),
        ] {
            entity.put(Family::gauge(name, help), value);
        }
        out.add(entity);
        for (direction, medium, sums) in ledger.router(id) {
            let mut entity = Entity::new(labels.clone().with("direction", direction).with("kind", medium));
            for (family, value) in sums.counters("sfu_router") {
                entity.put(family, value);
            }
            out.add(entity);
        }
    }
}

/// The label that all transports have in common; nothing where they differ.
fn common<'s>(transports: &[&'s TransportStats], name: &LabelName) -> &'s str {
    let of = |labels: &'s Labels| labels.get(name.as_str()).unwrap_or_default();
    let mut values = transports.iter().map(|transport| of(&transport.labels));
    let first = values.next().unwrap_or_default();
    if values.all(|value| value == first) { first } else { "" }
}
