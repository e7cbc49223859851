//! What the system tells of a process.
use std::io;
use std::time::Duration;

/// CPU time that all its threads have had; those that have ended are not in it.
pub fn cpu(process: u32) -> io::Result<Duration> {
    let mut total = Duration::ZERO;
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end meanwhile.
        total += crate::cpu::spent(&task?.path().join("schedstat")).unwrap_or_default();
    }
    Ok(total)
}

/// Memory that is its own, in bytes: anonymous pages that are present.
pub fn memory(process: u32) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let kilobytes = status.lines().find_map(|line| {
        line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    });
    kilobytes
        .map(|k| k * 1024)
        .ok_or_else(|| io::Error::other(format!("process {process}: /proc says nothing of its memory")))
}

/// How many files a process may have open: now, and at the most.
pub fn descriptors() -> io::Result<(u64, u64)> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let mut words = line.unwrap_or_default().split_whitespace().skip(3);
    let mut number = || words.next().map(|word| word.parse().unwrap_or(u64::MAX));
    match (number(), number()) {
        (Some(now), Some(most)) => Ok((now, most)),
        _ => Err(io::Error::other("/proc/self/limits says nothing of open files")),
    }
}
