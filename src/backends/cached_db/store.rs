//! [`CachedDbStore`] as a [`SessionStore`].

use time::{OffsetDateTime, UtcOffset};

use super::{
    CachedDbStore, Look,
    entry::Claim,
    trust::{self, group_of},
};
use crate::{
    backends::{Draft, Record, Saved, SessionStore},
    cache::Cache,
    clock::Clock,
    error::StoreError,
    events,
    session_key::SessionKey,
};

/// What a write has made of the session under a key.
enum Left<'a> {
    /// This is what the database has had since the claim.
    Session(&'a Record),
    Changed,
    Ended,
    /// What it was.
    Same,
}

impl<'a> Left<'a> {
    fn by(result: &'a Result<Saved, StoreError>) -> Self {
        match result {
            Ok(Saved::Done(record) | Saved::Conflict(record)) => Self::Session(record),
            Ok(Saved::Gone) => Self::Ended,
            Err(error) => Self::by_error(error),
        }
    }

    fn by_error(error: &StoreError) -> Self {
        match error {
            StoreError::KeyTaken
            | StoreError::TooLarge { .. }
            | StoreError::Contended(_)
            | StoreError::Overloaded(_)
            | StoreError::Unsupported(_) => Self::Same,
            // It may have been done, or be done yet.
            StoreError::Undecodable(_) | StoreError::Lost(_) | StoreError::Refused(_) | StoreError::Backend(_) => {
                Self::Changed
            }
        }
    }
}

impl<S: SessionStore, C: Cache> CachedDbStore<S, C> {
    /// A writer's claim: whatever the cache has is no longer served, also if this writer dies.
    async fn claim(&self, name: &str) -> Option<Claim> {
        let claim = Claim::new(trust::stamp())?;
        self.side.close(name, &claim.bytes).await.then_some(claim)
    }

    /// After the database was written: nothing older than that is in the cache when this returns, and none gets there.
    async fn settle(&self, name: &str, claim: Option<Claim>, left: Left<'_>, now: OffsetDateTime) {
        let ended = match (left, claim) {
            (Left::Session(record), Some(claim)) if self.fill(name, &claim, record, now).await => return,
            (Left::Ended, _) => {
                self.side.deny(name);
                true
            }
            // With a claim in its place nothing can be served, and the database may be at it still: let it stand.
            (Left::Changed, Some(_)) => return,
            (Left::Session(_) | Left::Changed | Left::Same, _) => false,
        };
        self.side.invalidate(name, ended).await;
    }

    /// Tells other nodes, where there is a way to, unless nothing has changed.
    async fn announce(&self, session_key: &SessionKey, failure: Option<&StoreError>) {
        let changed = failure.is_none_or(|error| matches!(error, StoreError::Lost(_)));
        if let Some(announce) = self.side.announce.get().filter(|_| changed) {
            announce.tell(group_of(session_key)).await;
        }
    }
}

impl<S: SessionStore, C: Cache> SessionStore for CachedDbStore<S, C> {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        let name = self.name(session_key);
        let seen = match self.look(&name, session_key, now).await {
            Look::Session(record) => {
                events::cache_hit();
                return Ok(Some(record));
            }
            seen => seen,
        };
        events::cache_miss();
        let found = self.side.flights.share(session_key, self.fetch(&name, session_key, seen, now)).await?;
        // Who asked for all may have asked a moment before.
        Ok(found.filter(|record| record.expire_date > now))
    }

    /// The first reader puts it into the cache.
    async fn create(&self, session_key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        self.store.create(session_key, draft, now).await
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let name = self.name(&loaded.session_key);
        let claim = self.claim(&name).await;
        let result = self.store.save(loaded, draft, now).await;
        self.settle(&name, claim, Left::by(&result), now).await;
        self.announce(&loaded.session_key, result.as_ref().err()).await;
        result
    }

    async fn touch(
        &self,
        loaded: &Record,
        expire_date: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let name = self.name(&loaded.session_key);
        let claim = self.claim(&name).await;
        let result = self.store.touch(loaded, expire_date, now).await;
        let left = match &result {
            // It never looks at the data, so it cannot say what they are; and a `Gone` may mean that it was overtaken.
            Ok(_) => Left::Same,
            Err(error) => Left::by_error(error),
        };
        self.settle(&name, claim, left, now).await;
        self.announce(&loaded.session_key, result.as_ref().err()).await;
        result
    }

    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let name = self.name(&loaded.session_key);
        let claim = self.claim(&name).await;
        let result = self.store.cycle(loaded, session_key, draft, now).await;
        let left = match &result {
            // The old key is dead; the first reader puts the session into the cache under the new one.
            Ok(Saved::Done(_)) => Left::Ended,
            _ => Left::by(&result),
        };
        self.settle(&name, claim, left, now).await;
        self.announce(&loaded.session_key, result.as_ref().err()).await;
        result
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), StoreError> {
        let name = self.name(session_key);
        let claim = self.claim(&name).await;
        let result = self.store.delete(session_key).await;
        let left = match &result {
            Ok(()) => Left::Ended,
            Err(error) => Left::by_error(error),
        };
        // The session has ended, whatever the cache says: a failure there does not make it one here.
        self.settle(&name, claim, left, OffsetDateTime::UNIX_EPOCH).await;
        self.announce(session_key, result.as_ref().err()).await;
        result
    }

    async fn delete_loaded(&self, loaded: &Record, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let name = self.name(&loaded.session_key);
        let claim = self.claim(&name).await;
        let result = self.store.delete_loaded(loaded, now).await;
        let left = match &result {
            Ok(Saved::Done(_)) => Left::Ended,
            _ => Left::by(&result),
        };
        self.settle(&name, claim, left, now).await;
        self.announce(&loaded.session_key, result.as_ref().err()).await;
        result
    }

    /// A session that the cache has, and that has not expired, costs no statement.
    async fn exists(&self, session_key: &SessionKey) -> Result<bool, StoreError> {
        let seen = self.look(&self.name(session_key), session_key, Clock::system().now()).await;
        if matches!(seen, Look::Session(_)) {
            events::cache_hit();
            return Ok(true);
        }
        events::cache_miss();
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
        "cached_db"
    }
}
