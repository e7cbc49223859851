//! What a plugin gets when it begins, and the way back to it from background work.
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::mpsc;

use super::commands::Full;
use super::plugin_trait::Plugin;
use super::slot::PluginSlot;

/// Messages that wait for one instance of a plugin at the most.
pub const MAILBOX: usize = 1024;

/// Where background work runs: tokio, or inline in tests.
pub type Spawner = Arc<dyn Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync>;

/// Tells a media thread that messages wait, and for which plugins.
#[derive(Default)]
pub struct Doorbell {
    waiting: AtomicU64,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Doorbell {
    /// Says how the media thread is woken from its sleep; once.
    pub fn set_wake(&self, wake: impl Fn() + Send + Sync + 'static) {
        let _ = self.wake.set(Box::new(wake));
    }

    pub(crate) fn ring(&self, slot: PluginSlot) {
        // Only the first ring since the thread last looked has to wake it.
        if self.waiting.fetch_or(slot.bit(), Ordering::Release) == 0
            && let Some(wake) = self.wake.get()
        {
            wake();
        }
    }

    /// Whether somebody rang since the thread last looked.
    #[inline]
    pub fn is_ringing(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) != 0
    }

    /// The plugins that messages wait for, as a mask of slots; one load per turn while there are none.
    #[inline]
    pub fn take(&self) -> u64 {
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        self.waiting.swap(0, Ordering::Acquire)
    }
}

/// What all media threads share before any begins.
#[derive(Clone)]
pub struct Launch {
    /// Where background work runs.
    pub spawner: Spawner,
    /// One doorbell per media thread.
    pub bells: Vec<Arc<Doorbell>>,
}

impl Launch {
    /// For so many media threads, with background work on a tokio runtime.
    pub fn on(runtime: tokio::runtime::Handle, workers: u8) -> Self {
        Self::with_spawner(
            Arc::new(move |work| {
                runtime.spawn(work);
            }),
            workers,
        )
    }

    /// For so many media threads, with background work given to `spawner`.
    pub fn with_spawner(spawner: Spawner, workers: u8) -> Self {
        Launch { spawner, bells: (0..workers).map(|_| Arc::default()).collect() }
    }

    /// How many media threads there are.
    pub fn workers(&self) -> u8 {
        self.bells.len() as u8
    }
}

/// The mailboxes of all instances of one plugin.
pub(crate) struct Mail<M> {
    slot: PluginSlot,
    boxes: Vec<mpsc::Sender<M>>,
    receivers: Vec<Mutex<Option<mpsc::Receiver<M>>>>,
    launch: Launch,
}

impl<M> Mail<M> {
    pub(crate) fn new(slot: PluginSlot, launch: &Launch) -> Self {
        let (boxes, receivers) = (0..launch.workers())
            .map(|_| mpsc::channel(MAILBOX))
            .map(|(send, receive)| (send, Mutex::new(Some(receive))))
            .unzip();
        Mail { slot, boxes, receivers, launch: launch.clone() }
    }

    /// The receiving end of one media thread, once.
    pub(crate) fn take_receiver(&self, worker: u8) -> Option<mpsc::Receiver<M>> {
        let slot = self.receivers.get(usize::from(worker))?;
        slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }

    fn send(&self, worker: usize, message: M) -> Result<(), Full> {
        self.boxes.get(worker).ok_or(Full)?.try_send(message).map_err(|_| Full)?;
        if let Some(bell) = self.launch.bells.get(worker) {
            bell.ring(self.slot);
        }
        Ok(())
    }
}

/// The way to a plugin's instance from background work. Cheap to clone, and `Send`.
pub struct PluginHandle<M> {
    mail: Arc<Mail<M>>,
    worker: u8,
}

impl<M> Clone for PluginHandle<M> {
    fn clone(&self) -> Self {
        PluginHandle { mail: self.mail.clone(), worker: self.worker }
    }
}

impl<M: Send + 'static> PluginHandle<M> {
    pub(crate) fn new(mail: Arc<Mail<M>>, worker: u8) -> Self {
        PluginHandle { mail, worker }
    }

    /// Sends a message to this instance's `message`; never blocks. Full: 1024 messages wait already.
    pub fn send(&self, message: M) -> Result<(), Full> {
        self.mail.send(usize::from(self.worker), message)
    }

    /// Sends a message to the instances of all media threads, this one too. Full: some of them did not get it.
    pub fn broadcast(&self, message: M) -> Result<(), Full>
    where
        M: Clone,
    {
        let mut outcome = Ok(());
        for worker in 0..self.mail.boxes.len() {
            outcome = outcome.and(self.mail.send(worker, message.clone()));
        }
        outcome
    }

    /// Runs a future off the media threads.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        (self.mail.launch.spawner)(Box::pin(work));
    }
}

/// What a plugin gets when one of its instances begins.
pub struct Start<'a, P: Plugin> {
    shared: &'a Arc<P::Shared>,
    handle: PluginHandle<P::Message>,
}

impl<'a, P: Plugin> Start<'a, P> {
    pub(crate) fn new(shared: &'a Arc<P::Shared>, handle: PluginHandle<P::Message>) -> Self {
        Start { shared, handle }
    }

    /// The media thread of this instance, from 0.
    pub fn worker(&self) -> u8 {
        self.handle.worker
    }

    /// How many media threads there are.
    pub fn workers(&self) -> u8 {
        self.handle.mail.launch.workers()
    }

    /// What all instances share.
    pub fn shared(&self) -> &Arc<P::Shared> {
        self.shared
    }

    /// The way to this instance from background work.
    pub fn handle(&self) -> PluginHandle<P::Message> {
        self.handle.clone()
    }
}
