//! One new configuration of a plugin for all media threads, or for none.
use serde_json::Value;

use super::steps::Steps;
use super::{Command, ControlError, Reply};

/// Brings the media threads to a new configuration one after the other; those that have it go back where one refuses.
pub(crate) struct Reconfiguration {
    plugin: String,
    config: Value,
    workers: u8,
    /// What the threads from 0 on had before, and still have to go back to where one refused.
    before: Vec<Value>,
    refused: Option<ControlError>,
    /// What came of going back where that failed.
    stuck: Vec<String>,
}

impl Reconfiguration {
    /// For so many media threads.
    pub(crate) fn new(plugin: String, config: Value, workers: u8) -> Self {
        let (before, stuck) = (Vec::new(), Vec::new());
        Reconfiguration { plugin, config, workers, before, refused: None, stuck }
    }

    fn command(&self, config: Value) -> Command {
        Command::ReconfigurePlugin { plugin: self.plugin.clone(), config }
    }
}

impl Steps for Reconfiguration {
    fn next(&mut self) -> Option<(u8, Command)> {
        let config = match self.refused {
            None if self.before.len() < usize::from(self.workers) => {
                return Some((self.before.len() as u8, self.command(self.config.clone())));
            }
            None => return None,
            Some(_) => self.before.pop()?,
        };
        Some((self.before.len() as u8, self.command(config)))
    }

    fn note(&mut self, answer: Result<Reply, ControlError>) {
        match (answer, &self.refused) {
            (Ok(Reply::Reconfigured(before)), None) => self.before.push(before),
            (Ok(other), None) => {
                self.refused = Some(ControlError::internal(format!("control: unexpected reply {other:?}")));
            }
            (Err(error), None) => self.refused = Some(error),
            (Ok(_), Some(_)) => {}
            (Err(error), Some(_)) => {
                self.stuck.push(format!("media thread {} can't go back: {error}", self.before.len()));
            }
        }
    }

    fn outcome(self: Box<Self>) -> Result<Reply, ControlError> {
        let Some(mut error) = self.refused else { return Ok(Reply::Done) };
        if !self.stuck.is_empty() {
            error.text = format!("{}; {}; restart the worker", error.text, self.stuck.join("; "));
        }
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Threads that have `old`; those that `refuses` names don't take that configuration.
    fn run(workers: u8, refuses: &[(u8, &str)]) -> (Vec<Value>, Result<Reply, ControlError>) {
        let mut threads = vec![json!("old"); usize::from(workers)];
        let mut steps = Reconfiguration::new("demo".into(), json!("new"), workers);
        while let Some((worker, Command::ReconfigurePlugin { config, .. })) = steps.next() {
            let refused = refuses.iter().any(|refused| json!([worker, config]) == json!(refused));
            steps.note(if refused {
                Err(ControlError::invalid(format!("plugins.demo: no {config}")))
            } else {
                Ok(Reply::Reconfigured(std::mem::replace(&mut threads[usize::from(worker)], config)))
            });
        }
        (threads, Box::new(steps).outcome())
    }

    #[test]
    fn all_threads_take_it_or_none() {
        for workers in [1, 2, 3] {
            let news = vec![json!("new"); usize::from(workers)];
            assert_eq!(run(workers, &[]), (news, Ok(Reply::Done)));
            for worker in 0..workers {
                let (threads, outcome) = run(workers, &[(worker, "new")]);
                assert_eq!(threads, vec![json!("old"); usize::from(workers)]);
                assert_eq!(outcome.unwrap_err().text, "plugins.demo: no \"new\"");
            }
        }
    }

    #[test]
    fn a_thread_that_cannot_go_back_is_named() {
        let (threads, outcome) = run(3, &[(2, "new"), (1, "old")]);
        assert_eq!(threads, ["old", "new", "old"].map(|config| json!(config)));
        assert_eq!(
            outcome.unwrap_err().text,
            "plugins.demo: no \"new\"; media thread 1 can't go back: plugins.demo: no \"old\"; restart the worker"
        );
    }
}
