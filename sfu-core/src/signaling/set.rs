//! The signaling crates of a worker, as one type.
use std::marker::PhantomData;

use serde_json::{Map, Value};
use tokio::task::JoinSet;

use super::{Mounts, Shutdown, Signaling, SignalingError};
use crate::control::ControlHandle;

/// Tables `[signaling.<id>]` of the configuration.
pub type SignalingTables = Map<String, Value>;

/// What is known of a signaling crate without running it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalingAbout {
    /// Its id.
    pub id: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// JSON schema of its configuration.
    pub schema: fn() -> Value,
}

/// A list of signaling crates; made by `worker!`, implemented by [`Chain`] and [`End`] only.
pub trait SignalingSet: 'static {
    /// How many there are.
    const LEN: usize;

    /// What there is, in order.
    fn about() -> Vec<SignalingAbout>;

    /// Checks the tables of those that `chosen` names, without running any.
    fn check(tables: &SignalingTables, chosen: &[&str]) -> Result<(), SignalingError>;

    /// Runs those that `chosen` names side by side on tokio, all or none.
    fn spawn(
        tables: &SignalingTables,
        chosen: &[&str],
        control: &ControlHandle,
        http: &Mounts,
        stop: &Shutdown,
    ) -> Result<JoinSet<Result<(), SignalingError>>, SignalingError> {
        Self::check(tables, chosen)?;
        let mut running = JoinSet::new();
        Self::spawn_into(&mut running, tables, chosen, control, http, stop)?;
        Ok(running)
    }

    #[doc(hidden)]
    fn spawn_into(
        running: &mut JoinSet<Result<(), SignalingError>>,
        tables: &SignalingTables,
        chosen: &[&str],
        control: &ControlHandle,
        http: &Mounts,
        stop: &Shutdown,
    ) -> Result<(), SignalingError>;

    /// The ids, in order.
    fn ids() -> Vec<&'static str> {
        Self::about().into_iter().map(|about| about.id).collect()
    }
}

/// No signaling crate (any more).
#[derive(Debug, Clone, Copy, Default)]
pub struct End;

impl SignalingSet for End {
    const LEN: usize = 0;

    fn about() -> Vec<SignalingAbout> {
        Vec::new()
    }
    fn check(_: &SignalingTables, _: &[&str]) -> Result<(), SignalingError> {
        Ok(())
    }
    fn spawn_into(
        _: &mut JoinSet<Result<(), SignalingError>>,
        _: &SignalingTables,
        _: &[&str],
        _: &ControlHandle,
        _: &Mounts,
        _: &Shutdown,
    ) -> Result<(), SignalingError> {
        Ok(())
    }
}

/// A signaling crate and the rest of the list.
pub struct Chain<H, T>(PhantomData<(H, T)>);

impl<H: Signaling, T: SignalingSet> SignalingSet for Chain<H, T> {
    const LEN: usize = T::LEN + 1;

    fn about() -> Vec<SignalingAbout> {
        let mut all = vec![SignalingAbout { id: H::ID, about: H::ABOUT, schema: schema::<H> }];
        all.extend(T::about());
        all
    }

    fn check(tables: &SignalingTables, chosen: &[&str]) -> Result<(), SignalingError> {
        if chosen.contains(&H::ID) {
            H::new(config::<H>(tables)?)?;
        }
        T::check(tables, chosen)
    }

    fn spawn_into(
        running: &mut JoinSet<Result<(), SignalingError>>,
        tables: &SignalingTables,
        chosen: &[&str],
        control: &ControlHandle,
        http: &Mounts,
        stop: &Shutdown,
    ) -> Result<(), SignalingError> {
        if chosen.contains(&H::ID) {
            let signaling = H::new(config::<H>(tables)?)?;
            running.spawn(signaling.run(control.clone(), http.clone(), stop.clone()));
        }
        T::spawn_into(running, tables, chosen, control, http, stop)
    }
}

fn schema<H: Signaling>() -> Value {
    schemars::schema_for!(H::Config).to_value()
}

fn config<H: Signaling>(tables: &SignalingTables) -> Result<H::Config, SignalingError> {
    match tables.get(H::ID) {
        None | Some(Value::Null) => Ok(H::Config::default()),
        Some(table) => serde::Deserialize::deserialize(table)
            .map_err(|cause: serde_json::Error| SignalingError { id: H::ID, text: cause.to_string() }),
    }
}
