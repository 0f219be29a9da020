//! When a session ends and when its key is due: the arithmetic of `absolute_age` and `renew_after`, and what is kept
//! for it.

use time::{Duration, OffsetDateTime};

use super::context::Context;
use crate::{
    backends::Record,
    error::Error,
    expiry::{Expiry, bounded},
    session_data::SessionData,
    session_key::SessionKey,
    times::{self, CREATED_KEY, RENEWED_KEY},
};

impl Context {
    /// When a session that is stored as `stored` ends, whatever happens; one that is not, or does not say when it
    /// began, begins with the next write. A beginning in the future counts as now: it would put off the end.
    pub(crate) fn deadline(&self, stored: Option<&SessionData>, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let age = self.settings.absolute_age?;
        let created = stored.and_then(|stored| times::read(stored, CREATED_KEY));
        let created = created.map_or(now, |created| created.min(self.now()));
        Some(created.saturating_add(Duration::try_from(age).unwrap_or(Duration::MAX)))
    }

    /// Whether `record` is of this layer, has not reached its deadline, and did not begin before `valid_from`. Its row may say that it
    /// lives when somebody else extended it, or when it came out of a backup.
    pub(crate) fn lives(&self, record: &Record, now: OffsetDateTime) -> bool {
        self.deadline(Some(&record.session_data), now).is_none_or(|deadline| deadline > now)
            && self.owns(&record.session_data)
            && self.settings.valid_from.is_none_or(|from| has_begun_since(&record.session_data, from))
    }

    /// When a session with this data expires if it is saved at `now`.
    pub(crate) fn expire_date(&self, data: &SessionData, now: OffsetDateTime) -> Result<OffsetDateTime, Error> {
        let date = self.stored_expiry(data)?.date(now, self.session_cookie_age(data))?;
        // When the session began is stored among its data, and may be anything.
        Ok(self.deadline(Some(data), now).map_or(date, |deadline| bounded(date.min(deadline))))
    }

    /// How long the cookie of `record` is to live from `now` on: not beyond the deadline.
    pub(crate) fn max_age(&self, record: &Record, now: OffsetDateTime) -> Duration {
        let data = &record.session_data;
        let age = self.stored_expiry(data).and_then(|stored| stored.age(now, self.session_cookie_age(data)));
        let age = age.unwrap_or_else(|_| record.expire_date - now);
        self.deadline(Some(data), now).map_or(age, |deadline| age.min(Expiry::At(deadline).age(now, age)))
    }

    /// Returns whether the next write must say when the session began, because the stored data does not, or names a
    /// time in the future.
    pub(crate) fn lacks_created(&self, record: &Record) -> bool {
        let created = times::read(&record.session_data, CREATED_KEY);
        self.settings.absolute_age.is_some() && created.is_none_or(|created| created > self.now())
    }

    /// Whether the key of `record` is old enough for a new one. Other stores' keys are not ours to renew.
    pub(super) fn renewal_due(&self, record: &Record) -> bool {
        let Some(after) = self.settings.renew_after else { return false };
        let renewed = times::read(&record.session_data, RENEWED_KEY);
        // A time far in the future is as little believed as one long ago: such a key would never be renewed.
        let due = renewed.is_none_or(|renewed| (self.now() - renewed).abs() >= after);
        due && SessionKey::is_generated(record.session_key.as_str())
    }

    /// Whether sessions say when they began.
    fn keeps_created(&self) -> bool {
        let settings = &self.settings;
        settings.absolute_age.is_some() || settings.renew_after.is_some() || settings.valid_from.is_some()
    }

    /// Puts into `data` what it keeps of `stored`, over which it is written: whatever a request did to these names,
    /// they stay as they were. A new key begins to age `now`.
    pub(super) fn stamp(
        &self,
        data: &mut SessionData,
        stored: Option<&SessionData>,
        now: OffsetDateTime,
        new_key: bool,
    ) {
        self.mark(data);
        let kept = |key| stored.and_then(|stored| times::read(stored, key));
        // A renewal stores the session as a new row, which could not say when it began.
        if self.keeps_created() {
            times::write(data, CREATED_KEY, Some(kept(CREATED_KEY).map_or(now, |created| created.min(now))));
        }
        if self.settings.renew_after.is_some() {
            times::write(data, RENEWED_KEY, if new_key { Some(now) } else { kept(RENEWED_KEY) });
        }
    }
}

/// Whether a session says that it began at `from` or later. The second in which it began is kept, rounded down, so that
/// none that began before is taken for one that did not; of one that says nothing the beginning is not known.
fn has_begun_since(data: &SessionData, from: OffsetDateTime) -> bool {
    times::read(data, CREATED_KEY).is_some_and(|created| created >= from)
}
