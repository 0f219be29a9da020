//! What is gathered: loads, saves, first writes and deletions, each with its statement for one and for many.

use std::collections::{HashMap, HashSet};

use time::OffsetDateTime;

use super::{
    super::{
        DbStore, SessionEvent,
        driver::{BaseRow, Driver},
        failure::is_connection_error,
        push_key,
    },
    Job, Lanes,
    lane::{Entry, Lane},
    statements,
};
use crate::{
    base_session::{AbstractBaseSession, StoredText, Written},
    error::StoreError,
    session_key::SessionKey,
};

/// About what the columns beside the data take.
const OTHER_COLUMNS: usize = 100;

pub(in crate::backends::db) struct Load {
    pub(in crate::backends::db) session_key: SessionKey,
    pub(in crate::backends::db) now: OffsetDateTime,
}

impl Entry for Load {
    type Output = Option<BaseRow>;
    const KEYS_REPEAT: bool = true;

    fn session_key(&self) -> &SessionKey {
        &self.session_key
    }

    fn bytes(&self) -> usize {
        OTHER_COLUMNS
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> Job<DB, M> for Load {
    fn lane(lanes: &Lanes<M>) -> &Lane<Self> {
        &lanes.loads
    }

    /// Each on its own also finds out whether another connection does.
    fn may_repeat(error: &sqlx::Error) -> bool {
        !matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)
    }

    async fn alone(&self, store: &DbStore<DB, M>) -> Result<Option<BaseRow>, StoreError> {
        let row = match store.fetch(&self.session_key, self.now).await {
            // A connection that died in the pool is noticed by the statement: that is what a ping before
            // every statement would cost one more round trip to know.
            Err(error) if is_connection_error(&error) => store.fetch(&self.session_key, self.now).await,
            result => result,
        };
        row.map_err(|error| store.failure(error))
    }

    async fn together(store: &DbStore<DB, M>, jobs: &[Self]) -> sqlx::Result<Vec<Option<BaseRow>>> {
        let sql = store.lanes.load.get(jobs.len(), || statements::load::<DB>(&store.sql.table, jobs.len()));
        let mut args = DB::Arguments::default();
        for job in jobs {
            push_key::<DB>(&mut args, &job.session_key).map_err(encoding)?;
        }
        // Each has its own now; the earliest finds every row that any of them may have.
        let earliest = jobs.iter().map(|job| job.now).min().unwrap_or(OffsetDateTime::UNIX_EPOCH);
        store.push_date(&mut args, earliest).map_err(encoding)?;
        let rows = DB::fetch_all(&store.pool, sql, args).await?;
        let rows: Vec<BaseRow> = rows.iter().map(DB::read).collect::<sqlx::Result<_>>()?;
        let rows: HashMap<&str, &BaseRow> = rows.iter().map(|row| (row.session_key.as_str(), row)).collect();
        let live = |job: &Self| {
            let row = rows.get(job.session_key.as_str()).copied()?;
            let now = store.local_time.to_column::<DB>(job.now);
            row.expire_date.is_none_or(|expire_date| expire_date > now).then(|| row.clone())
        };
        Ok(jobs.iter().map(live).collect())
    }
}

pub(in crate::backends::db) struct Delete {
    pub(in crate::backends::db) session_key: SessionKey,
}

impl Entry for Delete {
    type Output = ();
    const KEYS_REPEAT: bool = false;

    fn session_key(&self) -> &SessionKey {
        &self.session_key
    }

    fn bytes(&self) -> usize {
        OTHER_COLUMNS
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> Job<DB, M> for Delete {
    fn lane(lanes: &Lanes<M>) -> &Lane<Self> {
        &lanes.deletes
    }

    fn may_repeat(error: &sqlx::Error) -> bool {
        is_undone(error)
    }

    async fn alone(&self, store: &DbStore<DB, M>) -> Result<(), StoreError> {
        let mut args = DB::Arguments::default();
        push_key::<DB>(&mut args, &self.session_key)?;
        store.remove(&store.sql.delete, args, SessionEvent::ended).await.map(|_| ())
    }

    async fn together(store: &DbStore<DB, M>, jobs: &[Self]) -> sqlx::Result<Vec<()>> {
        let sql = store.lanes.delete.get(jobs.len(), || statements::delete::<DB>(&store.sql.table, jobs.len()));
        let mut args = DB::Arguments::default();
        for job in jobs {
            push_key::<DB>(&mut args, &job.session_key).map_err(encoding)?;
        }
        let _writer = store.writer().await;
        DB::execute(&store.pool, sql, args).await?;
        Ok(vec![(); jobs.len()])
    }
}

pub(in crate::backends::db) struct Create<M> {
    pub(in crate::backends::db) session_key: SessionKey,
    pub(in crate::backends::db) bytes: usize,
    pub(in crate::backends::db) model: M,
}

impl<M: Send + Sync + 'static> Entry for Create<M> {
    type Output = ();
    const KEYS_REPEAT: bool = false;

    fn session_key(&self) -> &SessionKey {
        &self.session_key
    }

    fn bytes(&self) -> usize {
        self.bytes + OTHER_COLUMNS
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> Job<DB, M> for Create<M> {
    fn lane(lanes: &Lanes<M>) -> &Lane<Self> {
        &lanes.creates
    }

    /// Also when one of the keys was taken: each finds out whether it was its own.
    fn may_repeat(error: &sqlx::Error) -> bool {
        is_undone(error)
    }

    async fn alone(&self, store: &DbStore<DB, M>) -> Result<(), StoreError> {
        let mut args = DB::Arguments::default();
        store.push_model(&mut args, &self.model, Written::Insert)?;
        store.execute_with_key(&store.sql.insert, args, &self.session_key).await.map(|_| ())
    }

    async fn together(store: &DbStore<DB, M>, jobs: &[Self]) -> sqlx::Result<Vec<()>> {
        let make = || statements::insert::<DB>(&store.sql.table, M::EXTRA_COLUMNS, jobs.len());
        let sql = store.lanes.insert.get(jobs.len(), make);
        let mut args = DB::Arguments::default();
        for job in jobs {
            store.push_model(&mut args, &job.model, Written::Insert).map_err(encoding)?;
        }
        let _writer = store.writer().await;
        DB::execute(&store.pool, sql, args).await?;
        Ok(vec![(); jobs.len()])
    }
}

pub(in crate::backends::db) struct Save<M> {
    /// As it was loaded; the model may have another one.
    pub(in crate::backends::db) session_key: SessionKey,
    pub(in crate::backends::db) loaded: StoredText,
    pub(in crate::backends::db) now: OffsetDateTime,
    pub(in crate::backends::db) bytes: usize,
    pub(in crate::backends::db) model: M,
}

impl<M: Send + Sync + 'static> Entry for Save<M> {
    /// Whether the row was still as it was loaded, and is written.
    type Output = bool;
    const KEYS_REPEAT: bool = false;

    fn session_key(&self) -> &SessionKey {
        &self.session_key
    }

    fn bytes(&self) -> usize {
        self.loaded.0.len() + self.bytes + OTHER_COLUMNS
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> Job<DB, M> for Save<M> {
    fn lane(lanes: &Lanes<M>) -> &Lane<Self> {
        &lanes.saves
    }

    fn may_repeat(error: &sqlx::Error) -> bool {
        is_undone(error)
    }

    async fn alone(&self, store: &DbStore<DB, M>) -> Result<bool, StoreError> {
        let mut args = DB::Arguments::default();
        store.push_model(&mut args, &self.model, Written::Save)?;
        push_key::<DB>(&mut args, &self.session_key)?;
        store.push_guard(&mut args, &self.loaded, self.now)?;
        let rows = match self.model.base().session_key == self.session_key {
            // Its own key cannot be taken.
            true => store.execute(&store.sql.update, args).await?,
            false => store.execute_with_key(&store.sql.update, args, &self.model.base().session_key).await?,
        };
        Ok(rows > 0)
    }

    async fn together(store: &DbStore<DB, M>, jobs: &[Self]) -> sqlx::Result<Vec<bool>> {
        let make = || statements::update::<DB>(&store.sql.table, M::EXTRA_COLUMNS, jobs.len());
        let sql = store.lanes.update.get(jobs.len(), make);
        let mut args = DB::Arguments::default();
        for job in jobs {
            store.push_model(&mut args, &job.model, Written::Save).map_err(encoding)?;
            store.push_guard(&mut args, &job.loaded, job.now).map_err(encoding)?;
        }
        let _writer = store.writer().await;
        let rows = DB::fetch_all(&store.pool, sql, args).await?;
        let written: HashSet<String> =
            rows.iter().filter_map(|row| DB::read_text(row, 0).transpose()).collect::<sqlx::Result<_>>()?;
        Ok(jobs.iter().map(|job| written.contains(job.session_key.as_str())).collect())
    }
}

/// Whether the database has said no, and so has done nothing.
fn is_undone(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(_) | sqlx::Error::Encode(_)) && !is_connection_error(error)
}

fn encoding(error: StoreError) -> sqlx::Error {
    sqlx::Error::Encode(error.into())
}
