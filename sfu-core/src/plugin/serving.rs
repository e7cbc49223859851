//! Requests that need no media thread.
use std::pin::Pin;

use serde_json::Value;
use tokio::sync::oneshot;

use super::compose::PluginSet;
use super::responder::Responder;
use super::start::Launch;
use crate::control::{ControlError, Reply, ServeRequests};

/// Runs `serve` of the composed plugins.
pub struct Serving<S: PluginSet> {
    seed: S::Seed,
    launch: Launch,
}

impl<S: PluginSet> Serving<S> {
    /// For the plugins of this seed.
    pub fn new(seed: &S::Seed, launch: &Launch) -> Self {
        Serving { seed: seed.clone(), launch: launch.clone() }
    }
}

impl<S: PluginSet> ServeRequests for Serving<S> {
    fn serves(&self, plugin: &str) -> bool {
        S::metas().any(|(_, meta, hooks)| meta.id == plugin && hooks.contains(super::Hooks::SERVE))
    }

    fn serve(
        &self,
        plugin: &str,
        body: Value,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, ControlError>> + Send>> {
        let (reply, answer) = oneshot::channel();
        match S::slot_of(plugin) {
            Ok(slot) => {
                let id = S::meta(slot).map_or("", |meta| meta.id);
                // In a task of its own, so that a panic in it answers the request and goes no further.
                if let Some(work) = S::serve(&self.seed, slot, body, Responder::command(id, reply)) {
                    (self.launch.spawner)(work);
                }
            }
            Err(error) => {
                let _ = reply.send(Err(ControlError::unsupported(error.to_string())));
            }
        }
        Box::pin(async move {
            answer.await.unwrap_or_else(|_| Err(ControlError::internal("plugins: the answer was lost")))
        })
    }
}
