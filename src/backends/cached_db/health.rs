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

#[derive(Debug, Default)]
pub(super) struct Health {
    /// Whether there is anything in `trouble`: all that is asked while the cache works.
    troubled: AtomicBool,
    trouble: Mutex<Trouble>,
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

    /// Says whether the cache is one that comes back from an outage, with nobody knows what in it.
    pub(super) fn succeeded(&self) -> bool {
        if !self.troubled.load(Ordering::SeqCst) {
            return false;
        }
        let mut trouble = self.lock();
        let outage = trouble.first.is_some_and(|first| trouble.broken || first.elapsed() >= HICCUP);
        let last = trouble.last;
        *trouble = Trouble { last, ..Trouble::default() };
        // Not after each failure of many.
        let back = last.is_none_or(|last| last.elapsed() >= PAUSE);
        if back && self.troubled.swap(false, Ordering::SeqCst) {
            tracing::warn!("the cache of sessions is back");
        }
        outage
    }

    /// Has the next success count as the end of an outage.
    pub(super) fn doubt(&self) {
        let mut trouble = self.lock();
        trouble.broken = true;
        trouble.first.get_or_insert_with(Instant::now);
        self.troubled.store(true, Ordering::SeqCst);
    }

    fn lock(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
