//! The store's operations.

use time::{OffsetDateTime, UtcOffset};

use super::FileStore;
use crate::{
    backends::base::{Draft, Record, Saved, SessionStore},
    error::StoreError,
    session_key::SessionKey,
};

impl SessionStore for FileStore {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        let key = session_key.clone();
        self.blocking(move |store| store.load_live(&key, now)).await
    }

    async fn create(&self, session_key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        let (key, draft) = (session_key.clone(), draft.clone());
        self.blocking(move |store| store.create_file(&key, &draft, now)).await
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let (loaded, draft) = (loaded.clone(), draft.clone());
        self.blocking(move |store| store.replace(&loaded, &loaded.session_key, &draft, now)).await
    }

    async fn touch(
        &self,
        loaded: &Record,
        expire_date: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let loaded = loaded.clone();
        self.blocking(move |store| store.touch_file(&loaded, expire_date, now)).await
    }

    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let (loaded, key, draft) = (loaded.clone(), session_key.clone(), draft.clone());
        self.blocking(move |store| store.replace(&loaded, &key, &draft, now)).await
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), StoreError> {
        let key = session_key.clone();
        self.blocking(move |store| store.delete_file(&key)).await
    }

    async fn delete_loaded(&self, loaded: &Record, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let loaded = loaded.clone();
        self.blocking(move |store| store.delete_loaded_file(&loaded, now)).await
    }

    async fn exists(&self, session_key: &SessionKey) -> Result<bool, StoreError> {
        let key = session_key.clone();
        self.blocking(move |store| store.is_there(&key)).await
    }

    /// Reads every session, a few hundred at a time. What does not decode is left alone: it may be signed by a
    /// neighbour.
    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        let mut files = self.blocking(Self::files).await?;
        let mut removed = 0;
        loop {
            let (rest, batch) = self.blocking(move |store| store.clear_some(files, now)).await?;
            removed += batch;
            match rest {
                Some(rest) => files = rest,
                None => return Ok(removed),
            }
        }
    }

    fn local_offset(&self, at: OffsetDateTime) -> Option<UtcOffset> {
        self.local_time.offset(at)
    }

    fn engine(&self) -> &'static str {
        "file"
    }
}
