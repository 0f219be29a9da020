//! [`PostgresStore`]: opening a PostgreSQL database.

use std::str::FromStr;

use sqlx::{
    Postgres,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    DbStore,
    connect::{ACQUIRE_TIMEOUT, unopenable},
};
use crate::{base_session::BaseSession, error::StoreError};

/// Sessions in a PostgreSQL table.
///
/// ```no_run
/// # async fn open() -> Result<(), jam_session::StoreError> {
/// use jam_session::{PostgresStore, SessionLayer};
///
/// let store: PostgresStore = PostgresStore::connect("postgres://web:secret@localhost/shop").await?;
/// store.migrate().await?;
/// let layer = SessionLayer::new(store);
/// # Ok(()) }
/// ```
pub type PostgresStore<M = BaseSession> = DbStore<Postgres, M>;

impl DbStore<Postgres, BaseSession> {
    /// Opens a database by its URL, `postgres://user:password@host:5432/database`, with a pool of at most
    /// ten connections of its own. [`new`](Self::new) takes the application's pool instead.
    ///
    /// Connections are not pinged before each use: one that died is noticed by the statement, and a read is
    /// tried once more. `sslmode=require` needs a `tls-rustls-…` feature of this crate.
    ///
    /// # Errors
    ///
    /// When the URL is not one of PostgreSQL, or the server cannot be reached.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url).map_err(|error| unopenable("PostgreSQL", None, error))?;
        let place = format!("{}:{}/{}", options.get_host(), options.get_port(), options.get_database().unwrap_or(""));
        let pool = PgPoolOptions::new()
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await;
        Ok(Self::new(pool.map_err(|error| unopenable("PostgreSQL", Some(&place), error))?))
    }
}
