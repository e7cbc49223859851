//! One plugin of a composition: its instance and what is kept beside it.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::plugin::config::PluginSettings;
use crate::plugin::error::Error;
use crate::plugin::faults::{drop_contained, panic_text};
use crate::plugin::plugin_trait::Plugin;
use crate::plugin::slot::PluginSlot;
use crate::plugin::standing::Standing;
use crate::plugin::start::{Launch, Mail, PluginHandle, Start};

/// What is made once per process for one plugin.
pub struct Seed<P: Plugin> {
    pub(crate) shared: Arc<P::Shared>,
    pub(crate) standing: Standing,
    config: Value,
    mail: Arc<Mail<P::Message>>,
}

impl<P: Plugin> Seed<P> {
    pub(crate) fn prepare(
        settings: &PluginSettings,
        slot: PluginSlot,
        launch: &Launch,
    ) -> Result<Self, Error> {
        let config = settings.config(P::META.id);
        let typed = parse_config::<P>(&config)?;
        let shared = contained::<P, _>("shared", || P::shared(&typed))?;
        let (standing, mail) = (Standing::new(slot, launch), Arc::new(Mail::new(slot, launch)));
        Ok(Seed { shared: Arc::new(shared), standing, config, mail })
    }
}

/// One plugin's instance on one media thread.
pub struct Entry<P: Plugin> {
    pub(crate) plugin: P,
    /// No hook is called any more.
    pub(crate) quarantined: bool,
    pub(crate) inbox: Option<mpsc::Receiver<P::Message>>,
    /// Texts of panics in `serve`; on the first media thread.
    pub(crate) serve_panics: Option<mpsc::Receiver<String>>,
    pub(crate) next_tick: Instant,
    pub(crate) config: Value,
    seed: Arc<Seed<P>>,
    worker: u8,
}

impl<P: Plugin> Entry<P> {
    pub(crate) fn start(seed: &Arc<Seed<P>>, worker: u8, now: Instant) -> Result<Self, Error> {
        let config = seed.config.clone();
        Ok(Entry {
            plugin: build(seed, &config, worker)?,
            quarantined: false,
            inbox: seed.mail.take_receiver(worker),
            serve_panics: seed.standing.take_receiver(worker),
            next_tick: now + P::META.tick,
            config,
            seed: seed.clone(),
            worker,
        })
    }

    /// No hook is called any more, nor `serve` on behalf of any media thread.
    pub(crate) fn quarantine(&mut self) {
        self.quarantined = true;
        self.seed.standing.quarantine();
    }

    /// A new instance in place of the old one.
    pub(crate) fn rebuild(&mut self) -> Result<(), Error> {
        let fresh = build(&self.seed, &self.config, self.worker)?;
        drop_contained(std::mem::replace(&mut self.plugin, fresh));
        Ok(())
    }
}

fn build<P: Plugin>(seed: &Seed<P>, config: &Value, worker: u8) -> Result<P, Error> {
    let config = parse_config::<P>(config)?;
    let handle = PluginHandle::new(seed.mail.clone(), worker);
    contained::<P, _>("new", || P::new(config, Start::new(&seed.shared, handle)))
}

fn contained<P: Plugin, T>(what: &str, make: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let place = format!("plugins.{}", P::META.id);
    match catch_unwind(AssertUnwindSafe(make)) {
        Ok(result) => result.map_err(|error| error.or_at(&place)),
        Err(payload) => Err(Error::at(place, format!("`{what}` panicked: {}", panic_text(payload)))),
    }
}

/// Typed configuration; nothing given is the default.
pub(crate) fn parse_config<P: Plugin>(config: &Value) -> Result<P::Config, Error> {
    parse(config, || format!("plugins.{}", P::META.id))
}

/// Typed options; nothing given is the default.
pub(crate) fn parse_options<P: Plugin>(options: &Value) -> Result<P::Options, Error> {
    parse(options, || format!("plugins.{}.options", P::META.id))
}

fn parse<T: DeserializeOwned + Default>(value: &Value, at: impl Fn() -> String) -> Result<T, Error> {
    if value.is_null() {
        return Ok(T::default());
    }
    T::deserialize(value).map_err(|cause| Error::at(at(), cause.to_string()))
}

/// A typed request.
pub(crate) fn parse_request<P: Plugin>(body: Value) -> Result<P::Request, Error> {
    serde_json::from_value(body)
        .map_err(|cause| Error::at(format!("plugins.{}", P::META.id), cause.to_string()))
}
