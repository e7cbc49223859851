use sfu_core::control::{Command, Labels, Reply};

use super::Desk;
use super::detail::Detail;
use super::lookup::{unexpected, wrong_handler};
use super::perform::Answer;
use crate::registry::{Entity, Entry, Key, Kind};
use crate::schema::v3_27::common::{StringString, StringStringArray};
use crate::schema::v3_27::request::Method;
use crate::schema::v3_27::response::Body;
use crate::schema::v3_27::router::DumpResponse;

impl Desk {
    pub(super) async fn create_router(&mut self, id: &str, method: Method) -> Answer {
        self.check_free(id, method)?;
        let labels = Labels::new().with("router", id);
        let router = match self.control.command(Command::CreateRouter { labels }).await? {
            Reply::Router(router) => router,
            other => return Err(unexpected(&other)),
        };
        self.enter(id, Entity::Router(router), Detail::Nothing, None, method)?;
        Ok(None)
    }

    pub(super) async fn close_router(&mut self, id: &str, method: Method) -> Answer {
        match self.child(None, id, Kind::Router, method)? {
            (key, Entity::Router(router)) => {
                self.close(Command::CloseRouter(router)).await?;
                self.forget(key);
                Ok(None)
            }
            _ => Err(wrong_handler(id, method)),
        }
    }

    pub(super) async fn close_transport(&mut self, id: &str, transport: &str, method: Method) -> Answer {
        let (router, _) = self.router(id, method)?;
        match self.child(Some(router), transport, Kind::Transport, method)? {
            (key, Entity::Transport(facts)) => {
                self.close(Command::CloseTransport(facts.id)).await?;
                self.forget(key);
                Ok(None)
            }
            _ => Err(wrong_handler(id, method)),
        }
    }

    pub(super) fn router_dump(&self, id: &str, method: Method) -> Answer {
        let (router, _) = self.router(id, method)?;
        let names = |kind| self.registry.children(router, kind).map(|(_, entry)| entry.id.clone()).collect();
        // What the transports carry, of one kind.
        let carried = |kind| {
            let transports = self.registry.children(router, Kind::Transport);
            transports.flat_map(move |(transport, _)| self.registry.children(transport, kind))
        };
        let followers = |(key, entry): (Key, &Entry<Detail>), kind| StringStringArray {
            key: entry.id.clone(),
            values: self.registry.dependents(key, kind).map(|(_, entry)| entry.id.clone()).collect(),
        };
        let source = |(key, entry): (Key, &Entry<Detail>), kind| {
            let (_, source) = self.registry.sources(key, kind).next()?;
            Some(StringString { key: entry.id.clone(), value: source.id.clone() })
        };
        let producers = || carried(Kind::Producer);
        let data_producers = carried(Kind::DataProducer);
        Ok(Some(Body::RouterDumpResponse(DumpResponse {
            id: id.to_owned(),
            transport_ids: names(Kind::Transport),
            rtp_observer_ids: names(Kind::RtpObserver),
            map_producer_id_consumer_ids: producers().map(|one| followers(one, Kind::Consumer)).collect(),
            map_consumer_id_producer_id: carried(Kind::Consumer)
                .filter_map(|one| source(one, Kind::Producer))
                .collect(),
            map_producer_id_observer_ids: producers()
                .map(|one| followers(one, Kind::RtpObserver))
                .filter(|observers| !observers.values.is_empty())
                .collect(),
            map_data_producer_id_data_consumer_ids: data_producers
                .map(|one| followers(one, Kind::DataConsumer))
                .collect(),
            map_data_consumer_id_data_producer_id: carried(Kind::DataConsumer)
                .filter_map(|one| source(one, Kind::DataProducer))
                .collect(),
        })))
    }
}
