//! Choosing the database by its URL, and what an error of opening one says.

use std::{error::Error as StdError, fmt};

use crate::{backends::ErasedStore, error::StoreError};

/// How long a pool that we open waits for a connection: longer than any deadline of a request, and short enough
/// that a program whose database is down says so at once.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(super) const ACQUIRE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// Opens the database that a URL names (`sqlite:`, `postgres:`, `mysql:`), with Django's table; or the directory of a
/// [`FileStore`](crate::FileStore) (`file:/var/lib/sessions`).
///
/// The table has to be there: [`DbStore::migrate`](crate::DbStore::migrate) makes it, or Django does.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jam_session::StoreError> {
/// use jam_session::SessionLayer;
///
/// let store = jam_session::connect("sqlite::memory:").await?;
/// let layer = SessionLayer::new(store);
/// # Ok(()) }
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
        "file" => crate::backends::open_url(url).map(ErasedStore::new),
        scheme => Err(StoreError::Backend(unknown(scheme).into())),
    }
}

fn unknown(scheme: &str) -> String {
    match scheme {
        "sqlite" | "postgres" | "mysql" => format!("switch on the feature `{scheme}` of jam-session for this URL"),
        "postgresql" => "switch on the feature `postgres` of jam-session for this URL".to_owned(),
        "mariadb" => "switch on the feature `mysql` of jam-session for this URL".to_owned(),
        // Not the scheme itself: what is no URL may be a password.
        _ => "the database URL begins with none of `sqlite:`, `postgres:`, `mysql:` and `file:`".to_owned(),
    }
}

/// A database that cannot be opened.
#[derive(Debug)]
struct Unopenable {
    what: &'static str,
    place: Option<String>,
    source: sqlx::Error,
}

/// `place` is where it should be, without a password.
pub(super) fn unopenable(what: &'static str, place: Option<&str>, source: sqlx::Error) -> StoreError {
    StoreError::Backend(Box::new(Unopenable { what, place: place.map(str::to_owned), source }))
}

impl fmt::Display for Unopenable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what;
        match &self.place {
            Some(place) => write!(f, "cannot open the {what} database `{place}`; {}", self.cure()),
            None => write!(f, "the database URL is not one of {what}"),
        }
    }
}

impl Unopenable {
    fn cure(&self) -> &'static str {
        match (&self.source, self.what) {
            (sqlx::Error::Tls(_), _) => {
                "for TLS, switch on the feature `tls-rustls-ring-webpki` or `tls-rustls-ring-native-roots` of jam-session"
            }
            (_, "SQLite") => {
                "check that its directory exists and is writable, and that the URL is like `sqlite:sessions.db`"
            }
            _ => "check that the server runs there and that user and password are right",
        }
    }
}

impl StdError for Unopenable {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}
