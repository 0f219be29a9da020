//! Columns that hold local time: Django's `USE_TZ = False`.

use std::sync::Arc;

use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

use super::{DbStore, Driver};
use crate::{base_session::AbstractBaseSession, date_text, error::StoreError};

type OffsetAt = Arc<dyn Fn(OffsetDateTime) -> UtcOffset + Send + Sync>;

/// The clock that the column `expire_date` goes by: UTC, unless it is told otherwise.
#[derive(Clone, Default)]
pub(super) struct LocalTime(Option<OffsetAt>);

impl LocalTime {
    /// The instant whose text in UTC is the local time at `at`.
    pub(super) fn to_column<DB: Driver>(&self, at: OffsetDateTime) -> OffsetDateTime {
        match &self.0 {
            Some(offset_at) if !DB::KEEPS_INSTANTS => at.to_offset(offset_at(at)).replace_offset(UtcOffset::UTC),
            _ => at,
        }
    }

    /// What [`to_column`](Self::to_column) was given.
    pub(super) fn to_instant<DB: Driver>(&self, local: OffsetDateTime) -> OffsetDateTime {
        match &self.0 {
            Some(offset_at) if !DB::KEEPS_INSTANTS => {
                date_text::to_instant(PrimitiveDateTime::new(local.date(), local.time()), |at| offset_at(at))
            }
            _ => local,
        }
    }

    /// The offset of local time at `at`, where that is what dates are in: also where the column keeps instants.
    pub(super) fn offset(&self, at: OffsetDateTime) -> Option<UtcOffset> {
        self.0.as_ref().map(|offset_at| offset_at(at))
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> DbStore<DB, M> {
    /// Reads and writes dates in local time, for a table that it shares with a Django whose settings say
    /// `USE_TZ = False`: the column `expire_date`, except in PostgreSQL, which keeps instants, and the date that a
    /// session may have as its own expiry, which carries no offset then. `offset_at` gives the offset of Django's
    /// `TIME_ZONE` at an instant, daylight saving time included.
    ///
    /// Ages are real time here. Django subtracts what clocks show, so an age of its own across the change of clocks is an
    /// hour off; a date is the same instant for both.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), jam_session::BoxError> {
    /// use jam_session::SqliteStore;
    /// use time::UtcOffset;
    ///
    /// // India has one offset all year; for other zones ask a crate that knows them.
    /// let india = UtcOffset::from_hms(5, 30, 0)?;
    /// let store: SqliteStore = SqliteStore::connect("sqlite::memory:").await?;
    /// let store = store.local_time(move |_at| india);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    #[doc(alias = "USE_TZ")]
    #[doc(alias = "TIME_ZONE")]
    #[must_use]
    pub fn local_time(self, offset_at: impl Fn(OffsetDateTime) -> UtcOffset + Send + Sync + 'static) -> Self {
        Self { local_time: LocalTime(Some(Arc::new(offset_at))), ..self }
    }

    /// Binds a date that is compared with `expire_date`, or becomes it.
    pub(super) fn push_date(&self, args: &mut DB::Arguments, at: OffsetDateTime) -> Result<(), StoreError> {
        DB::push_date(args, self.local_time.to_column::<DB>(at)).map_err(StoreError::Refused)
    }
}
