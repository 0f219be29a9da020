//! PostgreSQL plans a statement once and keeps the plan: what was planned for a small table has to do for a large one.

use futures_util::future::join_all;
use jam_session::{
    AbstractBaseSession, DbStore, Draft, PostgresStore, Saved, SessionKey, SessionStore as _,
    sqlx::{self, Postgres, postgres::PgPoolOptions},
};
use time::Duration;
use tokio::time::timeout;

use crate::{
    databases::accounts,
    support::{
        Moment, TestResult,
        databases::{self, Scratch},
    },
};

const CROWD: usize = 64;

/// After five runs a plan is kept.
const RUNS: usize = 8;

/// So many rows the table has grown by, and nobody is to look through them.
const GROWN: i64 = 100_000;

/// Sessions begin, are read, changed and ended: each time many at once.
async fn crowd<M: AbstractBaseSession<Postgres>>(store: &DbStore<Postgres, M>) -> TestResult {
    let (now, store) = (Moment::new().now(), store);
    let key = |n: usize| SessionKey::parse(&format!("{n:032}")).expect("32 digits");
    let drafts: Vec<Draft> = (0..CROWD)
        .map(|n| Ok(Draft::new(format!(r#"{{"account_id":{n}}}"#).parse()?, now + Duration::HOUR)))
        .collect::<TestResult<_>>()?;
    let create = async |n: usize| store.create(&key(n), &drafts[n], now).await;
    let records = join_all((0..CROWD).map(create)).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let loaded = join_all(records.iter().map(|record| store.load(&record.session_key, now))).await;
    assert!(loaded.into_iter().all(|found| found.is_ok_and(|found| found.is_some())));
    let saved = join_all(records.iter().zip(&drafts).map(|(record, draft)| store.save(record, draft, now))).await;
    assert!(saved.into_iter().all(|saved| matches!(saved, Ok(Saved::Done(_)))));
    join_all(records.iter().map(|record| store.delete(&record.session_key)))
        .await
        .into_iter()
        .collect::<Result<(), _>>()?;
    Ok(())
}

/// How many rows were looked through in vain, once the table has grown behind the back of every plan.
async fn looked_through<M: AbstractBaseSession<Postgres>>(
    scratch: &Scratch<Postgres>,
    store: DbStore<Postgres, M>,
    table: &str,
) -> TestResult<i64> {
    let run = async |sql: String| sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&scratch.pool).await;
    // Nothing else is to have the statements planned anew.
    run(format!("ALTER TABLE {table} SET (autovacuum_enabled = false)")).await?;
    for _ in 0..RUNS {
        crowd(&store).await?;
    }
    let columns = if table == "django_session" { "" } else { ", NULL, 0, 0" };
    run(format!(
        "INSERT INTO {table} SELECT 'other-' || i, '{{}}', now() + '1 day'::interval{columns} \
         FROM generate_series(1, {GROWN}) AS i"
    ))
    .await?;
    crowd(&store).await?;

    // A connection tells what it has done when it ends, at the latest.
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(store.pool()).await?;
    store.pool().close().await;
    let gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $1";
    let ended = async {
        while !sqlx::query_scalar::<_, bool>(gone).bind(pid).fetch_one(&scratch.pool).await? {
            tokio::task::yield_now().await;
        }
        Ok::<_, sqlx::Error>(())
    };
    timeout(std::time::Duration::from_secs(20), ended).await??;
    let read = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relid = to_regclass($1)";
    Ok(sqlx::query_scalar(read).bind(table).fetch_one(&scratch.pool).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_that_were_planned_for_an_empty_table_go_by_the_index_of_a_large_one() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    let store: PostgresStore = DbStore::new(PgPoolOptions::new().max_connections(1).connect(&scratch.url).await?);
    store.migrate().await?;

    let read = looked_through(&scratch, store, "django_session").await?;

    println!("plans: {read} of {GROWN} rows looked through");
    assert!(read < GROWN);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_do_those_that_write_columns_of_a_model() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    let store = accounts(&PgPoolOptions::new().max_connections(1).connect(&scratch.url).await?).await?;

    let read = looked_through(&scratch, store, "account_session").await?;

    assert!(read < GROWN);
    Ok(())
}
