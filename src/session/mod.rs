//! [`Session`]: the dictionary that a handler holds.

use std::{fmt, sync::Arc};

use time::OffsetDateTime;

use crate::{error::Error, events::Fingerprint, session_data::SessionData, session_key::SessionKey};

mod attempt;
mod authenticated;
mod candidates;
#[cfg(feature = "django_auth")]
mod change;
mod commit;
mod context;
pub(crate) use context::Context;
mod detached;
mod dict;
mod expiry;
mod inner;
pub(crate) use inner::Inner;
mod handle;
pub(crate) use handle::Handle;
mod keys;
mod layer_mark;
mod lazy;
pub use lazy::LazySession;
mod lifetime;
mod login;
mod moved;
mod queue;
mod raw;
mod renewal;
mod state;
pub(crate) use state::{Facts, MOST_CANDIDATES, Sent};
mod test_cookie;
mod writes;
pub(crate) use writes::{Tracked, outcome};

/// The dictionary that a handler holds: the session of its request, loaded.
///
/// The methods have Django's names, and are plain calls. What they change is saved when the response is ready,
/// unless its status is 5xx; only [`flush`](Self::flush), [`save`](Self::save) and [`reload`](Self::reload) go
/// to the store at once. After the response every change is an [`Error::Committed`]; what outlives the request
/// uses [`detached`](Self::detached).
///
/// A clone is another handle of the same session. Values are copies: change a list by inserting it again, or
/// with [`modify`](Self::modify). Names that begin with an underscore are Django's own.
///
/// In a handler (feature `axum`) it is an argument; `Option<Session>` where a route may be without a layer:
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::get};
/// use jam_session::{Error, MemoryStore, Session, SessionLayer};
///
/// async fn hello(session: Session) -> Result<String, Error> {
///     let name: Option<String> = session.get("name")?;
///     Ok(format!("hello {}", name.as_deref().unwrap_or("stranger")))
/// }
///
/// let app: Router = Router::new().route("/", get(hello)).layer(SessionLayer::new(MemoryStore::new()));
/// # }
/// ```
///
/// Outside of a request it comes from the layer, and is saved by hand:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jam_session::Error> {
/// use jam_session::{MemoryStore, SessionLayer};
///
/// let layer = SessionLayer::new(MemoryStore::new());
/// let session = layer.create().await?;
/// session.insert("colour", "green")?;
/// session.save().await?;
///
/// let key = session.session_key().expect("a saved session has a key");
/// let again = layer.open(&key).await?;
/// assert_eq!(again.get::<String>("colour")?.as_deref(), Some("green"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[doc(alias = "SessionBase")]
#[doc(alias = "SessionStore")]
#[doc(alias = "request.session")]
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

    /// What stands for the session's key in a log; `None` as long as it has none. The lines of an application that have
    /// it are found together with the crate's own [events](crate::events).
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.0.lock().session_key().map(SessionKey::fingerprint)
    }

    /// The whole dictionary as this request sees it; a copy that later changes do not reach.
    #[must_use]
    #[doc(alias = "get_decoded")]
    pub fn session_data(&self) -> SessionData {
        let mut state = self.0.lock();
        state.accessed = true;
        state.data.clone()
    }

    /// When the session that was loaded or saved expires; `None` as long as it is not stored.
    /// [`get_expiry_date`](Self::get_expiry_date) is when it would expire if it were changed now.
    #[must_use]
    pub fn expire_date(&self) -> Option<OffsetDateTime> {
        let context = &self.0.context;
        let state = self.0.lock();
        let record = state.record.as_ref()?;
        let deadline = context.deadline(Some(&record.session_data), context.now());
        Some(deadline.map_or(record.expire_date, |deadline| record.expire_date.min(deadline)))
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

    /// Has the session saved at the end of the request although nothing in it changed: Django's
    /// `request.session.modified = True`. It extends the session; a session without data is still not created.
    ///
    /// # Errors
    ///
    /// [`Error::Committed`] after the response.
    pub fn set_modified(&self) -> Result<(), Error> {
        self.edit(state::State::set_modified)
    }

    /// Has this request leave the session's expiry where it is, as one has to that comes by itself: a script that polls
    /// would keep a session alive that nobody sits before. Neither `save_every_request` nor `refresh_threshold` extend
    /// the session then, and what is changed is saved with the expiry that was there; an earlier one that
    /// [`set_expiry`](Self::set_expiry) asks for is taken. [`DoNotExtend`](crate::DoNotExtend) does it for a route.
    ///
    /// # Errors
    ///
    /// [`Error::Committed`] after the response.
    pub fn do_not_extend(&self) -> Result<(), Error> {
        self.0.do_not_extend()
    }

    /// Whether there is neither a key nor data: a visitor without a session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.facts().is_empty()
    }

    /// Saves now instead of at the end of the request: what is saved stays saved, also when the response
    /// turns out to be an error, and its cookie goes out. A session that is not stored yet is created, even if it
    /// is empty. Afterwards [`get`](Self::get) shows what was stored, with the changes of other requests.
    ///
    /// # Errors
    ///
    /// [`Error::SessionInterrupted`] when another request ended the session and this one logs nobody in (see
    /// [`Settings::identity_keys`](crate::Settings::identity_keys)), [`Error::Store`] when the store
    /// failed, [`Error::Deadline`] when it took too long, [`Error::Committed`] after the response.
    #[doc(alias = "asave")]
    pub async fn save(&self) -> Result<(), Error> {
        self.edit(|_| ())?;
        if self.0.parent.is_some() {
            self.catch_up()?;
        }
        let after = self.0.context.settings.save_deadline;
        outcome(self.0.context.track(Arc::clone(&self.0).commit()).await, after)?;
        let mut state = self.0.lock();
        // A clone of the handle may have ended the session since.
        state.issued = state.record.is_some();
        state.saved = state.issued;
        Ok(())
    }

    /// Forgets what this request changed and has not saved, and reads the session again.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the store failed, [`Error::Deadline`] when it took too long, [`Error::Committed`]
    /// after the response.
    #[doc(alias = "refresh")]
    pub async fn reload(&self) -> Result<(), Error> {
        self.edit(|_| ())?;
        let (record, undecodable) = match self.stored_key() {
            Some(session_key) => self.0.fetch(&session_key).await?,
            None => (None, false),
        };
        self.edit(|state| {
            state.install(record);
            state.undecodable = undecodable;
            state.modified = false;
        })
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
