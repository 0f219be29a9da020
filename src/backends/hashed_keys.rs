//! [`HashedKeys`]: any store, with a hash of each key in place of the key.
//!
//! Above it a session has the key that its cookie carries, below it the hash. While a site changes from one to the
//! other, a session has two names: it is looked for under both, and a write moves it to the one that it is to have, in
//! the same compare-and-swap that saves it. Where it goes is looked at before where it comes from, and once more after
//! that: a session that is moved in between is found.

use time::{OffsetDateTime, UtcOffset};

use super::{Draft, ErasedStore, Record, Saved, SessionStore};
use crate::{error::StoreError, session_key::SessionKey, settings::HashKeys};

/// What a session of a key can be stored under.
#[derive(Debug, Clone, Copy)]
enum Name {
    Key,
    Hash,
}

impl Name {
    /// A hash is no key: what is stored would open the session otherwise.
    fn of(self, session_key: &SessionKey) -> Option<SessionKey> {
        match self {
            Self::Key => SessionKey::is_generated(session_key.as_str()).then(|| session_key.clone()),
            Self::Hash => Some(session_key.hashed()),
        }
    }
}

#[derive(Debug)]
pub(crate) struct HashedKeys {
    store: ErasedStore,
    /// Under which new sessions are stored, and saved ones.
    name: Name,
    /// Under which sessions may still be stored.
    old: Option<Name>,
}

impl HashedKeys {
    /// `store`, with its keys hashed as `hash_keys` says.
    pub(crate) fn over(store: &ErasedStore, hash_keys: HashKeys) -> ErasedStore {
        let (name, old) = match hash_keys {
            HashKeys::Off => return store.clone(),
            HashKeys::MigratingBack => (Name::Key, Some(Name::Hash)),
            HashKeys::Migrating => (Name::Hash, Some(Name::Key)),
            HashKeys::On => (Name::Hash, None),
        };
        ErasedStore::new(Self { store: store.clone(), name, old })
    }

    /// Under what the session of a key is to be looked for, in this order.
    fn names(&self, session_key: &SessionKey) -> impl Iterator<Item = SessionKey> {
        let again = self.old.map(|_| self.name);
        let names = [Some(self.name), self.old, again].into_iter().flatten();
        names.filter_map(|name| name.of(session_key))
    }

    fn name(&self, session_key: &SessionKey) -> Result<SessionKey, StoreError> {
        self.name.of(session_key).ok_or(StoreError::Unsupported("keep a session under a key that was not generated"))
    }

    /// Writes `draft` over `loaded`, wherever that is, and moves it to the name of `session_key`.
    async fn replace(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let to = self.name(session_key)?;
        for from in self.names(&loaded.session_key) {
            let found = under(&from, loaded);
            let saved = match from == to {
                true => self.store.save(&found, draft, now).await?,
                false => self.store.cycle(&found, &to, draft, now).await?,
            };
            match saved {
                Saved::Done(record) => return Ok(Saved::Done(under(session_key, &record))),
                Saved::Conflict(theirs) => return Ok(Saved::Conflict(under(&loaded.session_key, &theirs))),
                Saved::Gone => {}
            }
        }
        Ok(Saved::Gone)
    }
}

/// The same session by another name.
fn under(session_key: &SessionKey, record: &Record) -> Record {
    Record { session_key: session_key.clone(), ..record.clone() }
}

impl SessionStore for HashedKeys {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        for name in self.names(session_key) {
            if let Some(record) = self.store.load(&name, now).await? {
                return Ok(Some(under(session_key, &record)));
            }
        }
        Ok(None)
    }

    async fn create(&self, session_key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        let name = self.name(session_key)?;
        let record = self.store.create(&name, draft, now).await?;
        if record.session_key != name {
            return Err(StoreError::Unsupported("hash its keys: it makes its own"));
        }
        Ok(under(session_key, &record))
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.replace(loaded, &loaded.session_key, draft, now).await
    }

    /// An extension writes no data, and so moves nothing.
    async fn touch(
        &self,
        loaded: &Record,
        expire_date: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        for name in self.names(&loaded.session_key) {
            match self.store.touch(&under(&name, loaded), expire_date, now).await? {
                Saved::Done(record) => return Ok(Saved::Done(under(&loaded.session_key, &record))),
                Saved::Conflict(theirs) => return Ok(Saved::Conflict(under(&loaded.session_key, &theirs))),
                Saved::Gone => {}
            }
        }
        Ok(Saved::Gone)
    }

    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.replace(loaded, session_key, draft, now).await
    }

    /// Where it comes from is looked at before where it goes: a save that moves it meanwhile finds it gone, or has
    /// moved it to where it is deleted next.
    async fn delete(&self, session_key: &SessionKey) -> Result<(), StoreError> {
        for name in [self.old, Some(self.name), self.old].into_iter().flatten() {
            if let Some(name) = name.of(session_key) {
                self.store.delete(&name).await?;
            }
        }
        Ok(())
    }

    /// In the order of `delete`, for the same reason.
    async fn delete_loaded(&self, loaded: &Record, now: OffsetDateTime) -> Result<Saved, StoreError> {
        for name in [self.old, Some(self.name), self.old].into_iter().flatten() {
            let Some(name) = name.of(&loaded.session_key) else { continue };
            match self.store.delete_loaded(&under(&name, loaded), now).await? {
                Saved::Done(record) => return Ok(Saved::Done(under(&loaded.session_key, &record))),
                Saved::Conflict(theirs) => return Ok(Saved::Conflict(under(&loaded.session_key, &theirs))),
                Saved::Gone => {}
            }
        }
        Ok(Saved::Gone)
    }

    async fn exists(&self, session_key: &SessionKey) -> Result<bool, StoreError> {
        for name in self.names(session_key) {
            if self.store.exists(&name).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.store.clear_expired(now).await
    }

    /// What has been generated alone, whatever the store accepts: a hash never is.
    fn accepts(&self, text: &str) -> bool {
        SessionKey::is_generated(text) && self.store.accepts(text)
    }

    fn local_offset(&self, at: OffsetDateTime) -> Option<UtcOffset> {
        self.store.local_offset(at)
    }

    fn engine(&self) -> &'static str {
        self.store.engine()
    }
}
