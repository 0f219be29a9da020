//! Columns that hold local time: Django's `USE_TZ = False`.

use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

use super::{DbStore, Driver};
use crate::{backends::LocalTime, base_session::AbstractBaseSession, date_text, error::StoreError};

impl LocalTime {
    /// The instant whose text in UTC is the local time at `at`.
    pub(super) fn to_column<DB: Driver>(&self, at: OffsetDateTime) -> OffsetDateTime {
        match self.offset(at) {
            Some(offset) if !DB::KEEPS_INSTANTS => at.to_offset(offset).replace_offset(UtcOffset::UTC),
            _ => at,
        }
    }

    /// What [`to_column`](Self::to_column) was given.
    pub(super) fn to_instant<DB: Driver>(&self, local: OffsetDateTime) -> OffsetDateTime {
        if DB::KEEPS_INSTANTS || self.offset(local).is_none() {
            return local;
        }
        let local = PrimitiveDateTime::new(local.date(), local.time());
        date_text::to_instant(local, |at| self.offset(at).unwrap_or(UtcOffset::UTC))
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
        Self { local_time: LocalTime::of(offset_at), ..self }
    }

    /// Binds a date that is compared with `expire_date`, or becomes it.
    pub(super) fn push_date(&self, args: &mut DB::Arguments, at: OffsetDateTime) -> Result<(), StoreError> {
        DB::push_date(args, self.local_time.to_column::<DB>(at)).map_err(StoreError::Refused)
    }
}
