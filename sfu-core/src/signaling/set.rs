//! The signaling crates of a worker, as one type.
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::{Context, Poll, Waker};

use serde_json::{Map, Value};
use tokio::task::JoinSet;

use super::{EarlyExit, Invocation, Mounts, Shutdown, Signaling, SignalingError, Takeover};
use crate::control::ControlHandle;
use crate::plugin::private::{fail, same};

/// Tables `[signaling.<id>]` of the configuration.
pub type SignalingTables = Map<String, Value>;

/// What is known of a signaling crate without running it.
#[derive(Debug, Clone, Copy)]
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
    #[doc(hidden)]
    const IDS: Option<&'static IdNode>;

    /// What there is, in order.
    fn about() -> Vec<SignalingAbout>;

    /// The first that takes over the process, by its id.
    fn take_over(invocation: &Invocation) -> Option<(&'static str, Result<Takeover, EarlyExit>)>;

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

/// An id in its composition, and the next one.
#[doc(hidden)]
pub struct IdNode {
    id: &'static str,
    next: Option<&'static IdNode>,
}

/// Checks a list of signaling crates; a duplicate is a compile error that names it.
#[doc(hidden)]
#[track_caller]
pub const fn check<S: SignalingSet>() {
    let mut at = S::IDS;
    while let Some(node) = at {
        let mut other = node.next;
        while let Some(next) = other {
            if same(node.id, next.id) {
                fail(["signaling `", node.id, "` is composed twice", "", ""]);
            }
            other = next.next;
        }
        at = node.next;
    }
}

/// No signaling crate (any more).
#[derive(Debug, Clone, Copy, Default)]
pub struct End;

impl SignalingSet for End {
    const LEN: usize = 0;
    const IDS: Option<&'static IdNode> = None;

    fn about() -> Vec<SignalingAbout> {
        Vec::new()
    }
    fn take_over(_: &Invocation) -> Option<(&'static str, Result<Takeover, EarlyExit>)> {
        None
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

impl<H: Signaling, T: SignalingSet> Chain<H, T> {
    const NODE: IdNode = IdNode { id: H::ID, next: T::IDS };
}

impl<H: Signaling, T: SignalingSet> SignalingSet for Chain<H, T> {
    const LEN: usize = T::LEN + 1;
    const IDS: Option<&'static IdNode> = Some(&Self::NODE);

    fn about() -> Vec<SignalingAbout> {
        let mut all = vec![SignalingAbout { id: H::ID, about: H::ABOUT, schema: schema::<H> }];
        all.extend(T::about());
        all
    }

    fn take_over(invocation: &Invocation) -> Option<(&'static str, Result<Takeover, EarlyExit>)> {
        match H::take_over(invocation) {
            Some(outcome) => Some((H::ID, outcome)),
            None => T::take_over(invocation),
        }
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
            begin(running, signaling.run(control.clone(), http.clone(), stop.clone()))?;
        }
        T::spawn_into(running, tables, chosen, control, http, stop)
    }
}

/// Runs up to the first `await` at once, and the rest on tokio: routes are there before the server says where it listens,
/// and what can't run keeps the worker from starting.
fn begin(
    running: &mut JoinSet<Result<(), SignalingError>>,
    run: impl Future<Output = Result<(), SignalingError>> + Send + 'static,
) -> Result<(), SignalingError> {
    let mut run = Box::pin(run);
    // The task polls again with a waker of its own, so that this one may sleep.
    let mut context = Context::from_waker(Waker::noop());
    let first = catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(&mut context)));
    if let Ok(Poll::Ready(Err(error))) = first {
        return Err(error);
    }
    running.spawn(async move {
        match first {
            Ok(Poll::Ready(end)) => end,
            Ok(Poll::Pending) => run.await,
            // As if it had happened here: the set tells who waits for it.
            Err(panic) => resume_unwind(panic),
        }
    });
    Ok(())
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

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::control::{ControlError, FeedSender, Reply, ServeRequests, Spread};

    #[derive(serde::Deserialize, schemars::JsonSchema, Default)]
    #[serde(deny_unknown_fields, default)]
    struct Settings {
        path: String,
    }

    /// Says its path when the worker stops.
    macro_rules! door {
        ($Name:ident, $id:literal) => {
            struct $Name(String);
            impl Signaling for $Name {
                const ID: &'static str = $id;
                const ABOUT: &'static str = "A door.";
                type Config = Settings;
                fn new(config: Settings) -> Result<Self, SignalingError> {
                    if config.path == "taken" {
                        return Err(SignalingError { id: $id, text: "taken".into() });
                    }
                    Ok($Name(config.path))
                }
                async fn run(
                    self,
                    _: ControlHandle,
                    _: Mounts,
                    mut stop: Shutdown,
                ) -> Result<(), SignalingError> {
                    stop.wait().await;
                    Err(SignalingError { id: $id, text: self.0 })
                }
            }
        };
    }
    door!(Front, "front");
    door!(Back, "back");
    type Doors = Chain<Front, Chain<Back, End>>;

    struct Nothing;
    impl ServeRequests for Nothing {
        fn serves(&self, _: &str) -> bool {
            false
        }
        fn serve(
            &self,
            _: &str,
            _: Value,
        ) -> Pin<Box<dyn Future<Output = Result<Reply, ControlError>> + Send>> {
            Box::pin(async { Err(ControlError::internal("")) })
        }
    }

    fn tables(value: Value) -> SignalingTables {
        value.as_object().unwrap().clone()
    }

    struct Library;
    impl Signaling for Library {
        const ID: &'static str = "library";
        const ABOUT: &'static str = "Is started by a library.";
        type Config = Settings;
        fn take_over(invocation: &Invocation) -> Option<Result<Takeover, EarlyExit>> {
            invocation.variable("LIBRARY")?;
            Some(Err(EarlyExit { text: format!("{:?}", invocation.arguments()), code: 42 }))
        }
        fn new(_: Settings) -> Result<Self, SignalingError> {
            Ok(Library)
        }
        async fn run(self, _: ControlHandle, _: Mounts, _: Shutdown) -> Result<(), SignalingError> {
            Ok(())
        }
    }

    #[test]
    fn a_process_is_taken_over_by_the_crate_whose_library_started_it() {
        type Doors = Chain<Front, Chain<Library, End>>;
        let start = |variable: &str| Invocation::new(["-x".into()], [(variable.into(), "1".into())]);
        assert!(Doors::take_over(&start("OTHER")).is_none());
        let (id, outcome) = Doors::take_over(&start("LIBRARY")).unwrap();
        let error = outcome.map(|_| ()).unwrap_err();
        assert_eq!((id, error.to_string().as_str(), error.code), ("library", r#"["-x"]"#, 42));
    }

    #[tokio::test]
    async fn those_that_are_chosen_run_until_the_worker_stops() {
        let control = ControlHandle::new(
            Vec::new(),
            Spread::new(0, 0),
            ControlHandle::event_channel(),
            FeedSender::default(),
            Arc::new(Nothing),
        );
        let (switch, stop) = Shutdown::new();
        let tables = tables(json!({ "back": { "path": "/b" } }));
        let start = |chosen: &[&str]| Doors::spawn(&tables, chosen, &control, &Mounts::new(), &stop).unwrap();
        assert_eq!((Doors::ids(), Doors::LEN), (vec!["front", "back"], 2));
        assert_eq!((start(&["front", "back"]).len(), start(&[]).len()), (2, 0));
        let mut running = start(&["back"]);
        switch.send(true).unwrap();
        let end = running.join_next().await.unwrap().unwrap();
        assert_eq!(end.unwrap_err().to_string(), "signaling.back: /b");
        assert!(running.is_empty());
    }

    struct Eager(Settings);
    impl Signaling for Eager {
        const ID: &'static str = "eager";
        const ABOUT: &'static str = "Mounts before it waits.";
        type Config = Settings;
        fn new(config: Settings) -> Result<Self, SignalingError> {
            Ok(Eager(config))
        }
        async fn run(self, _: ControlHandle, http: Mounts, mut stop: Shutdown) -> Result<(), SignalingError> {
            assert_ne!(self.0.path, "/panic");
            http.mount(&self.0.path, axum::Router::new())
                .map_err(|error| SignalingError { id: "eager", text: error.to_string() })?;
            stop.wait().await;
            Ok(())
        }
    }

    #[tokio::test]
    async fn routes_are_there_when_the_start_returns_and_a_failure_up_to_there_fails_the_start() {
        type Doors = Chain<Eager, End>;
        let control = ControlHandle::new(
            Vec::new(),
            Spread::new(0, 0),
            ControlHandle::event_channel(),
            FeedSender::default(),
            Arc::new(Nothing),
        );
        let (switch, stop) = Shutdown::new();
        let mounts = Mounts::new();
        let start = |path: &str| {
            let tables = tables(json!({ "eager": { "path": path } }));
            Doors::spawn(&tables, &["eager"], &control, &mounts, &stop)
        };
        let mut running = start("/here").unwrap();
        assert!(mounts.mount("/here", axum::Router::new()).is_err(), "nothing has run on tokio yet");
        let taken = start("/here").unwrap_err().to_string();
        assert!(taken.starts_with("signaling.eager: ") && taken.contains("`/here`"), "{taken}");
        let mut panicked = start("/panic").unwrap();
        assert!(panicked.join_next().await.unwrap().unwrap_err().is_panic());
        switch.send(true).unwrap();
        assert!(running.join_next().await.unwrap().unwrap().is_ok());
    }

    #[test]
    fn a_mistake_in_one_table_keeps_all_from_running() {
        let text = |value, chosen: &[&str]| Doors::check(&tables(value), chosen).map_err(|e| e.to_string());
        let wrong = json!({ "back": { "pth": 1 } });
        assert_eq!(
            text(wrong.clone(), &["front", "back"]),
            Err("signaling.back: unknown field `pth`, expected `path`".to_owned())
        );
        assert_eq!(text(wrong, &["front"]), Ok(()), "what is not chosen is not checked");
        assert_eq!(
            text(json!({ "front": { "path": "taken" } }), &["front"]),
            Err("signaling.front: taken".into())
        );
    }
}
