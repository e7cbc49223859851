//! CPU time, as the scheduler counts it in nanoseconds.
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The CPU time that a `schedstat` file of /proc tells.
pub fn spent(file: &Path) -> io::Result<Duration> {
    let text = std::fs::read_to_string(file)?;
    let nanos = text.split_whitespace().next().and_then(|word| word.parse().ok());
    nanos.map(Duration::from_nanos).ok_or_else(|| io::Error::other(format!("{}: no number", file.display())))
}

/// The CPU time of the calling thread.
pub fn of_this_thread() -> io::Result<Duration> {
    spent(Path::new("/proc/thread-self/schedstat"))
}

/// Keeps the calling thread on one core. Fails when there is no such core or no `taskset`.
pub fn pin_this_thread(core: usize) -> io::Result<()> {
    let thread = std::fs::read_link("/proc/thread-self")?;
    let thread = thread.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let output = Command::new("taskset").args(["-cp", &core.to_string(), &thread]).output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            Err(io::Error::other(format!("taskset: {}", String::from_utf8_lossy(&output.stderr).trim())))
        }
    }
}
