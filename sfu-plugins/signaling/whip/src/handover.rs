//! Viewers go over to what is published now.
use std::sync::Arc;

use futures_util::StreamExt;
use sfu_core::control::{Command, ControlError};

use crate::hub::{AT_A_TIME, Hub, Removed};
use crate::negotiate::{successor, would_get_more};
use crate::resource::{Produced, Resource};
use crate::stream_name::StreamName;

/// Why viewers have to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A publisher has entered, with all that it will ever send.
    Publisher,
    /// Somebody else added a producer; more may come.
    Addition,
}

/// What a stream's viewers are to be moved to.
struct Goal {
    stream: StreamName,
    published: Vec<Produced>,
    epoch: u64,
    cause: Cause,
}

impl Goal {
    /// Nothing was published since.
    fn is_current(&self, hub: &Hub) -> bool {
        hub.lock().streams.get(&self.stream).is_some_and(|entry| entry.stream.epoch() == self.epoch)
    }
}

/// Moves every viewer of a stream to what has just been published, then closes what that replaced, in the background.
///
/// In this order, because closing a producer may close its consumers.
pub(crate) fn begin(hub: &Arc<Hub>, name: &StreamName, cause: Cause, replaced: Removed) {
    let (goal, viewers) = {
        let state = hub.lock();
        let Some(entry) = state.streams.get(name) else { return hub.finish_soon(replaced) };
        let viewers = entry.stream.viewers().filter_map(|id| state.resources.get(&id).cloned());
        let (stream, epoch) = (name.clone(), entry.stream.epoch());
        (Goal { stream, published: state.published(name), epoch, cause }, viewers.collect::<Vec<_>>())
    };
    if viewers.is_empty() && replaced.is_empty() {
        return;
    }
    let hub = hub.clone();
    tokio::spawn(async move {
        futures_util::stream::iter(viewers)
            .for_each_concurrent(AT_A_TIME, |viewer| {
                let (hub, goal) = (&hub, &goal);
                async move { move_viewer(hub, &viewer, goal).await }
            })
            .await;
        hub.finish(replaced).await;
    });
}

/// Moves a viewer that was set up for something older than the stream has now.
pub(crate) fn catch_up(hub: &Arc<Hub>, viewer: Arc<Resource>, epoch: u64) {
    let goal = {
        let state = hub.lock();
        let Some(entry) = state.streams.get(&viewer.stream) else { return };
        let cause = if entry.stream.publisher().is_some() { Cause::Publisher } else { Cause::Addition };
        let (stream, current) = (viewer.stream.clone(), entry.stream.epoch());
        Goal { published: state.published(&stream), stream, epoch: current, cause }
    };
    // Without anything published the viewer waits like all others; the next publisher moves it.
    if !goal.published.is_empty() && goal.epoch != epoch {
        let hub = hub.clone();
        tokio::spawn(async move { move_viewer(&hub, &viewer, &goal).await });
    }
}

/// Moves one viewer; one that can't follow is closed, so that its client asks again and gets a new answer.
async fn move_viewer(hub: &Arc<Hub>, viewer: &Arc<Resource>, goal: &Goal) {
    let mut consumers = viewer.consumers.lock().await;
    if !goal.is_current(hub) {
        return;
    }
    let mut outcome = Ok(());
    for consumer in consumers.iter_mut() {
        if goal.published.iter().any(|producer| producer.id == consumer.producer) {
            continue;
        }
        let Some(next) = successor(&goal.published, consumer.kind, &consumer.accepted) else {
            let comes_later = goal.cause == Cause::Addition
                && goal.published.iter().all(|producer| producer.kind != consumer.kind);
            if comes_later {
                continue;
            }
            outcome = Err(ControlError::invalid("the codecs are not those of its answer"));
            break;
        };
        let step = Command::SwitchConsumer { consumer: consumer.id, producer: next.id };
        outcome = hub.control.run(step).await;
        if outcome.is_err() {
            break;
        }
        consumer.producer = next.id;
    }
    // Audio and video of plain RTP come one after the other; who came in between has an answer for one of them only.
    if goal.cause == Cause::Addition && would_get_more(&viewer.unused, &goal.published, &consumers) {
        outcome = outcome.and(Err(ControlError::invalid("there is more now than its answer has")));
    }
    if let Err(error) = outcome
        && goal.is_current(hub)
    {
        hub.close_soon(viewer.id, &format!("it can't follow what is published now: {error}"));
    }
}
