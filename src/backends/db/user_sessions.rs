//! [`UserSessions`]: the sessions of one person, to be listed and ended.

use std::{collections::HashSet, fmt, sync::Arc};

use time::OffsetDateTime;

use super::{DbStore, Driver, SessionEvent, UserIdKey, UserSession, statements::select};
use crate::{base_session::AbstractBaseSession, error::StoreError, events, session_key::SessionKey};

/// How often sessions that begin or are renewed meanwhile are ended as well. Each time takes about a millisecond.
pub(in crate::backends) const PASSES: usize = 100;

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
        let rows = self.rows(Some(now)).await?;
        let current = current.and_then(|current| handle_of(&rows, &current.names()));
        let mut sessions = sessions(rows);
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_seen));
        Ok(sessions.into_iter().map(|session| info(session, current.as_ref())).collect())
    }

    /// How many live sessions there are.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count(&self, now: OffsetDateTime) -> Result<usize, StoreError> {
        Ok(sessions(self.rows(Some(now)).await?).len())
    }

    /// Ends the session of this handle, if it is one of this user's, and says whether it was. The session keeps its
    /// handle when it gets another key, so a page that was made before that ends it, too.
    ///
    /// # Errors
    ///
    /// When the database fails; the session may still live then.
    pub async fn revoke(&self, handle: &SessionHandle) -> Result<bool, StoreError> {
        Ok(self.end(Which::Only(handle.clone())).await? > 0)
    }

    /// Ends all sessions of this user and says how many there were. One whose key is being renewed ends, too.
    ///
    /// # Errors
    ///
    /// When the database fails, or [`StoreError::Contended`] when this user logs in all the time meanwhile; some may
    /// still live then.
    pub async fn revoke_all(&self) -> Result<u64, StoreError> {
        self.end(Which::All).await
    }

    /// Ends all sessions of this user but the one of `current`, and says how many there were: after a
    /// password change. The session of `current` stays also where another request has renewed its key meanwhile.
    ///
    /// # Errors
    ///
    /// As [`revoke_all`](Self::revoke_all).
    pub async fn revoke_others(&self, current: &SessionKey) -> Result<u64, StoreError> {
        self.end(Which::Others(current.names(), None)).await
    }

    /// Ends the sessions that began first until at most `most` are left, and says how many it ended. Call it
    /// after a login was saved.
    ///
    /// # Errors
    ///
    /// As [`revoke_all`](Self::revoke_all).
    pub async fn limit(&self, most: usize, now: OffsetDateTime) -> Result<usize, StoreError> {
        let too_many = self.too_many(most, now).await?;
        for handle in &too_many {
            self.end(Which::Only(handle.clone())).await?;
        }
        Ok(too_many.len())
    }

    /// The live sessions but for those that began last, of which there are `most`.
    pub(in crate::backends) async fn too_many(
        &self,
        most: usize,
        now: OffsetDateTime,
    ) -> Result<Vec<SessionHandle>, StoreError> {
        let mut sessions = sessions(self.rows(Some(now)).await?);
        sessions.sort_by_key(|session| std::cmp::Reverse(session.created));
        let too_many = sessions.split_off(most.min(sessions.len()));
        Ok(too_many.into_iter().map(|session| SessionHandle(session.handle.unwrap_or_default())).collect())
    }

    /// Every row of this user, of sessions and of pointers, also of those that expired unless there is a `now`.
    pub(in crate::backends) async fn rows(&self, now: Option<OffsetDateTime>) -> Result<Vec<Row<K>>, StoreError> {
        let columns = <UserSession<K> as AbstractBaseSession<DB>>::EXTRA_COLUMNS;
        let mut sql = format!("{} WHERE user_id = {}", select::<DB>(&self.store.sql.table, columns), DB::marker(1));
        let mut args = self.arguments()?;
        if let Some(now) = now {
            sql.push_str(&format!(" AND expire_date > {}", DB::marker(2)));
            self.store.push_date(&mut args, now)?;
        }
        let rows = DB::fetch_all(&self.store.pool, sql.into(), args).await;
        let rows = rows.map_err(|error| self.store.failure(error))?;
        let row = |row| {
            let session: UserSession<K> = self.store.model(row)?;
            Ok(Row { is_pointer: self.store.is_pointer(&session.base.session_data.0), session })
        };
        let rows = rows.iter().map(row).collect::<Result<Vec<_>, StoreError>>()?;
        // A collation may take one user's id for another's.
        Ok(rows.into_iter().filter(|row| row.session.user_id.as_deref() == Some(&*self.user_id)).collect())
    }

    /// Ends sessions until there is none of them, and returns how many there were.
    ///
    /// A statement works on the rows that were there when it began: one that removes a session while its key is renewed
    /// finds the row of the old key, which is a pointer by then, and not that of the new one. The pointer has the user,
    /// too, so there is always a row to be found as long as the session lives; where none is found, none lives.
    async fn end(&self, mut which: Which) -> Result<u64, StoreError> {
        let mut ended = HashSet::new();
        for _ in 0..PASSES {
            let rows = self.rows(None).await?;
            which.learn(&rows);
            let doomed: Vec<_> = rows.iter().filter(|row| which.is(row)).collect();
            if doomed.is_empty() {
                events::revoked(ended.len() as u64);
                return Ok(ended.len() as u64);
            }
            ended.extend(doomed.iter().filter(|row| !row.is_pointer).filter_map(|row| row.session.handle.clone()));
            match self.delete(&which).await {
                Ok(_) | Err(StoreError::Contended(_) | StoreError::Lost(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Contended("the user's sessions begin faster than they can be ended".into()))
    }

    async fn delete(&self, which: &Which) -> Result<u64, StoreError> {
        let (table, user) = (&self.store.sql.table, DB::exact_marker(1));
        let (condition, texts) = which.condition::<DB>();
        let sql = format!("DELETE FROM {table} WHERE user_id = {user}{condition}");
        let mut args = self.arguments()?;
        texts
            .into_iter()
            .try_for_each(|text| DB::push_optional_text(&mut args, Some(text)))
            .map_err(StoreError::Backend)?;
        self.store.remove(&sql.into(), args, SessionEvent::ended).await
    }

    fn arguments(&self) -> Result<DB::Arguments, StoreError> {
        let mut args = DB::Arguments::default();
        DB::push_text(&mut args, &self.user_id).map_err(StoreError::Refused)?;
        Ok(args)
    }
}

/// A row of a user.
pub(in crate::backends) struct Row<K: UserIdKey> {
    session: UserSession<K>,
    /// It is what a renewal has left under the old key.
    pub(in crate::backends) is_pointer: bool,
}

impl<K: UserIdKey> Row<K> {
    pub(in crate::backends) fn session_key(&self) -> &SessionKey {
        &self.session.base.session_key
    }

    pub(in crate::backends) fn handle(&self) -> Option<&str> {
        self.session.handle.as_deref()
    }
}

/// Which sessions of a user are ended.
pub(in crate::backends) enum Which {
    All,
    Only(SessionHandle),
    /// All but the one that is stored under one of these names, and its handle once that is known: its key may be
    /// renewed meanwhile.
    Others([SessionKey; 2], Option<SessionHandle>),
}

impl Which {
    /// Finds out the handle of the session that stays.
    pub(in crate::backends) fn learn<K: UserIdKey>(&mut self, rows: &[Row<K>]) {
        if let Self::Others(names, handle @ None) = self {
            *handle = handle_of(rows, names);
        }
    }

    pub(in crate::backends) fn is<K: UserIdKey>(&self, row: &Row<K>) -> bool {
        match self {
            Self::All => true,
            Self::Only(handle) => row.handle() == Some(&*handle.0),
            Self::Others(_, Some(handle)) => row.handle() != Some(&*handle.0),
            Self::Others(names, None) => !names.contains(row.session_key()),
        }
    }

    /// The same as SQL, and the texts that it binds after the user's id.
    fn condition<DB: Driver>(&self) -> (String, Vec<&str>) {
        let (first, second) = (DB::exact_marker(2), DB::exact_marker(3));
        match self {
            Self::All => (String::new(), Vec::new()),
            Self::Only(handle) => (format!(" AND handle = {first}"), vec![&handle.0]),
            Self::Others(_, Some(handle)) => (format!(" AND handle <> {first}"), vec![&handle.0]),
            Self::Others([key, hash], None) => {
                (format!(" AND session_key <> {first} AND session_key <> {second}"), vec![key.as_str(), hash.as_str()])
            }
        }
    }
}

/// The handle of the session that is, or was, stored under one of these names.
fn handle_of<K: UserIdKey>(rows: &[Row<K>], names: &[SessionKey; 2]) -> Option<SessionHandle> {
    rows.iter().find(|row| names.contains(row.session_key()))?.handle().map(SessionHandle::from)
}

/// The sessions among the rows. While a key is renewed there are two rows of one session, for a moment.
fn sessions<K: UserIdKey>(rows: Vec<Row<K>>) -> Vec<UserSession<K>> {
    let mut seen = HashSet::new();
    let mut sessions: Vec<_> = rows.into_iter().filter(|row| !row.is_pointer).map(|row| row.session).collect();
    sessions.retain(|session| session.handle.is_none() || seen.insert(session.handle.clone()));
    sessions
}

fn info<K: UserIdKey>(session: UserSession<K>, current: Option<&SessionHandle>) -> UserSessionInfo {
    let handle = SessionHandle(session.handle.unwrap_or_default());
    UserSessionInfo {
        is_current: current == Some(&handle),
        handle,
        created: session.created,
        last_seen: session.last_seen,
        expire_date: session.base.expire_date,
        ip: session.ip,
        user_agent: session.user_agent,
    }
}
