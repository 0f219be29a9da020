//! Clearing 500,000 expired sessions out of 1,000,000 beside requests that read: with `clear_expired`, with its batches
//! one by one, which shows how long the longest lock is held, and with one huge DELETE. How fast that is, and what the
//! readers notice.
//!
//! `cargo bench --bench clear_expired --features sqlite,postgres`. PostgreSQL is that of `JAM_TEST_POSTGRES_URL`, or
//! the local one; without one its part is skipped. `JAM_BENCH_ROWS` makes the table smaller or larger.

use std::{
    env,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jam_session::{
    DbStore, Driver, PostgresStore, SessionKey, SessionStore, SqliteStore,
    sqlx::{AssertSqlSafe, postgres::PgPoolOptions, raw_sql},
};
use time::{OffsetDateTime, macros::datetime};
use tokio::{task::JoinHandle, time::sleep};

type BoxError = Box<dyn Error + Send + Sync>;

const NOW: OffsetDateTime = datetime!(2023-11-14 22:13:20 UTC);
const SCHEMA: &str = "jam_bench_clear_expired";

/// How long the readers read before the clean-up begins.
const IDLE: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let rows = env::var("JAM_BENCH_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    println!("{rows} sessions, half of them expired; 4 readers beside the clean-up\n");
    println!("{:10} {:13} {:>9} {:>13} {:>13} {:>13}", "", "", "rows/s", "longest lock", "p99 idle", "p99 beside");
    let directory = tempfile::TempDir::new()?;
    let url = format!("sqlite:{}", directory.path().join("sessions.db").display());
    measure("SQLite", &SqliteStore::connect(&url).await?, rows, sqlite_rows(rows)).await?;

    let server = env::var("JAM_TEST_POSTGRES_URL");
    let server = server.unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
    let Ok(store) = PostgresStore::connect(&server).await else {
        println!("PostgreSQL cannot be reached: skipped");
        return Ok(());
    };
    raw_sql(AssertSqlSafe(format!("DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}")))
        .execute(store.pool())
        .await?;
    let separator = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{separator}options=-c%20search_path%3D{SCHEMA}");
    let pool = PgPoolOptions::new().test_before_acquire(false).connect(&url).await?;
    let measured = measure("PostgreSQL", &PostgresStore::new(pool), rows, postgres_rows(rows)).await;
    raw_sql(AssertSqlSafe(format!("DROP SCHEMA {SCHEMA} CASCADE"))).execute(store.pool()).await?;
    measured
}

/// Expired and live sessions in turns, 300 bytes each: half expire within the days before now, half after it.
fn sqlite_rows(rows: u64) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {rows}) \
         INSERT INTO django_session SELECT substr('00000000' || i, -8) || lower(hex(randomblob(12))), \
         '{{\"cart\":\"' || hex(zeroblob(145)) || '\"}}', \
         strftime('%Y-%m-%d %H:%M:%S', '2023-11-01', (i / 2 % 1000000) || ' seconds', (i % 2 * 28) || ' days') \
         || '.000000' FROM n"
    )
}

fn postgres_rows(rows: u64) -> String {
    format!(
        "INSERT INTO django_session SELECT lpad(i::text, 8, '0') || substr(md5(random()::text), 1, 24), \
         '{{\"cart\":\"' || repeat('0', 290) || '\"}}', \
         timestamptz '2023-11-01 00:00:00+00' + (i / 2 % 1000000) * interval '1 second' + (i % 2 * 28) * interval '1 day' \
         FROM generate_series(0, {rows} - 1) i"
    )
}

async fn measure<DB: Driver>(name: &str, store: &DbStore<DB>, rows: u64, fill: String) -> Result<(), BoxError> {
    for way in ["clear_expired", "batches", "one DELETE"] {
        DB::execute_raw(store.pool(), "DROP TABLE IF EXISTS django_session".to_owned()).await?;
        store.migrate().await?;
        DB::execute_raw(store.pool(), fill.clone()).await?;
        DB::execute_raw(store.pool(), "ANALYZE".to_owned()).await?;
        let before = store.stats(NOW).await?;
        let idle = reading(store).await?;
        sleep(IDLE).await;
        let idle = idle.p99().await?;

        let beside = reading(store).await?;
        let started = Instant::now();
        let (removed, longest) = match way {
            "clear_expired" => (store.clear_expired(NOW).await?, None),
            "batches" => batches(store).await?,
            _ => one_delete(store).await?,
        };
        let took = started.elapsed();
        let beside = beside.p99().await?;

        let after = store.stats(NOW).await?;
        assert_eq!((removed, after.live, after.expired), (before.expired, before.live, 0), "of {rows} rows");
        println!(
            "{name:10} {way:13} {:>9.0} {:>13} {:>10.2} ms {:>10.2} ms",
            removed as f64 / took.as_secs_f64(),
            longest.map_or("–".to_owned(), |longest| format!("{:.1} ms", millis(longest))),
            millis(idle),
            millis(beside),
        );
    }
    Ok(())
}

/// What `clear_expired` does, with a stop-watch; a lock lasts as long as its statement at most.
async fn batches<DB: Driver>(store: &DbStore<DB>) -> Result<(u64, Option<Duration>), BoxError> {
    let (mut removed, mut longest) = (0, Duration::ZERO);
    loop {
        let started = Instant::now();
        let batch = store.clear_expired_batch(NOW, 500).await?;
        let took = started.elapsed();
        removed += batch;
        longest = longest.max(took);
        if batch == 0 {
            return Ok((removed, Some(longest)));
        }
        sleep(took).await;
    }
}

async fn one_delete<DB: Driver>(store: &DbStore<DB>) -> Result<(u64, Option<Duration>), BoxError> {
    let sql = format!("DELETE FROM django_session WHERE expire_date < {}", DB::marker(1));
    let mut args = DB::Arguments::default();
    DB::push_date(&mut args, NOW)?;
    let started = Instant::now();
    let removed = DB::execute(store.pool(), sql.into(), args).await?;
    Ok((removed, Some(started.elapsed())))
}

/// Requests that load live sessions, until they are asked for their figures.
struct Reading {
    done: Arc<AtomicBool>,
    readers: Vec<JoinHandle<Result<Vec<Duration>, BoxError>>>,
}

async fn reading<DB: Driver>(store: &DbStore<DB>) -> Result<Reading, BoxError> {
    let live = format!("SELECT session_key FROM django_session WHERE expire_date > {} LIMIT 10000", DB::marker(1));
    let mut args = DB::Arguments::default();
    DB::push_date(&mut args, NOW)?;
    let rows = DB::fetch_all(store.pool(), live.into(), args).await?;
    let keys: Vec<_> = rows.iter().map(|row| DB::read_texts(row).map(|[key]| key.unwrap_or_default())).collect();
    let keys: Arc<Vec<String>> = Arc::new(keys.into_iter().collect::<Result<_, _>>()?);
    let done = Arc::new(AtomicBool::new(false));
    let readers = (0..4).map(|reader| {
        let (store, keys, done) = (store.clone(), Arc::clone(&keys), Arc::clone(&done));
        tokio::spawn(async move {
            let mut took = Vec::new();
            for key in keys.iter().cycle().skip(reader * 1000) {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let key = SessionKey::parse(key)?;
                let started = Instant::now();
                let loaded = store.load(&key, NOW).await?;
                took.push(started.elapsed());
                assert!(loaded.is_some(), "a live session is gone");
                sleep(Duration::from_millis(1)).await;
            }
            Ok(took)
        })
    });
    Ok(Reading { readers: readers.collect(), done })
}

impl Reading {
    async fn p99(self) -> Result<Duration, BoxError> {
        self.done.store(true, Ordering::Relaxed);
        let mut took = Vec::new();
        for reader in self.readers {
            took.extend(reader.await??);
        }
        took.sort_unstable();
        Ok(took.get(took.len() * 99 / 100).copied().unwrap_or_default())
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
