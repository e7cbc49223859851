//! What the library logs of workers, which is what they say.
use std::sync::{Mutex, Once};

use mediasoup::prelude::*;

struct Journal(Mutex<Vec<(log::Level, String)>>);

static JOURNAL: Journal = Journal(Mutex::new(Vec::new()));

impl log::Log for Journal {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.target() == "mediasoup::worker" {
            self.0.lock().unwrap().push((record.level(), record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

/// Keeps it from now on.
pub fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&JOURNAL).unwrap();
        log::set_max_level(log::LevelFilter::Debug);
    });
}

/// How often a worker said it.
pub fn count(worker: &Worker, level: log::Level, text: &str) -> usize {
    let id = worker.id().to_string();
    let is_one =
        |(at, line): &&(log::Level, String)| *at == level && line.contains(&id) && line.contains(text);
    JOURNAL.0.lock().unwrap().iter().filter(is_one).count()
}
