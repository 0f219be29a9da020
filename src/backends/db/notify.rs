//! Changes that the nodes of an application tell each other through PostgreSQL.

pub(crate) use sqlx::Postgres;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use super::{DbStore, connect::ACQUIRE_TIMEOUT};
use crate::{base_session::AbstractBaseSession, error::StoreError};

const CHANNEL: &str = "jam_session";

/// What a node hears.
pub(crate) enum Change {
    /// What another node, or this one, has told.
    Told(String),
    /// The connection was cut, and there is a new one: whatever was told in between is lost.
    Missed,
}

/// The changes that are told on [`CHANNEL`].
pub(crate) struct Changes {
    options: PgConnectOptions,
    listener: Option<PgListener>,
}

impl Changes {
    /// A pool for each attempt: one that holds a dead connection would wait for it.
    async fn connect(&self) -> sqlx::Result<PgListener> {
        let options = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false);
        let pool = options.connect_lazy_with(self.options.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.ignore_pool_close_event(true);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    }

    /// The next change. After an error it may be asked for again.
    pub(crate) async fn next(&mut self) -> Result<Change, StoreError> {
        let Some(listener) = &mut self.listener else {
            self.listener = Some(self.connect().await.map_err(|error| StoreError::Backend(error.into()))?);
            return Ok(Change::Missed);
        };
        match listener.try_recv().await {
            Ok(Some(notification)) => Ok(Change::Told(notification.payload().to_owned())),
            // It has connected again by itself.
            Ok(None) => Ok(Change::Missed),
            Err(error) => {
                self.listener = None;
                Err(StoreError::Backend(error.into()))
            }
        }
    }
}

impl<M: AbstractBaseSession<Postgres>> DbStore<Postgres, M> {
    /// Listens on a connection of its own: the application's pool may be small, and this one is never given back.
    pub(crate) async fn changes(&self) -> Result<Changes, StoreError> {
        let options = (*self.pool.connect_options()).clone();
        let mut changes = Changes { options, listener: None };
        changes.listener = Some(changes.connect().await.map_err(|error| self.failure(error))?);
        Ok(changes)
    }

    /// Tells all who listen.
    pub(crate) async fn notify(&self, payload: &str) -> Result<(), StoreError> {
        let query = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(payload);
        query.execute(&self.pool).await.map(|_| ()).map_err(|error| self.failure(error))
    }

    pub(crate) fn table(&self) -> &str {
        &self.sql.table
    }
}
