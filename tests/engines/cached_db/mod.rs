//! `CachedDbStore`: the suite over each database and each cache, and what a cache must not do.

use jam_session::{
    AbstractBaseSession, BaseSession, Cache, CachedDbStore, DbStore, Driver, LocMemCache, MemoryStore,
    session_store_tests,
    sqlx::{Database, MySql, Pool, Postgres, Sqlite},
};

use crate::databases::{self, Scratch};

mod chaos;
mod counts;
mod example;
mod interleavings;
mod model;
mod naive;
mod notify;
mod old_release;
mod outage;
mod parts;
mod releases;
mod restarts;
mod revoking;

type Cached<DB, C> = CachedDbStore<DbStore<DB>, C>;

session_store_tests!(memory_locmem, async { CachedDbStore::new(MemoryStore::new(), LocMemCache::new()) });
session_store_tests!(sqlite_locmem, over_sqlite(Some(LocMemCache::new())));
session_store_tests!(postgres_locmem, over_postgres(Some(LocMemCache::new())));
session_store_tests!(mysql_locmem, over_mysql(Some(LocMemCache::new())));

async fn over_sqlite<C: Cache>(cache: Option<C>) -> Option<(Cached<Sqlite, C>, Scratch<impl Database>)> {
    let scratch = databases::sqlite().await?;
    Some((cached(&scratch.pool, cache?).await, scratch))
}

async fn over_postgres<C: Cache>(cache: Option<C>) -> Option<(Cached<Postgres, C>, Scratch<impl Database>)> {
    let scratch = databases::postgres().await?;
    Some((cached(&scratch.pool, cache?).await, scratch))
}

async fn over_mysql<C: Cache>(cache: Option<C>) -> Option<(Cached<MySql, C>, Scratch<impl Database>)> {
    let scratch = databases::mysql().await?;
    Some((cached(&scratch.pool, cache?).await, scratch))
}

async fn cached<DB: Driver, C: Cache>(pool: &Pool<DB>, cache: C) -> Cached<DB, C>
where
    BaseSession: AbstractBaseSession<DB>,
{
    let store = DbStore::new(pool.clone());
    store.migrate().await.expect("an empty database");
    CachedDbStore::new(store, cache)
}
