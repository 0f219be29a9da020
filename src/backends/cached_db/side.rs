//! [`Side`]: the cache beside the database, as it is spoken to: briefly, and never needed.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, OnceLock, Weak,
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
    cache::{self, Cache},
    error::{self, BoxError},
};

/// How long a request waits for the cache before it goes on without.
const DEADLINE: Duration = Duration::from_millis(250);
/// How long the cache says that a session has ended, and how long a claim of a writer stands: longer than any write
/// takes, its last straggler on the network included.
pub(super) const WRITERS: Duration = Duration::from_secs(60);
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
            trust: Trust::new(cache.is_shared()),
            health: Health::new(cache.is_shared()),
            cache,
            denied: Denied::default(),
            flights: Flights::default(),
            announce: OnceLock::new(),
            retrying: AtomicBool::new(false),
        }
    }

    /// The answer of the cache. Where there is none, it may have done what was asked, or may yet.
    pub(super) fn ask<T>(
        self: &Arc<Self>,
        question: impl Future<Output = Result<T, BoxError>> + Send,
    ) -> impl Future<Output = Result<T, Unanswered>> + Send {
        self.try_ask(question, Ask::WhereItMayWork)
    }

    async fn try_ask<T>(
        self: &Arc<Self>,
        question: impl Future<Output = Result<T, BoxError>> + Send,
        when: Ask,
    ) -> Result<T, Unanswered> {
        if when == Ask::WhereItMayWork && !self.health.may_try() {
            return Err(Unanswered::Silence);
        }
        match timeout(DEADLINE, question).await {
            Ok(Ok(answer)) => {
                // A cache that was away may have come back with what it held some time ago. Nothing of that is believed.
                if self.health.succeeded(|| self.trust.doubt_all()) {
                    self.denied.tell_again();
                    self.retry();
                }
                Ok(answer)
            }
            Ok(Err(error)) => {
                let text = error::chain(&*error);
                match cache::takes_nothing_in(&error) {
                    true => self.health.refused(&text),
                    false => self.health.failed(&Failure::Error(&text)),
                }
                Err(Unanswered::Error)
            }
            Err(_) => {
                self.health.failed(&Failure::Late);
                Err(Unanswered::Silence)
            }
        }
    }

    /// Puts a writer's claim in the place of whatever is there. A cache that takes nothing in has the old entry removed
    /// instead, so that it is not served should the writer die before it is done.
    pub(super) async fn close(self: &Arc<Self>, name: &str, claim: &[u8]) -> bool {
        let closed = self.ask(self.cache.set(name, claim, WRITERS)).await;
        if matches!(closed, Err(Unanswered::Error)) {
            // What comes of it does not matter: the writer sees to the entry when it is done.
            self.remove_at_least(name).await;
        }
        closed.is_ok()
    }

    /// This process does not look for a session that has ended in the cache again.
    pub(super) fn deny(&self, name: &str) {
        if !self.denied.ended(name) {
            self.trust.doubt_all();
        }
    }

    /// Takes away what the cache has under `name`, or sees to it that this happens. Until then this process does not
    /// ask for it.
    pub(super) async fn invalidate(self: &Arc<Self>, name: &str, ended: bool) {
        if self.tell(name, ended).await {
            return;
        }
        if !self.denied.pending(name, ended) {
            self.trust.doubt_all();
        }
        self.retry();
    }

    /// Where a session has ended there is a mark for a while: it closes the name to whoever had read the session
    /// before. Where it was changed, the next reader may put it there. A full cache takes no mark in, and still removes
    /// what it has.
    async fn tell(self: &Arc<Self>, name: &str, ended: bool) -> bool {
        if !ended {
            return self.ask(self.cache.delete(name)).await.is_ok();
        }
        match self.ask(self.cache.set(name, ENDED, WRITERS)).await {
            Ok(()) => true,
            Err(Unanswered::Silence) => false,
            Err(Unanswered::Error) => self.remove_at_least(name).await,
        }
    }

    /// After a `set` was answered with an error. The future is boxed, so that those of all requests stay small.
    async fn remove_at_least(self: &Arc<Self>, name: &str) -> bool {
        Box::pin(self.try_ask(self.cache.delete(name), Ask::InAnyCase)).await.is_ok()
    }

    /// Tells the cache again what it could not be told, until it was, in a task that ends then.
    fn retry(self: &Arc<Self>) {
        let idle = !self.retrying.load(Ordering::SeqCst) && !self.denied.none_pending();
        if !idle || self.retrying.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut retrying = Retrying(Arc::downgrade(self));
        tokio::spawn(async move {
            let [first, longest] = RETRY;
            let mut pause = first;
            loop {
                sleep(pause).await;
                let Some(side) = retrying.0.upgrade() else { return };
                pause = if side.tell_some().await { first } else { (pause * 2).min(longest) };
                if side.denied.none_pending() {
                    side.retrying.store(false, Ordering::SeqCst);
                    // Something may have come in between.
                    if side.denied.none_pending() || side.retrying.swap(true, Ordering::SeqCst) {
                        retrying.is_over();
                        return;
                    }
                }
            }
        });
    }

    /// Tells the cache of some names. Returns whether it took them all.
    async fn tell_some(self: &Arc<Self>) -> bool {
        for pending in self.denied.some_pending() {
            if !self.tell_one(&pending).await {
                return false;
            }
        }
        true
    }

    async fn tell_one(self: &Arc<Self>, pending: &Pending) -> bool {
        let told = self.tell(&pending.name, pending.ended).await;
        if told {
            self.denied.told(pending);
        }
        told
    }
}

/// Whether a cache that has failed several times in a row is asked.
#[derive(Clone, Copy, PartialEq)]
enum Ask {
    /// Once in a while.
    WhereItMayWork,
    InAnyCase,
}

/// Why there is no answer.
pub(super) enum Unanswered {
    /// The cache was not asked, or did not answer in time.
    Silence,
    Error,
}

/// The task that tells the cache again. When it is dropped with its runtime, another may begin.
struct Retrying<C>(Weak<Side<C>>);

impl<C> Retrying<C> {
    fn is_over(&mut self) {
        self.0 = Weak::new();
    }
}

impl<C> Drop for Retrying<C> {
    fn drop(&mut self) {
        if let Some(side) = self.0.upgrade() {
            side.retrying.store(false, Ordering::SeqCst);
        }
    }
}

impl<C> fmt::Debug for Side<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side").field("health", &self.health).finish_non_exhaustive()
    }
}
