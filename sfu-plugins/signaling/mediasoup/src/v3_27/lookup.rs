use sfu_core::control::{
    Command, ConsumerId, ControlError, Dump, ErrorKind, ProducerId, Reply, RouterId, Target,
};

use super::Desk;
use super::detail::Detail;
use crate::refusal::{ErrorClass, Refusal};
use crate::registry::{Entity, Entry, Key, Kind, NameTaken, TransportFacts};
use crate::schema::v3_27::request::Method;

impl From<ControlError> for Refusal {
    fn from(error: ControlError) -> Self {
        let class = match error.kind {
            ErrorKind::NotFound => ErrorClass::NotFoundError,
            ErrorKind::Invalid => ErrorClass::TypeError,
            _ => ErrorClass::Error,
        };
        Self { class, reason: error.text }
    }
}

/// A reply that does not go with its command: a fault of ours.
pub(super) fn unexpected(reply: &Reply) -> Refusal {
    Refusal::error(format_args!("signaling.mediasoup: unexpected reply {reply:?}"))
}

/// Whom a request is for, once its handler is found.
impl Desk {
    /// The entity that a request is for.
    fn handler(&self, id: &str, method: Method) -> Result<(Key, &Entry<Detail>), Refusal> {
        let found = self.registry.find(id).and_then(|key| Some((key, self.registry.get(key)?)));
        found.ok_or_else(|| Refusal::no_handler(id, method.name()))
    }

    /// The entity that a request is for, which has to be of a kind that knows the method.
    pub(super) fn handler_of(&self, id: &str, method: Method, kind: Kind) -> Result<(Key, &Entity), Refusal> {
        let (key, entry) = self.handler(id, method)?;
        if entry.entity.kind() == kind { Ok((key, &entry.entity)) } else { Err(wrong_handler(id, method)) }
    }

    pub(super) fn router(&self, id: &str, method: Method) -> Result<(Key, RouterId), Refusal> {
        match self.handler_of(id, method, Kind::Router)? {
            (key, Entity::Router(router)) => Ok((key, *router)),
            _ => Err(wrong_handler(id, method)),
        }
    }

    pub(super) fn transport(&self, id: &str, method: Method) -> Result<(Key, TransportFacts), Refusal> {
        match self.handler_of(id, method, Kind::Transport)? {
            (key, Entity::Transport(facts)) => Ok((key, *facts)),
            _ => Err(wrong_handler(id, method)),
        }
    }

    pub(super) fn producer(&self, id: &str, method: Method) -> Result<(Key, ProducerId), Refusal> {
        match self.handler_of(id, method, Kind::Producer)? {
            (key, Entity::Producer(producer)) => Ok((key, *producer)),
            _ => Err(wrong_handler(id, method)),
        }
    }

    pub(super) fn consumer(&self, id: &str, method: Method) -> Result<(Key, ConsumerId), Refusal> {
        match self.handler_of(id, method, Kind::Consumer)? {
            (key, Entity::Consumer(consumer)) => Ok((key, *consumer)),
            _ => Err(wrong_handler(id, method)),
        }
    }

    /// What a request names in its body: it has to be of the kind, and to belong to the handler.
    pub(super) fn child(
        &self,
        parent: Option<Key>,
        id: &str,
        kind: Kind,
        method: Method,
    ) -> Result<(Key, Entity), Refusal> {
        let entry = |key: Key| Some((key, self.registry.get(key)?));
        self.registry
            .find(id)
            .and_then(entry)
            .filter(|(_, entry)| entry.entity.kind() == kind && entry.parent == parent)
            .map(|(key, entry)| (key, entry.entity.clone()))
            .ok_or_else(|| {
                Refusal::not_found(format_args!("{kind:?} {id} not found [method:{}]", method.name()))
            })
    }

    /// The same, anywhere in the router of `near`.
    pub(super) fn in_router(&self, near: Key, id: &str, kind: Kind) -> Result<(Key, Entity), Refusal> {
        let entry = |key: Key| Some((key, self.registry.get(key)?));
        let router = self.registry.router_of(near);
        self.registry
            .find(id)
            .and_then(entry)
            .filter(|(key, entry)| entry.entity.kind() == kind && self.registry.router_of(*key) == router)
            .map(|(key, entry)| (key, entry.entity.clone()))
            .ok_or_else(|| Refusal::not_found(format_args!("{kind:?} {id} not found in this router")))
    }

    /// Whether a new entity may have this name; asked before the engine makes it.
    pub(super) fn check_free(&self, id: &str, method: Method) -> Result<(), Refusal> {
        match self.registry.find(id) {
            None => Ok(()),
            Some(_) => Err(taken(id, method)),
        }
    }

    /// Adds something that the engine has made.
    pub(super) fn enter(
        &mut self,
        id: &str,
        entity: Entity,
        detail: Detail,
        parent: Option<Key>,
        method: Method,
    ) -> Result<Key, Refusal> {
        self.registry.insert(id, entity, detail, parent).map_err(|NameTaken| taken(id, method))
    }

    /// Removes something, and tells the library of consumers elsewhere that lost what they consumed.
    pub(super) fn forget(&mut self, key: Key) {
        use crate::schema::v3_27::report::Report;
        let doors: Vec<Key> = self.doors_below(key);
        for orphan in self.registry.remove(key) {
            let report = match orphan.entity.kind() {
                Kind::Consumer => Report::ConsumerProducerClose,
                _ => Report::DataConsumerDataProducerClose,
            };
            self.report(orphan.id, report);
        }
        for door in doors {
            self.plugins.close(door);
        }
    }

    /// All that the engine knows of it.
    pub(super) async fn dump(&self, target: impl Into<Target>) -> Result<Dump, Refusal> {
        match self.control.command(Command::Dump(target.into())).await? {
            Reply::Dump(dump) => Ok(dump),
            other => Err(unexpected(&other)),
        }
    }

    /// A command whose reply says nothing.
    pub(super) async fn run(&self, command: Command) -> Result<(), Refusal> {
        Ok(self.control.run(command).await?)
    }

    /// The same for closing: what is gone already is closed.
    pub(super) async fn close(&self, command: Command) -> Result<(), Refusal> {
        match self.control.run(command).await {
            Err(error) if error.kind != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn taken(id: &str, method: Method) -> Refusal {
    Refusal::error(format_args!("{id} already exists [method:{}]", method.name()))
}

pub(super) fn wrong_handler(id: &str, method: Method) -> Refusal {
    Refusal::error(format_args!("{id} has no method {}", method.name()))
}
