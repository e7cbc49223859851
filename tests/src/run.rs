//! How a system test runs: with one worker and with two, within a time limit, and skipped aloud.
use std::future::Future;
use std::io::Write;
use std::time::Duration;

/// Longest time a system test may take; soaks of the long run take five minutes, a slow stack's data channels ten.
fn limit() -> Duration {
    Duration::from_secs(if is_long() { 900 } else { 240 })
}

/// Runs the body of a test on a runtime of its own; panics after four minutes, or fifteen in the long run.
pub fn run(body: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        if tokio::time::timeout(limit(), body).await.is_err() {
            panic!("the test took longer than {:?}", limit());
        }
    });
}

/// Whether `./test.sh --long` is running: more rounds, soaks, full matrices.
pub fn is_long() -> bool {
    std::env::var_os("SFU_TEST_LONG").is_some()
}

/// Says aloud that the running test is skipped, and lets `test.sh` count it. Used by [`skip!`](crate::skip).
pub fn report_skip(reason: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("skipped: {name}: {reason}");
    // Past the capture of the test harness: a skipped test must be seen.
    let _ = writeln!(std::io::stderr(), "{line}");
    if let Some(path) = std::env::var_os("SFU_TEST_SKIPS") {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        let _ = file.and_then(|mut file| writeln!(file, "{line}"));
    }
}

/// Ends a test as skipped, aloud.
#[macro_export]
macro_rules! skip {
    ($($text:tt)*) => {{
        $crate::run::report_skip(&format!($($text)*));
        return;
    }};
}

/// Ends a test as skipped unless all these programs are installed.
#[macro_export]
macro_rules! needs {
    ($($program:expr),+ $(,)?) => {
        $(if let Err(missing) = $crate::tools::find($program) {
            $crate::skip!("{missing}");
        })+
    };
}

/// Declares a test that runs twice: with one worker and with two.
#[macro_export]
macro_rules! system_test {
    ($(#[$meta:meta])* async fn $name:ident($workers:ident) $body:block) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn body($workers: u8) $body

            $(#[$meta])*
            #[test]
            fn with_one_worker() {
                $crate::run::run(body(1));
            }

            $(#[$meta])*
            #[test]
            fn with_two_workers() {
                $crate::run::run(body(2));
            }
        }
    };
}

/// Declares a test that runs once: of a mediasoup server, which starts workers of one thread as it likes.
#[macro_export]
macro_rules! call_test {
    ($(#[$meta:meta])* async fn $name:ident() $body:block) => {
        $(#[$meta])*
        #[test]
        fn $name() {
            $crate::run::run(async $body);
        }
    };
}
