//! What is gathered and writes a row: first writes and saves, each with its statement for one and for many.

use std::collections::HashSet;

use time::OffsetDateTime;
use tokio::time::Instant;

use super::{
    super::{DbStore, driver::Driver, push_key},
    Job, Lanes, encoding,
    lane::{Entry, Lane},
    statements::{self, as_arrays},
};
use crate::{
    base_session::{AbstractBaseSession, StoredText, Written},
    error::StoreError,
    session_key::SessionKey,
};

/// About what the columns beside the data take.
const OTHER_COLUMNS: usize = 100;

pub(in crate::backends::db) struct Create<M> {
    pub(in crate::backends::db) session_key: SessionKey,
    pub(in crate::backends::db) deadline: Option<Instant>,
    pub(in crate::backends::db) bytes: usize,
    pub(in crate::backends::db) model: M,
}

impl<M: Send + Sync + 'static> Entry for Create<M> {
    type Output = ();
    const KEYS_REPEAT: bool = false;

    fn session_key(&self) -> &SessionKey {
        &self.session_key
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn bytes(&self) -> usize {
        self.bytes + OTHER_COLUMNS
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> Job<DB, M> for Create<M> {
    fn lane(lanes: &Lanes<M>) -> &Lane<Self> {
        &lanes.creates
    }

    fn any_size() -> bool {
        as_arrays::<DB>(M::EXTRA_COLUMNS)
    }

    async fn alone(&self, store: &DbStore<DB, M>) -> Result<(), StoreError> {
        let mut args = DB::Arguments::default();
        store.push_model(&mut args, &self.model, Written::Insert)?;
        store.execute_with_key(&store.sql.insert, args, &self.session_key, self.deadline).await.map(|_| ())
    }

    async fn together(store: &DbStore<DB, M>, connection: &mut DB::Connection, jobs: &[Self]) -> sqlx::Result<Vec<()>> {
        let make = || statements::insert::<DB>(&store.sql.table, M::EXTRA_COLUMNS, jobs.len());
        let sql = store.lanes.insert.get(jobs.len(), make);
        let mut args = DB::Arguments::default();
        match as_arrays::<DB>(M::EXTRA_COLUMNS) {
            true => push_base::<DB, M>(&mut args, jobs.iter().map(|job| &job.model))?,
            false => {
                for job in jobs {
                    store.push_model(&mut args, &job.model, Written::Insert).map_err(encoding)?;
                }
            }
        }
        DB::execute_on(connection, sql, args).await?;
        Ok(vec![(); jobs.len()])
    }
}

pub(in crate::backends::db) struct Save<M> {
    /// As it was loaded; the model may have another one.
    pub(in crate::backends::db) session_key: SessionKey,
    pub(in crate::backends::db) loaded: StoredText,
    pub(in crate::backends::db) now: OffsetDateTime,
    pub(in crate::backends::db) deadline: Option<Instant>,
    pub(in crate::backends::db) bytes: usize,
    pub(in crate::backends::db) model: M,
    /// A pointer keeps the columns of the session whose row it is in, so that what ends all sessions of a user finds it.
    pub(in crate::backends::db) is_pointer: bool,
}

impl<M: Send + Sync + 'static> Entry for Save<M> {
    /// Whether the row was still as it was loaded, and is written.
    type Output = bool;
    const KEYS_REPEAT: bool = false;

    fn session_key(&self) -> &SessionKey {
        &self.session_key
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn bytes(&self) -> usize {
        self.loaded.0.len() + self.bytes + OTHER_COLUMNS
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> Job<DB, M> for Save<M> {
    fn lane(lanes: &Lanes<M>) -> &Lane<Self> {
        &lanes.saves
    }

    fn any_size() -> bool {
        as_arrays::<DB>(M::EXTRA_COLUMNS)
    }

    async fn alone(&self, store: &DbStore<DB, M>) -> Result<bool, StoreError> {
        let mut args = DB::Arguments::default();
        let sql = match self.is_pointer {
            true => {
                store.push_base(&mut args, &self.model)?;
                &store.sql.update_base
            }
            false => {
                store.push_model(&mut args, &self.model, Written::Save)?;
                &store.sql.update
            }
        };
        push_key::<DB>(&mut args, &self.session_key)?;
        store.push_guard(&mut args, &self.loaded, self.now)?;
        let rows = match self.model.base().session_key == self.session_key {
            // Its own key cannot be taken.
            true => store.execute(sql, args, self.deadline).await?,
            false => {
                let session_key = &self.model.base().session_key;
                store.execute_with_key(sql, args, session_key, self.deadline).await?
            }
        };
        Ok(rows > 0)
    }

    async fn together(
        store: &DbStore<DB, M>,
        connection: &mut DB::Connection,
        jobs: &[Self],
    ) -> sqlx::Result<Vec<bool>> {
        let make = || statements::update::<DB>(&store.sql.table, M::EXTRA_COLUMNS, jobs.len());
        let sql = store.lanes.update.get(jobs.len(), make);
        let mut args = DB::Arguments::default();
        match as_arrays::<DB>(M::EXTRA_COLUMNS) {
            true => {
                push_base::<DB, M>(&mut args, jobs.iter().map(|job| &job.model))?;
                let loaded: Vec<&str> = jobs.iter().map(|job| &*job.loaded.0).collect();
                DB::push_texts(&mut args, &loaded).map_err(sqlx::Error::Encode)?;
                let nows: Vec<_> = jobs.iter().map(|job| job.now).collect();
                DB::push_dates(&mut args, &nows).map_err(sqlx::Error::Encode)?;
            }
            false => {
                for job in jobs {
                    store.push_model(&mut args, &job.model, Written::Save).map_err(encoding)?;
                    store.push_guard(&mut args, &job.loaded, job.now).map_err(encoding)?;
                }
            }
        }
        let rows = DB::fetch_all_on(connection, sql, args).await?;
        let written: HashSet<String> =
            rows.iter().filter_map(|row| DB::read_text(row, 0).transpose()).collect::<sqlx::Result<_>>()?;
        Ok(jobs.iter().map(|job| written.contains(job.session_key.as_str())).collect())
    }
}

/// Data, expiry, key: an array each. A database that has arrays keeps instants, so no date is in local time.
fn push_base<'a, DB: Driver, M: AbstractBaseSession<DB>>(
    args: &mut DB::Arguments,
    models: impl Iterator<Item = &'a M> + Clone,
) -> sqlx::Result<()> {
    let bases = models.map(M::base);
    let data: Vec<&str> = bases.clone().map(|base| &*base.session_data.0).collect();
    DB::push_texts(args, &data).map_err(sqlx::Error::Encode)?;
    let dates: Vec<_> = bases.clone().map(|base| base.expire_date).collect();
    DB::push_dates(args, &dates).map_err(sqlx::Error::Encode)?;
    let keys: Vec<&str> = bases.map(|base| base.session_key.as_str()).collect();
    DB::push_texts(args, &keys).map_err(sqlx::Error::Encode)
}
