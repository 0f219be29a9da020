//! How often the database is asked.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jam_session::{
    CachedDbStore, DbStore, Draft, LocMemCache, MemoryStore, Record, Saved, SessionKey, SessionLayer, SessionStore,
    Signer, SqliteStore, StoreError, sqlx::sqlite::SqlitePoolOptions,
};
use time::OffsetDateTime;
use tokio::task::JoinSet;

use crate::{TestResult, log::Log};

/// A store that takes its time to load, counts how often it has to, and fails where it is told to.
#[derive(Clone, Default)]
struct Slow {
    store: MemoryStore,
    loads: Arc<AtomicUsize>,
    failing: Arc<Mutex<bool>>,
}

impl SessionStore for Slow {
    async fn load(&self, key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if *self.failing.lock().expect("nobody panics here") {
            return Err(StoreError::Backend("the disk is on fire".into()));
        }
        self.store.load(key, now).await
    }

    async fn create(&self, key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        self.store.create(key, draft, now).await
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.store.save(loaded, draft, now).await
    }

    async fn touch(&self, loaded: &Record, until: OffsetDateTime, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.store.touch(loaded, until, now).await
    }

    async fn cycle(
        &self,
        loaded: &Record,
        key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.store.cycle(loaded, key, draft, now).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError> {
        self.store.exists(key).await
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.store.clear_expired(now).await
    }
}

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

async fn stored(store: &impl SessionStore, json: &str) -> TestResult<Record> {
    let key = SessionKey::parse("abcdefghijklmnopqrstuvwxyz012345")?;
    Ok(store.create(&key, &Draft::new(json.parse()?, NOW + time::Duration::days(1)), NOW).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn five_hundred_requests_on_one_cold_session_load_it_once_or_twice() -> TestResult {
    let slow = Slow::default();
    let key = stored(&slow, r#"{"a":1}"#).await?.session_key;
    let store = CachedDbStore::new(slow.clone(), LocMemCache::new());
    let mut requests = JoinSet::new();
    for _ in 0..500 {
        let (store, key) = (store.clone(), key.clone());
        requests.spawn(async move { store.load(&key, NOW).await.map(|found| found.is_some()) });
    }
    let found = requests.join_all().await;

    assert!(found.into_iter().all(|found| matches!(found, Ok(true))));
    let loads = slow.loads.load(Ordering::SeqCst);
    println!("cached_db: 500 parallel requests on a cold session, {loads} database loads");
    assert!((1..=2).contains(&loads));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn when_who_asks_is_dropped_the_next_one_asks_and_an_error_is_everybodys() -> TestResult {
    let slow = Slow::default();
    let key = stored(&slow, r#"{"a":1}"#).await?.session_key;
    let store = CachedDbStore::new(slow.clone(), LocMemCache::new());
    let ask = || {
        let (store, key) = (store.clone(), key.clone());
        tokio::spawn(async move { store.load(&key, NOW).await })
    };
    let first = ask();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let (second, third) = (ask(), ask());
    tokio::time::sleep(Duration::from_millis(5)).await;
    first.abort();
    assert!(second.await??.is_some() && third.await??.is_some());
    assert_eq!(slow.loads.load(Ordering::SeqCst), 2, "the one that was dropped, and one for both others");

    *slow.failing.lock().expect("nobody panics here") = true;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let asked: Vec<_> = (0..20).map(|_| ask()).collect();
    for asked in asked {
        let error = asked.await?.expect_err("the database fails");
        assert!(matches!(&error, StoreError::Backend(cause) if cause.to_string() == "the disk is on fire"));
    }
    assert!(slow.loads.load(Ordering::SeqCst) <= 4, "two for twenty");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_session_is_read_again_after_its_time_to_live() -> TestResult {
    let slow = Slow::default();
    let loaded = stored(&slow, r#"{"a":1}"#).await?;
    let store = CachedDbStore::new(slow.clone(), LocMemCache::new());
    store.load(&loaded.session_key, NOW).await?;
    // Somebody who does not know of the cache.
    slow.delete(&loaded.session_key).await?;

    tokio::time::advance(Duration::from_millis(4_900)).await;
    assert!(store.load(&loaded.session_key, NOW).await?.is_some());
    assert!(store.load(&loaded.session_key, loaded.expire_date).await?.is_none(), "never the expired");
    tokio::time::advance(Duration::from_millis(101)).await;
    assert!(store.load(&loaded.session_key, NOW).await?.is_none());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn whether_a_cached_session_exists_is_not_asked_of_the_database() -> TestResult {
    let database = MemoryStore::new();
    let key = SessionKey::parse("abcdefghijklmnopqrstuvwxyz012345")?;
    let tomorrow = jam_session::Clock::system().now() + time::Duration::days(1);
    let store = CachedDbStore::new(database.clone(), LocMemCache::new());
    assert!(!store.exists(&key).await?);
    store.create(&key, &Draft::new("{}".parse()?, tomorrow), NOW).await?;
    assert!(store.exists(&key).await?, "the database has it");
    store.load(&key, NOW).await?;
    database.delete(&key).await?;
    assert!(store.exists(&key).await?, "the cache has it");
    store.delete(&key).await?;
    assert!(!store.exists(&key).await?);
    Ok(())
}

const TABLE: &str = "counted_session";

/// What the database was asked since the last time.
fn statements(log: &Log) -> Vec<String> {
    let lines = log.take();
    let sql = lines.iter().filter_map(|line| line.split_once(" sqlx::query:")?.1.split_once("db.statement="));
    let ours = sql.map(|(_, sql)| sql.trim()).filter(|sql| sql.contains(TABLE));
    ours.filter_map(|sql| sql.split_whitespace().next().map(|word| word.trim_matches('"').to_owned())).collect()
}

#[tokio::test]
async fn a_hit_costs_no_statement_and_a_write_what_it_costs_without_a_cache() -> TestResult {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    let table: SqliteStore = DbStore::with_table(pool, TABLE)?.signing(Signer::new("a secret key of a test"));
    table.migrate().await?;
    let layer = SessionLayer::new(CachedDbStore::new(table, LocMemCache::new()));
    let log = Log::of_all_threads();
    let session = layer.create().await?;
    let key = session.session_key().ok_or("it is stored")?;
    assert_eq!(statements(&log), ["INSERT"]);

    layer.open(&key).await?;
    assert_eq!(statements(&log), ["SELECT"], "the first reader puts it into the cache");
    let session = layer.open(&key).await?;
    assert_eq!(statements(&log), [""; 0], "the second finds it there");
    session.insert("n", &1)?;
    session.save().await?;
    let written = statements(&log);
    assert_eq!(layer.open(&key).await?.get::<u32>("n")?, Some(1));
    assert_eq!((written, statements(&log)), (vec!["UPDATE".to_owned()], vec![]), "what was written is there at once");
    layer.delete(&key).await?;
    assert_eq!(statements(&log), ["DELETE"]);
    println!("cached_db: statements of a hit 0, of a miss 1 SELECT, of a save of a cached session 1 UPDATE");
    Ok(())
}

#[tokio::test]
async fn a_save_over_a_stale_session_from_the_cache_is_a_conflict_and_heals_it() -> TestResult {
    let database = MemoryStore::new();
    let loaded = stored(&database, r#"{"a":1}"#).await?;
    let store = CachedDbStore::new(database.clone(), LocMemCache::new());
    let ours = store.load(&loaded.session_key, NOW).await?.ok_or("it is stored")?;
    let theirs = Draft::new(r#"{"theirs":1}"#.parse()?, loaded.expire_date);
    assert!(matches!(database.save(&loaded, &theirs, NOW).await?, Saved::Done(_)));

    let saved = store.save(&ours, &Draft::new(r#"{"a":2}"#.parse()?, loaded.expire_date), NOW).await?;

    assert!(matches!(saved, Saved::Conflict(found) if found.session_data == theirs.session_data));
    let found = store.load(&loaded.session_key, NOW).await?.ok_or("it is stored")?;
    assert_eq!(found.session_data.to_json(), r#"{"theirs":1}"#);
    Ok(())
}

#[test]
fn debug_names_the_store_and_shows_no_key() {
    let store = CachedDbStore::new(MemoryStore::new(), LocMemCache::new()).cache_key_prefix("shop:");
    assert_eq!(format!("{store:?}"), "CachedDbStore { store: MemoryStore(0 sessions), .. }");
}
