//! [`UserSessions`]: the sessions of one person, to be listed and ended.

use std::{fmt, sync::Arc};

use time::OffsetDateTime;

use super::{DbStore, Driver, SessionEvent, UserIdKey, UserSession, statements::select};
use crate::{
    backends::SessionStore, base_session::AbstractBaseSession, error::StoreError, events, session_key::SessionKey,
};

/// Names a session to its user without giving it away: it may stand in a page or a URL, and opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionHandle(String);

impl fmt::Display for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for SessionHandle {
    /// What came back in a form or a URL. A handle of nobody's ends nothing.
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// What a person is told about one of their sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserSessionInfo {
    /// By which it is ended.
    pub handle: SessionHandle,
    /// When it began, in UTC.
    pub created: OffsetDateTime,
    /// When it was last saved or extended, in UTC: as exact as `refresh_threshold` lets it be.
    pub last_seen: OffsetDateTime,
    /// When it expires, in UTC.
    pub expire_date: OffsetDateTime,
    /// The address of the client, if the layer records it.
    pub ip: Option<String>,
    /// The browser, as it calls itself, if the layer records it.
    pub user_agent: Option<String>,
    /// Whether it is the session that asks.
    pub is_current: bool,
}

/// The sessions of one person. Every question goes through the index on the user id, and none decodes
/// a session.
#[derive(Debug)]
pub struct UserSessions<'a, DB: Driver, K: UserIdKey> {
    store: &'a DbStore<DB, UserSession<K>>,
    user_id: Arc<str>,
}

impl<DB: Driver, K: UserIdKey> DbStore<DB, UserSession<K>> {
    /// The sessions of this user.
    #[must_use]
    pub fn user(&self, user_id: &str) -> UserSessions<'_, DB, K> {
        UserSessions { store: self, user_id: user_id.into() }
    }
}

impl<DB: Driver, K: UserIdKey> UserSessions<'_, DB, K> {
    /// The live sessions, the one last seen first. `current` is the key of the session that asks.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn list(
        &self,
        current: Option<&SessionKey>,
        now: OffsetDateTime,
    ) -> Result<Vec<UserSessionInfo>, StoreError> {
        let mut sessions = self.live(now).await?;
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_seen));
        let current = current.map(SessionKey::names);
        Ok(sessions.into_iter().map(|session| info(session, current.as_ref())).collect())
    }

    /// How many live sessions there are.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count(&self, now: OffsetDateTime) -> Result<usize, StoreError> {
        Ok(self.live(now).await?.len())
    }

    /// Ends the session of this handle, if it is one of this user's, and says whether it was.
    ///
    /// # Errors
    ///
    /// When the database fails; the session may still live then.
    pub async fn revoke(&self, handle: &SessionHandle) -> Result<bool, StoreError> {
        let condition = format!("handle = {}", DB::exact_marker(2));
        let removed = self.delete(&condition, |args| DB::push_optional_text(args, Some(&handle.0))).await?;
        Ok(removed > 0)
    }

    /// Ends all sessions of this user and says how many there were.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn revoke_all(&self) -> Result<u64, StoreError> {
        self.delete("1 = 1", |_| Ok(())).await
    }

    /// Ends all sessions of this user but the one of `current`, and says how many there were: after a
    /// password change.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn revoke_others(&self, current: &SessionKey) -> Result<u64, StoreError> {
        let (key, hash) = (DB::exact_marker(2), DB::exact_marker(3));
        let condition = format!("session_key <> {key} AND session_key <> {hash}");
        let names = current.names();
        self.delete(&condition, |args| {
            names.iter().try_for_each(|name| DB::push_optional_text(args, Some(name.as_str())))
        })
        .await
    }

    /// Ends the sessions that began first until at most `most` are left, and says how many it ended. Call it
    /// after a login was saved.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn limit(&self, most: usize, now: OffsetDateTime) -> Result<usize, StoreError> {
        let mut sessions = self.live(now).await?;
        sessions.sort_by_key(|session| std::cmp::Reverse(session.created));
        let too_many = sessions.split_off(most.min(sessions.len()));
        for session in &too_many {
            self.store.delete(&session.base.session_key).await?;
        }
        events::revoked(too_many.len() as u64);
        Ok(too_many.len())
    }

    /// The handles and keys of the live sessions.
    pub(in crate::backends) async fn keys(
        &self,
        now: OffsetDateTime,
    ) -> Result<Vec<(SessionHandle, SessionKey)>, StoreError> {
        let live = self.live(now).await?.into_iter();
        Ok(live.map(|session| (SessionHandle(session.handle.unwrap_or_default()), session.base.session_key)).collect())
    }

    async fn live(&self, now: OffsetDateTime) -> Result<Vec<UserSession<K>>, StoreError> {
        let columns = <UserSession<K> as AbstractBaseSession<DB>>::EXTRA_COLUMNS;
        let sql = format!(
            "{} WHERE user_id = {} AND expire_date > {}",
            select::<DB>(&self.store.sql.table, columns),
            DB::marker(1),
            DB::marker(2)
        );
        let mut args = self.arguments()?;
        self.store.push_date(&mut args, now)?;
        let rows = DB::fetch_all(&self.store.pool, sql.into(), args).await;
        let rows = rows.map_err(|error| self.store.failure(error))?;
        let sessions = rows.iter().map(|row| self.store.model(row)).collect::<Result<Vec<_>, _>>()?;
        // A collation may take one user's id for another's.
        Ok(sessions.into_iter().filter(|session| session.user_id.as_deref() == Some(&*self.user_id)).collect())
    }

    async fn delete(
        &self,
        condition: &str,
        bind: impl FnOnce(&mut DB::Arguments) -> Result<(), crate::error::BoxError>,
    ) -> Result<u64, StoreError> {
        let (table, user) = (&self.store.sql.table, DB::exact_marker(1));
        let sql = format!("DELETE FROM {table} WHERE user_id = {user} AND {condition}");
        let mut args = self.arguments()?;
        bind(&mut args).map_err(StoreError::Refused)?;
        let removed = self.store.remove(&sql.into(), args, SessionEvent::ended).await?;
        events::revoked(removed);
        Ok(removed)
    }

    fn arguments(&self) -> Result<DB::Arguments, StoreError> {
        let mut args = DB::Arguments::default();
        DB::push_text(&mut args, &self.user_id).map_err(StoreError::Refused)?;
        Ok(args)
    }
}

fn info<K: UserIdKey>(session: UserSession<K>, current: Option<&[SessionKey; 2]>) -> UserSessionInfo {
    UserSessionInfo {
        is_current: current.is_some_and(|names| names.contains(&session.base.session_key)),
        handle: SessionHandle(session.handle.unwrap_or_default()),
        created: session.created,
        last_seen: session.last_seen,
        expire_date: session.base.expire_date,
        ip: session.ip,
        user_agent: session.user_agent,
    }
}
