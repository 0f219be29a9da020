//! The shared handle behind [`Session`](super::Session) and [`LazySession`](super::LazySession).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use super::{
    commit::{Commit, How, Written},
    context::Context,
    state::{Facts, Sent, State},
};
use crate::{
    backends::{Record, Saved, SessionStore},
    client::Client,
    delta::Change,
    error::{Error, StoreError},
    events,
    session_key::SessionKey,
};

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) context: Arc<Context>,
    state: Mutex<State>,
    loading: tokio::sync::Mutex<()>,
    /// What is to be recorded of the client when the session is saved.
    client: Option<Box<Client>>,
    /// Whether the cookie of this request is to be `Secure`.
    pub(crate) secure: bool,
    /// The session of the request that a detached session comes from.
    pub(super) parent: Option<Arc<Self>>,
}

impl Inner {
    pub(crate) fn new(context: Arc<Context>, sent: Sent, client: Option<Box<Client>>, secure: bool) -> Arc<Self> {
        Arc::new(Self {
            context,
            state: Mutex::new(State::new(sent)),
            loading: tokio::sync::Mutex::default(),
            client,
            secure,
            parent: None,
        })
    }

    /// A session of its own that starts from what `self` sees.
    pub(super) fn detach(self: &Arc<Self>) -> Arc<Self> {
        let mut state = State::new(Sent::Nothing);
        {
            let ours = self.lock();
            state.install(ours.record.clone());
            state.data = ours.data.clone();
        }
        let (context, loading) = (Arc::clone(&self.context), tokio::sync::Mutex::default());
        let (state, secure, parent) = (Mutex::new(state), self.secure, Some(Arc::clone(self)));
        Arc::new(Self { context, state, loading, client: None, secure, parent })
    }

    /// Never held across an await, nor while code of the application runs.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the session: from now on the response depends on the cookie.
    pub(super) fn look(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.accessed = true;
        state
    }

    pub(crate) fn facts(&self) -> Facts {
        self.lock().facts()
    }

    /// Ends the time in which the session can be changed, and says what is left to do.
    pub(crate) fn close(&self) -> Facts {
        let mut state = self.lock();
        state.committed = true;
        let due = state.record.as_ref().is_some_and(|record| self.context.renewal_due(record));
        state.renew = due && state.accessed && !state.cycle;
        state.facts()
    }

    pub(super) fn do_not_extend(&self) -> Result<(), Error> {
        let mut state = self.lock();
        if state.committed {
            return Err(Error::Committed);
        }
        state.keeps_expiry = true;
        Ok(())
    }

    pub(crate) fn record(&self) -> Option<Record> {
        self.lock().record.clone()
    }

    /// Loads the session once.
    pub(crate) async fn load(&self) -> Result<(), Error> {
        if self.lock().loaded {
            return Ok(());
        }
        let _alone = self.loading.lock().await;
        match self.unloaded() {
            Sent::Key(session_key) => self.load_key(&session_key).await,
            // In a box, so that the future of every other request is no larger for it.
            Sent::Several(keys) => Box::pin(self.load_one_of(&keys)).await,
            Sent::Nothing | Sent::Refused => Ok(()),
        }
    }

    async fn load_key(&self, session_key: &SessionKey) -> Result<(), Error> {
        let ends = self.context.ends();
        let found = self.look_up(session_key).await?;
        self.report(&found, session_key, self.context.now());
        let undecodable = found.is_undecodable();
        let record = found.into_record();
        let mut state = self.lock();
        // A flush may have been quicker.
        if !state.loaded {
            // The browser is still to hear of the key that another request has renewed.
            state.issued = record.as_ref().is_some_and(|record| record.session_key != *session_key);
            state.ends = ends;
            state.install_loaded(record);
            state.undecodable = undecodable;
        }
        Ok(())
    }

    /// What the client sent, if it is still to be loaded.
    fn unloaded(&self) -> Sent {
        let state = self.lock();
        if state.loaded { Sent::Nothing } else { state.sent.clone() }
    }

    /// Counts and logs the result of a load.
    pub(super) fn report(&self, found: &Found, session_key: &SessionKey, now: OffsetDateTime) {
        match found {
            Found::Live(_) => events::found(),
            Found::Missing => self.context.events.unknown_key(now, session_key),
            Found::OtherLayer => self.context.events.other_layer(now, session_key),
            Found::Undecodable(error) => self.context.events.undecodable(now, session_key, error),
        }
    }

    /// The stored session; an undecodable one counts as none.
    pub(super) async fn fetch(&self, session_key: &SessionKey) -> Result<(Option<Record>, bool), Error> {
        let found = self.look_up(session_key).await?;
        let undecodable = found.is_undecodable();
        if !matches!(found, Found::Live(_) | Found::Missing) {
            self.report(&found, session_key, self.context.now());
        }
        Ok((found.into_record(), undecodable))
    }

    /// Asks the store, within the deadline.
    pub(super) async fn look_up(&self, session_key: &SessionKey) -> Result<Found, Error> {
        let after = self.context.settings.load_deadline;
        let now = self.context.now();
        let load = self.context.load(session_key, now);
        match tokio::time::timeout(after, load).await {
            Err(_) => Err(Error::Deadline { after }),
            Ok(Ok(Some(record))) if !self.context.owns(&record.session_data) => Ok(Found::OtherLayer),
            Ok(Ok(Some(record))) if self.context.lives(&record, now) => Ok(Found::Live(record)),
            Ok(Ok(_)) => Ok(Found::Missing),
            Ok(Err(error @ StoreError::Undecodable(_))) => Ok(Found::Undecodable(error)),
            Ok(Err(error)) => Err(error.into()),
        }
    }

    /// Writes what was changed. The session's state follows when it is written, whoever waits.
    pub(crate) async fn commit(self: Arc<Self>) -> Result<Record, Error> {
        let commit = self.take_commit();
        let result = commit.run().await;
        tell(&commit, &result);
        match result {
            Ok((record, how)) if self.committed(&record, how, &commit) => Ok(record),
            // A clone of the handle ended the session meanwhile, and may not have known of what was written.
            Ok((record, _)) => {
                self.context.end(&record.session_key, Some(record.clone())).await?;
                Err(Error::SessionInterrupted)
            }
            Err(error) => {
                self.put_back(commit, matches!(error, Error::SessionInterrupted));
                Err(error)
            }
        }
    }

    /// What an explicit save, or a renewal that was followed, made necessary to tell the client.
    pub(crate) fn issued(&self) -> Option<Record> {
        let state = self.lock();
        state.record.clone().filter(|_| state.issued)
    }

    /// Whether the key that goes out may have lost its session since it was last known to be good: it has expired, or
    /// this process has taken a key away from a session.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let state = self.lock();
        let expired = |record: &Record| record.expire_date <= self.context.now();
        state.issued && state.record.as_ref().is_some_and(|record| state.ends != self.context.ends() || expired(record))
    }

    /// Asks the store about the key that goes out. A key without a session is not handed out.
    ///
    /// # Errors
    ///
    /// `SessionInterrupted` when an explicit save of this request is gone.
    pub(crate) async fn confirm(&self) -> Result<(), Error> {
        let Some(record) = self.issued() else { return Ok(()) };
        let found = match self.fetch(&record.session_key).await {
            Ok((found, _)) => found,
            Err(error) => {
                events::failed(&error, "a key could not be confirmed");
                return Ok(());
            }
        };
        let mut state = self.lock();
        if state.record.as_ref().is_none_or(|current| current.session_key != record.session_key) {
            return Ok(());
        }
        match found {
            Some(found) => state.record = Some(found),
            None => {
                state.issued = false;
                if state.saved {
                    return Err(Error::SessionInterrupted);
                }
            }
        }
        Ok(())
    }

    fn take_commit(&self) -> Commit {
        let mut state = self.lock();
        state.unsaved = false;
        state.restated = false;
        let recorded = self.client.as_ref().map(|client| client.changes(&state.data)).unwrap_or_default();
        for (key, value) in recorded {
            state.data.set(key, value.clone());
            state.record_change(Change::Set(key.to_owned(), value), false);
        }
        Commit {
            context: Arc::clone(&self.context),
            record: state.record.clone(),
            data: state.data.clone(),
            delta: std::mem::take(&mut state.delta),
            cycle: std::mem::take(&mut state.cycle),
            renew: std::mem::take(&mut state.renew),
            keeps_expiry: state.keeps_expiry,
            ends: self.context.ends(),
            flushes: state.flushes,
        }
    }

    /// Builds on what was written, unless the session was ended meanwhile: returns whether it was not.
    fn committed(&self, record: &Record, how: How, commit: &Commit) -> bool {
        loop {
            let (edits, delta) = {
                let state = self.lock();
                if state.flushes != commit.flushes {
                    return false;
                }
                (state.edits, state.delta.clone())
            };
            // What clones of the handle changed while it was being saved stays on top.
            let data = delta.apply(record.session_data.clone());
            let mut state = self.lock();
            if state.edits == edits {
                state.modified |= state.record.is_none();
                state.data = data.unwrap_or_else(|_| record.session_data.clone());
                state.record = Some(record.clone());
                // A new key has taken away the one before.
                state.ends = commit.ends + u64::from(how == How::Cycled);
                return true;
            }
        }
    }

    fn put_back(&self, commit: Commit, interrupted: bool) {
        let mut state = self.lock();
        // Nothing of an ended session goes into the one that a clone of the handle has begun since.
        if state.flushes != commit.flushes {
            return;
        }
        if interrupted {
            state.issued = false;
        }
        state.cycle |= commit.cycle;
        state.unsaved = true;
        let newer = std::mem::replace(&mut state.delta, commit.delta);
        state.delta.extend(newer);
    }

    /// Moves the expiry of the stored session to what it would be if it were saved now.
    pub(crate) async fn touch(&self, record: &Record, expire_date: OffsetDateTime) -> Result<Option<Record>, Error> {
        let _permit = self.context.writes.permit().await?;
        match self.context.store.touch(record, expire_date, self.context.now()).await? {
            Saved::Done(record) => {
                self.lock().record = Some(record.clone());
                Ok(Some(record))
            }
            Saved::Conflict(_) | Saved::Gone => Ok(None),
        }
    }
}

/// Of what became of a write.
fn tell(commit: &Commit, result: &Result<Written, Error>) {
    match (result, &commit.record) {
        (Ok((record, How::Cycled)), Some(loaded)) => events::cycled(&loaded.session_key, &record.session_key),
        (Ok((_, How::Created)), _) => events::created(),
        (Ok(_), _) => events::saved(),
        (Err(Error::SessionInterrupted), Some(loaded)) => events::interrupted(&loaded.session_key),
        (Err(Error::Store(StoreError::Overloaded(_))), _) => events::not_sent_late(),
        _ => {}
    }
}

/// The result of a load.
#[derive(Debug)]
pub(super) enum Found {
    Live(Record),
    /// No session has this key, or it has ended.
    Missing,
    /// The session is of another layer over the same store: it is left alone.
    OtherLayer,
    /// What is stored does not verify or decode.
    Undecodable(StoreError),
}

impl Found {
    pub(super) fn record(&self) -> Option<&Record> {
        if let Self::Live(record) = self { Some(record) } else { None }
    }

    fn into_record(self) -> Option<Record> {
        if let Self::Live(record) = self { Some(record) } else { None }
    }

    pub(super) fn is_undecodable(&self) -> bool {
        matches!(self, Self::Undecodable(_))
    }
}

impl State {
    pub(super) fn install_loaded(&mut self, record: Option<Record>) {
        // What `LazySession::set_modified` asked for before the load is still asked for.
        let unsaved = self.unsaved;
        self.install(record);
        self.unsaved = unsaved;
    }
}
