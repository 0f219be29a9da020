//! [`Session`]: the dictionary that a handler holds.
//!
//! Its methods have the names of Django's, and are plain calls: the session was loaded when the handler
//! was given it. What is changed is saved when the response is ready; only [`flush`](Session::flush),
//! [`save`](Session::save) and [`reload`](Session::reload) go to the store at once.
//!
//! A clone is another handle of the same session. Values are copies: change a list by inserting it again,
//! or with [`modify`](Session::modify).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), jam_session::Error> {
//! use jam_session::{MemoryStore, SessionLayer};
//!
//! let layer = SessionLayer::new(MemoryStore::new());
//! let session = layer.create().await?;
//! session.insert("colour", "green")?;
//! session.save().await?;
//!
//! let key = session.session_key().expect("a saved session has a key");
//! let again = layer.open(&key).await?;
//! assert_eq!(again.get::<String>("colour")?.as_deref(), Some("green"));
//! # Ok(()) }
//! ```

use std::{fmt, sync::Arc};

use time::OffsetDateTime;

use crate::{backends::Record, error::Error, session_data::SessionData, session_key::SessionKey};

mod commit;
mod context;
pub(crate) use context::Context;
mod dict;
mod expiry;
mod inner;
pub(crate) use inner::{Inner, Tracked, outcome};
mod handle;
pub(crate) use handle::Handle;
mod keys;
mod lazy;
pub use lazy::LazySession;
mod queue;
mod state;
pub(crate) use state::{Facts, Sent};
mod test_cookie;

/// The session of a request, loaded; or one that was opened outside of a request.
#[derive(Clone)]
#[doc(alias = "SessionBase")]
#[doc(alias = "SessionStore")]
pub struct Session(Arc<Inner>);

impl Session {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    /// The key under which the session is stored; `None` as long as it is not.
    ///
    /// [`cycle_key`](Self::cycle_key) shows here when the session is saved.
    #[must_use]
    #[doc(alias = "id")]
    pub fn session_key(&self) -> Option<SessionKey> {
        self.0.lock().session_key().cloned()
    }

    /// The whole dictionary as this request sees it; a copy that later changes do not reach.
    #[must_use]
    #[doc(alias = "get_decoded")]
    pub fn session_data(&self) -> SessionData {
        let mut state = self.0.lock();
        state.accessed = true;
        state.data.clone()
    }

    /// When the stored session expires; `None` as long as it is not stored.
    #[must_use]
    #[doc(alias = "expiry_date")]
    pub fn expire_date(&self) -> Option<OffsetDateTime> {
        self.0.lock().record.as_ref().map(|record| record.expire_date)
    }

    /// Whether this request looked at the session. The response then varies with the cookie.
    #[must_use]
    pub fn accessed(&self) -> bool {
        self.0.lock().accessed
    }

    /// Whether this request changed the session.
    #[must_use]
    #[doc(alias = "is_modified")]
    pub fn modified(&self) -> bool {
        self.0.lock().modified
    }

    /// Has the session saved at the end of the request although nothing in it changed.
    ///
    /// # Errors
    ///
    /// [`Error::Committed`] when the response is already out.
    pub fn set_modified(&self) -> Result<(), Error> {
        self.edit(state::State::set_modified)
    }

    /// Whether there is neither a key nor data.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.facts().is_empty()
    }

    /// Saves now instead of at the end of the request: what is saved stays saved, also when the response
    /// turns out to be an error. A session that is not stored yet is created, even if it is empty.
    ///
    /// # Errors
    ///
    /// [`Error::SessionInterrupted`] when another request ended the session, [`Error::Store`] when the store
    /// failed, [`Error::Deadline`] when it took too long, [`Error::Committed`] after the response.
    pub async fn save(&self) -> Result<(), Error> {
        self.edit(|_| ())?;
        if let Some(parent) = &self.0.parent {
            self.catch_up(parent)?;
        }
        let after = self.0.context.settings.save_deadline;
        outcome(self.0.track(Arc::clone(&self.0).commit()).await, after)?;
        self.0.lock().issued = true;
        Ok(())
    }

    /// Forgets what this request changed, and reads the session again.
    ///
    /// # Errors
    ///
    /// As extracting the session; [`Error::Committed`] after the response.
    #[doc(alias = "refresh")]
    pub async fn reload(&self) -> Result<(), Error> {
        let session_key = self.edit(|state| state.session_key().cloned())?;
        let (record, undecodable) = match session_key {
            Some(session_key) => self.0.fetch(&session_key).await?,
            None => (None, false),
        };
        self.edit(|state| {
            state.install(record);
            state.undecodable = undecodable;
            state.modified = false;
        })
    }

    /// A session of its own for what outlives the request: a WebSocket, a stream, a task. It begins with
    /// what this one holds, and saves its own changes with its own [`save`](Self::save).
    ///
    /// It needs a session that is stored: a new one has to be saved first, or the detached one be saved
    /// after the response.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(self.0.detach())
    }

    /// Builds on what the request that this session was detached from has saved meanwhile.
    fn catch_up(&self, parent: &Inner) -> Result<(), Error> {
        let saved = parent.lock().record.clone();
        let stale = |ours: &Option<Record>| match (ours, &saved) {
            (Some(ours), Some(saved)) => ours.session_key != saved.session_key,
            (None, _) => true,
            (Some(_), None) => false,
        };
        let (base, delta) = {
            let state = self.0.lock();
            (if stale(&state.record) { saved.clone() } else { state.record.clone() }, state.delta.clone())
        };
        let base = base.ok_or(Error::NotCommitted)?;
        let data = delta.apply(base.session_data.clone())?;
        let mut state = self.0.lock();
        state.record = Some(base);
        state.data = data;
        Ok(())
    }

    /// Changes the state, unless it is too late.
    fn edit<R>(&self, edit: impl FnOnce(&mut state::State) -> R) -> Result<R, Error> {
        let mut state = self.0.lock();
        if state.committed {
            return Err(Error::Committed);
        }
        state.accessed = true;
        Ok(edit(&mut state))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        f.debug_struct("Session")
            .field("accessed", &state.accessed)
            .field("modified", &state.modified)
            .finish_non_exhaustive()
    }
}
