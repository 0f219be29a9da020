//! [`Writes`]: the writes that are under way. They go on when their request is gone, so somebody has to know
//! of them: to bound how many there are at once, and to wait for them before the program ends.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit},
    task::JoinHandle,
    time::Timeout,
};

use super::Context;
use crate::error::{Error, StoreError};

/// A write that goes on when its request does not; the request waits for it no longer than its deadline.
pub(crate) type Tracked<T> = Timeout<JoinHandle<Result<T, Error>>>;

/// How many writes talk to the store at once; the others wait, within their deadlines.
const AT_ONCE: usize = 64;

#[derive(Debug)]
pub(crate) struct Writes {
    running: AtomicUsize,
    /// Told whenever none is running any more.
    idle: Notify,
    at_once: Semaphore,
}

impl Default for Writes {
    fn default() -> Self {
        Self { running: AtomicUsize::new(0), idle: Notify::new(), at_once: Semaphore::new(AT_ONCE) }
    }
}

impl Writes {
    /// Counts a write from now until the guard is dropped.
    pub(super) fn begin(self: Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::AcqRel);
        Running(self)
    }

    /// Waits until the store may be spoken to.
    pub(super) async fn permit(&self) -> SemaphorePermit<'_> {
        self.at_once.acquire().await.expect("the semaphore is never closed")
    }

    /// Waits for all writes, and says how many are left after `within`.
    pub(crate) async fn finished(&self, within: Duration) -> usize {
        let idle = async {
            loop {
                // Made before looking: what ends in between is heard.
                let idle = self.idle.notified();
                if self.running() == 0 {
                    return;
                }
                idle.await;
            }
        };
        let _ = tokio::time::timeout(within, idle).await;
        self.running()
    }

    fn running(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }
}

impl Context {
    /// Runs a write to its end, whatever becomes of the request.
    pub(crate) fn track<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Tracked<T> {
        let running = Arc::clone(&self.writes).begin();
        // A task moves its future several times, and this one is large: a box is moved for nothing.
        tokio::time::timeout(self.settings.save_deadline, tokio::spawn(Box::pin(running.run(write))))
    }
}

/// A write that is under way.
pub(super) struct Running(Arc<Writes>);

impl Running {
    /// Runs `write`, and counts it until it is done.
    pub(super) async fn run<T>(self, write: impl Future<Output = T>) -> T {
        let result = write.await;
        drop(self);
        result
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

/// The outcome of a write that was waited for.
pub(crate) fn outcome<T>(
    waited: Result<Result<Result<T, Error>, tokio::task::JoinError>, tokio::time::error::Elapsed>,
    after: Duration,
) -> Result<T, Error> {
    match waited {
        Ok(Ok(result)) => result,
        Ok(Err(panicked)) => Err(StoreError::Backend(panicked.into()).into()),
        Err(_) => Err(Error::Deadline { after }),
    }
}
