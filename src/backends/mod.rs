//! Where sessions are kept: the [`SessionStore`] trait and the stores that implement it.
//!
//! | store | Django's engine | keeps sessions in |
//! |---|---|---|
//! | [`MemoryStore`] | — | this process; for tests and small tools |
//! | [`FileStore`] | `file` | a file for each session |
//! | `SignedCookieStore` (feature `signing`) | `signed_cookies` | the cookie itself |
//! | `SqliteStore` (feature `sqlite`) | `db` | the session table of an SQLite database |
//! | `PostgresStore` (feature `postgres`) | `db` | the session table of a PostgreSQL database |
//! | `MySqlStore` (feature `mysql`) | `db` | the session table of a MySQL or MariaDB database |
//! | [`CachedDbStore`] | `cached_db` | such a table, or any store, with a [`Cache`](crate::Cache) before it |
//! | [`CacheStore`] | `cache` | a [`Cache`](crate::Cache) alone |
//! | [`DjangoCache`] | `cached_db` | any of these, beside a Django that caches the table |

mod base;
pub use base::{Draft, Record, Saved, SessionStore};
mod cache;
pub use cache::CacheStore;
mod cached_db;
pub use cached_db::CachedDbStore;
#[cfg(feature = "postgres")]
pub use cached_db::Listener;
mod connect;
pub(crate) mod deadline;
pub use connect::connect;
mod django_cache;
pub use django_cache::DjangoCache;
mod erased;
pub use erased::ErasedStore;
mod file;
pub use file::FileStore;
pub(crate) use file::open_url;
mod hashed_keys;
pub(crate) use hashed_keys::HashedKeys;
mod local_time;
use local_time::LocalTime;
mod memory;
pub use memory::MemoryStore;
#[cfg(feature = "signing")]
mod signed_cookies;
#[cfg(feature = "signing")]
pub use signed_cookies::SignedCookieStore;

#[cfg(feature = "metrics")]
mod timed;
#[cfg(not(feature = "metrics"))]
#[path = "untimed.rs"]
mod timed;
use timed::Timed;

#[cfg(feature = "_sql")]
mod db;
#[cfg(feature = "mysql")]
pub use db::MySqlStore;
#[cfg(feature = "postgres")]
pub use db::PostgresStore;
#[cfg(feature = "sqlite")]
pub use db::SqliteStore;
#[cfg(feature = "_sql")]
pub use db::{
    AuthUserId, BaseSessionManager, DbStore, Driver, SchemaProblem, SessionEvent, SessionHandle, TableStats, UserIdKey,
    UserSession, UserSessionInfo, UserSessions,
};
