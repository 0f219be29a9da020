//! `clear_expired_every` and `clearsessions`.

use std::{
    future::pending,
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jam_session::{
    DbStore, Draft, Driver, MemoryStore, Record, Saved, SessionKey, SessionStore, StoreError,
    management::{clear_expired_every, clearsessions},
    sqlx::Pool,
};
use time::OffsetDateTime;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::{NOW, insert, keys, on_each_database, store};
use crate::{
    events::once,
    support::{Log, TestResult},
};

type Attempt = dyn Fn(usize) -> Result<u64, StoreError> + Send + Sync;

/// A store that clears as it is told, and notes when it was asked.
#[derive(Clone)]
struct Scripted {
    attempt: Arc<Attempt>,
    asked_at: Arc<Mutex<Vec<Instant>>>,
}

impl Scripted {
    fn new(attempt: impl Fn(usize) -> Result<u64, StoreError> + Send + Sync + 'static) -> Self {
        Self { attempt: Arc::new(attempt), asked_at: Arc::default() }
    }

    /// Seconds between two attempts.
    fn waits(&self) -> Vec<f64> {
        let asked_at = self.asked_at.lock().expect("nobody panics");
        asked_at.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect()
    }
}

impl SessionStore for Scripted {
    async fn clear_expired(&self, _: OffsetDateTime) -> Result<u64, StoreError> {
        let attempts = {
            let mut asked_at = self.asked_at.lock().expect("nobody panics");
            asked_at.push(Instant::now());
            asked_at.len()
        };
        (self.attempt)(attempts)
    }

    async fn load(&self, _: &SessionKey, _: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        Err(StoreError::Unsupported("load"))
    }

    async fn create(&self, _: &SessionKey, _: &Draft, _: OffsetDateTime) -> Result<Record, StoreError> {
        Err(StoreError::Unsupported("create"))
    }

    async fn save(&self, _: &Record, _: &Draft, _: OffsetDateTime) -> Result<Saved, StoreError> {
        Err(StoreError::Unsupported("save"))
    }

    async fn touch(&self, _: &Record, _: OffsetDateTime, _: OffsetDateTime) -> Result<Saved, StoreError> {
        Err(StoreError::Unsupported("touch"))
    }

    async fn cycle(&self, _: &Record, _: &SessionKey, _: &Draft, _: OffsetDateTime) -> Result<Saved, StoreError> {
        Err(StoreError::Unsupported("cycle"))
    }

    async fn delete(&self, _: &SessionKey) -> Result<(), StoreError> {
        Err(StoreError::Unsupported("delete"))
    }

    async fn exists(&self, _: &SessionKey) -> Result<bool, StoreError> {
        Err(StoreError::Unsupported("be asked"))
    }
}

fn down(_: usize) -> Result<u64, StoreError> {
    Err(StoreError::Backend("the database is down".into()))
}

/// Counts what an operator reads: warnings and errors.
#[derive(Clone, Default)]
struct Lines(Arc<AtomicU64>);

impl<S: tracing::Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let loud = *event.metadata().level() <= tracing::Level::WARN;
        self.0.fetch_add(u64::from(loud), Ordering::SeqCst);
    }
}

/// Lets the task run for `length`, and says how many lines it logged.
async fn run_for(length: Duration, store: &Scripted, period: Duration) -> u64 {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines.clone()));
    let ended = timeout(length, clear_expired_every(store.clone(), period, pending())).await;
    assert!(ended.is_err(), "the task ended");
    lines.0.load(Ordering::SeqCst)
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_failure_is_an_event() {
    let (log, _listening) = Log::of_this_thread();
    let store = Scripted::new(|attempt| if attempt == 1 { down(attempt) } else { Ok(0) });
    let period = Duration::from_secs(300);

    let never = timeout(period / 2, clear_expired_every(store, period, pending()));

    assert!(never.await.is_err());
    once(&log, "clean_up_failure");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_down_for_a_minute_costs_at_most_8_log_lines() {
    let store = Scripted::new(down);

    let lines = run_for(MINUTE, &store, Duration::from_secs(1)).await;

    let attempts = store.waits().len() as u64 + 1;
    assert_eq!(lines, attempts);
    assert!((5..=8).contains(&lines), "{lines} lines");
}

#[tokio::test(start_paused = true)]
async fn the_wait_after_an_error_doubles_up_to_five_minutes() {
    let store = Scripted::new(down);

    run_for(60 * MINUTE, &store, Duration::from_secs(1)).await;

    let expected = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0];
    for (wait, expected) in store.waits().into_iter().zip(expected) {
        assert!((expected * 0.79..expected * 1.21).contains(&wait), "{wait} s instead of {expected} s");
    }
    assert!(store.waits().len() > 10, "it gave up");
}

#[tokio::test(start_paused = true)]
async fn after_an_error_it_goes_on_with_its_period() {
    let store = Scripted::new(|attempt| if attempt < 3 { down(attempt) } else { Ok(1) });

    let lines = run_for(60 * MINUTE, &store, 5 * MINUTE).await;

    assert_eq!(lines, 2);
    let waits = store.waits();
    assert!(waits[0] < 1.3 && waits[1] < 2.5, "{waits:?}");
    assert!(waits.len() > 8 && waits[2..].iter().all(|wait| (239.0..361.0).contains(wait)), "{waits:?}");
    assert!(waits[2..].windows(2).any(|pair| pair[0] != pair[1]), "no jitter: {waits:?}");
}

#[tokio::test(start_paused = true)]
async fn the_first_time_comes_within_a_fifth_of_the_period() {
    let period = 5 * MINUTE;
    let mut waited = Vec::new();
    for _ in 0..20 {
        let (store, began) = (Scripted::new(|_| Ok(0)), Instant::now());
        run_for(period / 5, &store, period).await;
        waited.extend(store.asked_at.lock().expect("nobody panics").iter().map(|at| *at - began));
    }

    assert_eq!(waited.len(), 20, "{waited:?}");
    assert!(waited.windows(2).any(|pair| pair[0] != pair[1]), "all come at once: {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_clear_is_told_once() {
    let store = Scripted::new(|_| Err(StoreError::Unsupported("clear expired sessions")));

    let lines = run_for(600 * MINUTE, &store, Duration::from_secs(1)).await;

    assert_eq!((lines, store.waits().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn periods_that_make_no_sense_do_no_harm() {
    for period in [Duration::ZERO, Duration::MAX] {
        let store = Scripted::new(|_| Ok(0));
        run_for(MINUTE, &store, period).await;
        assert!(store.waits().len() < 80, "{:?}: {} times a minute", period, store.waits().len());
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_on_shutdown_whatever_it_is_waiting_for() -> TestResult {
    for store in
        [Scripted::new(|_| Ok(0)), Scripted::new(down), Scripted::new(|_| Err(StoreError::Unsupported("clear")))]
    {
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(clear_expired_every(store.clone(), MINUTE, async { drop(stopped.await) }));
        tokio::time::sleep(10 * MINUTE).await;
        assert!(!task.is_finished());
        stop.send(()).expect("the task listens");
        task.await?;
    }
    Ok(())
}

on_each_database! {
    on_shutdown_it_stops_within_one_batch => stops_within_a_batch;
}

/// The signal comes when the first batches are gone.
async fn stops_within_a_batch<DB: Driver>(store: DbStore<DB>) -> TestResult {
    insert(&store, 0..20_000, NOW).await?;
    let begun = async { while keys(&store).await.is_ok_and(|keys| keys.len() == 20_000) {} };

    clear_expired_every(store.clone(), Duration::from_secs(1), begun).await;
    let left = keys(&store).await?.len();

    // Waits for the statement that may still be under way.
    store.pool().close().await;
    let options = store.pool().connect_options().as_ref().clone();
    let store: DbStore<DB> = DbStore::new(Pool::connect_with(options).await?);
    let at_last = keys(&store).await?.len();
    assert!((1..20_000).contains(&at_last) && left - at_last <= 500, "{left}, then {at_last} left");
    Ok(())
}

#[tokio::test]
async fn clearsessions_exits_1_when_the_store_fails_or_cannot_clear() {
    let unsupported = StoreError::Unsupported("clear expired sessions");
    assert_eq!(unsupported.to_string(), "this store cannot clear expired sessions");
    let cannot = Scripted::new(|_| Err(StoreError::Unsupported("clear expired sessions")));

    for (code, expected) in [
        (clearsessions(&MemoryStore::new()).await, ExitCode::SUCCESS),
        (clearsessions(&Scripted::new(down)).await, ExitCode::FAILURE),
        (clearsessions(&cannot).await, ExitCode::FAILURE),
    ] {
        assert_eq!(format!("{code:?}"), format!("{expected:?}"));
    }
}
