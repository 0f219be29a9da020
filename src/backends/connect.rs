//! Choosing the store by its URL.

use super::ErasedStore;
use crate::error::StoreError;

/// Opens the store that a URL names: a database (`sqlite:`, `postgres:`, `mysql:`) with Django's table; the directory
/// of a [`FileStore`](crate::FileStore) (`file:/var/lib/sessions`); or Redis (`redis:`, `rediss:`), where sessions live
/// in the cache alone.
///
/// The table has to be there: [`DbStore::migrate`](crate::DbStore::migrate) makes it, or Django does. Redis is not asked
/// yet: a [`RedisCache`](crate::RedisCache) connects with the first request.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jam_session::StoreError> {
/// use jam_session::SessionLayer;
///
/// let store = jam_session::connect("sqlite::memory:").await?;
/// let layer = SessionLayer::new(store);
/// # Ok(()) }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
///
/// # Errors
///
/// When the scheme is none of these, or its feature is not switched on; and as the `connect` of the store.
pub async fn connect(url: &str) -> Result<ErasedStore, StoreError> {
    match url.split(':').next().unwrap_or_default() {
        #[cfg(feature = "sqlite")]
        "sqlite" => super::SqliteStore::connect(url).await.map(ErasedStore::new),
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => super::PostgresStore::connect(url).await.map(ErasedStore::new),
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => super::MySqlStore::connect(url).await.map(ErasedStore::new),
        #[cfg(feature = "redis")]
        "redis" | "rediss" | "redis+unix" | "unix" => match crate::cache::RedisCache::connect(url) {
            Ok(cache) => Ok(ErasedStore::new(super::CacheStore::new(cache))),
            Err(error) => Err(StoreError::Backend(error.into())),
        },
        "file" => super::open_url(url).map(ErasedStore::new),
        scheme => Err(StoreError::Backend(unknown(scheme).into())),
    }
}

fn unknown(scheme: &str) -> String {
    let feature = match scheme {
        "sqlite" => "sqlite",
        "postgres" | "postgresql" => "postgres",
        "mysql" | "mariadb" => "mysql",
        "redis" | "rediss" | "redis+unix" | "unix" => "redis",
        // Not the scheme itself: what is no URL may be a password.
        _ => {
            return "the database URL begins with none of `sqlite:`, `postgres:`, `mysql:`, `file:` and `redis:`"
                .to_owned();
        }
    };
    format!("switch on the feature `{feature}` of jam-session for this URL")
}
