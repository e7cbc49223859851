//! The hooks.
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sfu_core::control::{EventBody, Labels};
use sfu_core::plugin::{
    Cx, Error, Event, NoMessage, Plugin, PluginHandle, Responder, Rows, Start, Stats, Target, plugin,
};
use sfu_core::serde_json::{Map, Value, json};
use sfu_core::tracing;

use crate::CODE_INVALID;
use crate::delivery::deliver;
use crate::event_name::{event_data, event_name};
use crate::hook::HookState;
use crate::roots::client_config;
use crate::settings::{Config, Request};

/// How long the end of the worker waits for posts: it has 1.8 s, of which signaling may take 0.8 s.
const PATIENCE: Duration = Duration::from_millis(700);

/// Labels that are kept without a second look.
const TIDY: usize = 1024;

/// Posts events as signed HTTP requests, in order and with retries.
pub struct Webhook {
    shared: Arc<Shared>,
    handle: PluginHandle<NoMessage>,
    worker: u8,
    /// Labels of entities that are open: when their end is told they can't be seen any more.
    labels: HashMap<Target, Labels>,
    /// From so many labels on, those of entities whose end was not told are looked for.
    tidy_at: usize,
}

/// What the instances share.
pub struct Shared {
    hooks: Vec<Arc<HookState>>,
}

#[plugin(id = "webhook")]
impl Plugin for Webhook {
    type Config = Config;
    type Request = Request;
    type Shared = Shared;

    fn shared(config: &Config) -> Result<Shared, Error> {
        let checked = config.check()?;
        let needs_tls = config.ca_file.is_some() || checked.iter().any(|(endpoint, _)| endpoint.tls);
        let tls = needs_tls.then(|| client_config(config.ca_file.as_deref())).transpose()?;
        let hooks = config.hooks.iter().zip(checked);
        let hooks =
            hooks.map(|(hook, checked)| Arc::new(HookState::new(hook, checked, tls.clone()))).collect();
        Ok(Shared { hooks })
    }

    fn new(_: Config, start: Start<'_, Self>) -> Result<Self, Error> {
        Ok(Webhook {
            shared: start.shared().clone(),
            handle: start.handle(),
            worker: start.worker(),
            labels: HashMap::new(),
            tidy_at: TIDY,
        })
    }

    fn stop(&mut self, _: &mut Cx<'_>) {
        let hooks = &self.shared.hooks;
        hooks.iter().for_each(|hook| hook.close());
        let end = Instant::now() + PATIENCE;
        while hooks.iter().any(|hook| !hook.queue.is_idle()) {
            if Instant::now() >= end {
                let waiting: usize = hooks.iter().map(|hook| hook.queue.len()).sum();
                tracing::warn!(
                    "webhook: the worker ends with {waiting} events that wait, and posts under way"
                );
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn request(&mut self, _: Request, _: Target, re: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        re.error(CODE_INVALID, "plugins.webhook: hooks belong to the whole worker; ask without a target");
    }

    async fn serve(shared: &Arc<Shared>, Request::Status {}: Request, re: Responder) {
        re.ok(json!({ "hooks": shared.hooks.iter().map(|hook| hook.status()).collect::<Vec<_>>() }));
    }

    fn event(&mut self, ev: &Event, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        if self.shared.hooks.is_empty() {
            return;
        }
        let labels = self.labels_of(ev, cx);
        let name = event_name(ev);
        let mut fields: Option<String> = None;
        for hook in self.shared.hooks.iter().filter(|hook| hook.wants(&name)) {
            let fields = fields.get_or_insert_with(|| written(&name, ev, &labels));
            if hook.queue.push(fields.clone()) {
                self.handle.spawn(deliver(hook.clone()));
            }
        }
    }

    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        // They belong to no media thread: one tells them for all.
        if self.worker != 0 {
            return;
        }
        let (mut dropped, mut waiting, mut sums) = (0, 0, [0; 5]);
        for hook in &self.shared.hooks {
            dropped += hook.queue.dropped();
            waiting += hook.queue.len();
            let figures = &hook.figures;
            let all =
                [&figures.delivered, &figures.posts, &figures.retries, &figures.refused, &figures.failed];
            for (sum, figure) in sums.iter_mut().zip(all) {
                *sum += figure.load(Ordering::Relaxed);
            }
        }
        let names = ["delivered", "posts", "retries", "refused", "failed"];
        for (name, sum) in names.into_iter().zip(sums) {
            out.put_sum(name, sum);
        }
        out.put_sum("dropped", dropped);
        out.put_sum("waiting", waiting);
    }
}

impl Webhook {
    /// The labels of what an event is about, and keeps them up to its end.
    fn labels_of(&mut self, event: &Event, cx: &Cx<'_>) -> Labels {
        if matches!(event.body, EventBody::Closed(_)) {
            return self.labels.remove(&event.target).unwrap_or_default();
        }
        let labels = cx.view().labels(event.target);
        // What is closed already is told of no second time.
        if labels != Labels::default() {
            if self.labels.len() >= self.tidy_at {
                self.labels.retain(|target, _| cx.view().exists(*target));
                self.tidy_at = TIDY.max(2 * self.labels.len());
            }
            self.labels.insert(event.target, labels.clone());
        }
        labels
    }
}

/// An event as JSON, without the braces.
fn written(name: &str, event: &Event, labels: &Labels) -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut fields = Map::new();
    fields.insert("time".to_owned(), (time.as_millis() as u64).into());
    fields.insert("event".to_owned(), name.into());
    fields.insert("target".to_owned(), json!(event.target));
    fields.insert("labels".to_owned(), json!(labels));
    fields.insert("data".to_owned(), event_data(event));
    let text = Value::Object(fields).to_string();
    text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default().to_owned()
}
