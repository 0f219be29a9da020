//! [`Clock`]: where the current time comes from.

use std::{fmt, sync::Arc};

use time::{OffsetDateTime, UtcOffset};

/// Tells the time to everything that expires: where the current time comes from, so that a test can move it.
///
/// Give one to [`SessionLayer::clock`](crate::SessionLayer::clock); the default is the system's clock.
///
/// ```
/// use jam_session::Clock;
/// use time::OffsetDateTime;
///
/// let clock = Clock::from_fn(|| OffsetDateTime::UNIX_EPOCH);
/// assert_eq!(clock.now().unix_timestamp(), 0);
/// ```
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

impl Clock {
    /// The system's clock, which is also the default.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(OffsetDateTime::now_utc)
    }

    /// A clock that asks `now` each time. The answer may be of any offset.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The current time in UTC, whole microseconds: the precision that every database keeps.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        let now = (self.0)().to_offset(UtcOffset::UTC);
        now.replace_microsecond(now.microsecond()).expect("a microsecond of the same instant")
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock(..)")
    }
}
