//! The user's row is the application's own query.

use jam_session::{
    BoxError,
    sqlx::{self, Pool, Sqlite},
};

/// Django's table of users.
#[derive(Clone)]
pub(crate) enum Users {
    Sqlite(Pool<Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(Pool<sqlx::Postgres>),
}

/// What the pages and the login need of one.
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
}

const FIND: &str = "SELECT username, password FROM auth_user WHERE id = $1 AND is_active";

impl Users {
    /// The active user of this id.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<User>, BoxError> {
        let Ok(id) = id.parse::<i32>() else { return Ok(None) };
        let row: Option<(String, String)> = match self {
            Self::Sqlite(pool) => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await?,
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await?,
        };
        Ok(row.map(|(name, password)| User { name, password }))
    }
}
