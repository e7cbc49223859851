//! How the library says that there is something to read.
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

/// Workers that run, by the number that the library holds as a handle. It may use a handle after its worker has ended, so
/// a handle is no address: nothing is ever read through it.
static RUNNING: LazyLock<Mutex<HashMap<usize, Arc<Bell>>>> = LazyLock::new(Mutex::default);

/// No worker has 0, which looks like no handle at all.
static NEXT: AtomicUsize = AtomicUsize::new(1);

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What has happened since somebody looked.
#[derive(Default)]
struct Rung {
    is_new: bool,
    is_over: bool,
}

#[derive(Default)]
struct Bell {
    rung: Mutex<Rung>,
    changed: Condvar,
}

/// A worker's own handle; it is none any more once this is dropped.
pub(crate) struct Wake {
    handle: usize,
    bell: Arc<Bell>,
}

impl Wake {
    pub(crate) fn new() -> Self {
        let (handle, bell) = (NEXT.fetch_add(1, Ordering::Relaxed), Arc::<Bell>::default());
        held(&RUNNING).insert(handle, bell.clone());
        Self { handle, bell }
    }

    pub(crate) fn handle(&self) -> usize {
        self.handle
    }

    /// Waits until there may be something to read; `false` once the worker ends.
    pub(crate) fn wait(&self) -> bool {
        let rung = held(&self.bell.rung);
        let asleep = |rung: &mut Rung| !rung.is_new && !rung.is_over;
        let mut rung = self.bell.changed.wait_while(rung, asleep).unwrap_or_else(PoisonError::into_inner);
        rung.is_new = false;
        !rung.is_over
    }

    /// The worker ends.
    pub(crate) fn end(&self) {
        held(&self.bell.rung).is_over = true;
        self.bell.changed.notify_all();
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        held(&RUNNING).remove(&self.handle);
    }
}

/// Wakes a worker; `false` if none has this handle.
pub(crate) fn ring(handle: usize) -> bool {
    let Some(bell) = held(&RUNNING).get(&handle).cloned() else { return false };
    held(&bell.rung).is_new = true;
    bell.changed.notify_all();
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_wakes_its_worker_until_it_ends() {
        let wake = Wake::new();
        let handle = wake.handle();
        assert!(ring(handle) && wake.wait());
        wake.end();
        assert!(!wake.wait());
        drop(wake);
        assert!(!ring(handle) && !ring(0));
    }
}
