//! [`MemoryStore`]: sessions in this process, for tests and small tools.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use time::OffsetDateTime;

use super::base::{Draft, Record, Saved, SessionStore};
use crate::{
    base_session::StoredText,
    error::StoreError,
    serializers::{JsonSerializer, Serializer},
    session_key::SessionKey,
};

/// Keeps sessions in memory: they end with the process, and no other process sees them.
///
/// Nothing is evicted. [`clear_expired`](SessionStore::clear_expired) frees what has expired.
///
/// ```
/// use jam_session::{MemoryStore, SessionLayer};
///
/// let layer = SessionLayer::new(MemoryStore::new());
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    rows: Arc<Mutex<HashMap<SessionKey, Row>>>,
    serializer: JsonSerializer,
}

struct Row {
    stored: StoredText,
    expire_date: OffsetDateTime,
}

impl MemoryStore {
    /// An empty store. Its clones share their sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<SessionKey, Row>> {
        // No code of ours panics between two halves of a change.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn encode(&self, draft: &Draft) -> Result<StoredText, StoreError> {
        let bytes = self.serializer.dumps(&draft.session_data)?;
        let text = String::from_utf8(bytes).map_err(|error| StoreError::Undecodable(error.into()))?;
        Ok(StoredText(text.into()))
    }

    fn decode(&self, session_key: &SessionKey, row: &Row) -> Result<Record, StoreError> {
        let data = self.serializer.loads_text(&row.stored.0).map_err(StoreError::on_load)?;
        Ok(Record::new(session_key.clone(), data, row.expire_date, row.stored.clone()))
    }

    /// Writes under `to` what replaces `loaded`, the one way in which sessions change.
    fn replace(
        &self,
        loaded: &Record,
        to: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let stored = self.encode(draft)?;
        let from = &loaded.session_key;
        let mut rows = self.rows();
        let Some(row) = rows.get(from).filter(|row| row.expire_date > now) else { return Ok(Saved::Gone) };
        if row.stored != loaded.stored {
            return self.decode(from, row).map(Saved::Conflict);
        }
        if to != from && rows.contains_key(to) {
            return Err(StoreError::KeyTaken);
        }
        rows.remove(from);
        rows.insert(to.clone(), Row { stored: stored.clone(), expire_date: draft.expire_date });
        Ok(Saved::Done(Record::new(to.clone(), draft.session_data.clone(), draft.expire_date, stored)))
    }
}

impl SessionStore for MemoryStore {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        let rows = self.rows();
        let row = rows.get(session_key).filter(|row| row.expire_date > now);
        row.map(|row| self.decode(session_key, row)).transpose()
    }

    async fn create(
        &self,
        session_key: &SessionKey,
        draft: &Draft,
        _now: OffsetDateTime,
    ) -> Result<Record, StoreError> {
        let stored = self.encode(draft)?;
        let mut rows = self.rows();
        if rows.contains_key(session_key) {
            return Err(StoreError::KeyTaken);
        }
        rows.insert(session_key.clone(), Row { stored: stored.clone(), expire_date: draft.expire_date });
        Ok(Record::new(session_key.clone(), draft.session_data.clone(), draft.expire_date, stored))
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.replace(loaded, &loaded.session_key, draft, now)
    }

    async fn touch(
        &self,
        loaded: &Record,
        expire_date: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let mut rows = self.rows();
        let untouched = |row: &&mut Row| row.expire_date > now && row.expire_date == loaded.expire_date;
        let Some(row) = rows.get_mut(&loaded.session_key).filter(untouched) else { return Ok(Saved::Gone) };
        row.expire_date = expire_date;
        Ok(Saved::Done(Record { expire_date, ..loaded.clone() }))
    }

    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.replace(loaded, session_key, draft, now)
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), StoreError> {
        self.rows().remove(session_key);
        Ok(())
    }

    async fn delete_loaded(&self, loaded: &Record, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let mut rows = self.rows();
        let Some(row) = rows.get(&loaded.session_key).filter(|row| row.expire_date > now) else {
            return Ok(Saved::Gone);
        };
        if row.stored != loaded.stored {
            return self.decode(&loaded.session_key, row).map(Saved::Conflict);
        }
        rows.remove(&loaded.session_key);
        Ok(Saved::Done(loaded.clone()))
    }

    async fn exists(&self, session_key: &SessionKey) -> Result<bool, StoreError> {
        Ok(self.rows().contains_key(session_key))
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let before = rows.len();
        rows.retain(|_, row| row.expire_date >= now);
        Ok((before - rows.len()) as u64)
    }

    fn engine(&self) -> &'static str {
        "memory"
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryStore({} sessions)", self.rows().len())
    }
}
