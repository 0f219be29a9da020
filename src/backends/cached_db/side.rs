//! [`Side`]: the cache beside the database, as it is spoken to: briefly, and never needed.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::{sleep, timeout};

use super::{
    denied::{Denied, Pending},
    entry::ENDED,
    flights::Flights,
    health::{Failure, Health},
    listen::Announce,
    trust::Trust,
};
use crate::{
    cache::Cache,
    error::{self, BoxError},
};

/// How long a request waits for the cache before it goes on without.
const DEADLINE: Duration = Duration::from_millis(250);
/// How long the cache says that a session has ended, and how long a claim of a writer stands: longer than any write
/// takes, its last straggler on the network included.
pub(super) const WRITERS: Duration = Duration::from_secs(60);
/// What another process's clock may be ahead, where what it put into the cache has to be told from what was there
/// before: 1 s, in microseconds.
const SKEW: i64 = 1_000_000;
/// How soon the cache is told again what it could not be told, and how long that takes at most.
const RETRY: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

/// What the clones of a store share.
pub(super) struct Side<C> {
    pub(super) cache: C,
    pub(super) trust: Trust,
    pub(super) denied: Denied,
    pub(super) flights: Flights,
    pub(super) announce: OnceLock<Announce>,
    health: Health,
    retrying: AtomicBool,
}

impl<C: Cache> Side<C> {
    pub(super) fn new(cache: C) -> Self {
        Self {
            cache,
            trust: Trust::default(),
            denied: Denied::default(),
            flights: Flights::default(),
            announce: OnceLock::new(),
            health: Health::default(),
            retrying: AtomicBool::new(false),
        }
    }

    /// The answer of the cache, `None` if it failed: it may have done what was asked, or may yet.
    pub(super) async fn ask<T>(
        self: &Arc<Self>,
        question: impl Future<Output = Result<T, BoxError>> + Send,
    ) -> Option<T> {
        if !self.health.may_try() {
            return None;
        }
        match timeout(DEADLINE, question).await {
            Ok(Ok(answer)) => {
                if self.health.succeeded() {
                    self.begin_again();
                }
                Some(answer)
            }
            Ok(Err(error)) => {
                self.health.failed(&Failure::Error(&error::chain(&*error)));
                None
            }
            Err(_) => {
                self.health.failed(&Failure::Late);
                None
            }
        }
    }

    /// A cache that was away may have come back with what it held some time ago. Nothing of that is believed.
    fn begin_again(self: &Arc<Self>) {
        self.trust.doubt_all(if self.cache.is_shared() { SKEW } else { 0 });
        self.denied.tell_again();
        self.retry();
    }

    /// Takes away what the cache has under `name`, or sees to it that this happens. Until then this process does not
    /// ask for it.
    pub(super) async fn invalidate(self: &Arc<Self>, name: &str, ended: bool, time_to_live: Duration) {
        if self.tell(name, ended).await {
            return;
        }
        if !self.denied.pending(name, ended, time_to_live) {
            self.health.doubt();
        }
        self.retry();
    }

    /// Where a session has ended there is a mark for a while: it closes the name to whoever had read the session
    /// before. Where it was changed, the next reader may put it there.
    async fn tell(self: &Arc<Self>, name: &str, ended: bool) -> bool {
        match ended {
            true => self.ask(self.cache.set(name, ENDED, WRITERS)).await.is_some(),
            false => self.ask(self.cache.delete(name)).await.is_some(),
        }
    }

    /// Tells the cache again what it could not be told, until it was, in a task that ends then.
    fn retry(self: &Arc<Self>) {
        if self.retrying.swap(true, Ordering::SeqCst) {
            return;
        }
        let side = Arc::downgrade(self);
        tokio::spawn(async move {
            let [mut pause, longest] = RETRY;
            loop {
                sleep(pause).await;
                pause = (pause * 2).min(longest);
                let Some(side) = side.upgrade() else { return };
                if side.tell_pending().await {
                    side.retrying.store(false, Ordering::SeqCst);
                    // Something may have come in between.
                    if side.denied.some_pending().is_empty() || side.retrying.swap(true, Ordering::SeqCst) {
                        return;
                    }
                }
            }
        });
    }

    /// Says whether nothing is left to be told.
    async fn tell_pending(self: &Arc<Self>) -> bool {
        loop {
            let pending = self.denied.some_pending();
            if pending.is_empty() {
                return true;
            }
            for pending in pending {
                if !self.tell_one(&pending).await {
                    return false;
                }
            }
        }
    }

    async fn tell_one(self: &Arc<Self>, pending: &Pending) -> bool {
        let told = self.tell(&pending.name, pending.ended).await;
        if told {
            self.denied.told(pending);
        }
        told
    }
}

impl<C> fmt::Debug for Side<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side").field("health", &self.health).finish_non_exhaustive()
    }
}
