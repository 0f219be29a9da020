//! [`LazySession`]: the session of a request before anybody looked.

use std::{fmt, sync::Arc};

use time::{Duration, OffsetDateTime};

use super::{Handle, Inner, Session};
use crate::{error::Error, expiry::Expiry, session_data::SessionData, session_key::SessionKey};

/// A session that is loaded when it is asked for. For middleware, and for handlers that decide late: a
/// request that does not load it costs the store nothing.
///
/// ```
/// use jam_session::{Error, LazySession};
///
/// async fn greeting(session: LazySession, wants_name: bool) -> Result<String, Error> {
///     if !wants_name {
///         return Ok("hello".to_owned()); // no query
///     }
///     let name: Option<String> = session.load().await?.get("name")?;
///     Ok(format!("hello {}", name.unwrap_or_default()))
/// }
/// ```
#[derive(Clone)]
pub struct LazySession(Arc<Inner>);

impl LazySession {
    /// The session that a [`SessionLayer`](crate::SessionLayer) put into the request, for services that know
    /// no extractors: `LazySession::of(request.extensions())`, Django's `request.session`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingLayer`] when no layer saw the request.
    #[doc(alias = "HttpRequest")]
    pub fn of(extensions: &http::Extensions) -> Result<Self, Error> {
        Self::named::<()>(extensions)
    }

    /// The session of the layer that was given the name `N` with
    /// [`SessionLayer::named`](crate::SessionLayer::named).
    ///
    /// # Errors
    ///
    /// [`Error::MissingLayer`] when no such layer saw the request.
    pub fn named<N: 'static>(extensions: &http::Extensions) -> Result<Self, Error> {
        let handle = extensions.get::<Handle<N>>().ok_or(Error::MissingLayer)?;
        Ok(Self(Arc::clone(&handle.0)))
    }

    /// Loads the session, once per request: every handle of it is loaded then.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the store failed and [`Error::Deadline`] when it took too long: neither is an
    /// anonymous visitor.
    #[doc(alias = "aload")]
    pub async fn load(&self) -> Result<Session, Error> {
        drop(self.0.look());
        self.0.load().await?;
        Ok(Session::new(Arc::clone(&self.0)))
    }

    /// The key of the session, or, before it is loaded, what the client says it is: `None` where it says several. The
    /// response then varies with the cookie.
    #[must_use]
    pub fn session_key(&self) -> Option<SessionKey> {
        self.0.look().session_key().cloned()
    }

    /// Whether there is neither a key nor data. Before the session is loaded, a key counts as a session. The
    /// response then varies with the cookie.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.look().facts().is_empty()
    }

    /// Whether this request looked at the session.
    #[must_use]
    pub fn accessed(&self) -> bool {
        self.0.lock().accessed
    }

    /// Whether this request changed the session.
    #[must_use]
    pub fn modified(&self) -> bool {
        self.0.lock().modified
    }

    /// Has the session saved at the end of the request although nothing in it changed; it is loaded then.
    ///
    /// # Errors
    ///
    /// [`Error::Committed`] after the response.
    pub fn set_modified(&self) -> Result<(), Error> {
        let mut state = self.0.lock();
        if state.committed {
            return Err(Error::Committed);
        }
        state.set_modified();
        Ok(())
    }

    /// Has this request leave the session's expiry where it is: see [`Session::do_not_extend`].
    ///
    /// # Errors
    ///
    /// [`Error::Committed`] after the response.
    pub fn do_not_extend(&self) -> Result<(), Error> {
        self.0.do_not_extend()
    }

    /// Ends the session without handing it out, if there is one. See [`Session::flush`].
    ///
    /// # Errors
    ///
    /// As `Session::flush`.
    pub async fn flush(&self) -> Result<(), Error> {
        Session::new(Arc::clone(&self.0)).flush().await
    }

    /// [`Session::get_expiry_age_with`] for a given expiry, which needs no session.
    #[must_use]
    pub fn get_expiry_age_with(&self, modification: Option<OffsetDateTime>, expiry: Expiry) -> Duration {
        expiry.age(modification.unwrap_or_else(|| self.0.context.now()), self.get_session_cookie_age())
    }

    /// [`Session::get_expiry_date_with`] for a given expiry, which needs no session.
    #[must_use]
    pub fn get_expiry_date_with(&self, modification: Option<OffsetDateTime>, expiry: Expiry) -> OffsetDateTime {
        expiry.date(modification.unwrap_or_else(|| self.0.context.now()), self.get_session_cookie_age())
    }

    /// The cookie age of a session, as far as it is known without loading it.
    #[must_use]
    pub fn get_session_cookie_age(&self) -> Duration {
        let data: SessionData = self.0.lock().data.clone();
        self.0.context.session_cookie_age(&data)
    }
}

impl fmt::Debug for LazySession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazySession").field("accessed", &self.accessed()).finish_non_exhaustive()
    }
}
