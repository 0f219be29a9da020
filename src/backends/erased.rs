//! [`ErasedStore`]: any store, behind one type without parameters.

use std::{fmt, pin::Pin, sync::Arc};

use time::{OffsetDateTime, UtcOffset};

use super::{
    Timed,
    base::{Draft, Record, Saved, SessionStore},
};
use crate::{error::StoreError, events::Operation, session_key::SessionKey, settings::CookieFormat};

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store chosen at run time. It is a [`SessionStore`] itself, and a cheap clone.
///
/// ```
/// use jam_session::{ErasedStore, MemoryStore, SessionLayer, SessionStore};
///
/// fn configured(store: impl SessionStore) -> ErasedStore {
///     ErasedStore::new(store)
/// }
///
/// let layer = SessionLayer::new(configured(MemoryStore::new()));
/// ```
#[derive(Clone)]
pub struct ErasedStore {
    store: Arc<dyn DynStore>,
    timed: Timed,
}

impl ErasedStore {
    /// Hides the type of `store`.
    pub fn new(store: impl SessionStore) -> Self {
        Self { store: Arc::new(store), timed: Timed::OFF }
    }

    /// The same store, whose operations are timed where that is switched on: they are not where it is wrapped again.
    pub(crate) fn timed(self) -> Self {
        Self { timed: Timed::of(SessionStore::engine(&self)), ..self }
    }
}

impl fmt::Debug for ErasedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErasedStore(..)")
    }
}

impl SessionStore for ErasedStore {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        self.timed.time(Operation::Load, self.store.load(session_key, now)).await
    }

    async fn create(&self, session_key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        self.timed.time(Operation::Create, self.store.create(session_key, draft, now)).await
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.timed.time(Operation::Save, self.store.save(loaded, draft, now)).await
    }

    async fn touch(
        &self,
        loaded: &Record,
        expire_date: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.timed.time(Operation::Touch, self.store.touch(loaded, expire_date, now)).await
    }

    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.timed.time(Operation::Cycle, self.store.cycle(loaded, session_key, draft, now)).await
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), StoreError> {
        self.timed.time(Operation::Delete, self.store.delete(session_key)).await
    }

    async fn delete_loaded(&self, loaded: &Record, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.timed.time(Operation::Delete, self.store.delete_loaded(loaded, now)).await
    }

    async fn exists(&self, session_key: &SessionKey) -> Result<bool, StoreError> {
        self.timed.time(Operation::Exists, self.store.exists(session_key)).await
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.timed.time(Operation::ClearExpired, self.store.clear_expired(now)).await
    }

    fn accepts(&self, text: &str) -> bool {
        self.store.accepts(text)
    }

    fn local_offset(&self, at: OffsetDateTime) -> Option<UtcOffset> {
        self.store.local_offset(at)
    }

    fn for_cookie(&self, name: &str, format: CookieFormat) -> Option<Self> {
        self.store.for_cookie(name, format).map(|store| Self { store, timed: self.timed.clone() })
    }

    fn engine(&self) -> &'static str {
        self.store.engine()
    }
}

/// [`SessionStore`] with boxed futures, which is what makes it object-safe.
trait DynStore: Send + Sync {
    fn load<'a>(&'a self, session_key: &'a SessionKey, now: OffsetDateTime) -> Answer<'a, Option<Record>>;
    fn create<'a>(&'a self, key: &'a SessionKey, draft: &'a Draft, now: OffsetDateTime) -> Answer<'a, Record>;
    fn save<'a>(&'a self, loaded: &'a Record, draft: &'a Draft, now: OffsetDateTime) -> Answer<'a, Saved>;
    fn touch<'a>(&'a self, loaded: &'a Record, expire: OffsetDateTime, now: OffsetDateTime) -> Answer<'a, Saved>;
    fn cycle<'a>(
        &'a self,
        loaded: &'a Record,
        key: &'a SessionKey,
        draft: &'a Draft,
        now: OffsetDateTime,
    ) -> Answer<'a, Saved>;
    fn delete<'a>(&'a self, session_key: &'a SessionKey) -> Answer<'a, ()>;
    fn delete_loaded<'a>(&'a self, loaded: &'a Record, now: OffsetDateTime) -> Answer<'a, Saved>;
    fn exists<'a>(&'a self, session_key: &'a SessionKey) -> Answer<'a, bool>;
    fn clear_expired(&self, now: OffsetDateTime) -> Answer<'_, u64>;
    fn accepts(&self, text: &str) -> bool;
    fn local_offset(&self, at: OffsetDateTime) -> Option<UtcOffset>;
    fn for_cookie(&self, name: &str, format: CookieFormat) -> Option<Arc<dyn DynStore>>;
    fn engine(&self) -> &'static str;
}

impl<S: SessionStore> DynStore for S {
    fn load<'a>(&'a self, session_key: &'a SessionKey, now: OffsetDateTime) -> Answer<'a, Option<Record>> {
        Box::pin(SessionStore::load(self, session_key, now))
    }

    fn create<'a>(&'a self, key: &'a SessionKey, draft: &'a Draft, now: OffsetDateTime) -> Answer<'a, Record> {
        Box::pin(SessionStore::create(self, key, draft, now))
    }

    fn save<'a>(&'a self, loaded: &'a Record, draft: &'a Draft, now: OffsetDateTime) -> Answer<'a, Saved> {
        Box::pin(SessionStore::save(self, loaded, draft, now))
    }

    fn touch<'a>(&'a self, loaded: &'a Record, expire: OffsetDateTime, now: OffsetDateTime) -> Answer<'a, Saved> {
        Box::pin(SessionStore::touch(self, loaded, expire, now))
    }

    fn cycle<'a>(
        &'a self,
        loaded: &'a Record,
        key: &'a SessionKey,
        draft: &'a Draft,
        now: OffsetDateTime,
    ) -> Answer<'a, Saved> {
        Box::pin(SessionStore::cycle(self, loaded, key, draft, now))
    }

    fn delete<'a>(&'a self, session_key: &'a SessionKey) -> Answer<'a, ()> {
        Box::pin(SessionStore::delete(self, session_key))
    }

    fn delete_loaded<'a>(&'a self, loaded: &'a Record, now: OffsetDateTime) -> Answer<'a, Saved> {
        Box::pin(SessionStore::delete_loaded(self, loaded, now))
    }

    fn exists<'a>(&'a self, session_key: &'a SessionKey) -> Answer<'a, bool> {
        Box::pin(SessionStore::exists(self, session_key))
    }

    fn clear_expired(&self, now: OffsetDateTime) -> Answer<'_, u64> {
        Box::pin(SessionStore::clear_expired(self, now))
    }

    fn accepts(&self, text: &str) -> bool {
        SessionStore::accepts(self, text)
    }

    fn local_offset(&self, at: OffsetDateTime) -> Option<UtcOffset> {
        SessionStore::local_offset(self, at)
    }

    fn for_cookie(&self, name: &str, format: CookieFormat) -> Option<Arc<dyn DynStore>> {
        SessionStore::for_cookie(self, name, format).map(|store| Arc::new(store) as Arc<dyn DynStore>)
    }

    fn engine(&self) -> &'static str {
        SessionStore::engine(self)
    }
}
