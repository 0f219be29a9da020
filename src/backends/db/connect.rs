//! How long opening a database takes at most, and what an error of it says.

use std::{error::Error as StdError, fmt};

use crate::error::StoreError;

/// How long a pool that we open waits for a connection: longer than any deadline of a request, and short enough
/// that a program whose database is down says so at once.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(super) const ACQUIRE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

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
