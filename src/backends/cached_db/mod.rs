//! [`CachedDbStore`]: a database, with a cache before it.
//!
//! The database is the truth; the cache never is ahead of it, and after a write was acknowledged never behind.
//!
//! * Whoever means to put a session under a name first puts a *claim* there, which is like no other: a reader where
//!   there is nothing, a writer whatever is there. Then it asks the database. What it got replaces the claim, and only
//!   the claim. So a session that was read before a change can never be put there after it, however late it comes:
//!   whoever made the change has removed the claim. That is more than setting what is absent: a command that was
//!   delayed on its way to the cache finds an absent name, but never its claim.
//! * A writer puts its claim there *before* the database, so that nothing old is served if it dies in between, and
//!   removes whatever is there after, unless its claim stands and it can put the session there that it wrote.
//! * Who finds a claim, or the mark of an ended session, asks the database and puts nothing there.

use std::{fmt, sync::Arc, time::Duration};

use time::OffsetDateTime;

use super::base::{Record, SessionStore};
use crate::{cache::Cache, error::StoreError, session_key::SessionKey};

mod denied;
mod entry;
mod flights;
mod health;
mod listen;
#[cfg(feature = "postgres")]
pub use listen::Listener;
mod side;
mod store;
mod trust;
#[cfg(feature = "_sql")]
mod user_sessions;
use entry::Claim;
use side::Side;

/// What Django calls them, so that its other users of the cache do not meet them.
const KEY_PREFIX: &str = "django.contrib.sessions.cached_db";
/// How long a cache of this process alone keeps a session, unless it is told otherwise.
const LOCAL: Duration = Duration::from_secs(5);
/// How long the claim of a reader stands: longer than a request waits for the database.
const READERS: Duration = Duration::from_secs(5);
/// How long a cache that processes share keeps one, unless it is told otherwise: so long may a process that the cache
/// could not be told to go on with a session that has ended.
const SHARED: Duration = Duration::from_secs(5 * 60);

/// Keeps sessions in a store, a [`DbStore`](crate::DbStore) as a rule, with a cache before it: Django's `cached_db`
/// engine. A session that is in the cache costs no statement.
///
/// The database is the truth, and it is written first. After a save, a `cycle` or a `delete` was answered, no process
/// that shares the cache is given what was there before; neither a slow reader nor a dying writer brings it back.
/// Requests that want a session at the same time, when it is not in the cache, share one question to the database.
///
/// # When a shared cache fails
///
/// Sessions come from the database then: the log says so once, and again when the cache is back. What this process
/// changed meanwhile it does not look for in the cache, and nothing that was in it before. The cache is told of the
/// changes until it has heard of each; one that is full and takes nothing in has the old entries removed.
///
/// * Another process that reaches the cache while this one does not may be given what was there, for
///   [`time_to_live`](Self::time_to_live) at most: 5 minutes.
/// * A process that starts believes nothing that a shared cache held before, because the process that ended a session
///   may have gone before it could tell the cache, and a cache that was restarted may hold what it once wrote to its
///   disk. So its first request for each session goes to the database. The clocks of all processes have to agree within
///   a second: what was put there in the first second is not believed either.
/// * During a rolling deployment two releases may share a cache. What a release does not know it does not serve.
///
/// # Which cache
///
/// Which cache it is, is what Django's `SESSION_CACHE_ALIAS` says. `LocMemCache` is one for each process: a change
/// that another process makes is seen after [`time_to_live`](Self::time_to_live), 5 seconds. With PostgreSQL,
/// `listen` makes that milliseconds. What changes the table without this store (Django, SQL,
/// `DbStore::user(..).revoke_all()`) is also seen after that time; set it where there is such a thing. To end the
/// sessions of a person, use the `revoke`, `revoke_all` and `revoke_others` of this store.
///
/// ```
/// # #[cfg(all(feature = "sqlite", feature = "locmem"))]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jam_session::StoreError> {
/// use jam_session::{CachedDbStore, LocMemCache, SessionLayer, SqliteStore};
///
/// let table = SqliteStore::connect("sqlite::memory:").await?;
/// table.migrate().await?;
/// let layer = SessionLayer::new(CachedDbStore::new(table, LocMemCache::new()));
/// # Ok(()) }
/// # #[cfg(not(all(feature = "sqlite", feature = "locmem")))]
/// # fn main() {}
/// ```
#[doc(alias = "django.contrib.sessions.backends.cached_db")]
#[doc(alias = "SESSION_CACHE_ALIAS")]
#[doc(alias = "CachingSessionStore")]
pub struct CachedDbStore<S: SessionStore, C: Cache> {
    store: Arc<S>,
    side: Arc<Side<C>>,
    prefix: Arc<str>,
    time_to_live: Duration,
}

impl<S: SessionStore, C: Cache> CachedDbStore<S, C> {
    /// Keeps sessions in `store`, and those that are used in `cache`, too.
    #[must_use]
    pub fn new(store: S, cache: C) -> Self {
        let time_to_live = if cache.is_shared() { SHARED } else { LOCAL };
        Self { store: Arc::new(store), side: Arc::new(Side::new(cache)), prefix: KEY_PREFIX.into(), time_to_live }
    }

    /// What stands before a session's key in the cache: `"django.contrib.sessions.cached_db"`, unless it is set. Sites
    /// that share a cache and not their sessions each have their own.
    #[must_use]
    pub fn cache_key_prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a session is served from the cache at most before it is read from the database again. By default 5
    /// seconds where the cache is of this process alone, and 5 minutes where it is shared.
    ///
    /// It bounds how long a change that bypassed this cache stays unseen, and how long another process may be given a
    /// session that this one has ended while it could not reach a shared cache.
    #[doc(alias = "TIMEOUT")]
    #[must_use]
    pub fn time_to_live(mut self, time_to_live: Duration) -> Self {
        self.time_to_live = time_to_live;
        self
    }

    /// The store behind the cache.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.store
    }

    fn name(&self, session_key: &SessionKey) -> String {
        format!("{}{}", self.prefix, session_key.as_str())
    }

    /// What the cache says about a session.
    async fn look(&self, name: &str, session_key: &SessionKey, now: OffsetDateTime) -> Look {
        if self.side.denied.has(name) {
            return Look::Closed;
        }
        let Ok(found) = self.side.ask(self.side.cache.get(name)).await else { return Look::Closed };
        let Some(bytes) = found else { return Look::Empty };
        if entry::is_closed(&bytes) {
            return Look::Closed;
        }
        let read = entry::decode(session_key, &bytes);
        let good = |(stamp, record): &(i64, Record)| {
            record.expire_date > now && self.side.trust.accepts(session_key, *stamp, self.time_to_live)
        };
        match read.filter(good) {
            Some((_, record)) => Look::Session(record),
            None => Look::Worthless(bytes),
        }
    }

    /// Asks the database, and puts what it says into the cache if the place is free.
    async fn fetch(
        &self,
        name: &str,
        session_key: &SessionKey,
        seen: Look,
        now: OffsetDateTime,
    ) -> Result<Option<Record>, StoreError> {
        let mut claim = self.claim_where(name, seen).await;
        if claim.is_none() {
            // Since it was looked for, somebody else may have put it there.
            claim = match self.look(name, session_key, now).await {
                Look::Session(record) => return Ok(Some(record)),
                seen => self.claim_where(name, seen).await,
            };
        }
        let found = self.store.load(session_key, now).await?;
        if let Some(claim) = claim {
            match &found {
                Some(record) => drop(self.fill(name, &claim, record, now).await),
                // What is not there is not remembered: it takes no room.
                None => drop(self.side.ask(self.side.cache.delete(name)).await),
            }
        }
        Ok(found)
    }

    /// A reader's claim, where the cache has nothing of worth.
    async fn claim_where(&self, name: &str, seen: Look) -> Option<Claim> {
        let (claim, side) = (Claim::new(trust::stamp())?, &self.side);
        let placed = match seen {
            Look::Empty => side.ask(side.cache.add(name, &claim.bytes, READERS)).await,
            Look::Worthless(bytes) => side.ask(side.cache.compare_and_set(name, &bytes, &claim.bytes, READERS)).await,
            Look::Closed | Look::Session(_) => return None,
        };
        placed.is_ok_and(|placed| placed).then_some(claim)
    }

    /// Puts a session in the place of its claim. Says whether it stands there.
    async fn fill(&self, name: &str, claim: &Claim, record: &Record, now: OffsetDateTime) -> bool {
        let Some(bytes) = entry::encode(record, claim.stamp) else { return false };
        let left = Duration::try_from(record.expire_date - now).unwrap_or_default();
        let time_to_live = left.min(self.time_to_live);
        if time_to_live.is_zero() {
            return false;
        }
        let fill = self.side.cache.compare_and_set(name, &claim.bytes, &bytes, time_to_live);
        self.side.ask(fill).await.is_ok_and(|filled| filled)
    }
}

/// What the cache says about a session.
enum Look {
    Session(Record),
    /// Nothing.
    Empty,
    /// A session that has expired or is not believed, or that an older release put there, or something foreign.
    Worthless(Arc<[u8]>),
    /// A claim, the mark of an ended session, or what a newer release put there; or the cache must not be asked.
    Closed,
}

impl<S: SessionStore, C: Cache> Clone for CachedDbStore<S, C> {
    fn clone(&self) -> Self {
        let (store, side) = (Arc::clone(&self.store), Arc::clone(&self.side));
        Self { store, side, prefix: Arc::clone(&self.prefix), time_to_live: self.time_to_live }
    }
}

impl<S: SessionStore + fmt::Debug, C: Cache> fmt::Debug for CachedDbStore<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedDbStore").field("store", &self.store).finish_non_exhaustive()
    }
}
