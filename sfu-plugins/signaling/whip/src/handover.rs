//! Moving the viewers of a stream to its new publisher.
use std::sync::Arc;

use futures_util::StreamExt;
use sfu_core::control::{Command, ControlError};

use crate::hub::{AT_A_TIME, Hub};
use crate::negotiate::successor;
use crate::resource::Resource;

/// Moves every viewer to a publisher that has just entered, then closes the one that it replaced, in the background.
///
/// In this order, because closing a producer may close its consumers.
pub(crate) fn begin(hub: &Arc<Hub>, publisher: Arc<Resource>, replaced: Option<Arc<Resource>>) {
    let (epoch, viewers) = {
        let state = hub.lock();
        let Some(entry) = state.streams.get(&publisher.stream) else { return };
        let viewers = entry.stream.viewers().filter_map(|id| state.resources.get(&id).cloned());
        (entry.stream.epoch(), viewers.collect::<Vec<_>>())
    };
    if viewers.is_empty() && replaced.is_none() {
        return;
    }
    let hub = hub.clone();
    tokio::spawn(async move {
        futures_util::stream::iter(viewers)
            .for_each_concurrent(AT_A_TIME, |viewer| {
                let (hub, publisher) = (&hub, &publisher);
                async move { move_viewer(hub, &viewer, publisher, epoch).await }
            })
            .await;
        if let Some(replaced) = replaced {
            let _ = hub.control.run(Command::CloseSession(replaced.session)).await;
        }
    });
}

/// Moves a viewer that was set up for an older publisher than the stream has now.
pub(crate) fn catch_up(hub: &Arc<Hub>, viewer: Arc<Resource>, epoch: u64) {
    let (current, publisher) = {
        let state = hub.lock();
        let Some(entry) = state.streams.get(&viewer.stream) else { return };
        let publisher = entry.stream.publisher().and_then(|id| state.resources.get(&id).cloned());
        (entry.stream.epoch(), publisher)
    };
    // Without a publisher the viewer waits like all others; the next one moves it.
    if let Some(publisher) = publisher
        && current != epoch
    {
        let hub = hub.clone();
        tokio::spawn(async move { move_viewer(&hub, &viewer, &publisher, current).await });
    }
}

/// Moves one viewer; one that can't follow is closed, so that its client asks again and gets a new answer.
async fn move_viewer(hub: &Arc<Hub>, viewer: &Arc<Resource>, publisher: &Resource, epoch: u64) {
    let consumers = viewer.consumers.lock().await;
    let is_current =
        || hub.lock().streams.get(&viewer.stream).is_some_and(|entry| entry.stream.epoch() == epoch);
    if !is_current() {
        return;
    }
    let steps: Option<Vec<Command>> = consumers
        .iter()
        .map(|consumer| {
            let producer = successor(&publisher.producers, consumer.kind, &consumer.accepted)?.id;
            Some(Command::SwitchConsumer { consumer: consumer.id, producer })
        })
        .collect();
    let outcome: Result<(), ControlError> = match steps {
        None => Err(ControlError::invalid(
            "whep: the new publisher's codecs are not those of the viewer's answer",
        )),
        Some(steps) => {
            let mut outcome = Ok(());
            for step in steps {
                outcome = hub.control.run(step).await;
                if outcome.is_err() {
                    break;
                }
            }
            outcome
        }
    };
    if let Err(error) = outcome
        && is_current()
    {
        tracing::info!(stream = %viewer.stream, session = ?viewer.id, %error, "whep: a viewer can't follow the new publisher");
        hub.close_soon(viewer.id);
    }
}
