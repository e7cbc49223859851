//! Processor time of threads, as the kernel keeps it.
use std::fs;
use std::time::{Duration, Instant};

/// How long threads may have something to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// The name of threads whose time does not count.
pub const UNCOUNTED: &str = "uncounted";

/// Nanoseconds per packet.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// On the media thread.
    pub media: f64,
    /// On threads that plugins made.
    pub others: f64,
}

/// Processor time of this thread until it last slept or was interrupted by the clock.
pub fn of_this_thread() -> Duration {
    schedstat("/proc/thread-self/schedstat").unwrap_or_default()
}

/// Processor time of all other threads that are there, but for those that don't count.
pub fn of_others() -> Duration {
    others().iter().filter_map(|thread| schedstat(&format!("{thread}/schedstat"))).sum()
}

/// Lets the kernel bring the time of this thread up to date.
pub fn pause() {
    std::thread::sleep(Duration::from_micros(50));
}

/// Waits until no other thread has anything to do, twice in a row.
pub fn settle() {
    let end = Instant::now() + PATIENCE;
    let mut quiet = 0;
    while quiet < 2 && Instant::now() < end {
        pause();
        let sleeps = |thread: &String| {
            let stat = fs::read_to_string(format!("{thread}/stat")).unwrap_or_default();
            // The name, in brackets, may hold anything.
            let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
            state.is_none_or(|state| state == 'S')
        };
        quiet = if others().iter().all(sleeps) { quiet + 1 } else { 0 };
    }
}

/// Folders of the other threads that count.
fn others() -> Vec<String> {
    let own = fs::read_link("/proc/thread-self").ok();
    let own = own.as_deref().and_then(|path| path.file_name()).map(|name| name.to_owned());
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    threads
        .filter(|thread| Some(thread.file_name()) != own)
        .map(|thread| thread.path().display().to_string())
        .filter(|thread| {
            let name = fs::read_to_string(format!("{thread}/comm")).unwrap_or_default();
            name.trim_end() != UNCOUNTED
        })
        .collect()
}

fn schedstat(path: &str) -> Option<Duration> {
    let text = fs::read_to_string(path).ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
