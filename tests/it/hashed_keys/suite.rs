//! The published suite over stores whose keys are hashed.

use jam_session::{SqliteStore, session_store_tests};

use super::*;
use crate::backends::models::Visit;

session_store_tests!(memory_on, async { hashed(MemoryStore::new(), HashKeys::On) });
session_store_tests!(memory_migrating, async { hashed(MemoryStore::new(), HashKeys::Migrating) });
session_store_tests!(memory_migrating_back, async { hashed(MemoryStore::new(), HashKeys::MigratingBack) });
session_store_tests!(sqlite_on, sqlite(HashKeys::On));
session_store_tests!(sqlite_migrating, sqlite(HashKeys::Migrating));
session_store_tests!(custom_model_on, visits());
session_store_tests!(postgres_on, postgres(HashKeys::On));
session_store_tests!(postgres_migrating, postgres(HashKeys::Migrating));
session_store_tests!(mysql_on, mysql(HashKeys::On));
session_store_tests!(mysql_migrating, mysql(HashKeys::Migrating));

async fn sqlite(hash_keys: HashKeys) -> Option<(ErasedStore, Scratch<impl Database>)> {
    let scratch = databases::sqlite().await?;
    Some((hashed(table(&scratch.pool).await.expect("an empty database"), hash_keys), scratch))
}

async fn visits() -> Option<(ErasedStore, Scratch<impl Database>)> {
    let scratch = databases::sqlite().await?;
    let store: SqliteStore<Visit> = SqliteStore::new(scratch.pool.clone());
    store.migrate().await.expect("an empty database");
    Some((hashed(store, HashKeys::On), scratch))
}

async fn postgres(hash_keys: HashKeys) -> Option<(ErasedStore, Scratch<impl Database>)> {
    let scratch = databases::postgres().await?;
    Some((hashed(table(&scratch.pool).await.expect("an empty database"), hash_keys), scratch))
}

async fn mysql(hash_keys: HashKeys) -> Option<(ErasedStore, Scratch<impl Database>)> {
    let scratch = databases::mysql().await?;
    Some((hashed(table(&scratch.pool).await.expect("an empty database"), hash_keys), scratch))
}
