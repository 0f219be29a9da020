//! [`SqliteStore`]: opening an SQLite database.

use std::{str::FromStr, time::Duration};

use sqlx::{
    Sqlite, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};

use super::{DbStore, connect::unopenable};
use crate::{base_session::BaseSession, error::StoreError};

/// Sessions in an SQLite table.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jam_session::StoreError> {
/// use jam_session::{SessionLayer, SqliteStore};
///
/// let store = SqliteStore::connect("sqlite::memory:").await?;
/// store.migrate().await?;
/// let layer = SessionLayer::new(store);
/// # Ok(()) }
/// ```
pub type SqliteStore<M = BaseSession> = DbStore<Sqlite, M>;

/// How long a statement waits for another writer: less than the deadline of a save.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

impl DbStore<Sqlite, BaseSession> {
    /// Opens a database by its URL: `sqlite:sessions.db`, `sqlite:///var/lib/app/sessions.db`,
    /// `sqlite::memory:`.
    ///
    /// A file that is missing is created, unless the URL has a `mode` (`?mode=rw`, `?mode=ro`). Files get
    /// write-ahead logging, so that readers do not wait for writers, and writers wait for each other for
    /// at most 2 seconds. A memory database lives as long as the store.
    ///
    /// # Errors
    ///
    /// When the URL is not one of SQLite, or the file cannot be opened; the message names the path.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        // sqlx takes any other text for a path, also the URL of another database with its password.
        if !url.starts_with("sqlite:") {
            let error = sqlx::Error::Configuration("it does not begin with `sqlite:`".into());
            return Err(unopenable("SQLite", None, error));
        }
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|error| unopenable("SQLite", None, error))?
            .busy_timeout(BUSY_TIMEOUT);
        let path = options.get_filename().display().to_string();
        let pool = match in_memory(url) {
            true => memory_pool(options).await,
            false => file_pool(options, url).await,
        };
        Ok(Self::new(pool.map_err(|error| unopenable("SQLite", Some(&path), error))?))
    }
}

fn in_memory(url: &str) -> bool {
    url.contains(":memory:") || url.contains("mode=memory")
}

/// One connection that never closes: the last one to close would take the data along.
async fn memory_pool(options: SqliteConnectOptions) -> sqlx::Result<SqlitePool> {
    // A request that is dropped while its connection is pinged would close it.
    let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
    pool.idle_timeout(None).max_lifetime(None).connect_with(options).await
}

async fn file_pool(options: SqliteConnectOptions, url: &str) -> sqlx::Result<SqlitePool> {
    let options = options.create_if_missing(!url.contains("mode=") || url.contains("mode=rwc"));
    // A file that may not be written to keeps the journal it has.
    let options = match url.contains("mode=ro") || url.contains("immutable=") {
        true => options,
        false => options.journal_mode(SqliteJournalMode::Wal),
    };
    SqlitePoolOptions::new().test_before_acquire(false).connect_with(options).await
}
