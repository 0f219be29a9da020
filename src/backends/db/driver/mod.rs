//! All that differs between the databases: one file each.

use std::{future::Future, sync::Arc};

use sqlx::{Database, Pool};
use time::OffsetDateTime;

use crate::error::BoxError;

mod bodies;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

/// The base three columns of a row as they were read.
#[derive(Debug, Clone)]
#[expect(unnameable_types, reason = "only the store reads rows through a driver")]
pub struct BaseRow {
    pub(super) session_key: String,
    pub(super) session_data: Arc<str>,
    /// `None` where the column holds something that is no date.
    pub(super) expire_date: Option<OffsetDateTime>,
}

/// What a database does for [`DbStore`](super::DbStore). Sealed: the databases that sqlx knows are the ones there are.
pub trait Driver: Database + sealed::Sealed {
    /// The SQL of Django's table, from `migrations/`.
    const MIGRATION: &'static str;

    /// The SQL of the table of [`UserSession`](super::UserSession).
    const USER_SESSION_MIGRATION: &'static str;

    /// The types that `session_data` may have, the usual one first; empty where the database does not care.
    const DATA_TYPES: &'static [&'static str];

    /// The types that `expire_date` may have, the usual one first; empty where the database does not care.
    const DATE_TYPES: &'static [&'static str];

    /// Whether a date column holds an instant, and not what a clock somewhere shows.
    const KEEPS_INSTANTS: bool = false;

    /// Whether an UPDATE of many rows can say which of them it has written.
    const SAVES_TOGETHER: bool = true;

    /// Whether many values can be bound as one: a statement then has the same text for any number of rows.
    const ARRAYS: bool = false;

    /// Whether a statement is done so soon that hardly anybody comes while it is under way.
    const SWIFT: bool = false;

    /// Whether writers of one database exclude each other.
    const ONE_WRITER: bool = false;

    /// How many rows one statement of `clear_expired` removes: a short lock, and few round trips.
    const CLEAR_BATCH: usize = 500;

    /// What encloses a name in SQL.
    const QUOTE: char;

    /// The `n`th bind marker, counting from one.
    fn marker(n: usize) -> String;

    /// The `n`th bind marker, for a text that is compared byte for byte.
    #[must_use]
    fn exact_marker(n: usize) -> String {
        Self::marker(n)
    }

    /// A column that is compared byte for byte.
    #[must_use]
    fn exact(column: &str) -> String {
        column.to_owned()
    }

    /// A condition that holds where `session_key` is one of the first `count` bind markers, byte for byte.
    #[must_use]
    fn key_in(count: usize) -> String {
        let markers: Vec<_> = (1..=count).map(Self::exact_marker).collect();
        format!("session_key IN ({})", markers.join(", "))
    }

    /// The `n`th bind marker, for a date that sorts before everything that stands for the same instant.
    #[must_use]
    fn earliest_marker(n: usize) -> String {
        Self::marker(n)
    }

    /// The column as it is read back by [`read`](Self::read).
    #[must_use]
    fn date_column(column: &str) -> String {
        column.to_owned()
    }

    /// A condition that holds where the column is the very date bound as the `n`th marker.
    #[must_use]
    fn same_date(column: &str, n: usize) -> String {
        format!("{column} = {}", Self::marker(n))
    }

    /// Removes at most `limit` rows that expired before the date that it binds. Every row is checked again when
    /// it is removed: a session that is extended at that moment stays. With `alone`, and where the database can
    /// tell, it removes nothing while another such statement is at it.
    fn clear_batch(table: &str, limit: usize, alone: bool) -> String;

    /// Finds the keys of at most `limit` rows that expired before the date that it binds, for a database where
    /// [`clear_batch`](Self::clear_batch) binds `limit` keys in front of that date.
    #[must_use]
    fn expired_keys(table: &str, limit: usize) -> Option<String> {
        let _ = (table, limit);
        None
    }

    /// The columns of a table: name, type, and the collation where it does not tell all texts apart.
    fn columns_sql(table: &str) -> String;

    /// The columns that the indexes of a table begin with, and a second text for unique indexes.
    fn indexes_sql(table: &str) -> String;

    /// The statements that run `migration`, in such a way that many processes may run them at once.
    #[must_use]
    fn migration_statements(migration: &str) -> Vec<String>;

    /// Binds a text.
    ///
    /// # Errors
    ///
    /// What sqlx says when it does not encode.
    fn push_text(args: &mut Self::Arguments, text: &Arc<str>) -> Result<(), BoxError>;

    /// Binds a text, or null.
    ///
    /// # Errors
    ///
    /// What sqlx says when it does not encode.
    fn push_optional_text(args: &mut Self::Arguments, text: Option<&str>) -> Result<(), BoxError>;

    /// Binds a date the way the column keeps it.
    ///
    /// # Errors
    ///
    /// What sqlx says when it does not encode.
    fn push_date(args: &mut Self::Arguments, at: OffsetDateTime) -> Result<(), BoxError>;

    /// Binds texts as one value, where there are [`ARRAYS`](Self::ARRAYS).
    ///
    /// # Errors
    ///
    /// Where there are none, and what sqlx says when it does not encode.
    fn push_texts(args: &mut Self::Arguments, texts: &[&str]) -> Result<(), BoxError> {
        let _ = (args, texts);
        Err("this database has no arrays".into())
    }

    /// [`push_texts`](Self::push_texts) of dates.
    ///
    /// # Errors
    ///
    /// As there.
    fn push_dates(args: &mut Self::Arguments, dates: &[OffsetDateTime]) -> Result<(), BoxError> {
        let _ = (args, dates);
        Err("this database has no arrays".into())
    }

    /// What selects key, data and expiry of all rows as one row, where rows are dear.
    const GATHERED: Option<&'static str> = None;

    /// Reads the rows that were selected as [`GATHERED`](Self::GATHERED).
    ///
    /// # Errors
    ///
    /// When it is something else.
    fn read_gathered(row: &Self::Row) -> sqlx::Result<Vec<BaseRow>> {
        Self::read(row).map(|row| vec![row])
    }

    /// Runs a statement and says how many rows it hit.
    fn execute(
        pool: &Pool<Self>,
        sql: Arc<str>,
        args: Self::Arguments,
    ) -> impl Future<Output = sqlx::Result<u64>> + Send;

    /// [`execute`](Self::execute), over a connection that was waited for.
    fn execute_on(
        connection: &mut Self::Connection,
        sql: Arc<str>,
        args: Self::Arguments,
    ) -> impl Future<Output = sqlx::Result<u64>> + Send;

    /// [`fetch_all`](Self::fetch_all), over a connection that was waited for.
    fn fetch_all_on(
        connection: &mut Self::Connection,
        sql: Arc<str>,
        args: Self::Arguments,
    ) -> impl Future<Output = sqlx::Result<Vec<Self::Row>>> + Send;

    /// Runs a statement that is sent as it is, for what cannot be prepared.
    fn execute_raw(pool: &Pool<Self>, sql: String) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Fetches the row that a statement finds, if any.
    fn fetch(
        pool: &Pool<Self>,
        sql: Arc<str>,
        args: Self::Arguments,
    ) -> impl Future<Output = sqlx::Result<Option<Self::Row>>> + Send;

    /// Fetches all rows that a statement finds.
    fn fetch_all(
        pool: &Pool<Self>,
        sql: Arc<str>,
        args: Self::Arguments,
    ) -> impl Future<Output = sqlx::Result<Vec<Self::Row>>> + Send;

    /// Reads the first three columns: key, data, expiry.
    ///
    /// # Errors
    ///
    /// When they are of other types.
    fn read(row: &Self::Row) -> sqlx::Result<BaseRow>;

    /// Reads a date column, selected as [`date_column`](Self::date_column).
    ///
    /// # Errors
    ///
    /// When it is of another type.
    fn read_date(row: &Self::Row, column: usize) -> sqlx::Result<Option<OffsetDateTime>>;

    /// Reads a column that is a text, `None` where it is null.
    ///
    /// # Errors
    ///
    /// When it is of another type.
    fn read_text(row: &Self::Row, column: usize) -> sqlx::Result<Option<String>>;

    /// Reads columns that are texts, `None` where they are null.
    ///
    /// # Errors
    ///
    /// When one of them is of another type.
    fn read_texts<const N: usize>(row: &Self::Row) -> sqlx::Result<[Option<String>; N]> {
        let mut texts = [const { None }; N];
        for (column, text) in texts.iter_mut().enumerate() {
            *text = Self::read_text(row, column)?;
        }
        Ok(texts)
    }

    /// Whether the database would refuse the same statement again, until somebody changes something.
    fn refuses(error: &dyn sqlx::error::DatabaseError) -> bool;

    /// Whether the statement failed because the table is not there.
    fn is_missing_table(error: &sqlx::Error) -> bool;
}

pub(super) mod sealed {
    #[expect(unnameable_types, reason = "a sealed trait is one that cannot be named")]
    pub trait Sealed {}
}
