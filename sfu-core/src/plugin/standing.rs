//! How a plugin stands with the whole process: what `serve`, which belongs to no media thread, has to know and to tell.
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use super::faults::{drop_contained, panic_text};
use super::slot::PluginSlot;
use super::start::{Doorbell, Launch};

/// Panics of `serve` that may wait for the first media thread; more are not told one by one.
const WAITING: usize = 64;

/// One plugin's standing, shared by its instances and `serve`.
pub(crate) struct Standing {
    slot: PluginSlot,
    /// Some media thread has put it in quarantine.
    quarantined: AtomicBool,
    panics: mpsc::Sender<String>,
    receiver: Mutex<Option<mpsc::Receiver<String>>>,
    /// That of the first media thread, which counts the panics of `serve` with those of its own instance.
    bell: Arc<Doorbell>,
}

impl Standing {
    pub(crate) fn new(slot: PluginSlot, launch: &Launch) -> Self {
        let (panics, receiver) = mpsc::channel(WAITING);
        let bell = launch.bells.first().cloned().unwrap_or_default();
        Standing {
            slot,
            quarantined: AtomicBool::new(false),
            panics,
            receiver: Mutex::new(Some(receiver)),
            bell,
        }
    }

    /// Where the panics of `serve` arrive: for the first media thread, once.
    pub(crate) fn take_receiver(&self, worker: u8) -> Option<mpsc::Receiver<String>> {
        if worker != 0 {
            return None;
        }
        self.receiver.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }

    /// `serve` panicked with this text.
    pub(crate) fn panicked(&self, text: String) {
        if self.panics.try_send(text).is_ok() {
            self.bell.ring(self.slot);
        }
    }

    /// A media thread put the plugin in quarantine.
    pub(crate) fn quarantine(&self) {
        self.quarantined.store(true, Ordering::Relaxed);
    }

    /// Whether one did.
    pub(crate) fn is_quarantined(&self) -> bool {
        self.quarantined.load(Ordering::Relaxed)
    }
}

/// A future whose panic ends here: its output is then the panic's text.
pub(crate) struct Contained<'f>(Option<Pin<Box<dyn Future<Output = ()> + Send + 'f>>>);

impl<'f> Contained<'f> {
    pub(crate) fn new(future: impl Future<Output = ()> + Send + 'f) -> Self {
        Contained(Some(Box::pin(future)))
    }
}

impl Future for Contained<'_> {
    type Output = Result<(), String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else { return Poll::Ready(Ok(())) };
        let polled: Result<_, Box<dyn Any + Send>> =
            catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(payload) => {
                drop_contained(self.0.take());
                Poll::Ready(Err(panic_text(payload)))
            }
        }
    }
}
