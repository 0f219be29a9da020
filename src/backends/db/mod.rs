//! [`DbStore`]: sessions in a table that Django knows, through sqlx.

use std::{fmt, marker::PhantomData, sync::Arc};

use sqlx::Pool;
use time::OffsetDateTime;

use super::base::{Draft, Record, Saved, SessionStore};
use crate::{
    base_session::{AbstractBaseSession, BaseSession, StoredText, Written},
    date_text,
    error::{SettingsError, StoreError},
    serializers::{JsonSerializer, Serializer},
    session_key::SessionKey,
};

mod driver;
pub use driver::Driver;
use driver::RowText;
mod failure;
use failure::failure;
mod schema;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
mod statements;
use statements::{CLEAR_BATCH, Statements};

/// Keeps sessions in a database table: Django's `db` engine.
///
/// `DB` is the database, `M` the session model; [`BaseSession`] is Django's table `django_session`.
/// A clone shares the pool. Every operation is one statement: nothing holds a connection across a
/// handler, and nothing opens a transaction.
#[doc(alias = "django.contrib.sessions.backends.db")]
pub struct DbStore<DB: Driver, M: AbstractBaseSession<DB> = BaseSession> {
    pool: Pool<DB>,
    sql: Arc<Statements>,
    serializer: Arc<dyn Serializer>,
    model: PhantomData<fn() -> M>,
}

impl<DB: Driver, M: AbstractBaseSession<DB>> DbStore<DB, M> {
    /// Keeps sessions in the table of `M`, over the application's own pool. Nothing is asked of the
    /// database yet; [`migrate`](Self::migrate) makes Django's table.
    ///
    /// # Panics
    ///
    /// When the names of the model's table and columns are not plain; [`try_new`](Self::try_new) says so
    /// as an error.
    #[must_use]
    pub fn new(pool: Pool<DB>) -> Self {
        Self::try_new(pool).expect("the model's names are plain")
    }

    /// [`new`](Self::new) for a model whose names are not known to be plain.
    ///
    /// # Errors
    ///
    /// When a name has other characters than letters, digits and underscores.
    pub fn try_new(pool: Pool<DB>) -> Result<Self, SettingsError> {
        let sql = Arc::new(Statements::new::<DB, M>()?);
        Ok(Self { pool, sql, serializer: Arc::new(JsonSerializer::default()), model: PhantomData })
    }

    /// Encodes sessions with `serializer`, whose bytes have to be UTF-8 text. The default is
    /// [`JsonSerializer`].
    #[doc(alias = "SESSION_SERIALIZER")]
    #[must_use]
    pub fn serializer(self, serializer: impl Serializer) -> Self {
        Self { serializer: Arc::new(serializer), ..self }
    }

    /// The pool that this store uses.
    #[must_use]
    pub fn pool(&self) -> &Pool<DB> {
        &self.pool
    }

    fn encode(&self, draft: &Draft) -> Result<StoredText, StoreError> {
        let bytes = self.serializer.dumps(&draft.session_data)?;
        let text = String::from_utf8(bytes).map_err(|error| StoreError::Backend(error.into()))?;
        Ok(StoredText(text.into()))
    }

    fn decode(
        &self,
        session_key: &SessionKey,
        (key, data, expire_date): RowText,
    ) -> Result<Option<Record>, StoreError> {
        // A database may compare texts loosely; a key is its bytes.
        if key != session_key.as_str() {
            return Ok(None);
        }
        let expire_date = date_text::parse_column(&expire_date)
            .ok_or_else(|| StoreError::Undecodable("expire_date is not a date".into()))?;
        let stored: Arc<str> = data.into();
        let data = self.serializer.loads_text(&stored)?;
        Ok(Some(Record::new(session_key.clone(), data, expire_date, StoredText(stored))))
    }

    /// Data, expiry, extra columns, key: the beginning of INSERT and UPDATE alike.
    fn arguments(base: BaseSession, draft: &Draft, written: Written) -> Result<DB::Arguments, StoreError> {
        let mut args = DB::Arguments::default();
        let model = M::create_model_instance(base, &draft.session_data);
        let base = model.base();
        DB::push_text(&mut args, &base.session_data.0).map_err(StoreError::Backend)?;
        DB::push_date(&mut args, base.expire_date).map_err(StoreError::Backend)?;
        for column in statements::columns(M::EXTRA_COLUMNS, written) {
            model.bind_extra(column.name, &mut args).map_err(StoreError::Backend)?;
        }
        push_key::<DB>(&mut args, &base.session_key)?;
        Ok(args)
    }

    async fn execute(&self, sql: &Arc<str>, args: DB::Arguments) -> Result<u64, StoreError> {
        DB::execute(&self.pool, Arc::clone(sql), args).await.map_err(failure::<DB, M>)
    }

    /// Runs a statement that may find its key taken.
    async fn execute_with_key(
        &self,
        sql: &Arc<str>,
        args: DB::Arguments,
        session_key: &SessionKey,
    ) -> Result<u64, StoreError> {
        match DB::execute(&self.pool, Arc::clone(sql), args).await {
            Ok(rows) => Ok(rows),
            // A model may have a unique column of its own: only a key that exists is a taken key.
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                if self.exists(session_key).await? {
                    return Err(StoreError::KeyTaken);
                }
                Err(failure::<DB, M>(sqlx::Error::Database(error)))
            }
            Err(error) => Err(failure::<DB, M>(error)),
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
        let stored = self.encode(draft)?;
        let base = BaseSession {
            session_key: session_key.clone(),
            session_data: stored.clone(),
            expire_date: draft.expire_date,
        };
        let mut args = Self::arguments(base, draft, Written::Save)?;
        push_key::<DB>(&mut args, &loaded.session_key)?;
        DB::push_text(&mut args, &loaded.stored.0).map_err(StoreError::Backend)?;
        DB::push_date(&mut args, now).map_err(StoreError::Backend)?;
        if self.execute_with_key(&self.sql.update, args, session_key).await? > 0 {
            let data = draft.session_data.clone();
            return Ok(Saved::Done(Record::new(session_key.clone(), data, draft.expire_date, stored)));
        }
        Ok(self.load(&loaded.session_key, now).await?.map_or(Saved::Gone, Saved::Conflict))
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> SessionStore for DbStore<DB, M> {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        let mut args = DB::Arguments::default();
        push_key::<DB>(&mut args, session_key)?;
        DB::push_date(&mut args, now).map_err(StoreError::Backend)?;
        let row = DB::fetch_row(&self.pool, Arc::clone(&self.sql.load), args).await.map_err(failure::<DB, M>)?;
        row.map_or(Ok(None), |row| self.decode(session_key, row))
    }

    async fn create(
        &self,
        session_key: &SessionKey,
        draft: &Draft,
        _now: OffsetDateTime,
    ) -> Result<Record, StoreError> {
        let stored = self.encode(draft)?;
        let base = BaseSession {
            session_key: session_key.clone(),
            session_data: stored.clone(),
            expire_date: draft.expire_date,
        };
        let args = Self::arguments(base, draft, Written::Insert)?;
        self.execute_with_key(&self.sql.insert, args, session_key).await?;
        Ok(Record::new(session_key.clone(), draft.session_data.clone(), draft.expire_date, stored))
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.replace(loaded, &loaded.session_key, draft, now).await
    }

    async fn touch(
        &self,
        loaded: &Record,
        expire_date: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let record = Record { expire_date, ..loaded.clone() };
        let mut args = DB::Arguments::default();
        DB::push_date(&mut args, expire_date).map_err(StoreError::Backend)?;
        let base =
            BaseSession { session_key: record.session_key.clone(), session_data: record.stored.clone(), expire_date };
        let model = M::create_model_instance(base, &record.session_data);
        for column in statements::columns(M::EXTRA_COLUMNS, Written::Touch) {
            model.bind_extra(column.name, &mut args).map_err(StoreError::Backend)?;
        }
        push_key::<DB>(&mut args, &loaded.session_key)?;
        DB::push_date(&mut args, loaded.expire_date).map_err(StoreError::Backend)?;
        DB::push_date(&mut args, now).map_err(StoreError::Backend)?;
        let rows = self.execute(&self.sql.touch, args).await?;
        Ok(if rows > 0 { Saved::Done(record) } else { Saved::Gone })
    }

    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.replace(loaded, session_key, draft, now).await
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), StoreError> {
        let mut args = DB::Arguments::default();
        push_key::<DB>(&mut args, session_key)?;
        self.execute(&self.sql.delete, args).await.map(|_| ())
    }

    async fn exists(&self, session_key: &SessionKey) -> Result<bool, StoreError> {
        let mut args = DB::Arguments::default();
        push_key::<DB>(&mut args, session_key)?;
        DB::finds(&self.pool, Arc::clone(&self.sql.exists), args).await.map_err(failure::<DB, M>)
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let mut args = DB::Arguments::default();
            DB::push_date(&mut args, now).map_err(StoreError::Backend)?;
            let batch = self.execute(&self.sql.clear, args).await?;
            removed += batch;
            if batch < CLEAR_BATCH as u64 {
                return Ok(removed);
            }
        }
    }
}

fn push_key<DB: Driver>(args: &mut DB::Arguments, session_key: &SessionKey) -> Result<(), StoreError> {
    DB::push_text(args, &session_key.as_str().into()).map_err(StoreError::Backend)
}

impl<DB: Driver, M: AbstractBaseSession<DB>> Clone for DbStore<DB, M> {
    fn clone(&self) -> Self {
        let (pool, sql, serializer) = (self.pool.clone(), Arc::clone(&self.sql), Arc::clone(&self.serializer));
        Self { pool, sql, serializer, model: PhantomData }
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> fmt::Debug for DbStore<DB, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DbStore({}, table {})", DB::NAME, M::DB_TABLE)
    }
}
