//! [`Witness`]: a store that notes every key and every text that passes through it.

use std::fmt;

use jam_session::{Draft, Record, Saved, SessionKey, SessionStore, StoreError};
use time::{OffsetDateTime, UtcOffset};

use crate::kept::Kept;

#[derive(Clone)]
pub(crate) struct Witness<S> {
    pub(crate) store: S,
    pub(crate) kept: Kept,
}

impl<S> Witness<S> {
    fn record(&self, record: &Record) {
        self.kept.note(record.session_key.as_str());
        self.kept.note(&record.stored.0);
    }

    fn saved(&self, saved: &Result<Saved, StoreError>) {
        if let Ok(Saved::Done(record) | Saved::Conflict(record)) = saved {
            self.record(record);
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Witness<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl<S: SessionStore> SessionStore for Witness<S> {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        self.kept.note(session_key.as_str());
        let found = self.store.load(session_key, now).await;
        found.iter().flatten().for_each(|record| self.record(record));
        found
    }

    async fn create(&self, session_key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        self.kept.note(session_key.as_str());
        let created = self.store.create(session_key, draft, now).await;
        created.iter().for_each(|record| self.record(record));
        created
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let saved = self.store.save(loaded, draft, now).await;
        self.saved(&saved);
        saved
    }

    async fn touch(&self, loaded: &Record, until: OffsetDateTime, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let saved = self.store.touch(loaded, until, now).await;
        self.saved(&saved);
        saved
    }

    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.kept.note(session_key.as_str());
        let saved = self.store.cycle(loaded, session_key, draft, now).await;
        self.saved(&saved);
        saved
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), StoreError> {
        self.kept.note(session_key.as_str());
        self.store.delete(session_key).await
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
}
