//! Sessions outside of a request: a job, a command, a WebSocket that knows a key.

use std::sync::Arc;

use super::SessionLayer;
use crate::{
    backends::SessionStore,
    error::Error,
    events,
    session::{Inner, Sent, Session},
    session_key::SessionKey,
};

impl<N> SessionLayer<N> {
    /// Opens the session of `session_key`. If there is none, the session is empty and has no key: nothing
    /// is stored under a key that somebody else chose.
    ///
    /// What is changed is saved by the session's own [`save`](Session::save).
    ///
    /// ```
    /// # use jam_session::{Error, SessionKey, SessionLayer};
    /// # async fn job(sessions: SessionLayer, key: SessionKey) -> Result<(), Error> {
    /// let session = sessions.open(&key).await?;
    /// session.insert("export", "ready")?;
    /// session.save().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Deadline`] when the store fails.
    #[doc(alias = "SessionStore")]
    pub async fn open(&self, session_key: &SessionKey) -> Result<Session, Error> {
        let accepted = self.context.store.accepts(session_key.as_str());
        let sent = if accepted { Sent::Key(session_key.clone()) } else { Sent::Refused };
        let inner = Inner::new(Arc::clone(&self.context), sent, None, true);
        inner.load().await?;
        Ok(Session::new(inner))
    }

    /// Makes a new session and stores it, still empty, so that it has a key: one `INSERT`.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Deadline`] when the store fails.
    pub async fn create(&self) -> Result<Session, Error> {
        let session = Session::new(Inner::new(Arc::clone(&self.context), Sent::Nothing, None, true));
        session.save().await?;
        Ok(session)
    }

    /// Whether a session of this key is stored, be it an expired one.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Deadline`] when the store fails.
    pub async fn exists(&self, session_key: &SessionKey) -> Result<bool, Error> {
        let after = self.context.settings.load_deadline;
        let exists = tokio::time::timeout(after, self.context.store.exists(session_key));
        Ok(exists.await.map_err(|_| Error::Deadline { after })??)
    }

    /// Deletes the session of this key, if there is one. No request brings it back. Where the key was renewed a moment
    /// ago, the session is deleted under its new key.
    ///
    /// With a `SignedCookieStore` nothing happens: the cookie is the session, and only a response to its browser can
    /// replace it. `SignedCookieStore::not_before` refuses what a user has.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Deadline`] when the store fails.
    pub async fn delete(&self, session_key: &SessionKey) -> Result<(), Error> {
        self.context.end_once(session_key, None).await?;
        events::revoked(1);
        Ok(())
    }
}
