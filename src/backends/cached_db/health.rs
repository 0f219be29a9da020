//! [`Health`]: whether the cache works. Says so once, and keeps requests from waiting for one that does not.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::events;

/// After so many failures in a row the cache is left alone, but for one attempt in each [`PAUSE`].
const FAILURES: u32 = 3;
/// How long the cache is left alone, and how long it has to work before it is said to be back.
const PAUSE: Duration = Duration::from_secs(1);
/// A failure that is followed by a success so soon was no outage, if it was only that an answer came late.
const HICCUP: Duration = Duration::from_millis(100);
/// How often the log says that the cache is full.
const BETWEEN_LINES: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Health {
    /// Whether there is anything in `trouble`: all that is asked while the cache works.
    troubled: AtomicBool,
    trouble: Mutex<Trouble>,
    /// Whether the cache has answered since this process began to use it.
    met: AtomicBool,
    /// When the log last said that the cache is full.
    full: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Trouble {
    /// In a row.
    failures: u32,
    /// Whether one of them was more than a late answer.
    broken: bool,
    first: Option<Instant>,
    last: Option<Instant>,
    next_attempt: Option<Instant>,
}

/// What a cache did not do.
pub(super) enum Failure<'a> {
    Late,
    Error(&'a str),
}

impl Health {
    /// `is_shared` says whether the cache may hold what another process, or one before this, has put there.
    pub(super) fn new(is_shared: bool) -> Self {
        Self { met: AtomicBool::new(!is_shared), ..Self::default() }
    }

    /// Whether the cache may be asked.
    pub(super) fn may_try(&self) -> bool {
        if !self.troubled.load(Ordering::SeqCst) {
            return true;
        }
        let mut trouble = self.lock();
        let now = Instant::now();
        match trouble.next_attempt {
            Some(at) if now < at => false,
            Some(_) => {
                trouble.next_attempt = Some(now + PAUSE);
                true
            }
            None => true,
        }
    }

    pub(super) fn failed(&self, failure: &Failure<'_>) {
        events::cache_error();
        let mut trouble = self.lock();
        let now = Instant::now();
        if !self.troubled.swap(true, Ordering::SeqCst) {
            let error = match failure {
                Failure::Late => "no answer in time",
                Failure::Error(error) => error,
            };
            tracing::warn!(error, "the cache of sessions fails; they come from the database");
        }
        trouble.failures += 1;
        trouble.broken |= matches!(failure, Failure::Error(_));
        trouble.first.get_or_insert(now);
        trouble.last = Some(now);
        if trouble.failures >= FAILURES {
            trouble.next_attempt = Some(now + PAUSE);
        }
    }

    /// The cache has answered that it takes nothing in: it works, and has lost nothing.
    pub(super) fn refused(&self, error: &str) {
        events::cache_error();
        if self.troubled.load(Ordering::SeqCst) {
            let mut trouble = self.lock();
            (trouble.failures, trouble.next_attempt) = (0, None);
        }
        let mut said = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if said.is_none_or(|said| now - said >= BETWEEN_LINES) {
            *said = Some(now);
            tracing::warn!(error, "the cache of sessions takes nothing in; what it lacks comes from the database");
        }
    }

    /// Says whether the cache is one that nothing is known of: it comes back from an outage, or answers for the first
    /// time. `doubt` is run then, before any other request takes the cache for one that works.
    pub(super) fn succeeded(&self, doubt: impl FnOnce()) -> bool {
        if !self.troubled.load(Ordering::SeqCst) && self.met.load(Ordering::SeqCst) {
            return false;
        }
        let mut trouble = self.lock();
        let outage = trouble.first.is_some_and(|first| trouble.broken || first.elapsed() >= HICCUP);
        let unknown = outage || !self.met.load(Ordering::SeqCst);
        if unknown {
            doubt();
        }
        self.met.store(true, Ordering::SeqCst);
        let last = trouble.last;
        *trouble = Trouble { last, ..Trouble::default() };
        // Not after each failure of many.
        let back = last.is_none_or(|last| last.elapsed() >= PAUSE);
        if back && self.troubled.swap(false, Ordering::SeqCst) {
            tracing::warn!("the cache of sessions is back");
        }
        unknown
    }

    fn lock(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
