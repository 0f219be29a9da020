//! One write, tried until its outcome is known: a connection that breaks before the answer leaves open whether
//! it was done, and doing it twice would count twice.

use time::OffsetDateTime;

use super::context::Context;
use crate::{
    backends::{Draft, Record, Saved, SessionStore, deadline},
    error::{Error, StoreError},
    session_key::SessionKey,
};

/// A key is 165 random bits, and databases recover: a fifth failure means that something is badly wrong.
const TRIES: usize = 5;

/// What to write, over what, under which key.
pub(super) struct Attempt<'a> {
    pub(super) context: &'a Context,
    /// `None` for a new session.
    pub(super) loaded: Option<&'a Record>,
    /// Whether it gets a new key.
    pub(super) cycle: bool,
    pub(super) draft: Draft,
}

impl Attempt<'_> {
    pub(super) async fn run(&self) -> Result<Saved, Error> {
        let mut session_key = self.key()?;
        let mut lost = false;
        let mut failure = StoreError::KeyTaken;
        for _ in 0..TRIES {
            failure = match self.write(&session_key, self.context.now()).await {
                Ok(Saved::Conflict(theirs)) if lost => return self.own(theirs),
                // The write whose reply was lost may have been done since it was looked for.
                Ok(Saved::Gone) if lost => return Ok(self.already_there(&session_key).await?.unwrap_or(Saved::Gone)),
                Ok(saved) => return Ok(saved),
                // Under a key that nobody else can know, what is there is ours.
                Err(StoreError::KeyTaken) if lost => return self.found(&session_key).await,
                Err(StoreError::KeyTaken) => {
                    session_key = self.key()?;
                    StoreError::KeyTaken
                }
                Err(error @ StoreError::Contended(_)) => error,
                Err(error @ StoreError::Lost(_)) => {
                    lost = true;
                    if let Some(saved) = self.already_there(&session_key).await? {
                        return Ok(saved);
                    }
                    error
                }
                Err(error) => return Err(error.into()),
            };
            super::commit::jitter().await;
        }
        Err(failure.into())
    }

    fn key(&self) -> Result<SessionKey, Error> {
        match self.loaded {
            Some(loaded) if !self.cycle => Ok(loaded.session_key.clone()),
            _ => SessionKey::draw(self.context.random).map_err(Error::NoRandomness),
        }
    }

    async fn write(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Saved, StoreError> {
        deadline::check(deadline::current())?;
        let store = &self.context.store;
        match self.loaded {
            None => store.create(session_key, &self.draft, now).await.map(Saved::Done),
            Some(loaded) if self.cycle => store.cycle(loaded, session_key, &self.draft, now).await,
            Some(loaded) => store.save(loaded, &self.draft, now).await,
        }
    }

    /// After a lost answer: the outcome, or `None` if nothing was written yet and it may be tried again.
    async fn already_there(&self, session_key: &SessionKey) -> Result<Option<Saved>, Error> {
        let now = self.context.now();
        let store = &self.context.store;
        if let Some(found) = store.load(session_key, now).await? {
            let unchanged = self.loaded.is_some_and(|loaded| found.stored == loaded.stored);
            return if unchanged && !self.is_own(&found) { Ok(None) } else { self.own(found).map(Some) };
        }
        let Some(loaded) = self.loaded else { return Ok(None) };
        if !self.cycle {
            // Another request may have renewed the key of what was written: the change would live on in a session that
            // this request was told has ended.
            return Err(unknown("the connection broke, and the session has ended or has another key since"));
        }
        // Not under the new key, so not written: whatever is under the old one tells how to go on.
        match store.load(&loaded.session_key, now).await? {
            None => Ok(Some(Saved::Gone)),
            Some(old) if old.stored == loaded.stored => Ok(None),
            Some(theirs) => Ok(Some(Saved::Conflict(theirs))),
        }
    }

    async fn found(&self, session_key: &SessionKey) -> Result<Saved, Error> {
        match self.context.store.load(session_key, self.context.now()).await? {
            Some(found) => self.own(found),
            None => Ok(Saved::Gone),
        }
    }

    /// Our own write is recognised by its data and its expiry, which is exact to the microsecond. When
    /// somebody has written on top of it, or instead of it, nobody can tell which.
    fn own(&self, found: Record) -> Result<Saved, Error> {
        if self.is_own(&found) {
            return Ok(Saved::Done(found));
        }
        Err(unknown("the connection broke, and another request has written since"))
    }

    fn is_own(&self, found: &Record) -> bool {
        found.session_data == self.draft.session_data && found.expire_date == self.draft.expire_date
    }
}

/// The outcome of a write that nothing tells.
fn unknown(why: &'static str) -> Error {
    StoreError::Lost(why.into()).into()
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::{
        backends::{ErasedStore, MemoryStore},
        error::BoxError,
        random,
        session::{Inner, Sent, Session},
        settings::Settings,
    };

    /// The same bytes again and again, except for the third draw and the fifth.
    fn repeats_itself(bytes: &mut [u8]) -> Result<(), BoxError> {
        static DRAWS: AtomicUsize = AtomicUsize::new(0);
        match DRAWS.fetch_add(1, Ordering::SeqCst) {
            2 | 4 => random::fill(bytes),
            _ => {
                bytes.fill(7);
                Ok(())
            }
        }
    }

    #[tokio::test]
    async fn a_key_that_is_taken_is_drawn_again_and_its_session_left_alone() -> Result<(), Error> {
        let mut context = Context::new(ErasedStore::new(MemoryStore::new()), Settings::default());
        context.random = repeats_itself;
        let context = Arc::new(context);
        let session = |sent| Session::new(Inner::new(Arc::clone(&context), sent, None, true));
        let theirs = session(Sent::Nothing);
        theirs.insert("theirs", &1)?;
        theirs.save().await?;
        let taken = theirs.session_key().unwrap();
        assert_eq!(taken.as_str(), "h".repeat(32));

        let ours = session(Sent::Nothing);
        ours.insert("ours", &1)?;
        ours.save().await?;
        let created = ours.session_key().unwrap();
        ours.cycle_key()?;
        ours.save().await?;
        let cycled = ours.session_key().unwrap();

        assert!(created != taken && cycled != taken && cycled != created);
        theirs.reload().await?;
        assert_eq!((theirs.keys(), theirs.session_key()), (vec!["theirs".to_owned()], Some(taken)));
        Ok(())
    }
}
