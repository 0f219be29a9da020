//! Ending the sessions of one person, in the cache as well as in the table.

use std::collections::HashSet;

use time::OffsetDateTime;

use super::CachedDbStore;
use crate::{
    backends::{
        SessionStore,
        db::{DbStore, Driver, PASSES, SessionHandle, UserIdKey, UserSession, Which},
    },
    cache::Cache,
    error::StoreError,
    events,
    session_key::SessionKey,
};

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
        Ok(self.end(user_id, Which::Only(handle.clone()), now).await? > 0)
    }

    /// Ends all live sessions of this user and says how many there were.
    ///
    /// # Errors
    ///
    /// When the database fails; some may have ended then.
    pub async fn revoke_all(&self, user_id: &str, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.end(user_id, Which::All, now).await
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
        self.end(user_id, Which::Others(current.names(), None), now).await
    }

    /// Ends the sessions of this user that began first until at most `most` are left, and says how many it ended. Call it
    /// after a login was saved.
    ///
    /// # Errors
    ///
    /// When the database fails; some may have ended then.
    pub async fn limit(&self, user_id: &str, most: usize, now: OffsetDateTime) -> Result<usize, StoreError> {
        let too_many = self.store.user(user_id).too_many(most, now).await?;
        for handle in &too_many {
            self.end(user_id, Which::Only(handle.clone()), now).await?;
        }
        Ok(too_many.len())
    }

    /// Ends sessions until there is none of them, and returns how many there were. A session whose key is renewed
    /// meanwhile is found once more, because what is left under the old key belongs to the user, too.
    async fn end(&self, user_id: &str, mut which: Which, now: OffsetDateTime) -> Result<u64, StoreError> {
        let mut ended = HashSet::new();
        for _ in 0..PASSES {
            let rows = self.store.user(user_id).rows(Some(now)).await?;
            which.learn(&rows);
            let doomed: Vec<_> = rows.iter().filter(|row| which.is(row)).collect();
            if doomed.is_empty() {
                events::revoked(ended.len() as u64);
                return Ok(ended.len() as u64);
            }
            for row in doomed {
                match self.delete(row.session_key()).await {
                    Ok(()) | Err(StoreError::Contended(_) | StoreError::Lost(_)) => {}
                    Err(error) => return Err(error),
                }
                ended.extend(row.handle().filter(|_| !row.is_pointer).map(str::to_owned));
            }
        }
        Err(StoreError::Contended("the user's sessions begin faster than they can be ended".into()))
    }
}
