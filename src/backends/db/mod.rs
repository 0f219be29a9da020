//! [`DbStore`]: sessions in a table that Django knows, through sqlx.

use std::{fmt, sync::Arc};

use sqlx::{Pool, pool::PoolConnection};
use time::OffsetDateTime;
use tokio::{sync::SemaphorePermit, time::Instant};

use super::{
    LocalTime,
    base::{Draft, Record, Saved, SessionStore},
    deadline,
};
use crate::{
    base_session::{AbstractBaseSession, BaseSession, StoredText},
    codec::Codec,
    error::{SettingsError, StoreError},
    pointer::Pointer,
    serializers::Serializer,
    session_key::SessionKey,
};

mod batch;
use batch::{Job as _, Lanes, Save};
mod check;
pub use check::SchemaProblem;
mod clean;
#[cfg(feature = "signing")]
mod codec;
mod connect;
mod driver;
use driver::BaseRow;
pub use driver::Driver;
mod event;
use event::OnEvent;
pub use event::SessionEvent;
mod failure;
use failure::failure;
mod local_time;
mod manager;
pub use manager::BaseSessionManager;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "mysql")]
pub use mysql::MySqlStore;
#[cfg(feature = "postgres")]
pub(crate) mod notify;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
mod row;
use row::push_key;
mod schema;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
mod statements;
use statements::Statements;
mod stats;
pub use stats::TableStats;
mod store;
mod user_session;
pub use user_session::{AuthUserId, UserIdKey, UserSession};
mod user_sessions;
pub(in crate::backends) use user_sessions::{PASSES, Which};
pub use user_sessions::{SessionHandle, UserSessionInfo, UserSessions};

/// Keeps sessions in a database table: Django's `db` engine.
///
/// `DB` is the database, `M` the session model; [`BaseSession`] is Django's table `django_session`.
/// A clone shares the pool. Every operation is one statement: nothing holds a connection across a
/// handler, and nothing opens a transaction.
#[doc(alias = "django.contrib.sessions.backends.db")]
pub struct DbStore<DB: Driver, M: AbstractBaseSession<DB> = BaseSession> {
    pool: Pool<DB>,
    sql: Arc<Statements>,
    codec: Codec,
    local_time: LocalTime,
    on_event: Option<OnEvent>,
    lanes: Arc<Lanes<M>>,
}

impl<DB: Driver, M: AbstractBaseSession<DB>> DbStore<DB, M> {
    /// Keeps sessions in the table of `M`, over the application's own pool. Nothing is asked of the
    /// database yet; [`migrate`](Self::migrate) makes the table.
    ///
    /// # Panics
    ///
    /// When the model's names are not plain: letters, digits and underscores.
    #[must_use]
    pub fn new(pool: Pool<DB>) -> Self {
        Self::with_table(pool, M::DB_TABLE).expect("the model's names are plain")
    }

    /// [`new`](Self::new), in a table of another name: `"my_session"`, or with its schema `"web.my_session"` (not in
    /// SQLite, which has none).
    ///
    /// # Errors
    ///
    /// When the name has other characters than letters, digits and underscores, and one dot.
    #[doc(alias = "db_table")]
    pub fn with_table(pool: Pool<DB>, table: &str) -> Result<Self, SettingsError> {
        let sql = Arc::new(Statements::new::<DB, M>(table)?);
        Ok(Self {
            pool,
            sql,
            codec: Codec::default(),
            local_time: LocalTime::default(),
            on_event: None,
            lanes: Arc::new(Lanes::new::<DB>()),
        })
    }

    /// Encodes sessions with `serializer`, whose bytes have to be UTF-8 text where they are not signed. The default
    /// is [`JsonSerializer`](crate::JsonSerializer).
    #[doc(alias = "SESSION_SERIALIZER")]
    #[must_use]
    pub fn serializer(mut self, serializer: impl Serializer) -> Self {
        self.codec.serializer = Arc::new(serializer);
        self
    }

    /// The pool that this store uses.
    #[must_use]
    pub fn pool(&self) -> &Pool<DB> {
        &self.pool
    }

    fn decode(&self, session_key: &SessionKey, row: BaseRow) -> Result<Option<Record>, StoreError> {
        // A database may compare texts loosely; a key is its bytes.
        if row.session_key != session_key.as_str() {
            return Ok(None);
        }
        let expire_date = row.expire_date.ok_or_else(|| StoreError::Undecodable("expire_date is not a date".into()))?;
        let stored = row.session_data;
        let data = self.codec.decode(&stored)?;
        let expire_date = self.local_time.to_instant::<DB>(expire_date);
        Ok(Some(Record::new(session_key.clone(), data, expire_date, StoredText(stored))))
    }

    /// The right to write, where the database has one writer at a time, and a connection to do it with.
    async fn writer(&self, deadline: Option<Instant>) -> Result<Writer<'_, DB>, StoreError> {
        let turn = match &self.lanes.writer {
            Some(writer) => deadline::wait(deadline, writer.acquire()).await?.ok(),
            None => None,
        };
        let connection = deadline::wait(deadline, self.pool.acquire()).await?;
        Ok(Writer { connection: connection.map_err(|error| self.failure(error))?, _turn: turn })
    }

    /// A connection to read with.
    async fn reader(&self) -> Result<Writer<'_, DB>, StoreError> {
        let connection = self.pool.acquire().await.map_err(|error| self.failure(error))?;
        Ok(Writer { connection, _turn: None })
    }

    fn failure(&self, error: sqlx::Error) -> StoreError {
        failure::<DB>(&self.sql.table, error)
    }

    async fn fetch(&self, session_key: &SessionKey, now: OffsetDateTime) -> sqlx::Result<Option<BaseRow>> {
        let mut args = DB::Arguments::default();
        DB::push_text(&mut args, &session_key.as_str().into()).map_err(sqlx::Error::Encode)?;
        self.push_date(&mut args, now).map_err(|error| sqlx::Error::Encode(error.into()))?;
        DB::fetch(&self.pool, Arc::clone(&self.sql.load), args).await?.as_ref().map(DB::read).transpose()
    }

    /// The rows of a statement whose columns are texts and which binds a date or nothing.
    async fn texts<const N: usize>(
        &self,
        sql: String,
        date: Option<OffsetDateTime>,
    ) -> Result<Vec<[Option<String>; N]>, StoreError> {
        let mut args = DB::Arguments::default();
        if let Some(date) = date {
            self.push_date(&mut args, date)?;
        }
        let rows = DB::fetch_all(&self.pool, Arc::from(sql), args).await.map_err(|error| self.failure(error))?;
        rows.iter().map(DB::read_texts).collect::<sqlx::Result<_>>().map_err(|error| self.failure(error))
    }

    /// Runs a statement that changes rows, unless `deadline` passes before it can be sent.
    async fn execute(&self, sql: &Arc<str>, args: DB::Arguments, deadline: Option<Instant>) -> Result<u64, StoreError> {
        let mut writer = self.writer(deadline).await?;
        let result = DB::execute_on(&mut writer.connection, Arc::clone(sql), args).await;
        result.map_err(|error| self.failure(error))
    }

    /// Runs a statement that may find its key taken.
    async fn execute_with_key(
        &self,
        sql: &Arc<str>,
        args: DB::Arguments,
        session_key: &SessionKey,
        deadline: Option<Instant>,
    ) -> Result<u64, StoreError> {
        let mut writer = self.writer(deadline).await?;
        let result = DB::execute_on(&mut writer.connection, Arc::clone(sql), args).await;
        drop(writer);
        match result {
            Ok(rows) => Ok(rows),
            // A model may have a unique column of its own: only a key that exists is a taken key.
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                if self.exists(session_key).await? {
                    return Err(StoreError::KeyTaken);
                }
                Err(self.failure(sqlx::Error::Database(error)))
            }
            Err(error) => Err(self.failure(error)),
        }
    }

    /// Writes `draft` over `loaded` under `session_key`, which is the old key or a new one.
    async fn replace(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let stored = StoredText(self.codec.encode(&draft.session_data, now)?);
        let save = Save {
            session_key: loaded.session_key.clone(),
            loaded: loaded.stored.clone(),
            now,
            deadline: deadline::current(),
            bytes: stored.0.len(),
            model: Self::new_model(session_key, &stored, draft, now),
            is_pointer: Pointer::is(&draft.session_data),
        };
        let written = match DB::SAVES_TOGETHER && *session_key == loaded.session_key && !save.is_pointer {
            true => self.run(save).await?,
            // A new key may turn out to be taken, which would undo the others' statement.
            false => save.alone(self).await?,
        };
        if written {
            let data = draft.session_data.clone();
            return Ok(Saved::Done(Record::new(session_key.clone(), data, draft.expire_date, stored)));
        }
        Ok(self.load(&loaded.session_key, now).await?.map_or(Saved::Gone, Saved::Conflict))
    }
}

/// A connection, and where the database has one writer at a time the turn to write.
struct Writer<'a, DB: Driver> {
    connection: PoolConnection<DB>,
    _turn: Option<SemaphorePermit<'a>>,
}

impl<DB: Driver, M: AbstractBaseSession<DB>> Clone for DbStore<DB, M> {
    fn clone(&self) -> Self {
        let (pool, sql, codec) = (self.pool.clone(), Arc::clone(&self.sql), self.codec.clone());
        let (local_time, on_event) = (self.local_time.clone(), self.on_event.clone());
        Self { pool, sql, codec, local_time, on_event, lanes: Arc::clone(&self.lanes) }
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> fmt::Debug for DbStore<DB, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DbStore({}, table {})", DB::NAME, self.sql.table)
    }
}
