//! One command for several media threads, and one reply out of theirs.
use std::collections::VecDeque;

use super::part::PartStep;
use super::steps::{Steps, unexpected};
use super::{Command, ControlError, ErrorKind, Reply, Target};

/// Carries a command to every media thread, or to every part of a router; the first refusal ends it.
pub(crate) struct FanOut {
    command: Command,
    waiting: VecDeque<(u8, Command)>,
    /// Where to ask for the other parts, once the first has answered.
    parts: Option<(u8, PartStep)>,
    replies: Vec<Reply>,
    refused: Option<ControlError>,
}

impl FanOut {
    /// To every media thread.
    pub(crate) fn everywhere(command: Command, workers: u8) -> Self {
        let waiting = (0..workers).map(|worker| (worker, command.clone())).collect();
        FanOut { command, waiting, parts: None, replies: Vec::new(), refused: None }
    }

    /// To a router or a server of ports and its parts, if that is what the command is about.
    ///
    /// The router comes first: what it refuses no part is told, and a part that is made meanwhile takes over what it said.
    pub(crate) fn of_parts(command: &Command) -> Option<Self> {
        let target = match command {
            Command::SetLabels { target, .. }
            | Command::EnablePlugin { target, .. }
            | Command::DisablePlugin { target, .. }
            | Command::PluginRequest { target, .. }
            | Command::Stats(target)
            | Command::Dump(target) => *target,
            _ => return None,
        };
        let (worker, step) = match target {
            Target::Router(id) => (id.worker(), PartStep::Weigh(Some(id))),
            Target::WebRtcServer(id) => (id.worker(), PartStep::ShowServer(id)),
            _ => return None,
        };
        let waiting = VecDeque::from([(worker, command.clone())]);
        let parts = Some((worker, step));
        Some(FanOut { command: command.clone(), waiting, parts, replies: Vec::new(), refused: None })
    }

    /// Whether it is a part that answers now.
    fn is_part(&self) -> bool {
        let has_parts = matches!(self.command.target(), Some(Target::Router(_) | Target::WebRtcServer(_)));
        has_parts && !self.replies.is_empty()
    }

    fn go_on(&mut self, parts: impl Iterator<Item = Target>) {
        let command = &self.command;
        self.waiting.extend(parts.filter_map(|part| Some((part.worker()?, command.clone().about(part)))));
    }
}

impl Steps for FanOut {
    fn next(&mut self) -> Option<(u8, Command)> {
        if self.refused.is_some() {
            return None;
        }
        self.waiting.pop_front().or_else(|| {
            let (worker, step) = self.parts.take()?;
            Some((worker, step.command()))
        })
    }

    fn note(&mut self, answer: Result<Reply, ControlError>) {
        match answer {
            Ok(Reply::RouterWeight(weight)) => self.go_on(weight.parts.into_iter().map(Target::from)),
            Ok(Reply::ServerParts(server)) => self.go_on(server.parts.into_iter().map(Target::from)),
            Ok(reply) => self.replies.push(reply),
            // A part that closes just now.
            Err(error) if self.is_part() && error.kind == ErrorKind::NotFound => {}
            Err(error) => self.refused = Some(error),
        }
    }

    fn outcome(mut self: Box<Self>) -> Result<Reply, ControlError> {
        let is_request = matches!(self.command, Command::PluginRequest { target: Target::Router(_), .. });
        match self.refused {
            Some(error) => Err(error),
            // A router that is in one place answers as any other entity does.
            None if is_request && self.replies.len() == 1 => {
                self.replies.pop().ok_or_else(|| unexpected(&Reply::Done))
            }
            None if is_request => Ok(Reply::merge_requests(self.replies)),
            None => Ok(Reply::merge(self.replies)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{EntityId, Labels, RawId, RouterId, RouterWeight};
    use serde_json::json;

    fn router(worker: u8) -> RouterId {
        RouterId::from_raw(RawId::new(worker, 3, 1))
    }

    /// What the router and its parts were told, and the outcome. They answer `answers` in turn.
    fn run(
        command: Command,
        parts: &[u8],
        answers: &[Result<Reply, ControlError>],
    ) -> (Vec<(u8, Target)>, Result<Reply, ControlError>) {
        let mut steps = FanOut::of_parts(&command).expect("it is about a router");
        let (mut told, mut answers) = (Vec::new(), answers.iter().cloned());
        while let Some((worker, command)) = steps.next() {
            if matches!(command, Command::Part(_)) {
                let parts = parts.iter().map(|worker| router(*worker)).collect();
                let weight = RouterWeight { parts, ..RouterWeight::default() };
                steps.note(Ok(Reply::RouterWeight(Box::new(weight))));
                continue;
            }
            told.push((worker, command.target().unwrap()));
            steps.note(answers.next().unwrap());
        }
        (told, Box::new(steps).outcome())
    }

    fn ask() -> Command {
        let (plugin, target) = ("demo".to_owned(), router(1).into());
        Command::PluginRequest { plugin, target, body: json!({}) }
    }

    #[test]
    fn the_parts_are_told_after_the_router_each_by_its_own_id() {
        let labels = Command::SetLabels { target: router(1).into(), labels: Labels::new() };
        let done = || Ok(Reply::Done);
        let (told, outcome) = run(labels, &[0, 2], &[done(), done(), done()]);
        assert_eq!(told, [1, 0, 2].map(|worker| (worker, router(worker).into())));
        assert_eq!(outcome, Ok(Reply::Done));
    }

    #[test]
    fn what_the_router_refuses_no_part_is_told() {
        let refused = ControlError::invalid("no");
        let (told, outcome) = run(ask(), &[0, 2], &[Err(refused.clone())]);
        assert_eq!((told.len(), outcome), (1, Err(refused)));
    }

    #[test]
    fn a_plugin_answers_alike_however_many_parts_there_are() {
        let answer = |value| Ok(Reply::Json(value));
        let one = run(ask(), &[], &[answer(json!({ "on": true, "files": ["a"], "packets": 2 }))]).1;
        assert_eq!(one, answer(json!({ "on": true, "files": ["a"], "packets": 2 })));
        let here = json!({ "on": true, "files": ["a"], "packets": 2 });
        let there = json!({ "on": true, "files": ["b"], "packets": 3, "more": 1 });
        let both = run(ask(), &[0], &[answer(here), answer(there)]).1;
        assert_eq!(both, answer(json!({ "on": true, "files": ["a", "b"], "packets": 2, "more": 1 })));
    }
}
