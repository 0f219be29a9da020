//! What is gathered and has a key alone: loads and deletions, each with its statement for one and for many.

use std::collections::HashMap;

use time::OffsetDateTime;

use super::{
    super::{
        DbStore, SessionEvent,
        driver::{BaseRow, Driver},
        failure::is_connection_error,
        push_key,
    },
    Job, Lanes, encoding,
    lane::{Entry, Lane},
    statements,
};
use crate::{base_session::AbstractBaseSession, error::StoreError, session_key::SessionKey};

/// About what a key and a date take.
const BYTES: usize = 100;

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
        BYTES
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> Job<DB, M> for Load {
    const WRITES: bool = false;

    fn lane(lanes: &Lanes<M>) -> &Lane<Self> {
        &lanes.loads
    }

    fn any_size() -> bool {
        DB::ARRAYS
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

    async fn together(
        store: &DbStore<DB, M>,
        connection: &mut DB::Connection,
        jobs: &[Self],
    ) -> sqlx::Result<Vec<Option<BaseRow>>> {
        let sql = store.lanes.load.get(jobs.len(), || statements::load::<DB>(&store.sql.table, jobs.len()));
        let mut args = DB::Arguments::default();
        push_keys::<DB, _>(&mut args, jobs)?;
        // Each has its own now; the earliest finds every row that any of them may have.
        let earliest = jobs.iter().map(|job| job.now).min().unwrap_or(OffsetDateTime::UNIX_EPOCH);
        store.push_date(&mut args, earliest).map_err(encoding)?;
        let rows = DB::fetch_all_on(connection, sql, args).await?;
        let rows: Vec<BaseRow> = match DB::GATHERED {
            Some(_) => rows.first().map_or(Ok(Vec::new()), DB::read_gathered)?,
            None => rows.iter().map(DB::read).collect::<sqlx::Result<_>>()?,
        };
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
        BYTES
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> Job<DB, M> for Delete {
    fn lane(lanes: &Lanes<M>) -> &Lane<Self> {
        &lanes.deletes
    }

    fn any_size() -> bool {
        DB::ARRAYS
    }

    async fn alone(&self, store: &DbStore<DB, M>) -> Result<(), StoreError> {
        let mut args = DB::Arguments::default();
        push_key::<DB>(&mut args, &self.session_key)?;
        store.remove(&store.sql.delete, args, SessionEvent::ended).await.map(|_| ())
    }

    async fn together(store: &DbStore<DB, M>, connection: &mut DB::Connection, jobs: &[Self]) -> sqlx::Result<Vec<()>> {
        let sql = store.lanes.delete.get(jobs.len(), || statements::delete::<DB>(&store.sql.table, jobs.len()));
        let mut args = DB::Arguments::default();
        push_keys::<DB, _>(&mut args, jobs)?;
        DB::execute_on(connection, sql, args).await?;
        Ok(vec![(); jobs.len()])
    }
}

fn push_keys<DB: Driver, E: Entry>(args: &mut DB::Arguments, entries: &[E]) -> sqlx::Result<()> {
    if DB::ARRAYS {
        let keys: Vec<&str> = entries.iter().map(|entry| entry.session_key().as_str()).collect();
        return DB::push_texts(args, &keys).map_err(sqlx::Error::Encode);
    }
    entries.iter().try_for_each(|entry| push_key::<DB>(args, entry.session_key()).map_err(encoding))
}
