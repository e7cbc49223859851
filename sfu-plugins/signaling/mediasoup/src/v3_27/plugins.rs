use sfu_core::control::{ControlError, Target};

use super::Desk;
use super::detail::PluginEnd;
use crate::plugin_door::{self, News};
use crate::refusal::Refusal;
use crate::registry::{Entity, Key, Kind};
use crate::schema::v3_27::data_consumer::MessageNotification;
use crate::schema::v3_27::report::Report;

/// Text (RFC 8831 §8).
const PPID_STRING: u32 = 51;

impl Desk {
    /// A message of the library to a plugin.
    pub(super) fn ask_plugin(&mut self, key: Key, payload: &[u8]) {
        let registry = &self.registry;
        let resolve = |id: &str| {
            let entry = registry.find(id).and_then(|key| registry.get(key));
            entry.and_then(|entry| entry.entity.target()).ok_or_else(|| {
                ControlError::not_found(format!(
                    "signaling.mediasoup: target: nothing that a plugin can be asked about has the id {id:?}"
                ))
            })
        };
        self.plugins.ask(key, payload, resolve);
        if let Ok(end) = self.plugin_end_mut(key) {
            end.messages += 1;
            end.bytes += payload.len() as u64;
        }
    }

    /// A message of a plugin, for all who listen to its door.
    pub(super) fn plugin_says(&mut self, door: Key, text: String) {
        if let Some(text) = self.plugins.keep(door, text) {
            self.deliver(door, &text);
        }
    }

    /// The first data consumer of a door gets what was kept for it.
    pub(super) fn plugin_is_heard(&mut self, door: Key) {
        for text in self.plugins.heard(door) {
            self.deliver(door, &text);
        }
    }

    fn deliver(&mut self, door: Key, text: &str) {
        let listeners: Vec<Key> =
            self.registry.dependents(door, Kind::DataConsumer).map(|(key, _)| key).collect();
        for listener in listeners {
            let transport = self.registry.get(listener).and_then(|entry| self.registry.get(entry.parent?));
            let limit = match transport.map(|entry| &entry.entity) {
                Some(Entity::Transport(facts)) => facts.max_send_message_size,
                _ => continue,
            };
            let Some(entry) = self.registry.get_mut(listener) else { continue };
            let id = entry.id.clone();
            let Some(end) = entry.detail.plugin_end_mut().filter(|end| !end.is_paused) else { continue };
            let data = match text.len() > limit as usize {
                true => plugin_door::too_long(text, limit),
                false => text.to_owned(),
            };
            end.messages += 1;
            end.bytes += data.len() as u64;
            let message = MessageNotification { ppid: PPID_STRING, data: data.into_bytes() };
            self.report(id, Report::DataConsumerMessage(message));
        }
    }

    /// What a plugin tells: to its doors in the router that it is about; to all of them if it is about none.
    pub(super) fn plugin_tells(&mut self, plugin: &str, news: News<'_>, target: Target) {
        let mut doors = self.plugins.of_plugin(plugin);
        let (name, router) = self.registry.place_of(target);
        if router.is_some() {
            doors.retain(|door| self.registry.router_of(*door) == router);
        }
        if doors.is_empty() {
            return;
        }
        let text = news.message(name);
        for door in doors {
            self.plugin_says(door, text.clone());
        }
    }

    /// Its data consumers hear of it as of any data producer.
    pub(super) fn pause_plugin_door(&mut self, key: Key, paused: bool) {
        match self.plugin_end_mut(key) {
            Ok(end) if end.is_paused != paused => end.is_paused = paused,
            _ => return,
        }
        let listeners: Vec<String> =
            self.registry.dependents(key, Kind::DataConsumer).map(|(_, entry)| entry.id.clone()).collect();
        for listener in listeners {
            self.report(
                listener,
                match paused {
                    true => Report::DataConsumerDataProducerPause,
                    false => Report::DataConsumerDataProducerResume,
                },
            );
        }
    }

    /// The doors of plugins that close with something.
    pub(super) fn doors_below(&self, key: Key) -> Vec<Key> {
        let mut found = Vec::new();
        let mut open = vec![key];
        while let Some(key) = open.pop() {
            match self.registry.get(key).map(|entry| &entry.entity) {
                Some(Entity::PluginDoor) => found.push(key),
                Some(Entity::Router(_)) => {
                    open.extend(self.registry.children(key, Kind::Transport).map(|(key, _)| key));
                }
                Some(Entity::Transport(_)) => {
                    open.extend(self.registry.children(key, Kind::DataProducer).map(|(key, _)| key));
                }
                _ => {}
            }
        }
        found
    }

    pub(super) fn plugin_end(&self, key: Key) -> Result<&PluginEnd, Refusal> {
        self.registry.get(key).and_then(|entry| entry.detail.plugin_end()).ok_or_else(lost)
    }

    pub(super) fn plugin_end_mut(&mut self, key: Key) -> Result<&mut PluginEnd, Refusal> {
        self.registry.get_mut(key).and_then(|entry| entry.detail.plugin_end_mut()).ok_or_else(lost)
    }
}

fn lost() -> Refusal {
    Refusal::error("signaling.mediasoup: this does not lead to a plugin")
}
