//! [`DjangoCache`]: keeps the cache of a Django that runs `cached_db` in step.

mod entries;

use std::{fmt, time::Duration};

use time::{OffsetDateTime, UtcOffset};

use self::entries::{CHANGED, ENDED, Entries, Entry};
use super::base::{Draft, Record, Saved, SessionStore};
use crate::{cache::Cache, error::StoreError, session_key::SessionKey};

/// What Django's `cached_db` calls its entries.
const CACHE_KEY_PREFIX: &str = "django.contrib.sessions.cached_db";
/// A store whose table a Django uses, too, with the engine `cached_db`: it does what `S` does, and removes the entry of
/// Django's cache when a session was changed or ended, so that Django reads the new row at once.
///
/// `C` is a cache on the server and in the database that Django's `CACHES` names. With Django's own
/// `django.core.cache.backends.redis.RedisCache` that is a `RedisCache`.
///
/// ```
/// # #[cfg(all(feature = "redis", feature = "sqlite", feature = "signing"))]
/// # async fn open() -> Result<(), jam_session::BoxError> {
/// use jam_session::{DjangoCache, RedisCache, SessionLayer, Signer, SqliteStore};
///
/// let table = SqliteStore::connect("sqlite:db.sqlite3").await?.signing(Signer::new("SECRET_KEY of settings.py"));
/// let store = DjangoCache::new(table, RedisCache::connect("redis://localhost:6379/1")?).key_prefix("shop");
/// let layer = SessionLayer::new(store);
/// # Ok(()) }
/// ```
///
/// # What it promises, and what not
///
/// The row is written first. Then the entry is removed, before the caller has its answer. What is left:
///
/// * A request of Django's that had found no entry and read the row before our write may store that old row in the
///   cache after the entry was removed. So it is removed again after a second; of a session that ended also after 5
///   and 30 seconds. A Django that takes longer between its two steps keeps the old session until it expires, or
///   somebody writes it.
/// * While our side cannot reach the cache, Django's side may, and keeps what it has. There is one warning, and each
///   entry is tried again until it is removed; until then Django may see the session as it was. The change itself
///   counts. Only a million sessions that wait at the same time are more than is remembered; an error says so.
/// * What still waits when this process ends is not removed, and Django serves it until it expires. Let the cache be
///   back before the application restarts, or empty it.
/// * Rows that are changed past this store, by SQL or by ending all sessions of a user, are not seen here:
///   [`forget`](Self::forget) is for those whose key is known.
/// * Django itself writes without comparing: what it has read before our write and saves after it overwrites ours, as
///   it does without a cache.
///
/// Django writes its row before its cache, so `S` sees Django's changes at once where it reads the row each time. A
/// `CachedDbStore` in the place of `S` sees them after its own time to live.
#[doc(alias = "django.contrib.sessions.backends.cached_db")]
#[doc(alias = "cached_db")]
pub struct DjangoCache<S, C> {
    store: S,
    entries: Entries<C>,
    cache_key_prefix: String,
    key_prefix: String,
    version: u32,
}

impl<S: SessionStore, C: Cache> DjangoCache<S, C> {
    /// Keeps `cache` in step with what is done to `store`.
    #[must_use]
    pub fn new(store: S, cache: C) -> Self {
        let (key_prefix, version) = (String::new(), 1);
        let cache_key_prefix = CACHE_KEY_PREFIX.to_owned();
        Self { store, entries: Entries::new(cache), cache_key_prefix, key_prefix, version }
    }

    /// What Django's `CACHES` says for `KEY_PREFIX`; nothing by default.
    #[doc(alias = "KEY_PREFIX")]
    #[must_use]
    pub fn key_prefix(self, prefix: &str) -> Self {
        Self { key_prefix: prefix.to_owned(), ..self }
    }

    /// What Django's `CACHES` says for `VERSION`; 1 by default.
    #[doc(alias = "VERSION")]
    #[must_use]
    pub fn version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    /// The `cache_key_prefix` of Django's session store: `django.contrib.sessions.cached_db` by default.
    #[must_use]
    pub fn cache_key_prefix(self, prefix: &str) -> Self {
        Self { cache_key_prefix: prefix.to_owned(), ..self }
    }

    /// Removes Django's entry of a session that was changed or ended past this store.
    pub async fn forget(&self, session_key: &SessionKey) {
        self.entry(session_key, ENDED).remove().await;
    }

    /// Django's `make_key`.
    fn entry(&self, session_key: &SessionKey, again: &'static [Duration]) -> Entry<C> {
        let (prefix, version, engine) = (&self.key_prefix, self.version, &self.cache_key_prefix);
        let name = format!("{prefix}:{version}:{engine}{}", session_key.as_str());
        self.entries.entry(name, again)
    }

    async fn after(&self, mut entry: Entry<C>, result: &Result<Saved, StoreError>) {
        match result {
            // Whoever wrote it has seen to it.
            Ok(Saved::Conflict(_))
            | Err(StoreError::TooLarge { .. } | StoreError::KeyTaken | StoreError::Overloaded(_)) => {
                entry.leave();
            }
            Ok(Saved::Done(_)) => entry.remove().await,
            Ok(Saved::Gone) | Err(_) => {
                entry.again = ENDED;
                entry.remove().await;
            }
        }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for DjangoCache<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DjangoCache").field("store", &self.store).finish_non_exhaustive()
    }
}

impl<S: SessionStore, C: Cache> SessionStore for DjangoCache<S, C> {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        self.store.load(session_key, now).await
    }

    async fn create(&self, session_key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        self.store.create(session_key, draft, now).await
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let entry = self.entry(&loaded.session_key, CHANGED);
        let result = self.store.save(loaded, draft, now).await;
        self.after(entry, &result).await;
        result
    }

    /// The entry has the data, which stay; Django asks the database when it expires.
    async fn touch(
        &self,
        loaded: &Record,
        expire_date: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.store.touch(loaded, expire_date, now).await
    }

    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let entry = self.entry(&loaded.session_key, ENDED);
        let result = self.store.cycle(loaded, session_key, draft, now).await;
        self.after(entry, &result).await;
        result
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), StoreError> {
        let entry = self.entry(session_key, ENDED);
        let result = self.store.delete(session_key).await;
        entry.remove().await;
        result
    }

    async fn delete_loaded(&self, loaded: &Record, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let entry = self.entry(&loaded.session_key, ENDED);
        let result = self.store.delete_loaded(loaded, now).await;
        self.after(entry, &result).await;
        result
    }

    async fn exists(&self, session_key: &SessionKey) -> Result<bool, StoreError> {
        self.store.exists(session_key).await
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.store.clear_expired(now).await
    }

    fn accepts(&self, text: &str) -> bool {
        self.store.accepts(text)
    }

    fn local_offset(&self, at: OffsetDateTime) -> Option<UtcOffset> {
        self.store.local_offset(at)
    }

    fn engine(&self) -> &'static str {
        self.store.engine()
    }
}
