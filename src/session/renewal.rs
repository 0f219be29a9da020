//! Renewing a key from time to time, and ending a session that was renewed. The session is stored under the new key
//! first, and then what is under the old one is replaced by a pointer to it, which compares: there is no moment without a
//! session, and a request that ended or changed it meanwhile is not passed over.
//!
//! A pointer is readable for the grace: a request that has the old key is given the session. It is kept for longer, for
//! those that end the session: a logout that comes late ends what it had loaded, or says that it did not.

use std::time::Instant;

use time::{Duration, OffsetDateTime};

use super::{
    attempt::Attempt,
    commit::Commit,
    context::Context,
    writes::{PATIENCE, PAUSE},
};
use crate::{
    backends::{Draft, Record, Saved, SessionStore as _, deadline},
    error::{Error, StoreError},
    events,
    pointer::Pointer,
    session_key::SessionKey,
};

/// How long a pointer serves to end the session at least: longer than any request that loaded it takes.
const ENDABLE: Duration = Duration::minutes(10);
/// How often an end is tried after a lost reply or a deadlock.
const TRIES: usize = 16;
/// How many renewals an end follows. A key is renewed once a minute at most, and the pointers of ten minutes are left.
const HOPS: usize = 64;

/// The outcome of an end under one key.
enum EndOutcome {
    /// There was a session, which has ended now.
    Ended,
    /// A pointer to the key that the session had next.
    Pointer(SessionKey),
    /// There is a row that does not decode.
    Undecodable,
    Nothing,
}

impl Context {
    /// The session of `session_key`, be it renewed a moment ago.
    pub(super) async fn load(&self, key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        match self.store.load(key, now).await? {
            Some(found) if Pointer::is(&found.session_data) => self.follow(&found, now).await,
            found => Ok(found),
        }
    }

    /// The session that `pointer` leads to, within the grace. There is one hop: a key gets older than the grace.
    async fn follow(&self, pointer: &Record, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        let pointer = Pointer::read(&pointer.session_key, &pointer.session_data);
        let Some(pointer) = pointer.filter(|pointer| pointer.is_readable(now)) else { return Ok(None) };
        Ok(self.store.load(&pointer.to, now).await?.filter(|found| !Pointer::is(&found.session_data)))
    }

    /// What another request left, be it under a new key; nothing if the session has ended.
    pub(super) async fn latest(&self, theirs: Record) -> Result<Option<Record>, StoreError> {
        if Pointer::is(&theirs.session_data) { self.follow(&theirs, self.now()).await } else { Ok(Some(theirs)) }
    }

    /// Ends a session for good, however often its key was renewed, and returns whether there was one. `loaded` is what
    /// the caller has read under the key, if it has.
    ///
    /// Also where this process renews no keys: another one may, while a site switches that on.
    pub(crate) async fn end(&self, session_key: &SessionKey, loaded: Option<Record>) -> Result<bool, Error> {
        // No other key is ever renewed.
        if !SessionKey::is_generated(session_key.as_str()) {
            self.delete(session_key).await?;
            return Ok(true);
        }
        let mut chain = vec![session_key.clone()];
        let mut found = self.end_under(session_key, loaded).await?;
        while let EndOutcome::Pointer(next) = found {
            // This crate writes no circle.
            if chain.len() == HOPS || chain.contains(&next) {
                found = EndOutcome::Nothing;
                break;
            }
            found = self.end_under(&next, None).await?;
            chain.push(next);
        }
        let ended = matches!(found, EndOutcome::Ended);
        // The pointers go last: after a failure the end can be tried again. Where nothing was found there may be a row
        // that has expired, or does not decode.
        for session_key in chain.iter().rev().skip(usize::from(ended)) {
            self.delete_now(session_key).await?;
        }
        self.count_end();
        Ok(ended || matches!(found, EndOutcome::Undecodable))
    }

    /// Ends what is under one key, unless it is a pointer, however late it is. A renewal could take the session away from
    /// under a deletion; one that compares says which came first: after it no renewal finds what it has loaded, and
    /// before it there is a pointer that leads to the session.
    async fn end_under(&self, session_key: &SessionKey, mut loaded: Option<Record>) -> Result<EndOutcome, Error> {
        let (begun, mut tries, mut lost) = (Instant::now(), 0, false);
        loop {
            let error = match deadline::exempt(self.try_to_end(session_key, &mut loaded)).await {
                // After a lost answer nothing there means that this end was done, or that the session has another key.
                Ok(Some(EndOutcome::Nothing)) if lost => {
                    let why = "the connection broke while the session was being ended";
                    return Err(StoreError::Lost(why.into()).into());
                }
                Ok(Some(found)) => return Ok(found),
                // It has just read what the other writer left, so that it is quicker than one that has yet to read. To wait
                // would be to lose to the writers again and again.
                Ok(None) if begun.elapsed() < PATIENCE => continue,
                Ok(None) => StoreError::Contended("others write the session all the time".into()),
                Err(error) => error,
            };
            match &error {
                StoreError::Overloaded(_) if begun.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
                StoreError::Lost(_) | StoreError::Contended(_) if tries < TRIES => {
                    lost |= matches!(error, StoreError::Lost(_));
                    tries += 1;
                    super::commit::jitter().await;
                }
                _ => return Err(error.into()),
            }
        }
    }

    /// Ends what was loaded, or else what is there; `None` if it was written meanwhile, and is loaded now.
    async fn try_to_end(
        &self,
        key: &SessionKey,
        loaded: &mut Option<Record>,
    ) -> Result<Option<EndOutcome>, StoreError> {
        let now = self.now();
        let found = match loaded.take() {
            Some(loaded) => Ok(Some(loaded)),
            None => self.store.load(key, now).await,
        };
        let found = match found {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Some(EndOutcome::Nothing)),
            Err(StoreError::Undecodable(_)) => return Ok(Some(EndOutcome::Undecodable)),
            Err(error) => return Err(error),
        };
        if Pointer::is(&found.session_data) {
            let pointer = Pointer::read(key, &found.session_data);
            return Ok(Some(pointer.map_or(EndOutcome::Nothing, |pointer| EndOutcome::Pointer(pointer.to))));
        }
        match self.store.delete_loaded(&found, now).await {
            Ok(Saved::Done(_)) => Ok(Some(EndOutcome::Ended)),
            Ok(Saved::Gone) => Ok(Some(EndOutcome::Nothing)),
            Ok(Saved::Conflict(theirs)) => {
                *loaded = Some(theirs);
                Ok(None)
            }
            Err(StoreError::Undecodable(_)) => Ok(Some(EndOutcome::Undecodable)),
            Err(error) => Err(error),
        }
    }
}

impl Commit {
    /// Whether a write over `loaded` gives it a new key, and leaves a pointer.
    pub(super) fn renews(&self, loaded: &Record) -> bool {
        // Another request has renewed it when its key is another one.
        self.renew && self.record.as_ref().is_some_and(|record| record.session_key == loaded.session_key)
    }

    /// Stores `draft` under a new key, and a pointer to it in place of `loaded`.
    pub(super) async fn renewed(&self, loaded: &Record, draft: Draft) -> Result<Saved, Error> {
        let context = &self.context;
        let draft = Draft { renews: Some(loaded.session_key.clone()), ..draft };
        let created = Attempt { context, loaded: None, cycle: false, draft }.run().await?;
        let Saved::Done(new) = created else { return Ok(created) };
        let draft = context.pointer_draft(loaded, &new);
        let left = Attempt { context, loaded: Some(loaded), cycle: false, draft }.run().await;
        match &left {
            // The pointer may be there or not.
            Err(error) if !matches!(error, Error::Store(StoreError::Overloaded(_))) => return left,
            _ => {}
        }
        if matches!(left, Ok(Saved::Done(_))) {
            events::cycled(&loaded.session_key, &new.session_key);
            return Ok(Saved::Done(new));
        }
        // The session was ended or changed meanwhile, or it is too late for it, and no client has seen the new key.
        context.delete_now(&new.session_key).await?;
        left
    }
}

impl Context {
    /// What is left under the key of `old`, and for how long: not beyond the absolute age, after which there is nothing
    /// left to end.
    fn pointer_draft(&self, old: &Record, new: &Record) -> Draft {
        let now = self.now();
        let grace = Duration::try_from(self.settings.renewal_grace).unwrap_or(Duration::MAX);
        let readable_until = now.saturating_add(grace);
        let pointer = Pointer { to: new.session_key.clone(), readable_until: Some(readable_until) };
        let until = readable_until.max(now.saturating_add(ENDABLE));
        let until = self.deadline(Some(&new.session_data), now).map_or(until, |deadline| until.min(deadline));
        Draft::new(pointer.to_data(&old.session_key), until)
    }
}
