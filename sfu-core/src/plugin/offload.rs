//! Slow work away from the media thread.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::faults::drop_contained;
use super::stats::Stats;

#[derive(Default)]
struct Counters {
    waiting: AtomicUsize,
    dropped: AtomicU64,
    failed: AtomicU64,
}

/// A bounded queue to a thread of its own: for files, encoders, whatever blocks.
///
/// ```
/// # use sfu_core::plugin::Offload;
/// let writer = Offload::<Vec<u8>>::spawn("writer", 256, |chunk| drop(chunk)).unwrap();
/// writer.offer(vec![1, 2, 3]).unwrap();
/// ```
pub struct Offload<J> {
    jobs: Option<SyncSender<J>>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
}

impl<J: Send + 'static> Offload<J> {
    /// A thread called `name` that does `work` with each job, in order; `capacity` jobs may wait. A job over which `work`
    /// panics is counted as failed, and the next one is done.
    pub fn spawn(name: &str, capacity: usize, work: impl FnMut(J) + Send + 'static) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(capacity.max(1));
        let counters = Arc::<Counters>::default();
        let seen = counters.clone();
        let thread =
            std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&queue, work, &seen))?;
        Ok(Offload { jobs: Some(jobs), thread: Some(thread), counters })
    }

    /// Gives a job to the thread; never blocks. Where the queue is full it comes back, and is counted as dropped.
    pub fn offer(&self, job: J) -> Result<(), J> {
        let Some(jobs) = &self.jobs else { return Err(job) };
        self.counters.waiting.fetch_add(1, Ordering::Relaxed);
        jobs.try_send(job).map_err(|refused| {
            self.counters.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
            match refused {
                std::sync::mpsc::TrySendError::Full(job)
                | std::sync::mpsc::TrySendError::Disconnected(job) => job,
            }
        })
    }

    /// Jobs that wait or are being done.
    pub fn waiting(&self) -> usize {
        self.counters.waiting.load(Ordering::Relaxed)
    }

    /// Jobs that did not fit.
    pub fn dropped(&self) -> u64 {
        self.counters.dropped.load(Ordering::Relaxed)
    }

    /// Jobs over which the work panicked.
    pub fn failed(&self) -> u64 {
        self.counters.failed.load(Ordering::Relaxed)
    }

    /// Puts `<name>_waiting`, `<name>_dropped` and `<name>_failed` among a plugin's figures.
    pub fn put(&self, name: &str, out: &mut Stats) {
        out.put_sum(format!("{name}_waiting"), self.waiting());
        out.put_sum(format!("{name}_dropped"), self.dropped());
        out.put_sum(format!("{name}_failed"), self.failed());
    }

    /// Waits until all jobs are done, at most so long; whether they are. For `stop` only: it blocks.
    ///
    /// Dropping an `Offload` does not wait: its thread does what is left, and ends.
    pub fn finish(mut self, patience: Duration) -> bool {
        self.jobs = None;
        let Some(thread) = self.thread.take() else { return true };
        let end = Instant::now() + patience;
        while !thread.is_finished() {
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        thread.join().is_ok()
    }
}

fn run<J>(queue: &Receiver<J>, mut work: impl FnMut(J), counters: &Counters) {
    for job in queue {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(job))) {
            drop_contained(payload);
            counters.failed.fetch_add(1, Ordering::Relaxed);
        }
        counters.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_full_queue_gives_the_job_back_and_counts_it() {
        let (go, wait) = channel::<()>();
        let offload = Offload::<u32>::spawn("test", 2, move |_| {
            let _ = wait.recv();
        })
        .unwrap();
        let back: Vec<u32> = (0..10).filter_map(|job| offload.offer(job).err()).collect();
        // One may be in work besides the two that wait.
        assert!((7..=8).contains(&back.len()), "{back:?}");
        assert_eq!(offload.dropped(), back.len() as u64);
        drop(go);
        assert!(offload.finish(Duration::from_secs(5)));
    }

    #[test]
    fn a_job_that_panics_does_not_end_the_thread() {
        let (done, results) = channel();
        let offload = Offload::<u32>::spawn("test", 8, move |job| {
            if job == 1 {
                std::panic::resume_unwind(Box::new("bad job"));
            }
            done.send(job).unwrap();
        })
        .unwrap();
        (0..3).for_each(|job| offload.offer(job).unwrap());
        assert_eq!([results.recv().unwrap(), results.recv().unwrap()], [0, 2]);
        assert_eq!(offload.failed(), 1);
        assert!(offload.finish(Duration::from_secs(5)));
    }
}
