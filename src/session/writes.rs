//! [`Writes`]: the writes that are under way. They go on when their request is gone, so somebody has to know
//! of them: to bound how many there are, and to wait for them before the program ends.

use std::{
    collections::{HashMap, hash_map::Entry},
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit, watch},
    task::JoinHandle,
    time::{Instant, Timeout, timeout_at},
};

use super::Context;
use crate::{
    backends::{Record, SessionStore as _, deadline},
    error::{Error, StoreError},
    events,
    session_key::SessionKey,
};

/// A write that goes on when its request does not; the request waits for it no longer than its deadline.
pub(crate) type Tracked<T> = Timeout<JoinHandle<Result<T, Error>>>;

/// How many writes talk to the store at once; the others wait, within their deadlines.
const AT_ONCE: usize = 64;
/// How many writes there are at most, waiting or sent. One more is refused at once: its turn would come too late, and
/// what waits takes memory.
const MOST: usize = 4096;
/// How many ends talk to the store at once. They do not stand in line behind writes, which may be many.
const ENDS_AT_ONCE: usize = 16;
/// How many sessions there are at most whose end is under way.
const MOST_ENDS: usize = 4096;
/// For how long an end is tried whose store has no connection for it.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two such tries.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Writes {
    running: AtomicUsize,
    /// Told whenever none is running any more.
    idle: Notify,
    room: Arc<Semaphore>,
    at_once: Semaphore,
    /// The sessions whose end is under way, and for each, once it has succeeded, whether there was one.
    ends: Mutex<HashMap<SessionKey, watch::Receiver<Option<bool>>>>,
    ends_at_once: Semaphore,
}

impl Default for Writes {
    fn default() -> Self {
        Self {
            running: AtomicUsize::new(0),
            idle: Notify::new(),
            room: Arc::new(Semaphore::new(MOST)),
            at_once: Semaphore::new(AT_ONCE),
            ends: Mutex::default(),
            ends_at_once: Semaphore::new(ENDS_AT_ONCE),
        }
    }
}

impl Writes {
    /// Counts a write from now until the guard is dropped, if there is room for one more.
    fn begin(self: Arc<Self>) -> Result<Running, StoreError> {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            events::not_sent_full();
            return Err(StoreError::Overloaded("too many writes are waiting already"));
        };
        Ok(self.count(Some(room)))
    }

    fn count(self: Arc<Self>, room: Option<OwnedSemaphorePermit>) -> Running {
        self.running.fetch_add(1, Ordering::AcqRel);
        events::write_begins();
        Running { writes: self, _room: room }
    }

    /// Waits until the store may be spoken to, within the deadline of this write.
    pub(super) async fn permit(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        let permit = deadline::wait(deadline::current(), self.at_once.acquire()).await?;
        Ok(permit.expect("the semaphore is never closed"))
    }

    /// A place for the end of a session, or whom to wait for that is at it.
    fn end(self: &Arc<Self>, session_key: &SessionKey) -> Result<End, StoreError> {
        let mut ends = self.ends();
        let count = ends.len();
        let place = match ends.entry(session_key.clone()) {
            Entry::Occupied(place) => return Ok(End::Joined(place.get().clone())),
            Entry::Vacant(_) if count >= MOST_ENDS => {
                events::not_sent_full();
                return Err(StoreError::Overloaded("too many sessions are being ended already"));
            }
            Entry::Vacant(place) => place,
        };
        let (succeeded, waiting) = watch::channel(None);
        place.insert(waiting);
        Ok(End::Own(Ending { writes: Arc::clone(self), session_key: session_key.clone(), succeeded }))
    }

    fn ends(&self) -> MutexGuard<'_, HashMap<SessionKey, watch::Receiver<Option<bool>>>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// Runs a write, whatever becomes of the request. It is not sent any more once its deadline has passed.
    pub(crate) fn track<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Tracked<T> {
        let deadline = deadline::after(self.settings.save_deadline);
        let task = match Arc::clone(&self.writes).begin() {
            // What wraps a future moves it, and so does a task, and this one is large: a box is moved for nothing.
            Ok(running) => tokio::spawn(running.run(deadline::within(deadline, Box::pin(write)))),
            Err(full) => tokio::spawn(std::future::ready(Err(full.into()))),
        };
        timeout_at(deadline, task)
    }

    /// Ends a session, once for all requests that want it ended at the same time. It is sent however late it is; the
    /// request waits for it no longer than its deadline. Returns whether there was a session. `loaded` is what the caller
    /// has read under the key, if it has.
    pub(crate) async fn end_once(
        self: &Arc<Self>,
        session_key: &SessionKey,
        loaded: Option<Record>,
    ) -> Result<bool, Error> {
        let after = self.settings.save_deadline;
        let deadline = deadline::after(after);
        loop {
            match self.writes.end(session_key)? {
                End::Own(ending) => return outcome(timeout_at(deadline, self.run_end(ending, loaded)).await, after),
                End::Joined(mut other) => match timeout_at(deadline, other.wait_for(Option::is_some)).await {
                    Ok(Ok(ended)) => return Ok(*ended == Some(true)),
                    // The other one failed, which is known to its own request alone.
                    Ok(Err(_)) => {}
                    Err(_) => return Err(Error::Deadline { after }),
                },
            }
        }
    }

    fn run_end(self: &Arc<Self>, ending: Ending, loaded: Option<Record>) -> JoinHandle<Result<bool, Error>> {
        let (context, running) = (Arc::clone(self), Arc::clone(&self.writes).count(None));
        tokio::spawn(Box::pin(running.run(async move {
            let _permit = context.writes.ends_at_once.acquire().await;
            let ended = context.end(&ending.session_key, loaded).await?;
            ending.succeeded.send_replace(Some(ended));
            Ok(ended)
        })))
    }

    /// Ends a session under this key.
    pub(crate) async fn delete(&self, session_key: &SessionKey) -> Result<(), Error> {
        self.delete_now(session_key).await?;
        self.count_end();
        Ok(())
    }

    /// Deletes a session, however late it is. Deletion is idempotent, so a lost reply is asked for again, and so is one
    /// that was not sent.
    pub(super) async fn delete_now(&self, session_key: &SessionKey) -> Result<(), Error> {
        deadline::exempt(async {
            let (begun, mut tries) = (Instant::now(), 0);
            loop {
                match self.store.delete(session_key).await {
                    Err(StoreError::Overloaded(_)) if begun.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
                    Err(StoreError::Lost(_) | StoreError::Contended(_)) if tries < 2 => {
                        tries += 1;
                        super::commit::jitter().await;
                    }
                    result => return Ok(result?),
                }
            }
        })
        .await
    }
}

/// Who ends a session.
enum End {
    Own(Ending),
    /// Another request is at it.
    Joined(watch::Receiver<Option<bool>>),
}

/// The end of a session, under way. Those who joined it are told that it failed when it is dropped without a success.
struct Ending {
    writes: Arc<Writes>,
    session_key: SessionKey,
    succeeded: watch::Sender<Option<bool>>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.writes.ends().remove(&self.session_key);
    }
}

/// A write that is under way.
pub(super) struct Running {
    writes: Arc<Writes>,
    _room: Option<OwnedSemaphorePermit>,
}

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
        events::write_ends();
        if self.writes.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.writes.idle.notify_waiters();
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
