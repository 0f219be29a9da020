//! Removing Django's entries, now and once more.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::cache::Cache;

/// When an entry is removed once more: a request of Django's may have read the old row before our write, and put it
/// into the cache after we had removed it.
pub(super) const CHANGED: &[Duration] = &[Duration::from_secs(1)];
/// An ended session that comes back matters more, and nobody misses its entry.
pub(super) const ENDED: &[Duration] = &[Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];
/// How long a request waits for the cache.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait before trying again what the cache did not do.
const RETRY: Duration = Duration::from_secs(5);
/// How many entries are remembered: about 200 MB. Beyond that the one that is due first is removed at once.
const MOST: usize = 1 << 20;
/// How many are removed at a time.
const AT_ONCE: usize = 32;
/// The longest sleep while something is due later: what is added meanwhile may be due sooner.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Where the entries are, shared with those that are removed later.
pub(super) struct Entries<C>(Arc<Shared<C>>);

struct Shared<C> {
    cache: C,
    list: Mutex<List>,
    failing: AtomicBool,
    working: AtomicBool,
}

/// The entries that are to be removed later, each once.
#[derive(Default)]
struct List {
    /// The number tells entries from each other that are due at the same time.
    due: BTreeMap<(Instant, u64), Removal>,
    places: HashMap<Arc<str>, (Instant, u64)>,
    number: u64,
}

struct Removal {
    name: Arc<str>,
    /// When the session was written, and how long after that its entry is to be removed yet.
    since: Instant,
    again: &'static [Duration],
}

impl List {
    /// Takes a removal in. What was to come for the same entry is replaced: it would come sooner after this write than
    /// it has to.
    fn add(&mut self, mut removal: Removal, due: Instant) {
        if let Some(earlier) = self.places.remove(&removal.name).and_then(|place| self.due.remove(&place))
            && earlier.again.len() > removal.again.len()
        {
            removal.again = earlier.again;
        }
        let place = (due, self.number);
        self.number += 1;
        self.places.insert(Arc::clone(&removal.name), place);
        self.due.insert(place, removal);
    }

    fn take_first(&mut self) -> Option<Removal> {
        let (_, removal) = self.due.pop_first()?;
        self.places.remove(&removal.name);
        Some(removal)
    }

    /// Those that are due, some at a time; or how long to sleep. `None` where nothing is left.
    fn take_due(&mut self, now: Instant) -> Option<Result<Vec<Removal>, Duration>> {
        let (first, _) = *self.due.first_key_value()?.0;
        if first > now {
            return Some(Err((first - now).min(LONGEST_SLEEP)));
        }
        let mut taken = Vec::new();
        while taken.len() < AT_ONCE && self.due.first_key_value().is_some_and(|((due, _), _)| *due <= now) {
            taken.extend(self.take_first());
        }
        Some(Ok(taken))
    }
}

impl<C: Cache> Entries<C> {
    pub(super) fn new(cache: C) -> Self {
        let (failing, working) = (AtomicBool::new(false), AtomicBool::new(false));
        Self(Arc::new(Shared { cache, list: Mutex::default(), failing, working }))
    }

    pub(super) fn entry(&self, name: String, again: &'static [Duration]) -> Entry<C> {
        Entry { name, again, removed: false, entries: self.clone() }
    }

    async fn remove(&self, name: &str) -> bool {
        let answer = timeout(PATIENCE, self.0.cache.delete(name)).await;
        let why = match answer {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer".to_owned()),
        };
        if self.0.failing.swap(why.is_some(), Ordering::Relaxed) != why.is_some() {
            match &why {
                Some(error) => tracing::warn!(error, "Django's cache cannot be kept in step; it is tried again"),
                None => tracing::info!("Django's cache is kept in step again"),
            }
        }
        why.is_none()
    }

    /// Has an entry removed later, by a task that ends when nothing is left.
    fn remove_later(&self, runtime: &Handle, removal: Removal, due: Instant) {
        let mut list = self.list();
        let full = list.places.len() >= MOST && !list.places.contains_key(&removal.name);
        let first = if full { list.take_first() } else { None };
        list.add(removal, due);
        let idle = !self.0.working.swap(true, Ordering::SeqCst);
        drop(list);
        if let Some(first) = first {
            let entries = self.clone();
            runtime.spawn(async move {
                if !entries.remove(&first.name).await {
                    tracing::error!(
                        "Django may see a session as it was: too many entries of its cache wait to be removed"
                    );
                }
            });
        }
        if idle {
            runtime.spawn(Working { entries: self.clone(), is_over: false }.work());
        }
    }

    /// Removes these, and puts those back that are to be removed again. Returns whether the cache has done it all.
    async fn remove_all(&self, removals: Vec<Removal>) -> bool {
        let mut tasks = JoinSet::new();
        for removal in removals {
            let entries = self.clone();
            tasks.spawn(async move { (entries.remove(&removal.name).await, removal) });
        }
        let mut all = true;
        for (done, mut removal) in tasks.join_all().await {
            all &= done;
            if done {
                removal.again = removal.again.get(1..).unwrap_or_default();
            }
            let due = match removal.again.first() {
                Some(pause) if done => removal.since + *pause,
                None if done => continue,
                _ => Instant::now() + RETRY,
            };
            let mut list = self.list();
            // One that was added meanwhile is about a later write.
            if !list.places.contains_key(&removal.name) {
                list.add(removal, due);
            }
        }
        all
    }
}

impl<C> Entries<C> {
    fn list(&self) -> MutexGuard<'_, List> {
        self.0.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Clone for Entries<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The task that removes what is due. When it is dropped with its runtime, another may begin.
struct Working<C> {
    entries: Entries<C>,
    /// Another may be at work already.
    is_over: bool,
}

impl<C: Cache> Working<C> {
    async fn work(mut self) {
        loop {
            let due = self.next();
            match due {
                None => return,
                Some(Err(pause)) => sleep(pause).await,
                Some(Ok(removals)) => {
                    if !self.entries.remove_all(removals).await {
                        sleep(RETRY).await;
                    }
                }
            }
        }
    }

    /// What is due. Where nothing is left the work is over, by the lock under which more would be added.
    fn next(&mut self) -> Option<Result<Vec<Removal>, Duration>> {
        let mut list = self.entries.list();
        let due = list.take_due(Instant::now());
        if due.is_none() {
            self.entries.0.working.store(false, Ordering::SeqCst);
            self.is_over = true;
        }
        due
    }
}

impl<C> Drop for Working<C> {
    fn drop(&mut self) {
        if !self.is_over {
            self.entries.0.working.store(false, Ordering::SeqCst);
        }
    }
}

/// Django's entry of one session while it is being written. However that ends, also by being dropped, the entry goes.
pub(super) struct Entry<C: Cache> {
    name: String,
    pub(super) again: &'static [Duration],
    removed: bool,
    entries: Entries<C>,
}

impl<C: Cache> Entry<C> {
    pub(super) async fn remove(mut self) {
        self.removed = self.entries.remove(&self.name).await;
    }

    pub(super) fn leave(mut self) {
        (self.removed, self.again) = (true, &[]);
    }
}

impl<C: Cache> Drop for Entry<C> {
    fn drop(&mut self) {
        if self.removed && self.again.is_empty() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            tracing::warn!("Django may see a session as it was: no runtime is left to remove the entry of its cache");
            return;
        };
        let since = Instant::now();
        let due = since + self.again.first().copied().unwrap_or(RETRY);
        let name = std::mem::take(&mut self.name).into();
        self.entries.remove_later(&runtime, Removal { name, since, again: self.again }, due);
    }
}
