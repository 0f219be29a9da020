//! When a session ends: the arithmetic of `absolute_age`, and what is kept for it.

use time::{Duration, OffsetDateTime};

use super::context::Context;
use crate::{
    backends::Record,
    error::Error,
    expiry::Expiry,
    session_data::SessionData,
    times::{self, CREATED_KEY},
};

impl Context {
    /// When a session that is stored as `stored` ends, whatever happens; one that is not, or does not say when it
    /// began, begins with the next write.
    pub(crate) fn deadline(&self, stored: Option<&SessionData>, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let age = self.settings.absolute_age?;
        let created = stored.and_then(|stored| times::read(stored, CREATED_KEY)).unwrap_or(now);
        Some(created.saturating_add(Duration::try_from(age).unwrap_or(Duration::MAX)))
    }

    /// Whether `record` has not reached its deadline. Its row may say that it lives when somebody else extended it.
    pub(crate) fn lives(&self, record: &Record, now: OffsetDateTime) -> bool {
        self.deadline(Some(&record.session_data), now).is_none_or(|deadline| deadline > now)
    }

    /// When a session with this data expires if it is saved at `now`.
    pub(crate) fn expire_date(&self, data: &SessionData, now: OffsetDateTime) -> Result<OffsetDateTime, Error> {
        let date = self.stored_expiry(data)?.date(now, self.session_cookie_age(data))?;
        Ok(self.deadline(Some(data), now).map_or(date, |deadline| date.min(deadline)))
    }

    /// The cookie's age at `now`, which no deadline cuts off.
    pub(crate) fn max_age(&self, record: &Record, now: OffsetDateTime) -> Duration {
        let data = &record.session_data;
        let age = self.stored_expiry(data).and_then(|stored| stored.age(now, self.session_cookie_age(data)));
        let age = age.unwrap_or_else(|_| record.expire_date - now);
        self.deadline(Some(data), now).map_or(age, |deadline| age.min(Expiry::At(deadline).age(now, age)))
    }

    /// Whether the next write has to say when the session began.
    pub(crate) fn lacks_created(&self, record: &Record) -> bool {
        self.settings.absolute_age.is_some() && times::read(&record.session_data, CREATED_KEY).is_none()
    }

    /// Puts into `data` what it keeps of `stored`, over which it is written: whatever a request did to these names,
    /// they stay as they were.
    pub(super) fn stamp(&self, data: &mut SessionData, stored: Option<&SessionData>, now: OffsetDateTime) {
        if self.settings.absolute_age.is_some() {
            let created = stored.and_then(|stored| times::read(stored, CREATED_KEY));
            times::write(data, CREATED_KEY, created.unwrap_or(now));
        }
    }
}
