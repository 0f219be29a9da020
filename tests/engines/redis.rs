//! `RedisCache`, against servers that the tests start, kill, stop and start again.
//!
//! `JAM_TEST_REDIS_URL` names a server for the tests that only talk to one; without it they start their own.

mod access;
mod cluster;
mod django;
mod examples;
mod faults;
mod lines;
mod node;
mod outages;
mod restarts;
mod sentinel;
pub(crate) mod server;
mod stores;
mod verbs;

use std::{
    env,
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use jam_session::{Cache, RedisCache};
use server::Server;

pub(crate) type TestResult<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// A cache, and a prefix that nobody else uses on it.
pub(crate) struct Scratch {
    pub(crate) cache: RedisCache,
    pub(crate) prefix: String,
    /// Where it is one of its own.
    pub(crate) server: Option<Server>,
}

/// On the server that the environment names, or on a new one.
pub(crate) fn scratch() -> TestResult<Option<Scratch>> {
    // Each state of its kind has keys of its own, which are drawn at random.
    let prefix = format!("test-{:x}-", RandomState::new().hash_one(std::process::id()));
    if let Ok(url) = env::var("JAM_TEST_REDIS_URL") {
        return Ok(Some(Scratch { cache: RedisCache::connect(&url)?, prefix, server: None }));
    }
    let Some(server) = Server::start(&[])? else { return Ok(None) };
    Ok(Some(Scratch { cache: RedisCache::connect(&server.url())?, prefix, server: Some(server) }))
}

/// Asks until the cache answers, and says how often that was in vain.
pub(crate) async fn answers(cache: &RedisCache) -> TestResult<u32> {
    let started = std::time::Instant::now();
    for vain in 0.. {
        match cache.get("anything").await {
            Ok(_) => return Ok(vain),
            Err(error) if started.elapsed() > Duration::from_secs(20) => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    unreachable!("it counts on")
}
