//! When the user of a session last proved who they are: `mark_authenticated authenticated_at`.

use std::time::Duration as StdDuration;

use time::{Duration, OffsetDateTime};

use super::Session;
use crate::{
    error::Error,
    times::{self, AUTHENTICATED_KEY},
};

/// How far the clock that wrote a time may be ahead of this one. A time beyond would make a login fresh for ever.
const FURTHEST_AHEAD: Duration = Duration::DAY;

impl Session {
    /// Remembers that the user proved just now who they are, by a password or a second factor.
    /// `DjangoAuth::login` does so, too. It is kept as `_session_authenticated`, in Unix seconds. It marks the session
    /// modified, also twice in one second.
    ///
    /// Whoever gains a right by it needs a new key: call [`cycle_key`](Self::cycle_key) as well.
    ///
    /// # Errors
    ///
    /// [`Error::Committed`] after the response.
    pub fn mark_authenticated(&self) -> Result<(), Error> {
        let now = times::to_raw(self.0.context.now());
        self.edit(|state| state.state_intent(AUTHENTICATED_KEY, Some(now)))
    }

    /// When the user last proved who they are, to the second; `None` if they did not in this session, and where the
    /// time is more than a day in the future: no clock is so far ahead.
    #[must_use]
    pub fn authenticated_at(&self) -> Option<OffsetDateTime> {
        let at = times::read(&self.session_data(), AUTHENTICATED_KEY)?;
        (at <= self.0.context.now().saturating_add(FURTHEST_AHEAD)).then_some(at)
    }

    /// Whether the user proved who they are in the last `within`, counted in whole seconds. What a clock that is
    /// ahead of this one wrote, by a day at most, counts as just now. The extractor `RequireFresh` asks this for a
    /// route.
    ///
    /// ```
    /// # fn delete_account(session: jam_session::Session) -> Result<(), jam_session::Error> {
    /// use std::time::Duration;
    ///
    /// if !session.authenticated_within(Duration::from_secs(5 * 60)) {
    ///     // … ask for the password, check it, and then:
    ///     session.cycle_key()?;
    ///     session.mark_authenticated()?;
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn authenticated_within(&self, within: StdDuration) -> bool {
        let Some(at) = self.authenticated_at() else { return false };
        let seconds = self.0.context.now().unix_timestamp() - at.unix_timestamp();
        u64::try_from(seconds).unwrap_or_default() <= within.as_secs()
    }
}
