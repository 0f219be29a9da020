//! `hash_keys` over files and caches: what is stored there opens no session.

use jam_session::{
    AbstractBaseSession, BaseSession, Cache, CacheStore, CachedDbStore, DbStore, Driver, ErasedStore, FileStore,
    HashKeys, LocMemCache, RedisCache, SessionKey, SessionLayer, SessionStore, session_store_tests,
    sqlx::{Database, Pool},
    testing::store_of,
};
use tempfile::TempDir;

use crate::{
    TestResult,
    databases::{self, Scratch},
    redis::server::Server,
};

session_store_tests!(file, files(HashKeys::On));
session_store_tests!(file_migrating, files(HashKeys::Migrating));
session_store_tests!(cache, async { hashed(CacheStore::new(LocMemCache::new()), HashKeys::On) }, except [
    an_expired_session_exists_until_it_is_cleared = "a cache lets go of what has expired by itself, and lists nothing",
    clear_expired_removes_the_expired_and_counts_them = "a cache lets go of what has expired by itself, and lists nothing",
    clear_expired_leaves_what_expires_this_instant = "a cache lets go of what has expired by itself, and lists nothing",
    clear_expired_removes_any_number = "a cache lets go of what has expired by itself, and lists nothing",
]);
session_store_tests!(sqlite_locmem, over_sqlite(HashKeys::On));
session_store_tests!(sqlite_locmem_migrating, over_sqlite(HashKeys::Migrating));
session_store_tests!(postgres_locmem, over_postgres());
session_store_tests!(mysql_locmem, over_mysql());
session_store_tests!(sqlite_redis, over_redis());

/// `store` as the sessions of a layer see it.
fn hashed(store: impl SessionStore, hash_keys: HashKeys) -> ErasedStore {
    store_of(&SessionLayer::new(store).hash_keys(hash_keys))
}

async fn files(hash_keys: HashKeys) -> (ErasedStore, TempDir) {
    let parent = TempDir::new().expect("a temporary directory");
    let store = FileStore::new(parent.path().join("sessions")).expect("a new directory");
    (hashed(store, hash_keys), parent)
}

async fn over_sqlite(hash_keys: HashKeys) -> Option<(ErasedStore, Scratch<impl Database>)> {
    let scratch = databases::sqlite().await?;
    Some((hashed(cached(&scratch.pool, LocMemCache::new()).await, hash_keys), scratch))
}

async fn over_postgres() -> Option<(ErasedStore, Scratch<impl Database>)> {
    let scratch = databases::postgres().await?;
    Some((hashed(cached(&scratch.pool, LocMemCache::new()).await, HashKeys::On), scratch))
}

async fn over_mysql() -> Option<(ErasedStore, Scratch<impl Database>)> {
    let scratch = databases::mysql().await?;
    Some((hashed(cached(&scratch.pool, LocMemCache::new()).await, HashKeys::On), scratch))
}

async fn over_redis() -> Option<(ErasedStore, (Scratch<impl Database>, Server))> {
    let (scratch, server) = (databases::sqlite().await?, Server::start(&[]).expect("a server")?);
    let cache = RedisCache::connect(&server.url()).expect("its URL");
    Some((hashed(cached(&scratch.pool, cache).await, HashKeys::On), (scratch, server)))
}

async fn cached<DB: Driver, C: Cache>(pool: &Pool<DB>, cache: C) -> CachedDbStore<DbStore<DB>, C>
where
    BaseSession: AbstractBaseSession<DB>,
{
    let store = DbStore::new(pool.clone());
    store.migrate().await.expect("an empty database");
    CachedDbStore::new(store, cache)
}

/// Does everything that a site does with its sessions, and gives their keys.
async fn lived_through(layer: &SessionLayer) -> TestResult<Vec<SessionKey>> {
    let session = layer.create().await?;
    let first = session.session_key().ok_or("a key")?;
    session.insert("visits", &1)?;
    session.save().await?;
    let again = layer.open(&first).await?;
    assert_eq!(again.get::<u32>("visits")?, Some(1));
    again.cycle_key()?;
    again.save().await?;
    let second = again.session_key().ok_or("a key")?;
    assert!(layer.open(&first).await?.session_key().is_none() && layer.exists(&second).await?);
    layer.open(&second).await?.flush().await?;
    assert!(layer.open(&second).await?.session_key().is_none());
    let last = layer.create().await?.session_key().ok_or("a key")?;
    assert!(layer.open(&last).await?.session_key().is_some());
    Ok(vec![first, second, last])
}

/// How often the keys, and their hashes, were in a command to the server since the last time somebody asked.
fn seen(server: &Server, keys: &[SessionKey]) -> TestResult<[usize; 2]> {
    let log = server.cli(&["SLOWLOG", "GET", "-1"])?;
    server.cli(&["SLOWLOG", "RESET"])?;
    let count = |text: &str| log.matches(text).count();
    Ok([keys.iter().map(|key| count(key.as_str())).sum(), keys.iter().map(|key| count(key.hashed().as_str())).sum()])
}

#[tokio::test]
async fn no_key_reaches_redis() -> TestResult {
    let every_command = ["--slowlog-log-slower-than", "0", "--slowlog-max-len", "100000"];
    let Some(server) = Server::start(&every_command)? else { return Ok(()) };
    let Some(scratch) = databases::sqlite().await else { return Ok(()) };
    let cache = || RedisCache::connect(&server.url());
    let stores = [
        ("CacheStore", ErasedStore::new(CacheStore::new(cache()?))),
        ("CachedDbStore", ErasedStore::new(cached(&scratch.pool, cache()?).await)),
    ];
    for (name, store) in stores {
        let keys = lived_through(&SessionLayer::new(store.clone())).await?;
        let [plain, none] = seen(&server, &keys)?;
        assert!(plain > 5 && none == 0, "what is looked for is found: {plain} and {none}");

        let keys = lived_through(&SessionLayer::new(store).hash_keys(HashKeys::On)).await?;
        let [plain, hashes] = seen(&server, &keys)?;
        println!("hashed keys: {plain} keys and {hashes} hashes in the commands of {name} to Redis");
        assert!(plain == 0 && hashes > 5, "{plain} and {hashes}");
    }
    Ok(())
}
