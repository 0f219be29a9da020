//! [`TableStats`]: what is in the session table, for whoever runs it.

use time::OffsetDateTime;

use super::{DbStore, Driver};
use crate::{base_session::AbstractBaseSession, error::StoreError};

/// The sessions of a table, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableStats {
    /// Sessions that can be used.
    pub live: u64,
    /// Sessions that the next clean-up removes.
    pub expired: u64,
    /// When the session expired that has been waiting longest to be removed.
    pub oldest_expired: Option<OffsetDateTime>,
    /// When the first live session expires.
    pub first_to_expire: Option<OffsetDateTime>,
    /// When half of the live sessions will have expired.
    pub median_to_expire: Option<OffsetDateTime>,
    /// When the last live session expires.
    pub last_to_expire: Option<OffsetDateTime>,
    /// Sizes of `session_data` in ascending order, and how many rows have each.
    sizes: Vec<(u64, u64)>,
}

impl TableStats {
    /// The size in bytes that `percent` of all rows do not exceed, live or expired: 50 is the median, 100 the
    /// largest. `None` where there are no rows.
    #[must_use]
    pub fn size_percentile(&self, percent: u8) -> Option<u64> {
        let rows: u64 = self.sizes.iter().map(|(_, rows)| rows).sum();
        let wanted = (u128::from(rows) * u128::from(percent)).div_ceil(100);
        let mut seen = 0;
        let reached = self.sizes.iter().find(|(_, rows)| {
            seen += u128::from(*rows);
            seen >= wanted
        });
        reached.or(self.sizes.last()).map(|(size, _)| *size)
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> DbStore<DB, M> {
    /// Counts and measures the sessions. It reads the whole table once: not for every request.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn stats(&self, now: OffsetDateTime) -> Result<TableStats, StoreError> {
        let marker = DB::earliest_marker(1);
        let (gone, live) = (format!("expire_date < {marker}"), format!("expire_date >= {marker}"));
        let (gone_count, live_count) = (self.count(&gone, now).await?, self.count(&live, now).await?);
        Ok(TableStats {
            live: live_count,
            expired: gone_count,
            oldest_expired: self.expiry(&gone, "ASC", 0, now).await?,
            first_to_expire: self.expiry(&live, "ASC", 0, now).await?,
            median_to_expire: self.expiry(&live, "ASC", live_count.saturating_sub(1) / 2, now).await?,
            last_to_expire: self.expiry(&live, "DESC", 0, now).await?,
            sizes: self.sizes().await?,
        })
    }

    pub(super) async fn count(&self, condition: &str, now: OffsetDateTime) -> Result<u64, StoreError> {
        let table = &self.sql.table;
        let rows = self.texts(format!("SELECT {} FROM {table} WHERE {condition}", text("COUNT(*)")), Some(now)).await?;
        Ok(rows.first().and_then(|[count]| number(count.as_deref())).unwrap_or(0))
    }

    /// The `offset`th date among the rows of `condition`; the index knows it.
    async fn expiry(
        &self,
        condition: &str,
        order: &str,
        offset: u64,
        now: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, StoreError> {
        let (table, date) = (&self.sql.table, DB::date_column("expire_date"));
        let sql = format!(
            "SELECT '', '', {date} FROM {table} WHERE {condition} ORDER BY expire_date {order} LIMIT 1 OFFSET {offset}"
        );
        let mut args = DB::Arguments::default();
        self.push_date(&mut args, now)?;
        let row = DB::fetch(&self.pool, sql.into(), args).await.map_err(|error| self.failure(error))?;
        let row = row.as_ref().map(DB::read).transpose().map_err(|error| self.failure(error))?;
        Ok(row.and_then(|row| row.expire_date).map(|at| self.local_time.to_instant::<DB>(at)))
    }

    async fn sizes(&self) -> Result<Vec<(u64, u64)>, StoreError> {
        let table = &self.sql.table;
        let (size, rows) = (text("size"), text("COUNT(*)"));
        let sizes = format!("SELECT OCTET_LENGTH(session_data) AS size FROM {table}");
        let sql = format!("SELECT {size}, {rows} FROM ({sizes}) AS sizes GROUP BY size");
        let rows = self.texts(sql, None).await?;
        let pair = |[size, rows]: &[Option<String>; 2]| Some((number(size.as_deref())?, number(rows.as_deref())?));
        let mut sizes: Vec<_> = rows.iter().filter_map(pair).collect();
        sizes.sort_unstable();
        Ok(sizes)
    }
}

/// A number as the text that every database can make of it.
fn text(number: &str) -> String {
    format!("CAST({number} AS CHAR(20))")
}

fn number(text: Option<&str>) -> Option<u64> {
    text?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(sizes: Vec<(u64, u64)>) -> TableStats {
        TableStats {
            live: 0,
            expired: 0,
            oldest_expired: None,
            first_to_expire: None,
            median_to_expire: None,
            last_to_expire: None,
            sizes,
        }
    }

    #[test]
    fn a_percentile_is_the_size_of_a_row() {
        let hundred = stats(vec![(10, 50), (20, 49), (900, 1)]);
        let percentiles = [0, 50, 51, 99, 100].map(|percent| hundred.size_percentile(percent));

        assert_eq!(percentiles, [Some(10), Some(10), Some(20), Some(20), Some(900)]);
        assert_eq!(stats(vec![(7, 1)]).size_percentile(1), Some(7));
        assert_eq!(stats(vec![]).size_percentile(50), None);
    }
}
