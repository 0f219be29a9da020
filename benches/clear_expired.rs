//! Clearing 500,000 expired sessions out of 1,000,000 beside requests that change live ones: with `clear_expired` itself,
//! with its batches without a rest between them, and with one huge DELETE. How fast that is, and what the writers notice.
//!
//! `cargo bench --bench clear_expired --features sqlite,postgres`. PostgreSQL is that of `JAM_TEST_POSTGRES_URL`, or
//! the local one; without one its part is skipped. `JAM_BENCH_ROWS` makes the table smaller or larger.

use std::{
    env,
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use jam_session::{
    DbStore, Driver, PostgresStore, SessionStore, SqliteStore,
    sqlx::{AssertSqlSafe, postgres::PgPoolOptions, raw_sql},
};
use time::{OffsetDateTime, macros::datetime};
use tokio::time::sleep;

#[path = "clear_expired/deletes.rs"]
mod deletes;
#[path = "clear_expired/writers.rs"]
mod writers;

use deletes::Deletes;
use writers::Writers;

type BoxError = Box<dyn Error + Send + Sync>;

const NOW: OffsetDateTime = datetime!(2023-11-14 22:13:20 UTC);
const SCHEMA: &str = "jam_bench_clear_expired";

/// How long the writers write before the clean-up begins.
const IDLE: Duration = Duration::from_secs(3);

/// What the writers' p99 may be beside `clear_expired`.
enum Goal {
    Millis(f64),
    TimesIdle(f64),
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let deletes = Deletes::watch();
    let rows = env::var("JAM_BENCH_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    println!("{rows} sessions, half of them expired; {} writers beside the clean-up\n", writers::WRITERS);
    println!("{:10} {:13} {:>9} {:>14} {:>13} {:>13}", "", "", "rows/s", "longest batch", "p99 idle", "p99 beside");
    let directory = tempfile::TempDir::new()?;
    let url = format!("sqlite:{}", directory.path().join("sessions.db").display());
    let store = SqliteStore::connect(&url).await?;
    measure("SQLite", &store, &deletes, sqlite_rows(rows), &Goal::Millis(30.0)).await?;

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
    let sessions = PostgresStore::new(pool);
    let measured = measure("PostgreSQL", &sessions, &deletes, postgres_rows(rows), &Goal::TimesIdle(2.0)).await;
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

async fn measure<DB: Driver>(
    name: &str,
    store: &DbStore<DB>,
    deletes: &Deletes,
    fill: String,
    goal: &Goal,
) -> Result<(), BoxError> {
    let mut said = String::new();
    for way in ["clear_expired", "without rests", "one DELETE"] {
        DB::execute_raw(store.pool(), "DROP TABLE IF EXISTS django_session".to_owned()).await?;
        store.migrate().await?;
        DB::execute_raw(store.pool(), fill.clone()).await?;
        DB::execute_raw(store.pool(), "ANALYZE".to_owned()).await?;
        let before = store.stats(NOW).await?;
        let idle = Writers::start(store).await?;
        sleep(IDLE).await;
        let idle = millis(idle.p99().await?);

        let beside = Writers::start(store).await?;
        deletes.forget();
        let started = Instant::now();
        let removed = match way {
            "clear_expired" => store.clear_expired(NOW).await?,
            "without rests" => batches(store).await?,
            _ => one_delete(store).await?,
        };
        let took = started.elapsed();
        let (longest, beside) = (millis(deletes.longest()), millis(beside.p99().await?));

        let after = store.stats(NOW).await?;
        assert_eq!((removed, after.live, after.expired), (before.expired, before.live, 0));
        let speed = removed as f64 / took.as_secs_f64();
        println!("{name:10} {way:13} {speed:>9.0} {longest:>11.1} ms {idle:>10.2} ms {beside:>10.2} ms");
        if way == "clear_expired" {
            said = outcome(name, goal, idle, beside);
        }
    }
    println!("{said}");
    Ok(())
}

fn outcome(name: &str, goal: &Goal, idle: f64, beside: f64) -> String {
    let (what, seen, most, unit) = match goal {
        Goal::Millis(most) => ("writers' p99", beside, most, " ms"),
        Goal::TimesIdle(most) => ("writers' p99, beside / idle", beside / idle, most, ""),
    };
    let met = if seen <= *most { "met" } else { "not met" };
    format!("goal: {name}, {what}: {seen:.2}{unit}, at most {most}{unit}: {met}")
}

async fn batches<DB: Driver>(store: &DbStore<DB>) -> Result<u64, BoxError> {
    let mut removed = 0;
    loop {
        match store.clear_expired_batch(NOW, 500).await? {
            0 => return Ok(removed),
            batch => removed += batch,
        }
    }
}

async fn one_delete<DB: Driver>(store: &DbStore<DB>) -> Result<u64, BoxError> {
    let sql = format!("DELETE FROM django_session WHERE expire_date < {}", DB::marker(1));
    let mut args = DB::Arguments::default();
    DB::push_date(&mut args, NOW)?;
    Ok(DB::execute(store.pool(), Arc::from(sql), args).await?)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
