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

#[tokio::test]
async fn a_worker_that_drains_takes_nothing_new_and_is_drained_once_it_is_empty() {
    let config = crate::WorkerConfig { workers: 2, ..Default::default() };
    let running =
        Builder::<Program>::new().config(config).without_http().start().await.expect("the worker starts");
    let control = running.control().clone();
    let router = control.create_router(1, crate::control::Labels::new()).await.expect("a router");
    let plain = crate::control::PlainTransportOptions::default();
    let transport = control.create_plain_transport(router, plain).await.expect("a transport").id;
    let soon = Duration::from_millis(50);
    assert!(tokio::time::timeout(soon, running.drained()).await.is_err(), "it does not drain");
    control.drain().await.expect("the ports are free");
    assert!(control.is_draining());
    let error = control.create_router(0, crate::control::Labels::new()).await.expect_err("it drains");
    assert!(error.kind == crate::control::ErrorKind::Stopped && error.text.contains("drains"), "{error}");
    let error =
        control.create_session(0, crate::control::CreateSession::default()).await.expect_err("it drains");
    assert_eq!(error.kind, crate::control::ErrorKind::Stopped);
    assert!(tokio::time::timeout(soon, running.drained()).await.is_err(), "somebody is connected");
    control.run(crate::control::Command::CloseTransport(transport)).await.expect("it closes");
    tokio::time::timeout(Duration::from_secs(10), running.drained()).await.expect("it is empty");
    running.stop().await;
}
