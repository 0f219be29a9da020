//! Removing Django's entries, now and once more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

use crate::cache::Cache;

/// When an entry is removed once more: a request of Django's may have read the old row before our write, and put it
/// into the cache after we had removed it.
pub(super) const CHANGED: &[Duration] = &[Duration::from_secs(1)];
/// An ended session that comes back matters more, and nobody misses its entry.
pub(super) const ENDED: &[Duration] = &[Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];
/// How long a request waits for the cache.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait before trying again what the cache did not do, and how often: about an hour.
const RETRY: Duration = Duration::from_secs(5);
const RETRIES: u32 = 720;
/// How many entries are waited for at a time.
const MOST: usize = 16_384;

/// Where the entries are, shared with those that are removed later.
pub(super) struct Entries<C> {
    cache: Arc<C>,
    room: Arc<Semaphore>,
    failing: Arc<AtomicBool>,
}

impl<C: Cache> Entries<C> {
    pub(super) fn new(cache: C) -> Self {
        Self { cache: Arc::new(cache), room: Arc::new(Semaphore::new(MOST)), failing: Arc::default() }
    }

    pub(super) fn entry(&self, name: String, again: &'static [Duration]) -> Entry<C> {
        Entry { name, again, removed: false, entries: self.clone() }
    }

    async fn remove(&self, name: &str) -> bool {
        let answer = timeout(PATIENCE, self.cache.delete(name)).await;
        let why = match answer {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer".to_owned()),
        };
        if self.failing.swap(why.is_some(), Ordering::Relaxed) != why.is_some() {
            match &why {
                Some(error) => tracing::warn!(error, "Django's cache cannot be kept in step; it is tried again"),
                None => tracing::info!("Django's cache is kept in step again"),
            }
        }
        why.is_none()
    }

    /// Removes an entry after each of these pauses, and until it is done.
    async fn remove_again(self, name: String, mut done: bool, pauses: &[Duration], _room: OwnedSemaphorePermit) {
        let mut past = Duration::ZERO;
        for pause in pauses {
            sleep(*pause - past).await;
            past = *pause;
            done = self.remove(&name).await;
        }
        for _ in 0..RETRIES {
            if done {
                return;
            }
            sleep(RETRY).await;
            done = self.remove(&name).await;
        }
    }
}

impl<C> Clone for Entries<C> {
    fn clone(&self) -> Self {
        let Self { cache, room, failing } = self;
        Self { cache: Arc::clone(cache), room: Arc::clone(room), failing: Arc::clone(failing) }
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
        let (Ok(runtime), Ok(room)) = (Handle::try_current(), Arc::clone(&self.entries.room).try_acquire_owned())
        else {
            tracing::warn!("Django may see a session as it was: too many entries of its cache are to be removed");
            return;
        };
        let (entries, name) = (self.entries.clone(), std::mem::take(&mut self.name));
        runtime.spawn(entries.remove_again(name, self.removed, self.again, room));
    }
}
