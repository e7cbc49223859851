//! The time that a thread was ready to run and did not, because the system let others run.
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

thread_local! {
    /// Opened once a thread, since what it names is the thread that opens it. Not there on every system.
    static SCHEDSTAT: Option<File> = File::open("/proc/thread-self/schedstat").ok();
}

/// How long this thread has waited for a processor since it began; zero where the system does not say.
///
/// One system call, no allocation but for the first in a thread.
pub(crate) fn waited() -> Duration {
    let read = |file: &Option<File>| {
        let mut text = [0; 96];
        let len = file.as_ref()?.read_at(&mut text, 0).ok()?;
        parse(text.get(..len)?)
    };
    Duration::from_nanos(SCHEDSTAT.with(read).unwrap_or(0))
}

/// Nanoseconds on a processor, nanoseconds waiting for one, and how often it got one.
fn parse(schedstat: &[u8]) -> Option<u64> {
    std::str::from_utf8(schedstat).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_second_number_is_the_time_waited() {
        assert_eq!(parse(b"8473928 12345 17\n"), Some(12_345));
        assert!([&b""[..], b"1", b"1 x 2", b"\xff \xff"].iter().all(|text| parse(text).is_none()));
    }

    #[test]
    fn a_thread_that_shares_its_processor_has_waited_and_one_that_sleeps_has_not() {
        if !std::path::Path::new("/proc/thread-self/schedstat").exists() {
            return crate::testing::skipped("this system does not tell how long threads wait");
        }
        let stop = AtomicBool::new(false);
        let crowd = 3 * std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..crowd {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            let (before, end) = (waited(), Instant::now() + Duration::from_secs(10));
            while waited() < before + Duration::from_millis(20) && Instant::now() < end {}
            stop.store(true, Ordering::Relaxed);
            assert!(waited() >= before + Duration::from_millis(20), "{:?}", waited() - before);
        });
        let before = waited();
        std::thread::sleep(Duration::from_millis(50));
        assert!(waited() - before < Duration::from_millis(40), "{:?}", waited() - before);
    }
}
