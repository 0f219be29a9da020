//! A shared cache fails while sessions change, and the application restarts: every kind of change, with every kind of
//! failure, before and after a restart.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jam_session::{
    BoxError, Cache, CachedDbStore, Clock, Draft, Record, SessionKey, SessionLayer, SessionStore, SqliteStore,
    UserSession,
};
use time::OffsetDateTime;
use tokio::time::sleep;

use super::parts::SharedCache;
use crate::TestResult;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
/// So many sessions for each change and each failure: with eight changes, 200 for each failure.
const EACH: usize = 25;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    Save,
    Touch,
    Cycle,
    Delete,
    Flush,
    Revoke,
    RevokeOthers,
    RevokeAll,
}

const CHANGES: [Change; 8] = [
    Change::Save,
    Change::Touch,
    Change::Cycle,
    Change::Delete,
    Change::Flush,
    Change::Revoke,
    Change::RevokeOthers,
    Change::RevokeAll,
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Failure {
    Unreachable,
    Silent,
    /// It still answers who asks, and changes nothing, as a Redis that cannot save to its disk.
    RefusesWrites,
    /// It takes nothing in, and removes what it is told to.
    Full,
    /// It works, and comes back with what it had before.
    OlderSnapshot,
    /// It works, and comes back without anything.
    Empty,
}

const FAILURES: [Failure; 6] = [
    Failure::Unreachable,
    Failure::Silent,
    Failure::RefusesWrites,
    Failure::Full,
    Failure::OlderSnapshot,
    Failure::Empty,
];

/// A cache that fails as it is told to.
#[derive(Clone, Default)]
struct Ailing {
    cache: SharedCache,
    failure: Arc<Mutex<Option<Failure>>>,
}

enum Command {
    Read,
    Remove,
    TakeIn,
}

impl Ailing {
    fn failure(&self) -> MutexGuard<'_, Option<Failure>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reach(&self, command: Command) -> Result<&SharedCache, BoxError> {
        let failure = *self.failure();
        match (failure, command) {
            (Some(Failure::Silent), _) => std::future::pending().await,
            (Some(Failure::Unreachable), _)
            | (Some(Failure::RefusesWrites), Command::Remove | Command::TakeIn)
            | (Some(Failure::Full), Command::TakeIn) => Err("it fails".into()),
            _ => Ok(&self.cache),
        }
    }
}

impl Cache for Ailing {
    async fn get(&self, key: &str) -> Result<Option<Arc<[u8]>>, BoxError> {
        self.reach(Command::Read).await?.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8], time_to_live: Duration) -> Result<(), BoxError> {
        self.reach(Command::TakeIn).await?.set(key, value, time_to_live).await
    }

    async fn add(&self, key: &str, value: &[u8], time_to_live: Duration) -> Result<bool, BoxError> {
        self.reach(Command::TakeIn).await?.add(key, value, time_to_live).await
    }

    async fn delete(&self, key: &str) -> Result<bool, BoxError> {
        self.reach(Command::Remove).await?.delete(key).await
    }

    async fn compare_and_set(&self, key: &str, old: &[u8], new: &[u8], ttl: Duration) -> Result<bool, BoxError> {
        self.reach(Command::TakeIn).await?.compare_and_set(key, old, new, ttl).await
    }
}

type Node = CachedDbStore<SqliteStore<UserSession>, Ailing>;

fn key(n: usize) -> SessionKey {
    SessionKey::parse(&format!("{n:032}")).expect("a key")
}

fn draft(n: usize, state: &str) -> Draft {
    let json = format!(r#"{{"_auth_user_id":"{n}","state":"{state}"}}"#);
    Draft::new(json.parse().expect("JSON"), NOW + time::Duration::days(1))
}

fn node(table: &SqliteStore<UserSession>, cache: &Ailing) -> Node {
    CachedDbStore::new(SqliteStore::new(table.pool().clone()), cache.clone())
}

/// Waits until a node serves what it has itself put into the cache: it has just started, and so does not at first.
async fn serves_from_its_cache(node: &Node) -> TestResult {
    let key = key(99_999_999);
    for _ in 0..2_000 {
        node.get_ref().create(&key, &draft(0, "old"), NOW).await?;
        node.load(&key, NOW).await?;
        node.get_ref().delete(&key).await?;
        if node.load(&key, NOW).await?.is_some() {
            return Ok(());
        }
        sleep(Duration::from_millis(5)).await;
    }
    Err("the cache is never used".into())
}

async fn perform(change: Change, node: &Node, loaded: &Record, n: usize) -> TestResult {
    let (user, key) = (n.to_string(), &loaded.session_key);
    match change {
        Change::Save => drop(node.save(loaded, &draft(n, "new"), NOW).await?),
        Change::Touch => drop(node.touch(loaded, loaded.expire_date + time::Duration::days(1), NOW).await?),
        Change::Cycle => drop(node.cycle(loaded, &self::key(n + 1_000_000), &draft(n, "new"), NOW).await?),
        Change::Delete => node.delete(key).await?,
        Change::Flush => {
            let layer = SessionLayer::new(node.clone()).clock(Clock::from_fn(|| NOW));
            layer.open(key).await?.flush().await?;
        }
        Change::Revoke => {
            let handle = node.get_ref().user(&user).list(None, NOW).await?.remove(0).handle;
            assert!(node.revoke(&user, &handle, NOW).await?);
        }
        Change::RevokeOthers => assert_eq!(node.revoke_others(&user, &self::key(88_888_888), NOW).await?, 1),
        Change::RevokeAll => assert_eq!(node.revoke_all(&user, NOW).await?, 1),
    }
    Ok(())
}

/// Whether a node contradicts what the one that asked for the change was told.
async fn is_stale(change: Change, node: &Node, before: &Record) -> TestResult<bool> {
    let found = node.load(&before.session_key, NOW).await?;
    Ok(match change {
        Change::Save => found.ok_or("it was lost")?.session_data == before.session_data,
        Change::Touch => found.ok_or("it was lost")?.expire_date == before.expire_date,
        _ => found.is_some(),
    })
}

/// How many of 200 sessions are shown as they were.
async fn stale_after(failure: Failure, restarts: bool) -> TestResult<usize> {
    let pool = SqliteStore::connect("sqlite::memory:").await?.pool().clone();
    let (table, cache) = (SqliteStore::<UserSession>::new(pool), Ailing::default());
    table.migrate().await?;
    let mut running = node(&table, &cache);
    serves_from_its_cache(&running).await?;
    let mut sessions = Vec::new();
    for n in 0..EACH * CHANGES.len() {
        running.create(&key(n), &draft(n, "old"), NOW).await?;
        let loaded = running.load(&key(n), NOW).await?.ok_or("it is stored")?;
        sessions.push((CHANGES[n % CHANGES.len()], n, loaded));
    }
    let before = cache.cache.contents();
    let cached = before.values().filter(|bytes| bytes.first() == Some(&b'V')).count();
    assert!(cached >= sessions.len(), "{cached} sessions are in the cache");

    *cache.failure() = Some(failure);
    for (change, n, loaded) in &sessions {
        perform(*change, &running, loaded, *n).await?;
    }
    if restarts {
        running = node(&table, &cache);
    }
    match failure {
        Failure::OlderSnapshot => cache.cache.restore(before),
        Failure::Empty => cache.cache.flush_all(),
        _ => {}
    }
    *cache.failure() = None;
    let mut stale = 0;
    for (change, _, before) in &sessions {
        stale += usize::from(is_stale(*change, &running, before).await?);
    }
    println!("cached_db: {failure:?}, restarted: {restarts}: {stale} of {} shown as they were", sessions.len());
    Ok(stale)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_undone_by_any_failure_of_a_shared_cache_and_a_restart() -> TestResult {
    for failure in FAILURES {
        assert_eq!(stale_after(failure, true).await?, 0, "{failure:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_undone_by_any_failure_of_a_shared_cache_in_a_process_that_goes_on() -> TestResult {
    for failure in FAILURES {
        // What was told and then forgotten without a sign shows in those that ended; RedisCache gives a sign.
        if failure != Failure::OlderSnapshot {
            assert_eq!(stale_after(failure, false).await?, 0, "{failure:?}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_full_cache_cannot_be_told_it_is_made_to_forget() -> TestResult {
    let pool = SqliteStore::connect("sqlite::memory:").await?.pool().clone();
    let (table, cache) = (SqliteStore::<UserSession>::new(pool), Ailing::default());
    table.migrate().await?;
    let (here, there) = (node(&table, &cache), node(&table, &cache));
    serves_from_its_cache(&there).await?;
    let mut stale = 0;
    for n in 0..EACH * CHANGES.len() {
        let change = CHANGES[n % CHANGES.len()];
        here.create(&key(n), &draft(n, "old"), NOW).await?;
        let before = there.load(&key(n), NOW).await?.ok_or("it is stored")?;
        *cache.failure() = Some(Failure::Full);
        perform(change, &here, &before, n).await?;
        // An error of its own would have the other node doubt all that the cache holds, and so show nothing.
        *cache.failure() = None;
        stale += usize::from(is_stale(change, &there, &before).await?);
    }
    println!("cached_db: Full, on another node: {stale} of {} shown as they were", EACH * CHANGES.len());
    assert_eq!(stale, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_serves_nothing_for_longer_than_its_own_time_to_live_whatever_another_one_has_set() -> TestResult {
    let pool = SqliteStore::connect("sqlite::memory:").await?.pool().clone();
    let (table, cache) = (SqliteStore::<UserSession>::new(pool), Ailing::default());
    table.migrate().await?;
    let patient = node(&table, &cache).time_to_live(Duration::from_secs(3_600));
    let brief = node(&table, &cache).time_to_live(Duration::from_millis(200));
    serves_from_its_cache(&patient).await?;
    patient.create(&key(1), &draft(1, "old"), NOW).await?;
    patient.load(&key(1), NOW).await?;
    assert!(brief.load(&key(1), NOW).await?.is_some());
    // The cache is not told, and does not let go of it: time does not pass in it.
    table.delete(&key(1)).await?;
    assert!(patient.load(&key(1), NOW).await?.is_some());

    let asked = std::time::Instant::now();
    let copy = cache.cache.contents();
    while brief.load(&key(1), NOW).await?.is_some() {
        assert!(asked.elapsed() < Duration::from_secs(10), "longer than its time to live");
        sleep(Duration::from_millis(5)).await;
    }
    cache.cache.restore(copy);
    assert!(patient.load(&key(1), NOW).await?.is_some());
    Ok(())
}
