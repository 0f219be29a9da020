//! [`CacheStore`]: sessions that live in a cache alone.

use std::{sync::Arc, time::Duration};

use time::{OffsetDateTime, UtcOffset};

use super::{
    LocalTime,
    base::{Draft, Record, Saved, SessionStore},
};
use crate::{
    base_session::StoredText,
    cache::{self, Cache},
    error::{BoxError, StoreError},
    serializers::{JsonSerializer, Serializer},
    session_key::SessionKey,
};

/// What Django calls them, so that its other users of the cache do not meet them.
const KEY_PREFIX: &str = "django.contrib.sessions.cache";
/// What stands under a key that was given up: nothing that can be read as a session, which has a date at least.
const MOVED: &[u8] = b"moved";
/// How long it stands there: for the requests that were under way.
const MOVED_FOR: Duration = Duration::from_secs(60);
/// How often a write looks again when others extend the session meanwhile.
const TRIES: usize = 16;

/// Keeps sessions in a cache, and nowhere else: Django's `cache` engine.
///
/// They last as long as the cache keeps them. One that runs full, or starts anew, ends sessions: the visitors are
/// anonymous then. Where that matters, use [`CachedDbStore`](crate::CachedDbStore).
///
/// Which cache it is, is what Django's `SESSION_CACHE_ALIAS` says. A session expires in the cache by itself, so there
/// is nothing to clear. A clone of the store shares its sessions if a clone of the cache does.
///
/// A cache has no step that changes two names at once. `cycle` puts the session under its new key, which nobody has
/// been told, before it ends the old one; so a crash in between leaves a session that nobody can open.
///
/// ```
/// # #[cfg(feature = "locmem")] {
/// use jam_session::{CacheStore, LocMemCache, SessionLayer};
///
/// let layer = SessionLayer::new(CacheStore::new(LocMemCache::new()));
/// # }
/// ```
#[derive(Debug, Clone)]
#[doc(alias = "django.contrib.sessions.backends.cache")]
#[doc(alias = "SESSION_CACHE_ALIAS")]
#[doc(alias = "CACHES")]
pub struct CacheStore<C: Cache> {
    cache: C,
    prefix: Arc<str>,
    serializer: JsonSerializer,
    local_time: LocalTime,
}

impl<C: Cache> CacheStore<C> {
    /// Keeps sessions in `cache`.
    #[must_use]
    pub fn new(cache: C) -> Self {
        Self {
            cache,
            prefix: KEY_PREFIX.into(),
            serializer: JsonSerializer::default(),
            local_time: LocalTime::default(),
        }
    }

    /// What stands before a session's key in the cache: `"django.contrib.sessions.cache"`, unless it is set. Sites
    /// that share a cache and not their sessions each have their own.
    #[must_use]
    pub fn cache_key_prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Reads and writes dates in local time, beside a Django whose settings say `USE_TZ = False`: the date that a
    /// session may have as its own expiry carries no offset then. `offset_at` gives the offset of Django's `TIME_ZONE`
    /// at an instant, daylight saving time included. The expiry in the
    /// cache is an instant in any case.
    ///
    /// ```
    /// # #[cfg(feature = "locmem")]
    /// # fn main() -> Result<(), jam_session::BoxError> {
    /// use jam_session::{CacheStore, LocMemCache};
    /// use time::UtcOffset;
    ///
    /// // India has one offset all year; for other zones ask a crate that knows them.
    /// let india = UtcOffset::from_hms(5, 30, 0)?;
    /// let store = CacheStore::new(LocMemCache::new()).local_time(move |_at| india);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "locmem"))]
    /// # fn main() {}
    /// ```
    #[doc(alias = "USE_TZ")]
    #[doc(alias = "TIME_ZONE")]
    #[must_use]
    pub fn local_time(mut self, offset_at: impl Fn(OffsetDateTime) -> UtcOffset + Send + Sync + 'static) -> Self {
        self.local_time = LocalTime::of(offset_at);
        self
    }

    fn name(&self, session_key: &SessionKey) -> String {
        format!("{}{}", self.prefix, session_key.as_str())
    }

    fn encode(&self, draft: &Draft) -> Result<StoredText, StoreError> {
        let bytes = self.serializer.dumps(&draft.session_data)?;
        let text = String::from_utf8(bytes).map_err(|error| StoreError::Backend(error.into()))?;
        Ok(StoredText(text.into()))
    }

    /// What stands under the name of `session_key`, live or not; none where the session was given up.
    async fn fetch(&self, session_key: &SessionKey) -> Result<Option<Record>, StoreError> {
        let Some(bytes) = self.cache.get(&self.name(session_key)).await.map_err(cache::failure)? else {
            return Ok(None);
        };
        if &*bytes == MOVED {
            return Ok(None);
        }
        let (expire_date, text) = decode(&bytes).map_err(StoreError::Undecodable)?;
        let data = self.serializer.loads_text(&text).map_err(StoreError::on_load)?;
        Ok(Some(Record::new(session_key.clone(), data, expire_date, StoredText(text))))
    }

    /// Puts `value` in the place of `loaded`, if its data are what is there. An expiry that somebody moved meanwhile
    /// is no conflict: their data are ours.
    async fn replace(
        &self,
        loaded: &Record,
        value: &[u8],
        time_to_live: Duration,
        now: OffsetDateTime,
    ) -> Result<Replaced, StoreError> {
        let name = self.name(&loaded.session_key);
        let mut expire_date = loaded.expire_date;
        for _ in 0..TRIES {
            let expected = encode(expire_date, &loaded.stored);
            let live = expire_date > now;
            if live && self.swap(&name, &expected, value, time_to_live).await? {
                return Ok(Replaced::Done);
            }
            match self.fetch(&loaded.session_key).await?.filter(|there| there.expire_date > now) {
                None => return Ok(Replaced::Gone),
                Some(there) if there.stored == loaded.stored => expire_date = there.expire_date,
                Some(theirs) => return Ok(Replaced::Conflict(theirs)),
            }
        }
        Err(StoreError::Contended("others keep extending the session".into()))
    }

    async fn swap(&self, name: &str, expected: &[u8], value: &[u8], ttl: Duration) -> Result<bool, StoreError> {
        self.cache.compare_and_set(name, expected, value, ttl).await.map_err(cache::failure)
    }

    async fn add(&self, session_key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        let stored = self.encode(draft)?;
        let (value, ttl) = (encode(draft.expire_date, &stored), time_to_live(draft.expire_date, now));
        let added = self.cache.add(&self.name(session_key), &value, ttl).await.map_err(cache::failure)?;
        if !added {
            return Err(StoreError::KeyTaken);
        }
        Ok(Record::new(session_key.clone(), draft.session_data.clone(), draft.expire_date, stored))
    }
}

impl<C: Cache> SessionStore for CacheStore<C> {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        Ok(self.fetch(session_key).await?.filter(|record| record.expire_date > now))
    }

    async fn create(&self, session_key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        self.add(session_key, draft, now).await
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let stored = self.encode(draft)?;
        let (value, ttl) = (encode(draft.expire_date, &stored), time_to_live(draft.expire_date, now));
        let replaced = self.replace(loaded, &value, ttl, now).await?;
        let data = draft.session_data.clone();
        Ok(replaced.saved(Record::new(loaded.session_key.clone(), data, draft.expire_date, stored)))
    }

    async fn touch(
        &self,
        loaded: &Record,
        expire_date: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let (expected, value) = (encode(loaded.expire_date, &loaded.stored), encode(expire_date, &loaded.stored));
        let (name, ttl) = (self.name(&loaded.session_key), time_to_live(expire_date, now));
        let done = loaded.expire_date > now && self.swap(&name, &expected, &value, ttl).await?;
        Ok(if done { Saved::Done(Record { expire_date, ..loaded.clone() }) } else { Saved::Gone })
    }

    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let record = self.add(session_key, draft, now).await?;
        let replaced = self.replace(loaded, MOVED, MOVED_FOR, now).await?;
        if !matches!(replaced, Replaced::Done) {
            // Nobody was told the new key. Should this fail, its session can be opened by nobody, and expires.
            self.cache.delete(&self.name(session_key)).await.map_err(cache::failure)?;
        }
        Ok(replaced.saved(record))
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), StoreError> {
        // A write that is under way compares with what it has loaded, and finds nothing.
        self.cache.delete(&self.name(session_key)).await.map(|_| ()).map_err(cache::failure)
    }

    async fn exists(&self, session_key: &SessionKey) -> Result<bool, StoreError> {
        let there = self.cache.get(&self.name(session_key)).await.map_err(cache::failure)?;
        Ok(there.is_some_and(|bytes| &*bytes != MOVED))
    }

    /// Nothing: a cache lets go of what has expired by itself.
    async fn clear_expired(&self, _now: OffsetDateTime) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn local_offset(&self, at: OffsetDateTime) -> Option<UtcOffset> {
        self.local_time.offset(at)
    }

    fn engine(&self) -> &'static str {
        "cache"
    }
}

/// What came of an attempt to replace what is under a name.
enum Replaced {
    Done,
    Conflict(Record),
    Gone,
}

impl Replaced {
    fn saved(self, done: Record) -> Saved {
        match self {
            Self::Done => Saved::Done(done),
            Self::Conflict(theirs) => Saved::Conflict(theirs),
            Self::Gone => Saved::Gone,
        }
    }
}

/// The expiry in microseconds, then the text. What was loaded encodes to the very bytes that it was read from.
fn encode(expire_date: OffsetDateTime, stored: &StoredText) -> Vec<u8> {
    let micros = expire_date.unix_timestamp_nanos().div_euclid(1_000);
    let mut bytes = i64::try_from(micros).unwrap_or(i64::MAX).to_be_bytes().to_vec();
    bytes.extend_from_slice(stored.0.as_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Result<(OffsetDateTime, Arc<str>), BoxError> {
    let (micros, text) = bytes.split_first_chunk().ok_or("it is too short")?;
    let nanos = i128::from(i64::from_be_bytes(*micros)) * 1_000;
    Ok((OffsetDateTime::from_unix_timestamp_nanos(nanos)?, str::from_utf8(text)?.into()))
}

/// Until `expire_date`, in whole seconds rounded up: who reads looks at the date, too.
fn time_to_live(expire_date: OffsetDateTime, now: OffsetDateTime) -> Duration {
    let seconds = (expire_date - now).as_seconds_f64().ceil().max(1.0);
    Duration::from_secs(seconds as u64)
}
