//! One process of an application, and what its cache answers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jam_session::{
    BoxError, Cache, CachedDbStore, HashKeys, RedisCache, Session, SessionKey, SessionLayer, SessionStore as _,
    SqliteStore,
};

use super::{TestResult, server::Server};

/// Counts what a cache answers.
#[derive(Clone)]
pub(crate) struct Counting {
    cache: RedisCache,
    errors: Arc<AtomicU64>,
    hits: Arc<AtomicU64>,
}

impl Counting {
    fn of<T>(&self, answer: Result<T, BoxError>) -> Result<T, BoxError> {
        self.errors.fetch_add(u64::from(answer.is_err()), Ordering::Relaxed);
        answer
    }
}

impl Cache for Counting {
    async fn get(&self, key: &str) -> Result<Option<Arc<[u8]>>, BoxError> {
        let found = self.of(self.cache.get(key).await)?;
        self.hits.fetch_add(u64::from(found.is_some()), Ordering::Relaxed);
        Ok(found)
    }

    async fn set(&self, key: &str, value: &[u8], time_to_live: Duration) -> Result<(), BoxError> {
        self.of(self.cache.set(key, value, time_to_live).await)
    }

    async fn add(&self, key: &str, value: &[u8], time_to_live: Duration) -> Result<bool, BoxError> {
        self.of(self.cache.add(key, value, time_to_live).await)
    }

    async fn delete(&self, key: &str) -> Result<bool, BoxError> {
        self.of(self.cache.delete(key).await)
    }

    async fn compare_and_set(&self, key: &str, old: &[u8], new: &[u8], ttl: Duration) -> Result<bool, BoxError> {
        self.of(self.cache.compare_and_set(key, old, new, ttl).await)
    }
}

/// One process of an application: its own connections, and nothing shared but the database and Redis.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) layer: SessionLayer,
    cache: Counting,
}

impl Node {
    pub(crate) async fn new(database: &str, redis: &Server) -> TestResult<Self> {
        Self::over(database, RedisCache::connect(&redis.url())?).await
    }

    pub(crate) async fn over(database: &str, cache: RedisCache) -> TestResult<Self> {
        let cache = Counting { cache, errors: Arc::default(), hits: Arc::default() };
        let table = SqliteStore::connect(database).await?;
        table.migrate().await?;
        Ok(Self { layer: SessionLayer::new(CachedDbStore::new(table, cache.clone())), cache })
    }

    /// Keeps hashes of the keys, in the table and in the cache.
    pub(crate) fn hashing_keys(mut self) -> Self {
        self.layer = self.layer.hash_keys(HashKeys::On);
        self
    }

    /// Waits until the node serves what it has put into the cache itself: a node that has just started does not.
    pub(crate) async fn serves_from_its_cache(&self, database: &str) -> TestResult {
        let table = SqliteStore::connect(database).await?;
        for _ in 0..2_000 {
            let key = self.login("nobody").await?;
            self.user(&key).await?;
            table.delete(&key).await?;
            table.delete(&key.hashed()).await?;
            if self.user(&key).await?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err("the cache is never used".into())
    }

    pub(crate) async fn login(&self, user: &str) -> TestResult<SessionKey> {
        let session = self.layer.create().await?;
        session.insert("user", user)?;
        session.save().await?;
        Ok(session.session_key().ok_or("a key")?)
    }

    pub(crate) async fn open(&self, key: &SessionKey) -> TestResult<Session> {
        Ok(self.layer.open(key).await?)
    }

    pub(crate) async fn user(&self, key: &SessionKey) -> TestResult<Option<String>> {
        Ok(self.open(key).await?.get("user")?)
    }

    pub(crate) async fn logout(&self, key: &SessionKey) -> TestResult {
        Ok(self.open(key).await?.flush().await?)
    }

    pub(crate) fn errors(&self) -> u64 {
        self.cache.errors.load(Ordering::Relaxed)
    }

    pub(crate) fn hits(&self) -> u64 {
        self.cache.hits.load(Ordering::Relaxed)
    }
}
