//! A thread for the door alone: the library waits for each answer, so nothing that plugins do on tokio may hold one up, and no other
//! thread has to be woken for it.
use std::io;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Does `work` on a thread of its own, where its files and timers are, too. Fails if there is no thread to be had, or if `work`
/// panics.
pub(crate) async fn on_own_thread<F>(work: impl FnOnce() -> F + Send + 'static) -> io::Result<()>
where
    F: Future<Output = io::Result<()>>,
{
    let (done, ended) = oneshot::channel();
    std::thread::Builder::new().name("mediasoup".into()).spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        // Nobody waits any more: the worker has stopped.
        let _ = done.send(runtime.and_then(|runtime| runtime.block_on(work())));
    })?;
    ended.await.unwrap_or_else(|_| Err(io::Error::other("its thread panicked")))
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_holds_up_the_threads_of_tokio_does_not_hold_it_up() {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (release, held) = mpsc::channel::<()>();
        let (blocked, is_blocked) = mpsc::channel();
        let (begin, begun) = oneshot::channel();
        let (answer, answered) = mpsc::channel();
        let waiting = Mutex::new(Some(begun));
        runtime.spawn(on_own_thread(move || async move {
            let begun = waiting.lock().unwrap().take();
            begun.unwrap().await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
            answer.send(()).map_err(io::Error::other)
        }));
        // The only thread there is, once the work has begun.
        runtime.spawn(async move {
            blocked.send(()).unwrap();
            let _ = held.recv();
        });
        is_blocked.recv_timeout(Duration::from_secs(10)).unwrap();
        begin.send(()).unwrap();
        answered.recv_timeout(Duration::from_secs(10)).expect("work goes on");
        drop(release);
    }

    #[tokio::test]
    async fn a_panic_there_is_an_error_here() {
        let outcome = on_own_thread(|| async { panic!("on purpose") }).await;
        assert!(outcome.unwrap_err().to_string().contains("panicked"));
    }
}
