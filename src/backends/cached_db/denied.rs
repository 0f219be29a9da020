//! [`Denied`]: names for which the cache is not asked, because what it has for them may be wrong.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
    time::Duration,
};

use tokio::time::Instant;

/// How many names are kept: about 10 MB.
const MOST: usize = 65_536;
/// How many names the cache is told of between two pauses.
const ROUND: usize = 256;
/// How long this process remembers that a session has ended: a cache that starts anew with what it last wrote to its
/// disk has lost less than that.
const REMEMBERED: Duration = Duration::from_secs(3_600);

#[derive(Debug, Default)]
pub(super) struct Denied(RwLock<HashMap<Arc<str>, Denial>>);

#[derive(Debug, Clone, Copy)]
struct Denial {
    /// The cache has yet to be told.
    pending: bool,
    /// Otherwise it was changed.
    ended: bool,
    /// Until when it is kept after the cache was told. Before that it is kept without an end.
    until: Instant,
    /// How often it was denied: what is told in the meantime is not about the last time.
    times: u32,
}

impl Denial {
    fn stands(&self, now: Instant) -> bool {
        self.pending || now < self.until
    }
}

/// What the cache has yet to be told.
pub(super) struct Pending {
    pub(super) name: Arc<str>,
    pub(super) ended: bool,
    times: u32,
}

impl Denied {
    pub(super) fn has(&self, name: &str) -> bool {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.get(name).is_some_and(|denial| denial.stands(Instant::now()))
    }

    /// The session of this name has ended: it is not looked for in the cache again. Returns whether that and all
    /// earlier names are remembered; the caller has to doubt what the cache holds otherwise.
    #[must_use]
    pub(super) fn ended(&self, name: &str) -> bool {
        let until = Instant::now() + REMEMBERED;
        self.add(name, Denial { pending: false, ended: true, until, times: 0 })
    }

    /// The cache could not be told of a change. Returns what [`ended`](Self::ended) does.
    #[must_use]
    pub(super) fn pending(&self, name: &str, ended: bool) -> bool {
        let until = Instant::now() + REMEMBERED;
        self.add(name, Denial { pending: true, ended, until, times: 0 })
    }

    /// Where there is no room, the names that the cache was told of are forgotten first. Those that it has yet to be
    /// told of are not: other processes rely on that.
    fn add(&self, name: &str, denial: Denial) -> bool {
        let mut names = self.write();
        let mut remembered = true;
        if names.len() >= MOST && !names.contains_key(name) {
            let now = Instant::now();
            names.retain(|_, denial| denial.stands(now));
            if names.len() >= MOST {
                remembered = false;
                names.retain(|_, denial| denial.pending);
            }
            if names.len() >= MOST {
                return false;
            }
        }
        let entry = names.entry(name.into()).or_insert(denial);
        entry.pending |= denial.pending;
        entry.ended |= denial.ended;
        entry.until = entry.until.max(denial.until);
        entry.times = entry.times.wrapping_add(1);
        remembered
    }

    /// The cache was told.
    pub(super) fn told(&self, pending: &Pending) {
        let mut names = self.write();
        let Some(denial) = names.get_mut(&*pending.name) else { return };
        if denial.times != pending.times {
            return;
        }
        denial.pending = false;
        if !denial.ended {
            names.remove(&*pending.name);
        }
    }

    /// Some of what the cache has yet to be told.
    pub(super) fn some_pending(&self) -> Vec<Pending> {
        let now = Instant::now();
        let mut names = self.write();
        names.retain(|_, denial| denial.stands(now));
        let pending = names.iter().filter(|(_, denial)| denial.pending).take(ROUND);
        let pending =
            pending.map(|(name, &Denial { ended, times, .. })| Pending { name: Arc::clone(name), ended, times });
        pending.collect()
    }

    pub(super) fn none_pending(&self) -> bool {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        !names.values().any(|denial| denial.pending)
    }

    /// A cache that has been away may have forgotten what it was told.
    pub(super) fn tell_again(&self) {
        self.write().values_mut().for_each(|denial| denial.pending = true);
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Arc<str>, Denial>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
