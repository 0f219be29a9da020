//! [`MySqlStore`]: opening a MySQL or MariaDB database.

use std::str::FromStr;

use sqlx::{
    MySql,
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
};

use super::{
    DbStore,
    connect::{ACQUIRE_TIMEOUT, unopenable},
};
use crate::{base_session::BaseSession, error::StoreError};

/// Sessions in a MySQL or MariaDB table.
///
/// It is tested against MariaDB 10.11; MySQL 8 is untested. MySQL 8's default authentication over a
/// connection without TLS needs the feature `mysql-rsa`.
///
/// ```no_run
/// # async fn open() -> Result<(), jam_session::StoreError> {
/// use jam_session::{MySqlStore, SessionLayer};
///
/// let store: MySqlStore = MySqlStore::connect("mysql://web:secret@localhost/shop").await?;
/// store.migrate().await?;
/// let layer = SessionLayer::new(store);
/// # Ok(()) }
/// ```
#[doc(alias = "MariaDB")]
pub type MySqlStore<M = BaseSession> = DbStore<MySql, M>;

impl DbStore<MySql, BaseSession> {
    /// Opens a database by its URL, `mysql://user:password@host:3306/database`, with a pool of at most ten
    /// connections of its own. [`new`](Self::new) takes the application's pool instead.
    ///
    /// Connections are not pinged before each use: one that died is noticed by the statement, and a read is
    /// tried once more. `ssl-mode=REQUIRED` needs a `tls-rustls-…` feature of this crate.
    ///
    /// # Errors
    ///
    /// When the URL is not one of MySQL, or the server cannot be reached.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let options = MySqlConnectOptions::from_str(url).map_err(|error| unopenable("MySQL", None, error))?;
        let place = format!("{}:{}/{}", options.get_host(), options.get_port(), options.get_database().unwrap_or(""));
        let pool = MySqlPoolOptions::new()
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await;
        Ok(Self::new(pool.map_err(|error| unopenable("MySQL", Some(&place), error))?))
    }
}
