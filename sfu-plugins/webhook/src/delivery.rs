//! Delivers what waits for a hook: one post at a time, in order, each until it is taken or given up.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::StatusCode;
use hyper::body::Bytes;
use sfu_core::tracing;

use crate::backoff;
use crate::client::{Answer, Post};
use crate::hook::HookState;
use crate::queue::Batch;
use crate::signature::hex;

/// Time between two attempts at the most once the worker stops.
const HURRY: Duration = Duration::from_millis(50);

/// Delivers until nothing waits.
pub(crate) async fn deliver(hook: Arc<HookState>) {
    let mut end = Unfinished(&hook, true);
    while let Some(batch) = hook.queue.take(hook.batch) {
        deliver_batch(&hook, &batch).await;
    }
    end.1 = false;
}

/// Tells the queue that its delivery ended half-way, by a panic or the end of the runtime.
struct Unfinished<'h>(&'h HookState, bool);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.1 {
            self.0.queue.abandon();
        }
    }
}

/// What comes after an attempt.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Taken,
    /// Another attempt would be answered the same.
    Refused,
    /// Another attempt may help, not before this time if there is one.
    Again(Option<Duration>),
}

fn verdict(answer: &Answer) -> Verdict {
    match answer.status {
        status if status.is_success() => Verdict::Taken,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Verdict::Again(answer.retry_after),
        status if status.is_server_error() => Verdict::Again(answer.retry_after),
        _ => Verdict::Refused,
    }
}

async fn deliver_batch(hook: &HookState, batch: &Batch) {
    let (id, figures, events) = (delivery_id(), &hook.figures, batch.events.len() as u64);
    let body = Bytes::from(body(&id, batch));
    let mut failed = 0;
    loop {
        let (verdict, error) = attempt(hook, &id, &body).await;
        hook.note(error.clone());
        let error = error.unwrap_or_default();
        match verdict {
            Verdict::Taken => {
                figures.delivered.fetch_add(events, Ordering::Relaxed);
                figures.posts.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Verdict::Refused => {
                figures.refused.fetch_add(events, Ordering::Relaxed);
                tracing::warn!("webhook: {} refused {events} events: {error}", hook.endpoint);
                return;
            }
            Verdict::Again(retry_after) => {
                failed += 1;
                if failed >= hook.attempts {
                    figures.failed.fetch_add(events, Ordering::Relaxed);
                    let to = &hook.endpoint;
                    tracing::warn!(
                        "webhook: {events} events for {to} are given up after {failed} attempts: {error}"
                    );
                    return;
                }
                tracing::debug!("webhook: {}: attempt {failed} failed: {error}", hook.endpoint);
                rest(hook, failed, retry_after).await;
                figures.retries.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

async fn attempt(hook: &HookState, id: &str, body: &Bytes) -> (Verdict, Option<String>) {
    // Each attempt has its own time, so that receivers may refuse what is old.
    let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let signature = hook.signer.sign(timestamp, body);
    let post = Post { id: id.to_owned(), timestamp, signature, body: body.clone() };
    let mut client = hook.client.lock().await;
    match tokio::time::timeout(hook.timeout, client.post(&post)).await {
        Ok(Ok(answer)) => match verdict(&answer) {
            Verdict::Taken => (Verdict::Taken, None),
            other => (other, Some(format!("status {}", answer.status.as_u16()))),
        },
        Ok(Err(error)) => (Verdict::Again(None), Some(error)),
        Err(_) => (Verdict::Again(None), Some(format!("no answer within {} ms", hook.timeout.as_millis()))),
    }
}

/// Waits before the next attempt; less once the worker stops.
async fn rest(hook: &HookState, failed: u32, retry_after: Option<Duration>) {
    let (first, most) = hook.backoff;
    let wait =
        backoff::wait(failed, first, most, backoff::chance()).max(retry_after.unwrap_or_default().min(most));
    let hurried = hook.hurry.notified();
    if !hook.is_closing() {
        tokio::select! {
            () = tokio::time::sleep(wait) => return,
            () = hurried => {}
        }
    }
    tokio::time::sleep(wait.min(HURRY)).await;
}

/// A name that no other delivery has.
fn delivery_id() -> String {
    let mut bytes = [0; 16];
    // Without chance all are the same, and receivers that look for repetitions take none but the first: it never happens.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    hex(&bytes)
}

/// The body of a post.
fn body(id: &str, batch: &Batch) -> String {
    let mut text = format!("{{\"id\":\"{id}\",\"dropped\":{},\"events\":[", batch.dropped);
    for (index, event) in batch.events.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        text += &format!("{comma}{{\"sequence\":{},{}}}", event.sequence, event.fields);
    }
    text + "]}"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_help_later_is_tried_again_and_nothing_else() {
        let verdict = |status: u16| {
            let status = StatusCode::from_u16(status).expect("a status");
            verdict(&Answer { status, retry_after: None })
        };
        assert!([200, 201, 204, 299].iter().all(|status| verdict(*status) == Verdict::Taken));
        assert!([408, 429, 500, 502, 503, 599].iter().all(|status| verdict(*status) == Verdict::Again(None)));
        assert!(
            [301, 302, 307, 400, 401, 403, 404, 410, 413]
                .iter()
                .all(|status| verdict(*status) == Verdict::Refused)
        );
    }
}
