//! [`Naive`]: the fault that the interleavings are to find.

use std::time::Duration;

use jam_session::{Cache, Draft, Record, Saved, SessionKey, SessionStore, StoreError, StoredText};
use time::OffsetDateTime;

use super::parts::{SharedCache, Truth};

/// What one would write at first: the database, then the cache.
pub(crate) struct Naive {
    pub(crate) store: Truth,
    pub(crate) cache: SharedCache,
}

impl Naive {
    async fn put(&self, record: &Record) {
        let json = record.session_data.to_json();
        let value = format!("{} {json}", record.expire_date.unix_timestamp_nanos());
        self.cache.set(record.session_key.as_str(), value.as_bytes(), Duration::MAX).await.expect("memory");
    }

    async fn cached(&self, key: &SessionKey) -> Option<Record> {
        let value = self.cache.get(key.as_str()).await.expect("memory")?;
        let (nanos, json) = str::from_utf8(&value).ok()?.split_once(' ')?;
        let date = OffsetDateTime::from_unix_timestamp_nanos(nanos.parse().ok()?).ok()?;
        Some(Record::new(key.clone(), json.parse().ok()?, date, StoredText(json.into())))
    }

    async fn after(&self, loaded: &Record, result: Result<Saved, StoreError>) -> Result<Saved, StoreError> {
        if let Ok(Saved::Done(record)) = &result {
            self.put(record).await;
        }
        if !matches!(&result, Ok(Saved::Done(record)) if record.session_key == loaded.session_key) {
            self.cache.delete(loaded.session_key.as_str()).await.expect("memory");
        }
        result
    }
}

impl SessionStore for Naive {
    async fn load(&self, key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        if let Some(record) = self.cached(key).await {
            return Ok(Some(record));
        }
        let found = self.store.load(key, now).await?;
        if let Some(record) = &found {
            self.put(record).await;
        }
        Ok(found)
    }

    async fn create(&self, key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        self.store.create(key, draft, now).await
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.after(loaded, self.store.save(loaded, draft, now).await).await
    }

    async fn touch(&self, loaded: &Record, until: OffsetDateTime, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.after(loaded, self.store.touch(loaded, until, now).await).await
    }

    async fn cycle(
        &self,
        loaded: &Record,
        key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.after(loaded, self.store.cycle(loaded, key, draft, now).await).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.store.delete(key).await?;
        self.cache.delete(key.as_str()).await.map(|_| ()).map_err(StoreError::Backend)
    }

    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError> {
        self.store.exists(key).await
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.store.clear_expired(now).await
    }
}
