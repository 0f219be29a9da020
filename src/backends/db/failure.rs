//! What a database error means, and what to do about it.

use std::{borrow::Borrow, error::Error as StdError, fmt};

use super::driver::Driver;
use crate::error::{BoxError, StoreError};

/// What a pool says that gave no connection, neither a free one nor a new one.
const NO_CONNECTION: &str = "no connection to the database became free; is it reachable, and is the pool large enough?";

/// The error of a statement on `table`.
pub(super) fn failure<DB: Driver>(table: &str, error: impl Borrow<sqlx::Error> + Into<BoxError>) -> StoreError {
    let cause = error.borrow();
    if DB::is_missing_table(cause) {
        return StoreError::Refused(Box::new(MissingTable { table: table.to_owned(), source: error.into() }));
    }
    if let Some(refused) = Refused::of::<DB>(cause) {
        return StoreError::Refused(Box::new(refused));
    }
    if matches!(cause, sqlx::Error::PoolTimedOut) {
        return StoreError::Overloaded(NO_CONNECTION);
    }
    if is_connection_error(cause) {
        return StoreError::Lost(error.into());
    }
    if is_contention(cause) {
        return StoreError::Contended(error.into());
    }
    if is_refusal::<DB>(cause) {
        return StoreError::Refused(error.into());
    }
    StoreError::Backend(error.into())
}

/// Whether the same statement would fail again until somebody changes the table, a permission, the configuration or the
/// program.
fn is_refusal<DB: Driver>(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => DB::refuses(&**error),
        // The columns are of other types than this program takes them for.
        sqlx::Error::Encode(_)
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::TypeNotFound { .. }
        | sqlx::Error::Configuration(_) => true,
        _ => false,
    }
}

/// Whether other statements are to blame, and this one was undone.
fn is_contention(error: &sqlx::Error) -> bool {
    // PostgreSQL: serialization_failure, deadlock_detected; MySQL: the same and a deadlock, all as 40001.
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

/// Whether the connection is to blame, so that another one may well do.
pub(super) fn is_connection_error(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // admin_shutdown, crash_shutdown, cannot_connect_now
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P01" | "57P02" | "57P03")),
        _ => false,
    }
}

/// A value that the database refused. In their own words databases quote it (`Duplicate entry '…'`, `Failing row
/// contains (…)`), and it may be a key or a session: the code and the constraint have to do.
#[derive(Debug)]
struct Refused {
    code: String,
    constraint: Option<String>,
}

impl Refused {
    /// Data exceptions and violations of constraints: SQLSTATE 22... and 23..., and those of MySQL that have none of their
    /// own. SQLite quotes nothing.
    fn of<DB: Driver>(error: &sqlx::Error) -> Option<Self> {
        let error = error.as_database_error().filter(|error| DB::refuses(*error))?;
        let code = error.code().filter(|code| code.len() == 5 && matches!(code.get(..2), Some("22" | "23" | "HY")))?;
        Some(Self { code: code.into_owned(), constraint: error.constraint().map(str::to_owned) })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the database refused a value, with code {}", self.code)?;
        self.constraint.iter().try_for_each(|name| write!(f, " of the constraint `{name}`"))
    }
}

impl StdError for Refused {}

#[derive(Debug)]
struct MissingTable {
    table: String,
    source: BoxError,
}

impl fmt::Display for MissingTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "there is no table `{}`; call `store.migrate().await` at start-up, or run `jam-session migrate`",
            self.table
        )
    }
}

impl StdError for MissingTable {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}
