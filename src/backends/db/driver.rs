//! All that differs between the databases.

use std::{future::Future, sync::Arc};

use sqlx::{Arguments, AssertSqlSafe, Database, Pool, Row};
use time::OffsetDateTime;

use crate::{date_text, error::BoxError};

/// A session row as text: key, data, expiry.
pub(super) type RowText = (String, String, String);

/// What a database does for [`DbStore`](super::DbStore). Sealed: the databases that sqlx knows are the ones there are.
pub trait Driver: Database + sealed::Sealed {
    /// The statements of `migrations/`, one after another; the table is Django's.
    const MIGRATION: &'static str;

    /// The `n`th bind marker, counting from one.
    fn marker(n: usize) -> String;

    /// A condition that holds where the column is the very date bound as the `n`th marker.
    #[must_use]
    fn same_date(column: &str, n: usize) -> String {
        format!("{column} = {}", Self::marker(n))
    }

    /// Removes at most `limit` rows that expired before the date bound first.
    fn clear_batch(table: &str, limit: usize) -> String;

    /// Binds a text.
    ///
    /// # Errors
    ///
    /// What sqlx says when it does not encode.
    fn push_text(args: &mut Self::Arguments, text: &Arc<str>) -> Result<(), BoxError>;

    /// Binds a date the way the column keeps it.
    ///
    /// # Errors
    ///
    /// What sqlx says when it does not encode.
    fn push_date(args: &mut Self::Arguments, at: OffsetDateTime) -> Result<(), BoxError> {
        Self::push_text(args, &date_text::to_column(at).into())
    }

    /// Runs a statement and says how many rows it hit.
    fn execute(
        pool: &Pool<Self>,
        sql: Arc<str>,
        args: Self::Arguments,
    ) -> impl Future<Output = sqlx::Result<u64>> + Send;

    /// Fetches the row that a statement finds, if any.
    fn fetch_row(
        pool: &Pool<Self>,
        sql: Arc<str>,
        args: Self::Arguments,
    ) -> impl Future<Output = sqlx::Result<Option<RowText>>> + Send;

    /// Whether a statement finds a row.
    fn finds(
        pool: &Pool<Self>,
        sql: Arc<str>,
        args: Self::Arguments,
    ) -> impl Future<Output = sqlx::Result<bool>> + Send;

    /// Whether the statement failed because the table is not there.
    fn is_missing_table(error: &sqlx::Error) -> bool;
}

mod sealed {
    #[expect(unnameable_types, reason = "a sealed trait is one that cannot be named")]
    pub trait Sealed {}
}

/// Writes what generic code cannot: these bodies need bounds that hold only for a named driver.
macro_rules! impl_driver {
    ($db:ty { $($dialect:item)* }) => {
        impl sealed::Sealed for $db {}
        impl Driver for $db {
            $($dialect)*
            fn push_text(args: &mut Self::Arguments, text: &Arc<str>) -> Result<(), BoxError> {
                args.add(Arc::clone(text))
            }
            async fn execute(pool: &Pool<Self>, sql: Arc<str>, args: Self::Arguments) -> sqlx::Result<u64> {
                Ok(sqlx::query_with(AssertSqlSafe(sql), args).execute(pool).await?.rows_affected())
            }
            async fn fetch_row(pool: &Pool<Self>, sql: Arc<str>, args: Self::Arguments) -> sqlx::Result<Option<RowText>> {
                let row = sqlx::query_with(AssertSqlSafe(sql), args).fetch_optional(pool).await?;
                row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).transpose()
            }
            async fn finds(pool: &Pool<Self>, sql: Arc<str>, args: Self::Arguments) -> sqlx::Result<bool> {
                Ok(sqlx::query_with(AssertSqlSafe(sql), args).fetch_optional(pool).await?.is_some())
            }
        }
    };
}

#[cfg(feature = "sqlite")]
impl_driver!(sqlx::Sqlite {
    const MIGRATION: &'static str = include_str!("../../../migrations/sqlite/0001_django_session.sql");

    fn marker(n: usize) -> String {
        format!("?{n}")
    }

    // Django leaves out a fraction of zero; texts are what SQLite compares.
    fn same_date(column: &str, n: usize) -> String {
        format!("{column} IN (?{n}, substr(?{n}, 1, 19))")
    }

    fn clear_batch(table: &str, limit: usize) -> String {
        format!(
            "DELETE FROM {table} WHERE session_key IN \
             (SELECT session_key FROM {table} WHERE expire_date < ?1 LIMIT {limit}) AND expire_date < ?1"
        )
    }

    fn is_missing_table(error: &sqlx::Error) -> bool {
        // SQLite has no code of its own for this.
        error.as_database_error().is_some_and(|error| error.message().starts_with("no such table"))
    }
});
