//! Sessions for what outlives a request: `detached`, `revalidate`.

use super::Session;
use crate::{backends::Record, error::Error, session_key::SessionKey};

impl Session {
    /// A session of its own for what outlives the request: a WebSocket, a stream, a task. It begins with
    /// what this one holds, and saves its own changes with its own [`save`](Self::save).
    ///
    /// A new session has to be saved first, or the detached one be saved after the response.
    ///
    /// ```
    /// # async fn handler(session: jam_session::Session) -> Result<(), jam_session::Error> {
    /// let later = session.detached();
    /// tokio::spawn(async move {
    ///     later.insert("export", "ready")?;
    ///     later.save().await
    /// });
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(self.0.detach())
    }

    /// Whether the session still lives in its store: a WebSocket or a stream asks from time to time whether its
    /// user has logged out elsewhere. Nothing of what this handle holds changes.
    ///
    /// # Errors
    ///
    /// As extracting the session: a store that does not answer has not said no.
    pub async fn revalidate(&self) -> Result<bool, Error> {
        let Some(session_key) = self.stored_key() else { return Ok(false) };
        Ok(self.0.fetch(&session_key).await?.0.is_some())
    }

    /// What the request that this session was detached from has saved, if that is where to go on from: it renewed
    /// the key, or this session has saved nothing of its own yet.
    fn stored_by_parent(&self) -> Option<Record> {
        let saved = self.0.parent.as_ref()?.record()?;
        let state = self.0.lock();
        let renewed = state.record.as_ref().is_none_or(|ours| ours.session_key != saved.session_key);
        (renewed || !state.issued).then_some(saved)
    }

    /// The key under which the session is stored by now.
    pub(super) fn stored_key(&self) -> Option<SessionKey> {
        self.stored_by_parent().map(|saved| saved.session_key).or_else(|| self.session_key())
    }

    /// The key of what a `flush` ends: also of a row that cannot be decoded, which this visitor has the key of.
    pub(super) fn ended_key(&self) -> Option<SessionKey> {
        self.stored_key().or_else(|| self.0.lock().undecodable_key().cloned())
    }

    /// What is stored under that key, as far as this handle has read or written it.
    pub(super) fn stored_record(&self) -> Option<Record> {
        self.stored_by_parent().or_else(|| self.0.record())
    }

    /// Builds on what is stored, and leaves to the parent's request what that has not saved.
    pub(super) fn catch_up(&self) -> Result<(), Error> {
        let saved = self.stored_by_parent();
        let (base, delta) = {
            let state = self.0.lock();
            (saved.or_else(|| state.record.clone()), state.delta.clone())
        };
        let base = base.ok_or(Error::NotCommitted)?;
        let data = delta.apply(base.session_data.clone())?;
        let mut state = self.0.lock();
        state.record = Some(base);
        state.data = data;
        Ok(())
    }
}
