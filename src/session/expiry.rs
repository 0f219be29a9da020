//! How long this session lives: `set_expiry get_expiry_age get_expiry_date get_expire_at_browser_close`.

use time::{Duration, OffsetDateTime};

use super::Session;
use crate::{
    backends::SessionStore as _,
    delta::Change,
    error::Error,
    expiry::{EXPIRY_KEY, Expiry, Stored},
};

impl Session {
    /// Gives this session an expiry of its own, which is stored with it: Django's `set_expiry`.
    ///
    /// A number is an idle time in seconds, counted anew at every save; `0` a cookie that ends with the browser;
    /// a duration or a date-time an instant, which saves do not move; `None` the global policy again.
    ///
    /// The call marks the session modified, also where it says what is stored already. So `set_expiry(300)` in every
    /// request is a sliding expiry: each moves the expiry of the row and sends the cookie again. Only `None` for a
    /// session without an expiry of its own changes nothing.
    ///
    /// ```
    /// # fn remember_me(session: jam_session::Session) -> Result<(), jam_session::Error> {
    /// use std::time::Duration;
    ///
    /// session.set_expiry(300)?; // five minutes after the last change
    /// session.set_expiry(0)?; // until the browser closes
    /// session.set_expiry(Duration::from_secs(300))?; // five minutes from now, whatever happens
    /// session.set_expiry(None)?; // the cookie age
    /// # Ok(()) }
    /// ```
    ///
    /// "Remember me" is a duration beside the setting
    /// [`expire_at_browser_close`](crate::Settings::expire_at_browser_close): who ticks the box stays for 30 days, over
    /// later changes, logins and new keys, and everybody else until the browser closes. An
    /// [`absolute_age`](crate::Settings::absolute_age) ends it earlier.
    ///
    /// ```
    /// # fn log_in(session: jam_session::Session, remember_me: bool) -> Result<(), jam_session::Error> {
    /// use std::time::Duration;
    ///
    /// if remember_me {
    ///     session.set_expiry(Duration::from_secs(30 * 24 * 60 * 60))?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Committed`] after the response.
    #[doc(alias = "remember_me")]
    #[doc(alias = "aset_expiry")]
    pub fn set_expiry(&self, expiry: impl Into<Expiry>) -> Result<(), Error> {
        let context = &self.0.context;
        let raw = expiry.into().to_raw(context.now(), &|at| context.store.local_offset(at));
        self.edit(|state| match raw {
            // Removing what is not there changes nothing, in Django too.
            None if state.data.raw(EXPIRY_KEY).is_none() => {
                state.record_change(Change::Remove(EXPIRY_KEY.to_owned()), false);
            }
            raw => state.state_intent(EXPIRY_KEY, raw),
        })
    }

    /// How long the session lives if it is changed now, and not beyond its
    /// [`absolute_age`](crate::Settings::absolute_age). An idle time is given as it was set; a date gives
    /// whole seconds, rounded down, negative when it is past.
    ///
    /// # Errors
    ///
    /// [`Error::WrongType`] when something else was stored as the expiry.
    #[doc(alias = "aget_expiry_age")]
    #[doc(alias = "expiry_age")]
    pub fn get_expiry_age(&self) -> Result<Duration, Error> {
        self.get_expiry_age_with(None, None)
    }

    /// [`get_expiry_age`](Self::get_expiry_age) for a change at `modification`, or for an `expiry` other than
    /// the session's.
    ///
    /// # Errors
    ///
    /// As `get_expiry_age`.
    pub fn get_expiry_age_with(
        &self,
        modification: Option<OffsetDateTime>,
        expiry: Option<Expiry>,
    ) -> Result<Duration, Error> {
        let modification = self.or_now(modification);
        let age = self.stored(expiry)?.age(modification, self.get_session_cookie_age())?;
        Ok(self.deadline(modification).map_or(age, |end| age.min(Expiry::At(end).age(modification, age))))
    }

    /// When the session expires if it is changed now: not after its
    /// [`absolute_age`](crate::Settings::absolute_age).
    ///
    /// # Errors
    ///
    /// [`Error::WrongType`] when something else was stored as the expiry.
    #[doc(alias = "aget_expiry_date")]
    #[doc(alias = "expiry_date")]
    pub fn get_expiry_date(&self) -> Result<OffsetDateTime, Error> {
        self.get_expiry_date_with(None, None)
    }

    /// [`get_expiry_date`](Self::get_expiry_date) for a change at `modification`, or for an `expiry` other
    /// than the session's.
    ///
    /// # Errors
    ///
    /// As `get_expiry_date`.
    pub fn get_expiry_date_with(
        &self,
        modification: Option<OffsetDateTime>,
        expiry: Option<Expiry>,
    ) -> Result<OffsetDateTime, Error> {
        let modification = self.or_now(modification);
        let date = self.stored(expiry)?.date(modification, self.get_session_cookie_age())?;
        Ok(self.deadline(modification).map_or(date, |end| date.min(end)))
    }

    /// Whether the cookie ends with the browser: the session's own expiry decides, or the setting
    /// `expire_at_browser_close`.
    ///
    /// # Errors
    ///
    /// [`Error::WrongType`] when something else was stored as the expiry and it cannot be told.
    #[doc(alias = "aget_expire_at_browser_close")]
    pub fn get_expire_at_browser_close(&self) -> Result<bool, Error> {
        let raw = self.get_raw(EXPIRY_KEY);
        // A text is not 0, whatever it says.
        if raw.is_some_and(|raw| raw.as_str().starts_with('"')) {
            return Ok(false);
        }
        Ok(self.stored(None)?.at_browser_close(self.0.context.settings.expire_at_browser_close))
    }

    /// The age of a session without an expiry of its own: the setting `cookie_age`, or what the function
    /// given to [`SessionLayer::session_cookie_age`](crate::SessionLayer::session_cookie_age) says of this
    /// session. It is the age of the row, the cookie and the cache entry alike.
    #[must_use]
    pub fn get_session_cookie_age(&self) -> Duration {
        self.0.context.session_cookie_age(&self.session_data())
    }

    fn stored(&self, expiry: Option<Expiry>) -> Result<Stored, Error> {
        expiry.map_or_else(|| self.0.context.stored_expiry(&self.session_data()), |expiry| Ok(Stored::Expiry(expiry)))
    }

    /// When it ends whatever happens, if its next write is at `modification`.
    fn deadline(&self, modification: OffsetDateTime) -> Option<OffsetDateTime> {
        let state = self.0.lock();
        self.0.context.deadline(state.record.as_ref().map(|record| &record.session_data), modification)
    }

    fn or_now(&self, modification: Option<OffsetDateTime>) -> OffsetDateTime {
        modification.unwrap_or_else(|| self.0.context.now())
    }
}
