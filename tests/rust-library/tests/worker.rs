//! Workers of the crate mediasoup, without a C++ worker.
use futures_lite::future::block_on;
use mediasoup::prelude::*;

#[test]
fn two_workers_run_in_one_process_and_hold_routers() {
    let manager = WorkerManager::new();
    block_on(async {
        for _ in 0..2 {
            let worker = manager.create_worker(WorkerSettings::default()).await.unwrap();
            let router = worker.create_router(RouterOptions::default()).await.unwrap();
            assert_eq!(worker.dump().await.unwrap().router_ids, [router.id()]);
        }
    });
}
