//! Removing expired sessions, a few rows at a time.

use std::{iter, sync::Arc};

use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use super::{DbStore, Driver, SessionEvent};
use crate::{base_session::AbstractBaseSession, error::StoreError};

/// The most that one statement may remove: MySQL binds a key for each, and it cannot bind many more.
const LARGEST_BATCH: usize = 10_000;

/// [`clear_expired`](crate::SessionStore::clear_expired), in batches.
///
/// It removes 500 rows (PostgreSQL: 100) with one statement and then rests for as long as that took, so that other
/// writers get their turn at least half of the time. No lock outlives its statement. A session that is extended
/// meanwhile stays, because each row is looked at once more when it is removed.
///
/// On PostgreSQL rows that somebody else has locked are left for the next time, and one process clears a table
/// at a time: the others remove nothing. On the other databases several may clear at once, without harm.
impl<DB: Driver, M: AbstractBaseSession<DB>> DbStore<DB, M> {
    /// Removes at most `limit` sessions that expired before `now`, at most 10,000, with one short lock; says how
    /// many. It does so whoever else is clearing, and is what `clear_expired` repeats until nothing is left.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), jam_session::StoreError> {
    /// # use time::OffsetDateTime;
    /// # let store = jam_session::SqliteStore::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// let now = OffsetDateTime::now_utc();
    /// while store.clear_expired_batch(now, 500).await? > 0 {}
    /// assert_eq!(store.count_expired(now).await?, 0);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn clear_expired_batch(&self, now: OffsetDateTime, limit: usize) -> Result<u64, StoreError> {
        self.clear_batch(now, limit.min(LARGEST_BATCH), false).await
    }

    /// How many sessions expired before `now`: what `clear_expired` would remove.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.count(&format!("expire_date < {}", DB::earliest_marker(1)), now).await
    }

    pub(super) async fn clear_in_batches(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let started = Instant::now();
            match self.clear_batch(now, DB::CLEAR_BATCH, true).await? {
                0 => return Ok(removed),
                batch => removed += batch,
            }
            sleep(started.elapsed()).await;
        }
    }

    async fn clear_batch(&self, now: OffsetDateTime, limit: usize, alone: bool) -> Result<u64, StoreError> {
        let table = &self.sql.table;
        let mut args = DB::Arguments::default();
        if let Some(find) = DB::expired_keys(table, limit) {
            let keys = self.texts::<1>(find, Some(now)).await?;
            let keys: Vec<Arc<str>> = keys.into_iter().filter_map(|[key]| key.map(Arc::from)).collect();
            let Some(last) = keys.last() else { return Ok(0) };
            // As many markers every time: each text would take a place among the prepared statements.
            for key in keys.iter().chain(iter::repeat(last)).take(limit) {
                DB::push_text(&mut args, key).map_err(StoreError::Refused)?;
            }
        }
        self.push_date(&mut args, now)?;
        self.remove(&DB::clear_batch(table, limit, alone).into(), args, SessionEvent::expired).await
    }
}
