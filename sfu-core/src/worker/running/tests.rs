//! A worker that can't go on says so.
use super::*;
use crate::worker::builder::Builder;

crate::worker! { struct Program; plugins = []; }

async fn failure(running: &mut Running) -> String {
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, running.failed()).await.expect("it fails within 20 s").to_string()
}

#[tokio::test]
async fn a_media_thread_that_ends_by_itself_fails_the_worker() {
    let config = crate::WorkerConfig { workers: 2, ..Default::default() };
    let builder = Builder::<Program>::new().config(config).without_http().without_shared_ports();
    let mut running = builder.start().await.expect("the worker starts");
    let goes_on = tokio::time::timeout(Duration::from_millis(50), running.failed()).await;
    assert!(goes_on.is_err(), "all is well: {goes_on:?}");
    // As after a fault of the network.
    running.media[1].stop.store(true, Ordering::Relaxed);
    running.media[1].waker.wake();
    let text = failure(&mut running).await;
    assert!(text.starts_with("worker: media thread 1 ended by itself"), "{text}");
    running.stop().await;
}

#[tokio::test]
async fn a_media_thread_that_panics_fails_the_worker() {
    let (ended, media_ended) = mpsc::unbounded_channel();
    let end = TellsEnd { worker: 3, ended };
    let thread = std::thread::spawn(move || {
        let _end = end;
        panic!("a fault of the engine");
    });
    let (control, _) = crate::testing::control_double(1);
    let (switch, _) = crate::signaling::Shutdown::new();
    let parts = (Mounts::new(), JoinSet::new());
    let mut running = Running::new(control, parts.0, switch, parts.1, None, Vec::new(), media_ended);
    assert!(failure(&mut running).await.starts_with("worker: media thread 3 "));
    assert!(thread.join().is_err());
}
