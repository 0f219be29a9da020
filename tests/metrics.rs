//! What the feature `metrics` counts: each number once, as the table of `jam_session::events` has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jam_session::{
    CachedDbStore, DbStore, Draft, LocMemCache, MemoryStore, Record, Saved, Session, SessionKey, SessionLayer,
    SessionStore, SignedCookieStore, Signer, SqliteStore, StoreError, UserSession, management::clear_expired_every,
    sqlx, testing::TestClock,
};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

use time::OffsetDateTime;

type TestResult<T = ()> = Result<T, jam_session::BoxError>;

const SOURCE: &str = include_str!("../src/events/mod.rs");

/// What was counted, by name and labels; of a histogram how many values it got.
#[derive(Clone, Default)]
struct Numbers(Arc<Mutex<BTreeMap<String, u64>>>, Arc<Level>);

/// How many there are of something.
#[derive(Default)]
struct Level(AtomicI64);

impl GaugeFn for Level {
    fn increment(&self, n: f64) {
        self.0.fetch_add(n as i64, Ordering::SeqCst);
    }

    fn decrement(&self, n: f64) {
        self.increment(-n);
    }

    fn set(&self, _: f64) {
        panic!("nothing here is set");
    }
}

/// One of them.
struct Number {
    numbers: Numbers,
    name: String,
}

impl Numbers {
    fn number(&self, key: &Key) -> Arc<Number> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::new(Number { numbers: self.clone(), name })
    }

    fn add(&self, name: &str, n: u64) {
        *self.0.lock().expect("nobody panics").entry(name.to_owned()).or_default() += n;
    }

    /// What was counted since the last time somebody asked.
    fn take(&self) -> BTreeMap<String, u64> {
        let mut numbers = std::mem::take(&mut *self.0.lock().expect("nobody panics"));
        numbers.retain(|_, n| *n > 0);
        numbers
    }
}

impl CounterFn for Number {
    fn increment(&self, n: u64) {
        self.numbers.add(&self.name, n);
    }

    fn absolute(&self, _: u64) {
        panic!("nothing here is set");
    }
}

impl HistogramFn for Number {
    fn record(&self, seconds: f64) {
        assert!((0.0..60.0).contains(&seconds), "{}: {seconds} s", self.name);
        self.numbers.add(&self.name, 1);
    }
}

impl Recorder for Numbers {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.number(key))
    }

    /// The one gauge, whose value is in no table of counters.
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        assert_eq!(key.name(), "jam_session_writes_under_way");
        Gauge::from_arc(Arc::clone(&self.1))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.number(key))
    }
}

fn counted(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(name, n)| (format!("jam_session_{name}"), *n)).collect()
}

async fn stored(layer: &SessionLayer) -> TestResult<(Session, SessionKey)> {
    let session = layer.create().await?;
    let key = session.session_key().ok_or("it is stored")?;
    Ok((session, key))
}

#[tokio::test]
async fn what_sessions_go_through_is_counted() -> TestResult {
    let numbers = Numbers::default();
    let _counting = metrics::set_default_local_recorder(&numbers);
    let layer = SessionLayer::new(MemoryStore::new());

    let (session, key) = stored(&layer).await?;
    let created = [("changes_total{kind=created}", 1), ("store_seconds{engine=memory,operation=create}", 1)];
    assert_eq!(numbers.take(), counted(&created));

    let other = layer.open(&key).await?;
    other.insert("other", &1)?;
    session.insert("one", &1)?;
    other.save().await?;
    session.save().await?;
    let merged = [
        ("changes_total{kind=saved}", 2),
        ("conflicts_total{}", 1),
        ("loads_total{outcome=found}", 1),
        ("store_seconds{engine=memory,operation=load}", 1),
        ("store_seconds{engine=memory,operation=save}", 3),
    ];
    assert_eq!(numbers.take(), counted(&merged));

    session.cycle_key()?;
    session.save().await?;
    other.insert("late", &1)?;
    assert!(other.save().await.is_err());
    session.flush().await?;
    let ended = [
        ("changes_total{kind=cycled}", 1),
        ("changes_total{kind=flushed}", 1),
        ("interrupted_total{}", 1),
        ("store_seconds{engine=memory,operation=cycle}", 1),
        ("store_seconds{engine=memory,operation=delete}", 1),
    ];
    assert_eq!(numbers.take(), counted(&ended));
    Ok(())
}

#[tokio::test]
async fn cookies_that_are_not_believed_are_counted() -> TestResult {
    let numbers = Numbers::default();
    let _counting = metrics::set_default_local_recorder(&numbers);
    let app = visited(SessionLayer::new(MemoryStore::new()));
    let key = "abcdefghijklmnopqrstuvwxyz012345";
    let many = format!("other={}", "x".repeat(20_000));
    // More keys than are loaded.
    let five = ["1", "2", "3", "4", "5"].map(|digit| format!("sessionid={}", digit.repeat(32))).join("; ");
    for cookie in ["sessionid=x", "sessionid=x; sessionid=y", &five, &format!("sessionid={key}"), &many] {
        ask(&app, cookie).await?;
    }
    let signed = visited(SessionLayer::new(SignedCookieStore::new(Signer::new("secret"))));
    ask(&signed, "sessionid=e30:1r31eq:forged").await?;

    let refused = [
        ("loads_total{outcome=unknown}", 2),
        ("refused_cookies_total{reason=bad_signature}", 1),
        ("refused_cookies_total{reason=duplicate}", 1),
        ("refused_cookies_total{reason=malformed}", 2),
        ("refused_cookies_total{reason=too_many}", 1),
        ("store_seconds{engine=memory,operation=load}", 1),
        ("store_seconds{engine=signed_cookies,operation=load}", 1),
    ];
    assert_eq!(numbers.take(), counted(&refused));
    Ok(())
}

/// A page that looks at its session.
fn visited(layer: SessionLayer) -> axum::Router {
    axum::Router::new()
        .route("/", axum::routing::any(|session: Session| async move { drop(session.keys()) }))
        .layer(layer)
}

async fn ask(app: &axum::Router, cookie: &str) -> TestResult<http::StatusCode> {
    use tower::ServiceExt as _;

    let request = http::Request::builder().header("cookie", cookie).body(axum::body::Body::empty())?;
    let Ok(response) = app.clone().oneshot(request).await;
    Ok(response.status())
}

#[tokio::test]
async fn a_table_and_its_cache_are_counted() -> TestResult {
    let numbers = Numbers::default();
    let _counting = metrics::set_default_local_recorder(&numbers);
    let pool = SqliteStore::connect("sqlite::memory:").await?.pool().clone();
    let table: SqliteStore<UserSession> = DbStore::new(pool.clone());
    table.migrate().await?;
    let store = CachedDbStore::new(table, LocMemCache::new());
    let layer = SessionLayer::new(store.clone());
    let (session, key) = stored(&layer).await?;
    session.insert("_auth_user_id", "7")?;
    session.save().await?;
    numbers.take();

    let cookie = format!("sessionid={}", key.as_str());
    let app = visited(layer.clone());
    for _ in 0..3 {
        assert_eq!(ask(&app, &cookie).await?, 200);
    }
    let read = numbers.take();
    assert_eq!(read["jam_session_store_seconds{engine=cached_db,operation=load}"], 3);
    let cached = |outcome| read.get(&format!("jam_session_cache_total{{outcome={outcome}}}")).copied().unwrap_or(0);
    assert!(cached("hit") + cached("miss") == 3 && cached("hit") >= 2, "{read:?}");

    assert_eq!(store.revoke_all("7", OffsetDateTime::now_utc()).await?, 1);
    assert_eq!(numbers.take(), counted(&[("revoked_total{}", 1)]));

    sqlx::raw_sql("DROP TABLE user_session").execute(&pool).await?;
    assert_eq!(ask(&app, &format!("sessionid={}", "a".repeat(32))).await?, 500, "there is no table");
    let failed = [
        ("cache_total{outcome=miss}", 1),
        ("refused_requests_total{kind=refused}", 1),
        ("store_failures_total{engine=cached_db,operation=load}", 1),
        ("store_seconds{engine=cached_db,operation=load}", 1),
    ];
    assert_eq!(numbers.take(), counted(&failed));
    pool.close().await;
    assert_eq!(ask(&app, &format!("sessionid={}", "a".repeat(32))).await?, 503, "it may be opened again");
    assert_eq!(numbers.take()["jam_session_failed_requests_total{}"], 1);
    Ok(())
}

/// A store whose first writes never come back.
#[derive(Clone)]
struct Hanging(MemoryStore);

impl SessionStore for Hanging {
    async fn load(&self, key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        self.0.load(key, now).await
    }

    async fn create(&self, _: &SessionKey, _: &Draft, _: OffsetDateTime) -> Result<Record, StoreError> {
        pending().await
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.0.save(loaded, draft, now).await
    }

    async fn touch(&self, loaded: &Record, at: OffsetDateTime, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.0.touch(loaded, at, now).await
    }

    async fn cycle(
        &self,
        loaded: &Record,
        key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.0.cycle(loaded, key, draft, now).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.0.delete(key).await
    }

    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError> {
        self.0.exists(key).await
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.0.clear_expired(now).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_store_that_hangs_is_counted() -> TestResult {
    let numbers = Numbers::default();
    let _counting = metrics::set_default_local_recorder(&numbers);
    let layer = SessionLayer::new(Hanging(MemoryStore::new()));
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..4_100 {
        let layer = layer.clone();
        crowd.spawn(async move { layer.create().await.is_err() });
    }

    assert!(crowd.join_all().await.into_iter().all(|failed| failed));
    assert_eq!(layer.shutdown(Duration::from_secs(1)).await, 64, "those that were sent");

    let counted = numbers.take();
    assert_eq!(counted["jam_session_writes_not_sent_total{reason=full}"], 4);
    assert_eq!(counted["jam_session_writes_not_sent_total{reason=late}"], 4_096 - 64);
    // `jam_session_writes_under_way{}`
    assert_eq!(numbers.1.0.load(Ordering::SeqCst), 64, "those that were sent");
    Ok(())
}

#[tokio::test]
async fn a_crowd_and_a_broken_row_are_counted() -> TestResult {
    let numbers = Numbers::default();
    let _counting = metrics::set_default_local_recorder(&numbers);
    let store = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    let layer = SessionLayer::new(store.clone());
    let (_, key) = stored(&layer).await?;
    let crowd: Vec<_> = (0..20)
        .map(|_| {
            tokio::spawn({
                let layer = layer.clone();
                async move { layer.create().await.map(drop) }
            })
        })
        .collect();
    for visitor in crowd {
        visitor.await??;
    }
    let together = numbers.take();
    assert_eq!(together["jam_session_changes_total{kind=created}"], 21);
    assert!(together["jam_session_batched_rows_total{}"] > 1, "{together:?}");

    sqlx::raw_sql("UPDATE django_session SET session_data = 'broken'").execute(store.pool()).await?;
    layer.open(&key).await?;
    let broken = [("loads_total{outcome=undecodable}", 1), ("store_seconds{engine=sqlite,operation=load}", 1)];
    assert_eq!(numbers.take(), counted(&broken));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_cleared_away_is_counted() -> TestResult {
    let numbers = Numbers::default();
    let _counting = metrics::set_default_local_recorder(&numbers);
    let store = MemoryStore::new();
    let layer = SessionLayer::new(store.clone()).clock(TestClock::new().clock());
    for _ in 0..3 {
        stored(&layer).await?;
    }
    numbers.take();

    let period = Duration::from_secs(300);
    let never = tokio::time::timeout(period / 2, clear_expired_every(store, period, pending()));

    assert!(never.await.is_err());
    assert_eq!(numbers.take(), counted(&[("expired_removed_total{}", 3)]));
    Ok(())
}

#[test]
fn the_table_has_every_number_that_the_code_counts_and_the_tests_expect() {
    let rows = SOURCE.lines().filter_map(|line| line.strip_prefix("//! | `jam_session_"));
    let table: BTreeSet<_> = rows.filter_map(|row| row.split('`').next()).collect();
    let code = concat!(
        include_str!("../src/events/rare.rs"),
        include_str!("../src/events/told.rs"),
        include_str!("../src/events/numbers.rs")
    );
    let counted: BTreeSet<_> = code.split("\"jam_session_").skip(1).filter_map(|rest| rest.split('"').next()).collect();

    assert_eq!(counted, table);
    assert_eq!(table.len(), 15);
    for name in table {
        assert!(include_str!("metrics.rs").contains(&format!("{name}{{")), "{name} has no test");
    }
}

#[tokio::test]
async fn every_engine_says_its_name() -> TestResult {
    let memory = MemoryStore::new;
    let directory = tempfile::tempdir()?;
    let file = jam_session::FileStore::new(directory.path().join("sessions"))?;
    let sqlite = SqliteStore::connect("sqlite::memory:").await?;

    assert_eq!((memory().engine(), file.engine(), sqlite.engine()), ("memory", "file", "sqlite"));
    assert_eq!(jam_session::ErasedStore::new(sqlite.clone()).engine(), "sqlite");
    assert_eq!(CachedDbStore::new(sqlite, LocMemCache::new()).engine(), "cached_db");
    assert_eq!(jam_session::CacheStore::new(LocMemCache::new()).engine(), "cache");
    assert_eq!(jam_session::DjangoCache::new(memory(), LocMemCache::new()).engine(), "memory");
    Ok(())
}
