//! Tests that lack a program of the machine.
use std::io::Write;

/// Says aloud that the running test, or what is left of it, is skipped: past the capture of the test harness, and into the
/// file that `SFU_TEST_SKIPS` names, so that whoever counts tests does not take it for passed.
pub fn skipped(reason: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("skipped: {name}: {reason}");
    let _ = writeln!(std::io::stderr(), "{line}");
    if let Some(path) = std::env::var_os("SFU_TEST_SKIPS") {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        let _ = file.and_then(|mut file| writeln!(file, "{line}"));
    }
}
