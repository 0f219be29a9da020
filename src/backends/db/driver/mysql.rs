//! MySQL and MariaDB: texts are compared as bytes, dates are texts in UTC whatever the server's time zone.

use std::sync::Arc;

use sqlx::{
    Arguments, AssertSqlSafe, Database, MySql, Pool, Row as _,
    error::DatabaseError,
    mysql::{MySqlDatabaseError, MySqlRow},
};
use time::OffsetDateTime;

use super::{
    BaseRow, Driver,
    bodies::{impl_driver, split},
    sealed,
};
use crate::{date_text, error::BoxError};

impl_driver!(MySql {
    const MIGRATION: &'static str = include_str!("../../../../migrations/mysql/0001_django_session.sql");
    const USER_SESSION_MIGRATION: &'static str = include_str!("../../../../migrations/mysql/0002_user_session.sql");
    const DATA_TYPES: &'static [&'static str] = &["longtext", "mediumtext"];
    const DATE_TYPES: &'static [&'static str] = &["datetime(6)"];
    // There is no UPDATE … RETURNING.
    const SAVES_TOGETHER: bool = false;
    const QUOTE: char = '`';

    fn marker(_: usize) -> String {
        "?".to_owned()
    }

    // The usual collations take `A` for `a` and ignore trailing spaces. Cast the parameter, never the column:
    // no index can find a cast column.
    fn exact_marker(_: usize) -> String {
        "CAST(? AS BINARY)".to_owned()
    }

    // DATETIME has no time zone; read as text, it needs no date type of sqlx.
    fn date_column(column: &str) -> String {
        format!("DATE_FORMAT({column}, '%Y-%m-%d %H:%i:%s.%f')")
    }

    // A DELETE that finds its rows by `expire_date` locks that index first and the row after it; an UPDATE that
    // extends a session does it the other way round, and InnoDB ends such a deadlock by failing the request. So a
    // SELECT that locks nothing finds the keys, and the sum keeps the optimizer away from that index.
    fn clear_batch(table: &str, limit: usize, _alone: bool) -> String {
        let keys = vec!["?"; limit].join(", ");
        format!("DELETE FROM {table} WHERE session_key IN ({keys}) AND expire_date + INTERVAL 0 SECOND < ?")
    }

    fn expired_keys(table: &str, limit: usize) -> Option<String> {
        Some(format!("SELECT session_key FROM {table} WHERE expire_date < ? ORDER BY expire_date LIMIT {limit}"))
    }

    // A character set whose letters are not single bytes never equals the parameter's bytes.
    fn columns_sql(table: &str) -> String {
        format!(
            "SELECT CAST(column_name AS CHAR), CAST(column_type AS CHAR), \
             CASE WHEN character_set_name IN ('ucs2', 'utf16', 'utf16le', 'utf32') THEN CAST(collation_name AS CHAR) END \
             FROM information_schema.columns WHERE {}",
            is_table(table)
        )
    }

    fn indexes_sql(table: &str) -> String {
        format!(
            "SELECT CAST(column_name AS CHAR), CASE non_unique WHEN 0 THEN 'unique' END \
             FROM information_schema.statistics WHERE seq_in_index = 1 AND {}",
            is_table(table)
        )
    }

    fn migration_statements(migration: &str) -> Vec<String> {
        split(migration)
    }

    fn push_date(args: &mut <Self as Database>::Arguments, at: OffsetDateTime) -> Result<(), BoxError> {
        args.add(date_text::to_column(at))
    }

    fn refuses(error: &dyn DatabaseError) -> bool {
        let number = error.try_downcast_ref::<MySqlDatabaseError>().map_or(0, MySqlDatabaseError::number);
        match (number, error.code().as_deref()) {
            // Too many connections of this user, or too many statements in an hour, although they are of class 42.
            (1203 | 1226, _) => false,
            // A row that is larger than `max_allowed_packet`, a value that is not one of its column, a column without a
            // default, a violated CHECK: all without an SQLSTATE of their own.
            (1153 | 1364 | 1366 | 3819 | 4025, _) => true,
            (_, Some(code)) => ["22", "23", "28", "42"].iter().any(|class| code.starts_with(class)),
            (_, None) => false,
        }
    }

    fn is_missing_table(error: &sqlx::Error) -> bool {
        // ER_NO_SUCH_TABLE
        error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("42S02"))
    }
});

fn is_table(table: &str) -> String {
    match table.split_once('.') {
        Some((schema, table)) => format!("table_schema = '{schema}' AND table_name = '{table}'"),
        None => format!("table_schema = DATABASE() AND table_name = '{table}'"),
    }
}

fn read_date(row: &MySqlRow, column: usize) -> sqlx::Result<Option<OffsetDateTime>> {
    Ok(row.try_get::<Option<String>, _>(column)?.as_deref().and_then(date_text::parse_column))
}
