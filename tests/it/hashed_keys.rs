//! `hash_keys`: what is stored opens no session, and a site gets there without logging anybody out.

use jam_session::{
    DbStore, Driver, ErasedStore, HashKeys, MemoryStore, SessionKey, SessionLayer, SessionStore,
    sqlx::{Database, Pool},
    testing::store_of,
};

use crate::support::{
    TestResult,
    databases::{self, Scratch},
};

mod listing;
mod migrating;
mod moving;
mod replayed;
mod spy;
mod suite;
mod wire;

/// `store` as the sessions of a layer see it.
fn hashed(store: impl SessionStore, hash_keys: HashKeys) -> ErasedStore {
    store_of(&SessionLayer::new(store).hash_keys(hash_keys))
}

async fn table<DB: Driver>(pool: &Pool<DB>) -> TestResult<DbStore<DB>> {
    let store = DbStore::new(pool.clone());
    store.migrate().await?;
    Ok(store)
}

/// How many cases run on each database.
pub(crate) fn cases() -> usize {
    listing::CASES.len() + migrating::CASES.len()
}

fn is_hash(key: &str) -> bool {
    key.len() == 40 && key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
}
