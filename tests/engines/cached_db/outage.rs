//! The cache goes away and comes back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use jam_session::{BoxError, Cache, CachedDbStore, Draft, MemoryStore, Saved, SessionKey, SessionStore};
use time::OffsetDateTime;

use super::{
    interleavings::{Running, step},
    parts::{SharedCache, Truth},
};
use crate::{TestResult, log::Log};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

/// A cache that others share, and that can be taken away from this node.
#[derive(Clone, Default)]
struct Removable {
    cache: SharedCache,
    away: Arc<AtomicBool>,
    silent: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Removable {
    async fn reach(&self) -> Result<&SharedCache, BoxError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.away.load(Ordering::SeqCst) { Err("connection refused".into()) } else { Ok(&self.cache) }
    }
}

impl Cache for Removable {
    async fn get(&self, key: &str) -> Result<Option<Arc<[u8]>>, BoxError> {
        self.reach().await?.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8], time_to_live: Duration) -> Result<(), BoxError> {
        self.reach().await?.set(key, value, time_to_live).await
    }

    async fn add(&self, key: &str, value: &[u8], time_to_live: Duration) -> Result<bool, BoxError> {
        self.reach().await?.add(key, value, time_to_live).await
    }

    async fn delete(&self, key: &str) -> Result<bool, BoxError> {
        self.reach().await?.delete(key).await
    }

    async fn compare_and_set(
        &self,
        key: &str,
        expected: &[u8],
        value: &[u8],
        time_to_live: Duration,
    ) -> Result<bool, BoxError> {
        self.reach().await?.compare_and_set(key, expected, value, time_to_live).await
    }

    /// All nodes have the same clock here: what they put there is believed at once.
    fn is_shared(&self) -> bool {
        false
    }
}

fn key(n: usize) -> SessionKey {
    SessionKey::parse(&format!("{n:032}")).expect("a key")
}

fn draft(json: &str) -> Draft {
    Draft::new(json.parse().expect("JSON"), NOW + time::Duration::days(1))
}

/// A node with its cache, and the database that it has in common with others.
async fn node() -> TestResult<(CachedDbStore<MemoryStore, Removable>, Removable, MemoryStore)> {
    let (cache, database) = (Removable::default(), MemoryStore::new());
    let store = CachedDbStore::new(database.clone(), cache.clone());
    for n in 0..4 {
        store.create(&key(n), &draft(&format!(r#"{{"n":{n}}}"#)), NOW).await?;
        store.load(&key(n), NOW).await?;
    }
    Ok((store, cache, database))
}

#[tokio::test(start_paused = true)]
async fn without_its_cache_a_node_goes_on_from_the_database_and_says_so_once() -> TestResult {
    let (store, cache, _) = node().await?;
    let (log, _guard) = Log::of_this_thread();
    cache.away.store(true, Ordering::SeqCst);
    for n in 0..100 {
        let loaded = store.load(&key(n % 3), NOW).await?.ok_or("it is stored")?;
        let saved = store.save(&loaded, &draft(&format!(r#"{{"n":{n}}}"#)), NOW).await?;
        assert!(matches!(saved, Saved::Done(_)));
    }
    store.delete(&key(3)).await?;
    assert!(store.load(&key(3), NOW).await?.is_none());

    cache.away.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let found = store.load(&key(0), NOW).await?.ok_or("it is stored")?;

    assert_eq!(found.session_data.to_json(), r#"{"n":99}"#);
    let lines: Vec<_> = log.take().into_iter().filter(|line| line.contains("cached_db")).collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("connection refused") && lines[1].contains("is back"), "{lines:#?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_does_not_answer_holds_up_three_requests_and_then_none() -> TestResult {
    let (store, cache, _) = node().await?;
    cache.silent.store(true, Ordering::SeqCst);
    let started = tokio::time::Instant::now();
    for n in 0..1_000 {
        assert!(store.load(&key(n % 4), NOW).await?.is_some());
    }
    assert_eq!(started.elapsed(), Duration::from_millis(750));

    cache.asked.store(0, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(2)).await;
    for n in 0..1_000 {
        assert!(store.load(&key(n % 4), NOW).await?.is_some());
    }
    assert!(cache.asked.load(Ordering::SeqCst) <= 2, "one attempt in a second");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_ended_while_the_cache_was_away_is_not_served_when_it_is_back_with_old_contents() -> TestResult {
    let (store, cache, database) = node().await?;
    let before = cache.cache.contents();
    let other = CachedDbStore::new(database, cache.clone());
    store.delete(&key(0)).await?;
    let loaded = store.load(&key(3), NOW).await?.ok_or("it is stored")?;
    assert!(matches!(store.save(&loaded, &draft(r#"{"n":"newer"}"#), NOW).await?, Saved::Done(_)));

    cache.away.store(true, Ordering::SeqCst);
    store.delete(&key(1)).await?;
    let loaded = store.load(&key(2), NOW).await?.ok_or("it is stored")?;
    assert!(matches!(store.save(&loaded, &draft(r#"{"n":"new"}"#), NOW).await?, Saved::Done(_)));
    // It comes back as it was before the first of these was told.
    cache.cache.restore(before);
    cache.away.store(false, Ordering::SeqCst);
    for _ in 0..200 {
        assert!(store.load(&key(0), NOW).await?.is_none() && store.load(&key(1), NOW).await?.is_none());
        let found = store.load(&key(2), NOW).await?.ok_or("it is stored")?;
        assert_eq!(found.session_data.to_json(), r#"{"n":"new"}"#);
        let found = store.load(&key(3), NOW).await?.ok_or("it is stored")?;
        assert_eq!(found.session_data.to_json(), r#"{"n":"newer"}"#);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // By now the cache was told again, and the other node hears it from there.
    assert!(other.load(&key(0), NOW).await?.is_none() && other.load(&key(1), NOW).await?.is_none());
    let found = other.load(&key(2), NOW).await?.ok_or("it is stored")?;
    assert_eq!(found.session_data.to_json(), r#"{"n":"new"}"#);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_starts_anew_unnoticed_does_not_bring_back_who_logged_out_here() -> TestResult {
    let (store, cache, _) = node().await?;
    let before = cache.cache.contents();
    store.delete(&key(0)).await?;
    cache.cache.restore(before);

    assert!(store.load(&key(0), NOW).await?.is_none());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_dies_after_the_database_leaves_nothing_old_to_be_served() -> TestResult {
    for ending in [false, true] {
        let (cache, store) = (SharedCache::of_one_clock(), MemoryStore::new());
        let created = store.create(&key(1), &draft(r#"{"n":1}"#), NOW).await?;
        let truth = Truth { store: store.clone(), model: Arc::default() };
        let node = CachedDbStore::new(truth, cache.clone());
        node.load(&key(1), NOW).await?;
        let (dying, new) = (node.clone(), draft(r#"{"n":2}"#));
        let mut write: Running = Box::pin(async move {
            match ending {
                true => dying.delete(&created.session_key).await.expect("memory"),
                false => drop(dying.save(&created, &new, NOW).await.expect("memory")),
            }
        });
        while store.load(&key(1), NOW).await?.is_some_and(|found| found.session_data.to_json() == r#"{"n":1}"#) {
            assert!(!step(&mut write), "it was answered, and nothing is written");
        }
        drop(write);

        let found = node.load(&key(1), NOW).await?.map(|found| found.session_data.to_json());
        assert_eq!(found.as_deref(), (!ending).then_some(r#"{"n":2}"#));
    }
    Ok(())
}

/// Whether the cache has a session for this key that a node would serve.
fn has_session(cache: &Removable, n: usize) -> bool {
    let name = format!("django.contrib.sessions.cached_db{}", key(n).as_str());
    cache.cache.contents().get(&name).is_some_and(|bytes| bytes.first() == Some(&b'V'))
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_was_away_for_hours_is_told_of_every_change_though_no_request_comes() -> TestResult {
    let (store, cache, database) = node().await?;
    assert!((0..4).all(|n| has_session(&cache, n)));
    cache.away.store(true, Ordering::SeqCst);
    store.delete(&key(0)).await?;
    let loaded = store.load(&key(1), NOW).await?.ok_or("it is stored")?;
    assert!(matches!(store.save(&loaded, &draft(r#"{"n":"new"}"#), NOW).await?, Saved::Done(_)));
    tokio::time::sleep(Duration::from_secs(5 * 3_600)).await;
    assert!(has_session(&cache, 0) && has_session(&cache, 1), "it was not told yet");

    cache.away.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(3)).await;

    assert!(!has_session(&cache, 0) && !has_session(&cache, 1) && has_session(&cache, 2));
    assert_eq!(
        database.load(&key(1), NOW).await?.map(|found| found.session_data.to_json()).as_deref(),
        Some(r#"{"n":"new"}"#)
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn more_changes_than_can_be_remembered_are_not_served_and_those_remembered_are_told() -> TestResult {
    const MANY: usize = 65_536 + 500;
    let (cache, database) = (Removable::default(), MemoryStore::new());
    let store = CachedDbStore::new(database.clone(), cache.clone());
    for n in 0..MANY {
        store.create(&key(n), &draft("{}"), NOW).await?;
        store.load(&key(n), NOW).await?;
    }
    cache.away.store(true, Ordering::SeqCst);
    for n in 0..MANY {
        store.delete(&key(n)).await?;
    }
    cache.away.store(false, Ordering::SeqCst);
    // Before anything could be told, and when all that is remembered was.
    for pause in [Duration::ZERO, Duration::from_secs(3_600)] {
        tokio::time::sleep(pause).await;
        for n in (0..MANY).step_by(7) {
            assert!(store.load(&key(n), NOW).await?.is_none(), "{n}");
        }
    }
    let left = cache.cache.contents().values().filter(|bytes| bytes.first() == Some(&b'V')).count();
    assert!(left <= 500, "{left} of {MANY} are still there");
    Ok(())
}

/// A store and its retries belong to no runtime: one that ends does not end the telling.
#[test]
fn the_cache_is_told_though_the_runtime_that_was_to_tell_it_is_gone() -> TestResult {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let first = runtime()?;
    let (store, cache, _) = first.block_on(node())?;
    first.block_on(async {
        cache.away.store(true, Ordering::SeqCst);
        store.delete(&key(0)).await
    })?;
    drop(first);
    cache.away.store(false, Ordering::SeqCst);
    runtime()?.block_on(async {
        for _ in 0..10 {
            store.load(&key(1), NOW).await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        TestResult::Ok(())
    })?;
    assert!(!has_session(&cache, 0) && has_session(&cache, 1));
    Ok(())
}
