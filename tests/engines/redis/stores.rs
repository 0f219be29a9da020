//! The stores that keep sessions in Redis, through the published suite.

use jam_session::{
    AbstractBaseSession, BaseSession, CacheStore, CachedDbStore, DbStore, DjangoCache, Driver, ErasedStore,
    MemoryStore, RedisCache, session_store_tests,
    sqlx::{MySql, Pool, Postgres, Sqlite},
    testing::conformance,
};

use super::{
    TestResult,
    cluster::Cluster,
    scratch,
    server::{Server, free_port},
};
use crate::databases::{self, Scratch};

session_store_tests!(redis, over_redis(), except [
    an_expired_session_exists_until_it_is_cleared = "a cache lets go of what has expired by itself, and lists nothing",
    clear_expired_removes_the_expired_and_counts_them = "a cache lets go of what has expired by itself, and lists nothing",
    clear_expired_leaves_what_expires_this_instant = "a cache lets go of what has expired by itself, and lists nothing",
    clear_expired_removes_any_number = "a cache lets go of what has expired by itself, and lists nothing",
    a_dropped_cycle_leaves_one_session = "a cache changes one name at a time: a session under a key that nobody was told may stay until it expires",
]);
session_store_tests!(sqlite_redis, over_sqlite());
session_store_tests!(postgres_redis, over_postgres());
session_store_tests!(mysql_redis, over_mysql());
session_store_tests!(beside_django, beside_django());
session_store_tests!(beside_a_django_whose_cache_is_down, async { DjangoCache::new(MemoryStore::new(), nowhere()) });

/// What a cache cannot promise; the reasons are above.
const NOT_ON_A_CACHE: [&str; 5] = [
    "a_dropped_cycle_leaves_one_session",
    "an_expired_session_exists_until_it_is_cleared",
    "clear_expired_removes_the_expired_and_counts_them",
    "clear_expired_leaves_what_expires_this_instant",
    "clear_expired_removes_any_number",
];

/// It takes seconds to make a Cluster, so all cases share one; they use keys that are drawn at random.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_promise_of_a_cache_is_kept_on_a_cluster() -> TestResult {
    let Some(cluster) = Cluster::start()? else { return Ok(()) };
    let cache = cluster.cache()?;
    let mut kept = 0;
    macro_rules! kept {
        ($case:ident) => {
            if !NOT_ON_A_CACHE.contains(&stringify!($case)) {
                println!("on a Cluster: {}", stringify!($case));
                let store = CacheStore::new(cache.clone()).cache_key_prefix(stringify!($case));
                conformance::check(store, conformance::$case).await;
                kept += 1;
            }
        };
    }
    jam_session::__session_store_cases!(kept);
    println!("redis: {kept} cases of the suite on a Cluster of three nodes");
    assert_eq!(kept, conformance::cases().len() - NOT_ON_A_CACHE.len());
    Ok(())
}

async fn over_redis() -> Option<(CacheStore<RedisCache>, Option<Server>)> {
    let scratch = scratch().expect("a server")?;
    Some((CacheStore::new(scratch.cache).cache_key_prefix(&scratch.prefix), scratch.server))
}

async fn beside_django() -> Option<(DjangoCache<MemoryStore, RedisCache>, Option<Server>)> {
    let scratch = scratch().expect("a server")?;
    Some((DjangoCache::new(MemoryStore::new(), scratch.cache).key_prefix(&scratch.prefix), scratch.server))
}

fn nowhere() -> RedisCache {
    RedisCache::connect(&format!("redis://127.0.0.1:{}", free_port())).expect("a URL")
}

type Beside<DB> = (Scratch<DB>, Option<Server>);

async fn over_sqlite() -> Option<(ErasedStore, Beside<Sqlite>)> {
    let database = databases::sqlite().await?;
    Some((cached(&database.pool).await?, database)).map(|((store, server), database)| (store, (database, server)))
}

async fn over_postgres() -> Option<(ErasedStore, Beside<Postgres>)> {
    let database = databases::postgres().await?;
    Some((cached(&database.pool).await?, database)).map(|((store, server), database)| (store, (database, server)))
}

async fn over_mysql() -> Option<(ErasedStore, Beside<MySql>)> {
    let database = databases::mysql().await?;
    Some((cached(&database.pool).await?, database)).map(|((store, server), database)| (store, (database, server)))
}

async fn cached<DB: Driver>(pool: &Pool<DB>) -> Option<(ErasedStore, Option<Server>)>
where
    BaseSession: AbstractBaseSession<DB>,
{
    let scratch = scratch().expect("a server")?;
    let table = DbStore::<DB>::new(pool.clone());
    table.migrate().await.expect("an empty database");
    let store = CachedDbStore::new(table, scratch.cache).cache_key_prefix(&scratch.prefix);
    Some((ErasedStore::new(store), scratch.server))
}
