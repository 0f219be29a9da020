//! Ending the sessions of one person, in the cache as well as in the table.

use time::OffsetDateTime;

use super::CachedDbStore;
use crate::{
    backends::{
        SessionStore,
        db::{DbStore, Driver, SessionHandle, UserIdKey, UserSession},
    },
    cache::Cache,
    error::StoreError,
    events,
    session_key::SessionKey,
};

/// Somebody who logs in again and again meanwhile is not waited for.
const ROUNDS: usize = 8;

/// What [`UserSessions`](crate::UserSessions) does to the table alone: it knows no keys, and so the cache would go on
/// for as long as its time to live. Each session costs one `DELETE`.
///
/// ```
/// # #[cfg(all(feature = "sqlite", feature = "locmem"))]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use jam_session::{CachedDbStore, LocMemCache, SqliteStore, UserSession};
/// use time::OffsetDateTime;
///
/// let pool = SqliteStore::connect("sqlite::memory:").await?.pool().clone();
/// let table: SqliteStore<UserSession> = SqliteStore::new(pool);
/// table.migrate().await?;
/// let store = CachedDbStore::new(table, LocMemCache::new());
///
/// // After a password change, of a request without a session of its own:
/// let ended = store.revoke_all("42", OffsetDateTime::now_utc()).await?;
/// assert_eq!(ended, 0);
/// # Ok(()) }
/// # #[cfg(not(all(feature = "sqlite", feature = "locmem")))]
/// # fn main() {}
/// ```
impl<DB: Driver, K: UserIdKey, C: Cache> CachedDbStore<DbStore<DB, UserSession<K>>, C> {
    /// Ends the session of this handle, if it is a live one of this user's, and says whether it was.
    ///
    /// # Errors
    ///
    /// When the database fails; the session may still live then.
    pub async fn revoke(&self, user_id: &str, handle: &SessionHandle, now: OffsetDateTime) -> Result<bool, StoreError> {
        let keys = self.store.user(user_id).keys(now).await?;
        let Some((_, session_key)) = keys.into_iter().find(|(of, _)| of == handle) else { return Ok(false) };
        self.delete(&session_key).await?;
        events::revoked(1);
        Ok(true)
    }

    /// Ends all live sessions of this user and says how many there were.
    ///
    /// # Errors
    ///
    /// When the database fails; some may have ended then.
    pub async fn revoke_all(&self, user_id: &str, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.revoke_but(user_id, None, now).await
    }

    /// Ends all live sessions of this user but the one of `current`, and says how many there were: after a password
    /// change.
    ///
    /// # Errors
    ///
    /// When the database fails; some may have ended then.
    pub async fn revoke_others(
        &self,
        user_id: &str,
        current: &SessionKey,
        now: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        self.revoke_but(user_id, Some(current), now).await
    }

    async fn revoke_but(
        &self,
        user_id: &str,
        current: Option<&SessionKey>,
        now: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let (mut ended, current) = (0, current.map(SessionKey::names));
        for _ in 0..ROUNDS {
            let keys = self.store.user(user_id).keys(now).await?.into_iter().map(|(_, session_key)| session_key);
            let is_current =
                |session_key: &SessionKey| current.as_ref().is_some_and(|names| names.contains(session_key));
            let keys: Vec<_> = keys.filter(|session_key| !is_current(session_key)).collect();
            if keys.is_empty() {
                break;
            }
            for session_key in &keys {
                self.delete(session_key).await?;
                ended += 1;
            }
        }
        events::revoked(ended);
        Ok(ended)
    }
}
