//! SQLite: dates are texts in a fixed width, in UTC.

use std::sync::Arc;

use sqlx::{Arguments, AssertSqlSafe, Database, Pool, Row as _, Sqlite, error::DatabaseError, sqlite::SqliteRow};
use time::OffsetDateTime;

use super::{
    BaseRow, Driver,
    bodies::{impl_driver, split},
    sealed,
};
use crate::{date_text, error::BoxError};

mod gathered;

impl_driver!(Sqlite {
    const MIGRATION: &'static str = include_str!("../../../../migrations/sqlite/0001_django_session.sql");
    const USER_SESSION_MIGRATION: &'static str = include_str!("../../../../migrations/sqlite/0002_user_session.sql");
    const DATA_TYPES: &'static [&'static str] = &[];
    const DATE_TYPES: &'static [&'static str] = &[];
    const SWIFT: bool = true;
    const ONE_WRITER: bool = true;
    // Each row comes from the database's thread on its own, and wakes the one that waits for it.
    const GATHERED: Option<&'static str> = Some(gathered::COLUMN);
    const QUOTE: char = '"';

    fn marker(n: usize) -> String {
        format!("?{n}")
    }

    fn exact_marker(n: usize) -> String {
        format!("?{n} COLLATE BINARY")
    }

    fn exact(column: &str) -> String {
        format!("{column} COLLATE BINARY")
    }

    // What stands on the left decides how the list is compared.
    fn key_in(count: usize) -> String {
        let markers: Vec<_> = (1..=count).map(Self::marker).collect();
        format!("session_key COLLATE BINARY IN ({})", markers.join(", "))
    }

    // Django leaves out a fraction of zero; texts are what SQLite compares.
    fn earliest_marker(n: usize) -> String {
        format!("rtrim(rtrim(?{n}, '0'), '.')")
    }

    fn same_date(column: &str, n: usize) -> String {
        format!("{column} IN (?{n}, substr(?{n}, 1, 19))")
    }

    fn clear_batch(table: &str, limit: usize, _alone: bool) -> String {
        let now = Self::earliest_marker(1);
        format!(
            "DELETE FROM {table} WHERE session_key IN \
             (SELECT session_key FROM {table} WHERE expire_date < {now} LIMIT {limit}) AND expire_date < {now}"
        )
    }

    // What a column is declared as does not restrict it, and no text is collated here: see `exact_marker`.
    fn columns_sql(table: &str) -> String {
        format!("SELECT name, lower(type), NULL FROM pragma_table_info('{table}')")
    }

    fn indexes_sql(table: &str) -> String {
        format!(
            "SELECT i.name, CASE l.\"unique\" WHEN 1 THEN 'unique' END \
             FROM pragma_index_list('{table}') l, pragma_index_info(l.name) i WHERE i.seqno = 0"
        )
    }

    fn migration_statements(migration: &str) -> Vec<String> {
        split(migration)
    }

    fn push_date(args: &mut <Self as Database>::Arguments, at: OffsetDateTime) -> Result<(), BoxError> {
        args.add(date_text::to_column(at))
    }

    fn read_gathered(row: &SqliteRow) -> sqlx::Result<Vec<BaseRow>> {
        let text: Option<&str> = row.try_get(0)?;
        gathered::rows(text.unwrap_or_default()).ok_or_else(|| sqlx::Error::Decode("not the rows that were asked for".into()))
    }

    fn refuses(error: &dyn DatabaseError) -> bool {
        let code: u32 = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
        // SQLITE_READONLY_RECOVERY, _ROLLBACK and _CANTINIT: another process has to finish something first.
        if [264, 776, 1288].contains(&code) {
            return false;
        }
        // SQLITE_ERROR (no such column, wrong SQL), PERM, READONLY, CORRUPT, TOOBIG, CONSTRAINT, MISMATCH, AUTH, RANGE,
        // NOTADB; the higher bits only say more about one of these.
        [1, 3, 8, 11, 18, 19, 20, 23, 25, 26].contains(&(code & 0xff))
    }

    fn is_missing_table(error: &sqlx::Error) -> bool {
        // SQLite has no code of its own for this.
        error.as_database_error().is_some_and(|error| error.message().starts_with("no such table"))
    }
});

fn read_date(row: &SqliteRow, column: usize) -> sqlx::Result<Option<OffsetDateTime>> {
    Ok(date_text::parse_column(row.try_get(column)?))
}
