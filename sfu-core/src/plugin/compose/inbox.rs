//! What reaches the first plugin from outside: requests, outcomes and messages.
use std::sync::Arc;

use serde_json::Value;

use super::entry::{Seed, parse_request};
use super::*;
use crate::plugin::faults::{Fault, FaultKind, drop_contained};
use crate::plugin::kind::with_target;
use crate::plugin::plugin_trait::Plugin;
use crate::plugin::responder::{CODE_DROPPED, CODE_MALFORMED};
use crate::plugin::rows::{First, Rows};
use crate::plugin::standing::Contained;

/// Messages handed over per plugin and turn.
const MESSAGES: usize = 256;

impl<H: Plugin, T: PluginSet> Cons<H, T> {
    pub(super) fn request_head<R: RowSource<Self>>(
        &mut self,
        body: Value,
        at: Target,
        re: Responder,
        rows: &mut R,
        hx: &mut HookContext<'_>,
    ) {
        let id = H::META.id;
        if self.head.quarantined {
            return re.error(CODE_DROPPED, Self::quarantined());
        }
        if !H::HOOKS.contains(Hooks::REQUEST) {
            return re.error(CODE_DROPPED, format!("plugins.{id}: takes no requests here"));
        }
        match parse_request::<H>(body) {
            Err(error) => re.error(CODE_MALFORMED, error.to_string()),
            Ok(request) => {
                let plugin = &mut self.head.plugin;
                let close = with_target!(at, id => Self::closes_kind(id), false);
                let outcome = cold(Hooks::REQUEST, at, close, Self::SLOT, hx, |cx| {
                    plugin.request(request, at, re, &mut Rows::new(&mut First::of(rows)), cx);
                });
                if outcome.is_err() {
                    Self::detach(at, rows);
                }
            }
        }
    }

    /// A request without a target, off the media threads; none if the plugin does not serve.
    pub(super) fn serve_head(seed: &Arc<Seed<H>>, body: Value, re: Responder) -> Option<Serving> {
        if !H::HOOKS.contains(Hooks::SERVE) {
            return None;
        }
        let seed = seed.clone();
        Some(Box::pin(async move {
            if seed.standing.is_quarantined() {
                return re.error(CODE_DROPPED, Self::quarantined());
            }
            match parse_request::<H>(body) {
                Err(error) => re.error(CODE_MALFORMED, error.to_string()),
                Ok(request) => {
                    let serving = Contained::new(async { H::serve(&seed.shared, request, re).await });
                    if let Err(text) = serving.await {
                        seed.standing.panicked(text);
                    }
                }
            }
        }))
    }

    pub(super) fn done_head<R: RowSource<Self>>(
        &mut self,
        tag: u64,
        outcome: Result<Reply, Error>,
        rows: &mut R,
        hx: &mut HookContext<'_>,
    ) {
        if self.has(Hooks::DONE) {
            let plugin = &mut self.head.plugin;
            let _ = cold(Hooks::DONE, Target::Worker, false, Self::SLOT, hx, |cx| {
                plugin.done(tag, outcome, &mut Rows::new(&mut First::of(rows)), cx);
            });
        }
    }

    /// Hands over what waits; the plugin's bit, if more is left.
    pub(super) fn messages_head<R: RowSource<Self>>(
        &mut self,
        rows: &mut R,
        hx: &mut HookContext<'_>,
    ) -> u64 {
        while let Some(text) = self.head.serve_panics.as_mut().and_then(|panics| panics.try_recv().ok()) {
            let (kind, target) = (FaultKind::Panic(text), Target::Worker);
            hx.desk.faults.push(Fault { slot: Self::SLOT, hook: Hooks::SERVE, target, kind, close: false });
        }
        let mut taken = 0;
        while let Some(message) = self.head.inbox.as_mut().and_then(|inbox| inbox.try_recv().ok()) {
            if !self.has(Hooks::MESSAGE) {
                drop_contained(message);
                continue;
            }
            let plugin = &mut self.head.plugin;
            let _ = cold(Hooks::MESSAGE, Target::Worker, false, Self::SLOT, hx, |cx| {
                plugin.message(message, &mut Rows::new(&mut First::of(rows)), cx);
            });
            taken += 1;
            if taken == MESSAGES {
                return Self::SLOT.bit();
            }
        }
        0
    }
}
