//! [`Expiry`]: how long one session lives, and the arithmetic of ages and dates.
//!
//! A session without an expiry of its own lives as long as the cookie age says
//! (`SESSION_COOKIE_AGE`). Time is always an argument here.

use serde_json::Value;
use time::{Duration, OffsetDateTime, PrimitiveDateTime, UtcOffset};

use crate::{
    date_text,
    error::{BoxError, Error},
    raw::Raw,
    session_data::SessionData,
};

/// The name under which a session keeps its own expiry: Django's.
pub(crate) const EXPIRY_KEY: &str = "_session_expiry";

/// A session lives this long after a change at most: 100 years, which every store, cookie and Django can express. (Years
/// have 366 days here, as where settings are checked.)
pub(crate) const LONGEST: Duration = Duration::days(100 * 366);
/// The first and the last instant at which a session may expire. The last one is a date of four digits in every time zone.
const EARLIEST: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const LATEST: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(2_932_895));

/// The nearest instant at which a session may expire.
pub(crate) fn bounded(at: OffsetDateTime) -> OffsetDateTime {
    at.clamp(EARLIEST, LATEST)
}

fn bounded_age(age: Duration) -> Duration {
    age.clamp(-LONGEST, LONGEST)
}

/// The offset of local time at an instant, `None` where dates carry their own: `SessionStore::local_offset`.
pub(crate) type LocalOffset<'a> = &'a dyn Fn(OffsetDateTime) -> Option<UtcOffset>;

/// How long one session lives: what [`set_expiry`](crate::Session::set_expiry) takes.
///
/// Numbers (seconds), durations, dates and `None` convert into it, as in Django. It is stored with the session,
/// under Django's `_session_expiry`.
///
/// Extremes are bounded, alike on every store: an age by 100 years in either direction, a date by 1970-01-01 and
/// 9999-12-30.
///
/// ```
/// use jam_session::Expiry;
/// use time::{Duration, OffsetDateTime};
///
/// let now = OffsetDateTime::UNIX_EPOCH;
/// let two_weeks = Duration::weeks(2);
/// assert_eq!(Expiry::from(300).age(now, two_weeks), Duration::seconds(300));
/// assert_eq!(Expiry::from(0).age(now, two_weeks), two_weeks);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Expiry {
    /// The global policy: the cookie age. From `None`.
    Default,
    /// The cookie ends with the browser; the stored session lives for the cookie age. From `0`.
    #[doc(alias = "OnSessionEnd")]
    AtBrowserClose,
    /// This long after the last change: an idle time, counted anew at every save. From a number of seconds.
    #[doc(alias = "OnInactivity")]
    Idle(Duration),
    /// This long after the call, however often the session is saved. From a duration.
    #[doc(alias = "timedelta")]
    In(Duration),
    /// At this instant. From a date-time.
    #[doc(alias = "AtDateTime")]
    At(OffsetDateTime),
}

impl Expiry {
    /// How long a session with this expiry lives on after a change at `modification`, where `cookie_age` is the
    /// global policy. Instants give whole seconds, rounded down, and a negative age when they are past.
    #[must_use]
    pub fn age(self, modification: OffsetDateTime, cookie_age: Duration) -> Duration {
        match self {
            Self::Default | Self::AtBrowserClose => cookie_age,
            Self::Idle(idle) if idle.is_zero() => cookie_age,
            Self::Idle(idle) => bounded_age(idle),
            Self::In(_) | Self::At(_) => whole_seconds(self.date(modification, cookie_age) - modification),
        }
    }

    /// When a session with this expiry ends after a change at `modification`, where `cookie_age` is the global
    /// policy.
    #[must_use]
    pub fn date(self, modification: OffsetDateTime, cookie_age: Duration) -> OffsetDateTime {
        bounded(match self {
            Self::At(at) => at,
            Self::In(after) => modification.saturating_add(bounded_age(after)),
            Self::Default | Self::AtBrowserClose | Self::Idle(_) => {
                modification.saturating_add(self.age(modification, cookie_age))
            }
        })
    }

    /// The value to store, `None` for the global policy.
    pub(crate) fn to_raw(self, now: OffsetDateTime, local: LocalOffset<'_>) -> Option<Raw> {
        let raw = match self {
            Self::Default => return None,
            Self::AtBrowserClose => Raw::new(&0),
            Self::Idle(idle) => {
                let idle = bounded_age(idle);
                if idle.subsec_nanoseconds() == 0 {
                    Raw::new(&idle.whole_seconds())
                } else {
                    Raw::new(&idle.as_seconds_f64())
                }
            }
            Self::In(_) => Raw::new(&text(self.date(now, Duration::ZERO), local)),
            Self::At(at) => Raw::new(&text(bounded(at), local)),
        };
        Some(raw.expect("a number or a text is JSON"))
    }
}

/// A Django without time zones cannot compare a date that has an offset with its own, which have none.
fn text(at: OffsetDateTime, local: LocalOffset<'_>) -> String {
    match local(at) {
        Some(offset) => date_text::to_naive_iso(at.to_offset(offset)),
        None => date_text::to_iso(at),
    }
}

fn whole_seconds(duration: Duration) -> Duration {
    let seconds = duration.whole_seconds();
    Duration::seconds(if duration.subsec_nanoseconds() < 0 { seconds - 1 } else { seconds })
}

impl From<OffsetDateTime> for Expiry {
    fn from(at: OffsetDateTime) -> Self {
        Self::At(at)
    }
}

impl From<Duration> for Expiry {
    fn from(after: Duration) -> Self {
        Self::In(after)
    }
}

impl From<std::time::Duration> for Expiry {
    fn from(after: std::time::Duration) -> Self {
        Self::In(Duration::try_from(after).unwrap_or(Duration::MAX))
    }
}

impl From<i64> for Expiry {
    fn from(seconds: i64) -> Self {
        match seconds {
            0 => Self::AtBrowserClose,
            _ => Self::Idle(Duration::seconds(seconds)),
        }
    }
}

impl From<i32> for Expiry {
    fn from(seconds: i32) -> Self {
        i64::from(seconds).into()
    }
}

impl From<u32> for Expiry {
    fn from(seconds: u32) -> Self {
        i64::from(seconds).into()
    }
}

impl From<Option<i64>> for Expiry {
    fn from(seconds: Option<i64>) -> Self {
        seconds.map_or(Self::Default, Self::from)
    }
}

/// What a session has stored as its expiry, by whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stored {
    Expiry(Expiry),
    /// A date without an offset where dates have one.
    Naive(PrimitiveDateTime),
    /// An empty text: it has an age and no date, in Django too.
    Empty,
}

impl Stored {
    pub(crate) fn of(data: &SessionData, local: LocalOffset<'_>) -> Result<Self, Error> {
        data.raw(EXPIRY_KEY).map_or(Ok(Self::Expiry(Expiry::Default)), |raw| Self::parse(raw, local))
    }

    fn parse(raw: &Raw, local: LocalOffset<'_>) -> Result<Self, Error> {
        let value = raw.get().map_err(wrong_type)?;
        Ok(Self::Expiry(match value {
            Value::Null => Expiry::Default,
            Value::Bool(set) => i64::from(set).into(),
            Value::Number(number) => number.as_i64().map_or_else(|| idle(number.as_f64()), Expiry::from),
            Value::String(text) if text.is_empty() => return Ok(Self::Empty),
            Value::String(text) => match date_text::parse(&text) {
                Some((at, Some(offset))) => Expiry::At(at.assume_offset(offset)),
                Some((at, None)) if local(at.assume_utc()).is_none() => return Ok(Self::Naive(at)),
                Some((at, None)) => {
                    Expiry::At(date_text::to_instant(at, |about| local(about).unwrap_or(UtcOffset::UTC)))
                }
                None => return Err(wrong_type("not a date".into())),
            },
            Value::Array(_) | Value::Object(_) => return Err(wrong_type("not a number or a date".into())),
        }))
    }

    pub(crate) fn age(self, modification: OffsetDateTime, cookie_age: Duration) -> Result<Duration, Error> {
        match self {
            Self::Expiry(expiry) => Ok(expiry.age(modification, cookie_age)),
            Self::Empty => Ok(cookie_age),
            Self::Naive(_) => Err(wrong_type("a date without an offset".into())),
        }
    }

    pub(crate) fn date(self, modification: OffsetDateTime, cookie_age: Duration) -> Result<OffsetDateTime, Error> {
        match self {
            Self::Expiry(expiry) => Ok(expiry.date(modification, cookie_age)),
            Self::Naive(at) => Ok(bounded(at.assume_offset(UtcOffset::UTC))),
            Self::Empty => Err(wrong_type("an empty text is no date".into())),
        }
    }

    pub(crate) fn at_browser_close(self, setting: bool) -> bool {
        match self {
            Self::Expiry(Expiry::Default) => setting,
            Self::Expiry(Expiry::AtBrowserClose) => true,
            Self::Expiry(Expiry::Idle(idle)) => idle.is_zero(),
            Self::Expiry(Expiry::In(_) | Expiry::At(_)) | Self::Naive(_) | Self::Empty => false,
        }
    }
}

fn idle(seconds: Option<f64>) -> Expiry {
    Expiry::Idle(Duration::saturating_seconds_f64(seconds.unwrap_or_default()))
}

fn wrong_type(source: BoxError) -> Error {
    Error::WrongType { key: EXPIRY_KEY.to_owned(), source }
}
