//! Columns that hold local time: Django's `USE_TZ = False`.

use std::sync::Arc;

use time::{OffsetDateTime, UtcOffset};

use super::{DbStore, Driver};
use crate::{base_session::AbstractBaseSession, error::StoreError};

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

    /// What [`to_column`](Self::to_column) was given. An hour that clocks show twice is one of the two.
    pub(super) fn to_instant<DB: Driver>(&self, local: OffsetDateTime) -> OffsetDateTime {
        match &self.0 {
            Some(offset_at) if !DB::KEEPS_INSTANTS => {
                // The offset of about then leads to an instant near enough to ask for the right one.
                let near = local.replace_offset(offset_at(local));
                local.replace_offset(offset_at(near)).to_offset(UtcOffset::UTC)
            }
            _ => local,
        }
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> DbStore<DB, M> {
    /// Reads and writes `expire_date` in local time, for a table that it shares with a Django whose settings say
    /// `USE_TZ = False`. `offset_at` gives the offset of its `TIME_ZONE` at an instant, daylight saving time
    /// included. PostgreSQL keeps instants, so there it changes nothing.
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
        DB::push_date(args, self.local_time.to_column::<DB>(at)).map_err(StoreError::Backend)
    }
}
