//! The answer to a request.
use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::control::{ControlError, Reply};

/// What a plugin answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Done.
    Ok {
        /// The answer.
        body: Value,
        /// An SDP to go with it: `{type, sdp}`.
        jsep: Option<Value>,
    },
    /// Taken; an event follows.
    Ack {
        /// What may be shown meanwhile.
        hint: Option<String>,
    },
    /// Refused or failed.
    Error {
        /// A code of the plugin's own, or that of the Janus API where there is one.
        code: u32,
        /// What is wrong, and what to do.
        text: String,
    },
}

/// Code of an answer that the plugin did not give itself: a malformed request.
pub const CODE_MALFORMED: u32 = 454;
/// Code of an answer that the plugin did not give itself: the request was dropped.
pub const CODE_DROPPED: u32 = 490;

impl Answer {
    /// As a reply of the control API: an SDP goes beside the body as `jsep`, a code into [`ControlError::code`].
    ///
    /// [`ControlError::code`]: crate::control::ControlError::code
    pub fn into_reply(self) -> Result<Reply, ControlError> {
        match self {
            Answer::Ok { body, jsep: None } => Ok(Reply::Json(body)),
            Answer::Ok { body, jsep: Some(jsep) } => {
                Ok(Reply::Json(serde_json::json!({ "result": body, "jsep": jsep })))
            }
            Answer::Ack { hint } => Ok(Reply::Json(serde_json::json!({ "ack": true, "hint": hint }))),
            Answer::Error { code, text } => Err(ControlError::plugin(code, text)),
        }
    }
}

type Callback = Box<dyn FnOnce(Answer) + Send>;

/// Answers one request, now or later, from any thread. Dropped unused, it answers an error.
#[must_use = "a request must be answered: call `ok`, `ack` or `error`"]
pub struct Responder {
    plugin: &'static str,
    deliver: Option<Callback>,
}

impl Responder {
    /// A responder that hands the answer to `deliver`, once.
    pub(crate) fn new(plugin: &'static str, deliver: impl FnOnce(Answer) + Send + 'static) -> Self {
        Responder { plugin, deliver: Some(Box::new(deliver)) }
    }

    /// A responder that answers a command.
    pub(crate) fn command(plugin: &'static str, reply: oneshot::Sender<Result<Reply, ControlError>>) -> Self {
        Self::new(plugin, move |answer| {
            let _ = reply.send(answer.into_reply());
        })
    }

    /// Answers with a body; one that has no JSON form becomes an error.
    pub fn ok(self, body: impl Serialize) {
        self.answer_ok(body, None);
    }

    /// Answers with a body and an SDP (`{type, sdp}`).
    pub fn ok_with_jsep(self, body: impl Serialize, jsep: Value) {
        self.answer_ok(body, Some(jsep));
    }

    fn answer_ok(mut self, body: impl Serialize, jsep: Option<Value>) {
        let answer = match serde_json::to_value(body) {
            Ok(body) => Answer::Ok { body, jsep },
            Err(cause) => Answer::Error {
                code: CODE_DROPPED,
                text: format!("plugins.{}: the answer has no JSON form: {cause}", self.plugin),
            },
        };
        self.deliver(answer);
    }

    /// Says that the request is taken and that an event follows.
    pub fn ack(mut self, hint: Option<&str>) {
        self.deliver(Answer::Ack { hint: hint.map(str::to_owned) });
    }

    /// Answers that it failed; the text begins with where, and says what to do.
    pub fn error(mut self, code: u32, text: impl Into<String>) {
        self.deliver(Answer::Error { code, text: text.into() });
    }

    fn deliver(&mut self, answer: Answer) {
        if let Some(deliver) = self.deliver.take() {
            deliver(answer);
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if self.deliver.is_some() {
            let how = if std::thread::panicking() { "panicked over" } else { "dropped" };
            let text = format!("plugins.{}: the plugin {how} the request", self.plugin);
            self.deliver(Answer::Error { code: CODE_DROPPED, text });
        }
    }
}

impl std::fmt::Debug for Responder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Responder").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn responder() -> (Responder, mpsc::Receiver<Answer>) {
        let (send, answers) = mpsc::channel();
        (Responder::new("demo", move |answer| send.send(answer).unwrap()), answers)
    }

    #[test]
    fn a_dropped_request_is_answered_all_the_same() {
        let (re, answers) = responder();
        drop(re);
        let Answer::Error { text, .. } = answers.recv().unwrap() else { panic!() };
        assert_eq!(text, "plugins.demo: the plugin dropped the request");
    }

    #[test]
    fn a_request_is_answered_once() {
        let (re, answers) = responder();
        std::thread::spawn(move || re.ok(7)).join().unwrap();
        assert_eq!(answers.recv().unwrap(), Answer::Ok { body: 7.into(), jsep: None });
        assert!(answers.recv().is_err());
    }
}
