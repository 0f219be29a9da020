//! `DjangoCache` with more sessions than it keeps in mind, and with a cache that is away.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jam_session::{BoxError, Cache, DjangoCache, Draft, MemoryStore, SessionKey, SessionStore};
use time::OffsetDateTime;

use crate::TestResult;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
/// More than are removed at a time, and than once were remembered.
const MANY: usize = 20_000;

/// The names that Django has in its cache.
#[derive(Clone, Default)]
struct Names {
    names: Arc<Mutex<HashSet<String>>>,
    away: Arc<AtomicBool>,
}

impl Names {
    fn all(&self) -> MutexGuard<'_, HashSet<String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A Django puts an entry there for each session.
    fn fill(&self) {
        self.all().extend((0..MANY).map(|n| format!(":1:django.contrib.sessions.cached_db{}", key(n).as_str())));
    }
}

impl Cache for Names {
    async fn get(&self, _: &str) -> Result<Option<Arc<[u8]>>, BoxError> {
        Err("nobody reads Django's entries".into())
    }

    async fn set(&self, _: &str, _: &[u8], _: Duration) -> Result<(), BoxError> {
        Err("nobody writes Django's entries".into())
    }

    async fn add(&self, _: &str, _: &[u8], _: Duration) -> Result<bool, BoxError> {
        Err("nobody writes Django's entries".into())
    }

    async fn delete(&self, key: &str) -> Result<bool, BoxError> {
        match self.away.load(Ordering::SeqCst) {
            true => Err("connection refused".into()),
            false => Ok(self.all().remove(key)),
        }
    }

    async fn compare_and_set(&self, _: &str, _: &[u8], _: &[u8], _: Duration) -> Result<bool, BoxError> {
        Err("nobody writes Django's entries".into())
    }
}

fn key(n: usize) -> SessionKey {
    SessionKey::parse(&format!("{n:032}")).expect("a key")
}

fn draft(json: &str) -> Draft {
    Draft::new(json.parse().expect("JSON"), NOW + time::Duration::days(1))
}

/// Changes or ends each session of many, and how many entries of them are left when Django has put each there again a
/// moment after it was removed.
async fn left_after(ends: bool, names: &Names, pause: Duration) -> TestResult<usize> {
    let store = DjangoCache::new(MemoryStore::new(), names.clone());
    let mut created = Vec::new();
    for n in 0..MANY {
        created.push(store.create(&key(n), &draft("{}"), NOW).await?);
    }
    names.fill();
    for loaded in &created {
        match ends {
            true => store.delete(&loaded.session_key).await?,
            false => drop(store.save(loaded, &draft(r#"{"n":1}"#), NOW).await?),
        }
    }
    names.fill();
    tokio::time::sleep(pause).await;
    names.away.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let left = names.all().len();
    Ok(left)
}

#[tokio::test(start_paused = true)]
async fn however_many_sessions_change_at_once_each_entry_is_removed_once_more() -> TestResult {
    for ends in [false, true] {
        let left = left_after(ends, &Names::default(), Duration::ZERO).await?;
        println!("django_cache: of {MANY} entries that Django put there again {left} are left");
        assert_eq!(left, 0);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn however_many_sessions_change_while_the_cache_is_away_for_hours_each_entry_is_removed() -> TestResult {
    for ends in [false, true] {
        let names = Names::default();
        names.away.store(true, Ordering::SeqCst);
        let left = left_after(ends, &names, Duration::from_secs(5 * 3_600)).await?;
        println!("django_cache: of {MANY} entries that could not be removed {left} are left");
        assert_eq!(left, 0);
    }
    Ok(())
}

#[test]
fn an_entry_is_removed_though_the_runtime_that_was_to_remove_it_is_gone() -> TestResult {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let names = Names::default();
    let store = DjangoCache::new(MemoryStore::new(), names.clone());
    names.fill();
    names.away.store(true, Ordering::SeqCst);
    let first = runtime()?;
    first.block_on(store.delete(&key(0)))?;
    drop(first);
    names.away.store(false, Ordering::SeqCst);
    runtime()?.block_on(async {
        store.delete(&key(1)).await?;
        tokio::time::sleep(Duration::from_secs(60)).await;
        TestResult::Ok(())
    })?;
    assert_eq!(names.all().len(), MANY - 2);
    Ok(())
}
