//! Requests to plugins, and what plugins say: carried by data producers of direct transports with the protocol
//! `sfukit.plugin` and a plugin's id as label, because the library's protocol has no place of its own for them.
//!
//! What goes in is `{"id": 1, "method": …, "target": "<the library's id>", …}`, and exactly one
//! `{"id": 1, "ok": …}` or `{"id": 1, "error": {"kind": …, "text": …}}` comes back; an error of the plugin itself has the kind
//! `plugin` and a `code`. Fields of the method stand beside it or, so that none is taken for `id` or `target`, in an object
//! `params`. `enable` (with `options`), `disable` and `label` (with `labels`, which plugins see and children take over: the library's
//! `appData` never comes here) are methods of every plugin; the others are the plugin's own.
//!
//! Events come as `{"event": …, "target": …}`, to the doors in the router that they are about; `{"fault": {"step", "text"},
//! "target": …}` says that the plugin misbehaved, and `{"lost": n}`, that so many messages came before anybody listened.
use std::collections::{HashMap, VecDeque};

use sfu_core::control::{Command, ControlError, ControlHandle, Labels, Target};
use sfu_core::serde_json::{self, Value, json};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::registry::Key;

/// The protocol of data producers that are doors of plugins.
pub(crate) const PROTOCOL: &str = "sfukit.plugin";

/// Messages that are kept until the first data consumer is there; more are counted.
const KEPT: usize = 64;

/// Requests that may run at a time, of one door.
const RUNNING: usize = 256;

/// An answer of a plugin.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The door that the request came by.
    pub(crate) door: Key,
    /// The message.
    pub(crate) text: String,
}

/// All doors of plugins.
pub(crate) struct PluginDoors {
    control: ControlHandle,
    /// Where plugins do what they are asked, whatever thread their doors are on.
    runtime: Handle,
    doors: HashMap<Key, Door>,
    answers: mpsc::UnboundedSender<Answer>,
    answered: mpsc::UnboundedReceiver<Answer>,
}

#[derive(Debug)]
struct Door {
    plugin: String,
    /// There was a data consumer.
    is_heard: bool,
    kept: VecDeque<String>,
    lost: u64,
    running: usize,
}

/// A request, taken apart.
struct Asked {
    id: Value,
    method: String,
    target: Option<String>,
    body: serde_json::Map<String, Value>,
}

impl PluginDoors {
    /// Must be called on tokio, on what plugins are to run on.
    pub(crate) fn new(control: ControlHandle) -> Self {
        let (answers, answered) = mpsc::unbounded_channel();
        Self { control, runtime: Handle::current(), doors: HashMap::new(), answers, answered }
    }

    /// Opens a door to a plugin.
    pub(crate) fn open(&mut self, key: Key, plugin: &str) {
        let (kept, plugin) = (VecDeque::new(), plugin.to_owned());
        self.doors.insert(key, Door { plugin, is_heard: false, kept, lost: 0, running: 0 });
    }

    /// Closes it; what still runs is not told.
    pub(crate) fn close(&mut self, key: Key) {
        self.doors.remove(&key);
    }

    /// The doors to a plugin.
    pub(crate) fn of_plugin(&self, plugin: &str) -> Vec<Key> {
        let mut doors: Vec<Key> =
            self.doors.iter().filter(|(_, door)| door.plugin == plugin).map(|(key, _)| *key).collect();
        doors.sort_unstable();
        doors
    }

    /// Has a request done; its answer comes from [`Self::answer`]. `resolve` finds what the library has a name for.
    pub(crate) fn ask(
        &mut self,
        key: Key,
        payload: &[u8],
        resolve: impl Fn(&str) -> Result<Target, ControlError>,
    ) {
        let Some(door) = self.doors.get_mut(&key) else { return };
        let (id, command) = match Asked::read(payload) {
            Ok(asked) => (asked.id.clone(), asked.command(&door.plugin, resolve)),
            Err((id, error)) => (id, Err(error)),
        };
        let command = command.and_then(|command| {
            if door.running < RUNNING {
                return Ok(command);
            }
            Err(ControlError::limit(format!(
                "signaling.mediasoup: {RUNNING} requests to {} run already; wait for answers",
                door.plugin
            )))
        });
        door.running += 1;
        let (control, answers) = (self.control.clone(), self.answers.clone());
        let answer = move |outcome| {
            // Nobody is left to hear it: the worker stops.
            let _ = answers.send(Answer { door: key, text: reply(&id, outcome) });
        };
        match command {
            Err(error) => answer(Err(error)),
            // Plugins may take their time; the library's other messages don't wait for them.
            Ok(command) => drop(self.runtime.spawn(async move { answer(done(&control, command).await) })),
        }
    }

    /// The next answer; may be dropped while it waits.
    pub(crate) async fn answer(&mut self) -> Answer {
        match self.answered.recv().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// An answer leaves: there is room for another request.
    pub(crate) fn answered(&mut self, key: Key) {
        if let Some(door) = self.doors.get_mut(&key) {
            door.running = door.running.saturating_sub(1);
        }
    }

    /// Keeps a message if nobody has listened yet, else gives it back to be sent.
    pub(crate) fn keep(&mut self, key: Key, text: String) -> Option<String> {
        let door = self.doors.get_mut(&key)?;
        if door.is_heard {
            return Some(text);
        }
        if door.kept.len() < KEPT {
            door.kept.push_back(text);
        } else {
            door.lost += 1;
        }
        None
    }

    /// The first who listens gets what was kept.
    pub(crate) fn heard(&mut self, key: Key) -> Vec<String> {
        let Some(door) = self.doors.get_mut(&key) else { return Vec::new() };
        door.is_heard = true;
        let mut texts: Vec<String> = door.kept.drain(..).collect();
        if door.lost > 0 {
            texts.push(json!({ "lost": door.lost }).to_string());
            door.lost = 0;
        }
        texts
    }
}

async fn done(control: &ControlHandle, command: Command) -> Result<Value, ControlError> {
    match command {
        Command::PluginRequest { plugin, target, body } => control.plugin_request(plugin, target, body).await,
        command => control.run(command).await.map(|()| Value::Null),
    }
}

/// The message about an outcome.
fn reply(id: &Value, outcome: Result<Value, ControlError>) -> String {
    match outcome {
        Ok(value) => json!({ "id": id, "ok": value }),
        Err(error) => match error.code() {
            Some(code) => {
                json!({ "id": id, "error": { "kind": "plugin", "code": code, "text": error.text } })
            }
            None => json!({ "id": id, "error": error }),
        },
    }
    .to_string()
}

/// What a plugin tells unasked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum News<'a> {
    /// An event of its own.
    Event(&'a Value),
    /// It misbehaved.
    Fault(&'a Value),
}

impl News<'_> {
    /// The message, about what the library has this name for.
    pub(crate) fn message(self, target: Option<&str>) -> String {
        let (kind, body) = match self {
            News::Event(body) => ("event", body),
            News::Fault(body) => ("fault", body),
        };
        match target {
            Some(target) => json!({ kind: body, "target": target }),
            None => json!({ kind: body }),
        }
        .to_string()
    }
}

/// What is told in place of a message that is too long for who listens.
pub(crate) fn too_long(text: &str, limit: u32) -> String {
    let id = serde_json::from_str::<Value>(text).ok().and_then(|message| message.get("id").cloned());
    let length = text.len();
    let error = ControlError::limit(format!(
        "signaling.mediasoup: the answer has {length} bytes, and this transport's maxSendMessageSize is {limit}; \
         ask for less, or make the transport with more"
    ));
    reply(&id.unwrap_or(Value::Null), Err(error))
}

impl Asked {
    /// Takes a request apart; an error goes with the id that was found.
    fn read(payload: &[u8]) -> Result<Self, (Value, ControlError)> {
        let wrong = |id: &Value, text: &str| {
            let example = r#"{"id": 1, "method": "…", "target": "<id>", …}"#;
            (
                id.clone(),
                ControlError::invalid(format!("signaling.mediasoup: {text}; a request is {example}")),
            )
        };
        let Ok(Value::Object(mut body)) = serde_json::from_slice(payload) else {
            return Err(wrong(&Value::Null, "this is no JSON object"));
        };
        let id = body.remove("id").unwrap_or(Value::Null);
        if !(id.is_number() || id.is_string()) {
            return Err(wrong(&Value::Null, "`id` has to be a number or a text"));
        }
        let Some(method) = body.get("method").and_then(Value::as_str).map(str::to_owned) else {
            return Err(wrong(&id, "`method` has to be a text"));
        };
        let target = match body.remove("target") {
            None | Some(Value::Null) => None,
            Some(Value::String(target)) => Some(target),
            Some(_) => return Err(wrong(&id, "`target` has to be an id of the library")),
        };
        match body.remove("params") {
            None | Some(Value::Null) => {}
            Some(Value::Object(params)) => {
                body = params;
                body.insert("method".to_owned(), method.as_str().into());
            }
            Some(_) => return Err(wrong(&id, "`params` has to be an object")),
        }
        Ok(Self { id, method, target, body })
    }

    /// The labels that a target shall have, instead of those it has.
    fn labels(&mut self, target: Target) -> Result<Labels, ControlError> {
        if target == Target::Worker {
            let text = "signaling.mediasoup: a worker has no labels; `target` has to be the id of a router or of something in it";
            return Err(ControlError::invalid(text));
        }
        let labels = self.body.remove("labels").unwrap_or(Value::Null);
        serde_json::from_value(labels).map_err(|error| {
            ControlError::invalid(format!(
                "signaling.mediasoup: {error}; `labels` are texts by name, {{\"stream\": \"talk\"}}"
            ))
        })
    }

    fn command(
        mut self,
        plugin: &str,
        resolve: impl Fn(&str) -> Result<Target, ControlError>,
    ) -> Result<Command, ControlError> {
        let target = self.target.as_deref().map_or(Ok(Target::Worker), resolve)?;
        let plugin = plugin.to_owned();
        Ok(match self.method.as_str() {
            "enable" => {
                let options = self.body.remove("options").unwrap_or_else(|| json!({}));
                Command::EnablePlugin { plugin, target, options }
            }
            "disable" => Command::DisablePlugin { plugin, target },
            "label" => Command::SetLabels { labels: self.labels(target)?, target },
            _ => Command::PluginRequest { plugin, target, body: Value::Object(self.body) },
        })
    }
}

#[cfg(test)]
mod tests {
    use sfu_core::control::{EntityId, ProducerId, RawId};

    use super::*;

    fn producer() -> Target {
        ProducerId::from_raw(RawId::new(0, 1, 2)).into()
    }

    fn command(text: &str) -> Result<Command, (Value, String)> {
        let resolve = |id: &str| match id {
            "p" => Ok(producer()),
            _ => Err(ControlError::not_found(format!("no {id}"))),
        };
        let asked = Asked::read(text.as_bytes()).map_err(|(id, error)| (id, error.text))?;
        let id = asked.id.clone();
        asked.command("recorder", resolve).map_err(|error| (id, error.text))
    }

    #[test]
    fn a_request_goes_to_the_plugin_without_what_is_ours() {
        assert_eq!(
            command(r#"{"id":7,"method":"start","target":"p","file":"x"}"#).unwrap(),
            Command::PluginRequest {
                plugin: "recorder".into(),
                target: producer(),
                body: json!({ "method": "start", "file": "x" }),
            }
        );
        let everywhere = command(r#"{"id":"a","method":"total"}"#).unwrap();
        assert!(matches!(everywhere, Command::PluginRequest { target: Target::Worker, .. }));
    }

    #[test]
    fn fields_that_are_called_as_ours_stand_in_an_object_of_their_own() {
        assert_eq!(
            command(
                r#"{"id":7,"method":"find","target":"p","params":{"id":1,"target":2,"params":3,"method":4}}"#
            )
            .unwrap(),
            Command::PluginRequest {
                plugin: "recorder".into(),
                target: producer(),
                body: json!({ "id": 1, "target": 2, "params": 3, "method": "find" }),
            }
        );
        assert_eq!(
            command(r#"{"id":1,"method":"enable","params":{"options":{"n":3}}}"#).unwrap(),
            Command::EnablePlugin {
                plugin: "recorder".into(),
                target: Target::Worker,
                options: json!({ "n": 3 }),
            }
        );
    }

    #[test]
    fn an_error_of_the_plugin_has_its_code_beside_its_kind() {
        let answer = |error| serde_json::from_str::<Value>(&reply(&json!(1), Err(error))).unwrap();
        let own = answer(ControlError::plugin(467, "no"));
        assert_eq!(own, json!({ "id": 1, "error": { "kind": "plugin", "code": 467, "text": "no" } }));
        let ours = answer(ControlError::not_found("gone"));
        assert_eq!(ours, json!({ "id": 1, "error": { "kind": "not_found", "text": "gone" } }));
    }

    #[test]
    fn enable_and_disable_are_methods_of_every_plugin() {
        assert_eq!(
            command(r#"{"id":1,"method":"enable","target":"p","options":{"n":3}}"#).unwrap(),
            Command::EnablePlugin {
                plugin: "recorder".into(),
                target: producer(),
                options: json!({ "n": 3 }),
            }
        );
        assert_eq!(
            command(r#"{"id":1,"method":"disable","target":"p"}"#).unwrap(),
            Command::DisablePlugin { plugin: "recorder".into(), target: producer() }
        );
    }

    #[test]
    fn labels_replace_those_of_a_target() {
        assert_eq!(
            command(r#"{"id":1,"method":"label","target":"p","labels":{"stream":"talk"}}"#).unwrap(),
            Command::SetLabels { target: producer(), labels: Labels::new().with("stream", "talk") }
        );
        for (text, says) in [
            (r#"{"id":1,"method":"label","labels":{}}"#, "a worker has no labels"),
            (r#"{"id":1,"method":"label","target":"p"}"#, "texts by name"),
            (r#"{"id":1,"method":"label","target":"p","labels":{"stream":1}}"#, "texts by name"),
        ] {
            let (_, error) = command(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_no_request_is_answered_with_its_id_if_it_has_one() {
        for (text, id) in [
            ("", Value::Null),
            ("[]", Value::Null),
            (r#"{"method":"x"}"#, Value::Null),
            (r#"{"id":{},"method":"x"}"#, Value::Null),
            (r#"{"id":5}"#, json!(5)),
            (r#"{"id":5,"method":"x","target":3}"#, json!(5)),
            (r#"{"id":5,"method":"x","target":"q"}"#, json!(5)),
            (r#"{"id":5,"method":"x","params":3}"#, json!(5)),
        ] {
            assert_eq!(command(text).unwrap_err().0, id, "{text}");
        }
    }

    #[test]
    fn an_answer_that_is_too_long_is_an_error_that_names_the_size() {
        let long = reply(&json!(3), Ok(json!("x".repeat(1000))));
        let error: Value = serde_json::from_str(&too_long(&long, 100)).unwrap();
        assert_eq!((&error["id"], &error["error"]["kind"]), (&json!(3), &json!("limit")));
        let text = error["error"]["text"].as_str().unwrap();
        assert!(text.contains(&long.len().to_string()) && text.contains("100"), "{text}");
    }
}
