use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use futures_lite::future::block_on;
use mediasoup::prelude::*;
use mediasoup::worker::{WorkerDtlsFiles, WorkerLogLevel, WorkerLogTag, WorkerUpdateSettings};

use crate::journal;
use crate::rig::{heard, room, until};

#[test]
fn two_workers_run_in_one_process_and_hold_routers() {
    let manager = WorkerManager::new();
    block_on(async {
        let mut workers = Vec::new();
        for _ in 0..2 {
            let worker = manager.create_worker(WorkerSettings::default()).await.unwrap();
            let router = worker.create_router(RouterOptions::default()).await.unwrap();
            workers.push((worker, router));
        }
        for (worker, router) in &workers {
            let dump = worker.dump().await.unwrap();
            assert_eq!(dump.router_ids, [router.id()]);
            let handlers =
                serde_json::to_value(&dump.channel_message_handlers.channel_request_handlers).unwrap();
            assert_eq!(handlers, serde_json::json!([router.id()]));
            assert!(dump.webrtc_server_ids.is_empty());
            let dump = router.dump().await.unwrap();
            assert!(dump.id == router.id() && dump.transport_ids.is_empty(), "{dump:?}");
        }
    });
}

#[test]
fn routers_close_when_nobody_holds_them_and_workers_end_with_their_manager() {
    let (told, closed) = heard();
    block_on(async {
        let (worker, router) = room().await;
        worker.on_close(move || told.tell("worker")).detach();
        let (told, router_closed) = heard();
        router.on_close(move || told.tell(())).detach();
        drop(router);
        router_closed.next();
        until(|| block_on(worker.dump()).unwrap().router_ids.is_empty().then_some(()));
    });
    // The manager has waited for its thread.
    assert_eq!(closed.next(), "worker");
}

/// The library throws requests away whose futures are dropped, and what comes of a worker that ends meanwhile.
#[test]
fn workers_end_with_requests_under_way() {
    for round in 0..20 {
        block_on(async {
            let (worker, router) = room().await;
            for _ in 0..round {
                let mut context = Context::from_waker(Waker::noop());
                assert!(pin!(router.dump()).poll(&mut context).is_pending());
                assert!(pin!(worker.dump()).poll(&mut context).is_pending());
            }
            let direct = router.create_direct_transport(DirectTransportOptions::default()).await.unwrap();
            drop((worker, router));
            // It keeps both.
            assert!(direct.dump().await.unwrap().direct);
        });
    }
}

#[test]
fn settings_that_make_no_sense_are_no_worker() {
    let mut settings = WorkerSettings::default();
    let missing = || "/does/not/exist.pem".into();
    settings.dtls_files = Some(WorkerDtlsFiles { certificate: missing(), private_key: missing() });
    let manager = WorkerManager::new();
    block_on(manager.create_worker(settings)).unwrap_err();
    // Nor do they do any harm.
    let worker = block_on(manager.create_worker(WorkerSettings::default())).unwrap();
    assert!(block_on(worker.dump()).unwrap().router_ids.is_empty());
}

#[test]
fn what_a_worker_logs_is_the_librarys_at_the_level_of_its_settings() {
    journal::keep();
    let errors = |worker: &Worker| journal::count(worker, log::Level::Error, "192.0.2.1");
    block_on(async {
        let manager = WorkerManager::new();
        let mut settings = WorkerSettings::default();
        settings.log_level = WorkerLogLevel::None;
        let worker = manager.create_worker(settings).await.unwrap();
        // A worker of its own is not asked.
        let other = manager.create_worker(WorkerSettings::default()).await.unwrap();
        let provoke = |worker: &Worker| {
            let mut listen = crate::rig::local(Protocol::Udp);
            listen.ip = [192, 0, 2, 1].into();
            let options = WebRtcServerOptions::new(WebRtcServerListenInfos::new(listen));
            block_on(worker.create_webrtc_server(options)).unwrap_err();
        };
        provoke(&other);
        until(|| (errors(&other) == 1).then_some(()));
        provoke(&worker);
        let mut update = WorkerUpdateSettings::default();
        update.log_level = Some(WorkerLogLevel::Warn);
        update.log_tags = Some(vec![WorkerLogTag::Ice]);
        worker.update_settings(update).await.unwrap();
        provoke(&worker);
        until(|| (errors(&worker) > 0).then_some(()));
        // The first one it kept for itself.
        assert_eq!(errors(&worker), 1);
    });
}
