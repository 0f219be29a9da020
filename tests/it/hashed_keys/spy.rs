//! [`Spy`]: a store that writes down the keys that it is given, and takes any text of a cookie for one.

use std::sync::{Arc, Mutex};

use jam_session::{Draft, MemoryStore, Record, Saved, SessionKey, SessionStore, StoreError};
use time::OffsetDateTime;

#[derive(Clone, Default)]
pub(super) struct Spy {
    pub(super) store: MemoryStore,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Spy {
    /// The keys since the last time somebody asked.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().expect("nobody panics here"))
    }

    fn note(&self, session_key: &SessionKey) {
        self.seen.lock().expect("nobody panics here").push(session_key.as_str().to_owned());
    }
}

impl SessionStore for Spy {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        self.note(session_key);
        self.store.load(session_key, now).await
    }

    async fn create(&self, session_key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        self.note(session_key);
        self.store.create(session_key, draft, now).await
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.note(&loaded.session_key);
        self.store.save(loaded, draft, now).await
    }

    async fn touch(&self, loaded: &Record, expire: OffsetDateTime, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.note(&loaded.session_key);
        self.store.touch(loaded, expire, now).await
    }

    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.note(&loaded.session_key);
        self.note(session_key);
        self.store.cycle(loaded, session_key, draft, now).await
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), StoreError> {
        self.note(session_key);
        self.store.delete(session_key).await
    }

    async fn exists(&self, session_key: &SessionKey) -> Result<bool, StoreError> {
        self.note(session_key);
        self.store.exists(session_key).await
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.store.clear_expired(now).await
    }

    fn accepts(&self, _text: &str) -> bool {
        true
    }
}
