//! Runs this very program under callgrind and reads what it counted.
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether valgrind can be run.
pub fn is_there() -> bool {
    Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The library's own code for sealing and opening: counting stops on the way in and goes on after it.
const CRYPTOGRAPHY: [&str; 2] =
    ["--toggle-collect=*EVP_AEAD_CTX_seal_scatter*", "--toggle-collect=*EVP_AEAD_CTX_open_gather*"];

/// The instructions that a run of this program with `arguments` spends below the socket loop's entry, after the warm-up.
///
/// Without `cryptography`, what the library spends on sealing and opening does not count: it is the same in every composition, but for
/// a few instructions that depend on where its buffers happen to lie. `out` is where callgrind writes its profile; `callgrind_annotate` shows it.
pub fn count(arguments: &[&str], cryptography: bool, out: &Path) -> Result<u64, String> {
    count_below("socket_entry", arguments, cryptography, out)
}

/// The same below any function, of which `entry` is a part of the name.
pub fn count_below(entry: &str, arguments: &[&str], cryptography: bool, out: &Path) -> Result<u64, String> {
    let without = CRYPTOGRAPHY.iter().filter(|_| !cryptography).map(|option| (*option).to_owned());
    let profile = profile_below(entry, arguments, without, out)?;
    profile
        .lines()
        .find_map(|line| line.strip_prefix("totals: "))
        .and_then(|count| count.trim().parse().ok())
        .ok_or_else(|| format!("{}: no totals", out.display()))
}

/// What callgrind writes of a run of this program with `arguments`, of what it does below a function; `options` are for callgrind.
pub fn profile_below(
    entry: &str,
    arguments: &[&str],
    options: impl IntoIterator<Item = String>,
    out: &Path,
) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let done = Command::new("valgrind")
        .args(["--tool=callgrind", "--zero-before=*counting_begins*"])
        .arg(format!("--toggle-collect=*{entry}*"))
        .args(options)
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .arg("run")
        .args(arguments)
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    if !done.status.success() {
        return Err(format!("{}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr)));
    }
    std::fs::read_to_string(out).map_err(|error| format!("{}: {error}", out.display()))
}
