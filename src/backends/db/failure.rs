//! What a database error means, and what to do about it.

use std::{error::Error as StdError, fmt};

use super::driver::Driver;
use crate::{base_session::AbstractBaseSession, error::StoreError};

/// The error of a statement on the table of `M`.
pub(super) fn failure<DB: Driver, M: AbstractBaseSession<DB>>(error: sqlx::Error) -> StoreError {
    if DB::is_missing_table(&error) {
        return StoreError::Backend(Box::new(MissingTable { table: M::DB_TABLE, source: error }));
    }
    StoreError::Backend(error.into())
}

#[derive(Debug)]
struct MissingTable {
    table: &'static str,
    source: sqlx::Error,
}

impl fmt::Display for MissingTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "there is no table `{}`; call `store.migrate().await` at start-up, or run the SQL of `DbStore::schema_sql()`",
            self.table
        )
    }
}

impl StdError for MissingTable {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}

/// A database that cannot be opened, with its path.
#[derive(Debug)]
pub(super) struct Unopenable {
    pub(super) path: String,
    pub(super) source: sqlx::Error,
}

impl fmt::Display for Unopenable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot open the database `{}`; check that its directory exists and is writable, and that the URL looks \
             like `sqlite:sessions.db`",
            self.path
        )
    }
}

impl StdError for Unopenable {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}
