//! PostgreSQL: dates are instants, whatever the connection's time zone.

use std::sync::Arc;

use sqlx::{
    Arguments, AssertSqlSafe, Database, Decode, Encode, Pool, Postgres, Row as _, Type,
    encode::IsNull,
    error::{BoxDynError, DatabaseError},
    postgres::{PgArgumentBuffer, PgHasArrayType, PgRow, PgTypeInfo, PgValueRef, types::Oid},
};
use time::{Duration, OffsetDateTime};

use super::{BaseRow, Driver, bodies::impl_driver, sealed};
use crate::error::BoxError;

/// Ours alone: migrations of this crate wait for each other on it.
const MIGRATION_LOCK: i64 = 0x6a61_6d2d_7365_7373;

/// With the table's number: who clears that table.
const CLEAR_LOCK: i32 = 0x6a61_6d2d;

impl_driver!(Postgres {
    const MIGRATION: &'static str = include_str!("../../../../migrations/postgres/0001_django_session.sql");
    const USER_SESSION_MIGRATION: &'static str = include_str!("../../../../migrations/postgres/0002_user_session.sql");
    const DATA_TYPES: &'static [&'static str] = &["text", "character varying"];
    const DATE_TYPES: &'static [&'static str] = &["timestamp with time zone", "timestamp(6) with time zone"];
    const KEEPS_INSTANTS: bool = true;
    const ARRAYS: bool = true;
    // Its writers feel a statement of 500: one in a hundred waits three times as long as beside none.
    const CLEAR_BATCH: usize = 100;
    const QUOTE: char = '"';

    fn marker(n: usize) -> String {
        format!("${n}")
    }

    // A sub-select of its own, so that the lock is asked for once and not per row. It ends with the statement.
    fn clear_batch(table: &str, limit: usize, alone: bool) -> String {
        let lock = format!("(SELECT pg_try_advisory_xact_lock({CLEAR_LOCK}, to_regclass('{table}')::oid::int4)) AND ");
        let lock = if alone { lock.as_str() } else { "" };
        format!(
            "DELETE FROM {table} WHERE session_key = ANY(ARRAY(SELECT session_key FROM {table} \
             WHERE {lock}expire_date < $1 ORDER BY expire_date LIMIT {limit} FOR UPDATE SKIP LOCKED)) \
             AND expire_date < $1"
        )
    }

    fn columns_sql(table: &str) -> String {
        format!(
            "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), \
             CASE WHEN NOT c.collisdeterministic THEN c.collname::text END \
             FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = a.attcollation \
             WHERE a.attrelid = to_regclass('{table}') AND a.attnum > 0 AND NOT a.attisdropped"
        )
    }

    fn indexes_sql(table: &str) -> String {
        format!(
            "SELECT a.attname::text, CASE WHEN i.indisunique THEN 'unique' END \
             FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] \
             WHERE i.indrelid = to_regclass('{table}')"
        )
    }

    // One statement, and so one transaction that needs no `BEGIN`: two CREATE TABLE IF NOT EXISTS at
    // once collide otherwise.
    fn migration_statements(migration: &str) -> Vec<String> {
        let lock = format!("PERFORM pg_advisory_xact_lock({MIGRATION_LOCK});");
        vec![format!("DO $migration$ BEGIN {lock}\n{migration}\nEND $migration$")]
    }

    fn push_date(args: &mut <Self as Database>::Arguments, at: OffsetDateTime) -> Result<(), BoxError> {
        args.add(Timestamp(at))
    }

    fn push_texts(args: &mut <Self as Database>::Arguments, texts: &[&str]) -> Result<(), BoxError> {
        args.add(texts)
    }

    fn push_dates(args: &mut <Self as Database>::Arguments, dates: &[OffsetDateTime]) -> Result<(), BoxError> {
        args.add(dates.iter().copied().map(Timestamp).collect::<Vec<_>>())
    }

    fn refuses(error: &dyn DatabaseError) -> bool {
        match error.code().as_deref() {
            // duplicate_prepared_statement: a pooler gave this client a connection that another had used.
            None | Some("42P05") => false,
            // invalid_catalog_name, invalid_schema_name
            Some("3D000" | "3F000") => true,
            // Data exceptions, violated constraints, a wrong user or password, wrong or forbidden SQL, exceeded limits
            // of the program such as the size of an index row.
            Some(code) => ["22", "23", "28", "42", "54"].iter().any(|class| code.starts_with(class)),
        }
    }

    fn is_missing_table(error: &sqlx::Error) -> bool {
        let code = error.as_database_error().and_then(|error| error.code());
        // undefined_table, invalid_schema_name
        matches!(code.as_deref(), Some("42P01" | "3F000"))
    }
});

fn read_date(row: &PgRow, column: usize) -> sqlx::Result<Option<OffsetDateTime>> {
    row.try_get(column).map(|Timestamp(at)| Some(at))
}

/// A `timestamp with time zone`. A type of our own, because the one that sqlx offers is a feature that
/// changes how `query!` reads dates in the whole application.
struct Timestamp(OffsetDateTime);

/// From where Unix counts to 2000-01-01, from where PostgreSQL counts.
const EPOCH: Duration = Duration::seconds(946_684_800);

/// `timestamptz` in PostgreSQL's catalogue.
const OID: Oid = Oid(1184);
/// `timestamptz[]` there.
const ARRAY_OID: Oid = Oid(1185);

impl Type<Postgres> for Timestamp {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(OID)
    }
}

impl PgHasArrayType for Timestamp {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(ARRAY_OID)
    }
}

impl Encode<'_, Postgres> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let micros = i64::try_from((self.0 - OffsetDateTime::UNIX_EPOCH - EPOCH).whole_microseconds())?;
        buffer.extend_from_slice(&micros.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Timestamp {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = i64::from_be_bytes(value.as_bytes()?.try_into()?);
        // `infinity` is beyond what a date can be, and means what the largest one means.
        Ok(Self(OffsetDateTime::UNIX_EPOCH.saturating_add(EPOCH + Duration::microseconds(micros))))
    }
}
