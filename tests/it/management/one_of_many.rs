//! Several processes that clear one PostgreSQL table: one works at a time, and none waits for a lock.

use jam_session::{
    PostgresStore, SessionStore,
    sqlx::{self, Connection as _, PgConnection},
};
use time::Duration;

use super::{NOW, insert, key, keys, store};
use crate::support::{TestResult, databases::postgres};

#[tokio::test]
async fn a_session_that_somebody_has_locked_is_left_for_the_next_time() -> TestResult {
    let Some(scratch) = postgres().await else { return Ok(()) };
    let store = store(&scratch).await?;
    insert(&store, 0..5, NOW - Duration::SECOND).await?;
    let mut other = PgConnection::connect(&scratch.url).await?;
    let mut transaction = other.begin().await?;
    let lock = "SELECT 1 FROM django_session WHERE session_key = $1 FOR UPDATE";
    sqlx::query(lock).bind(key(2).as_str()).execute(&mut *transaction).await?;

    assert_eq!(store.clear_expired(NOW).await?, 4);
    assert_eq!(keys(&store).await?, [key(2).as_str()]);

    transaction.rollback().await?;
    assert_eq!(store.clear_expired(NOW).await?, 1);
    Ok(())
}

/// Removing the first row waits until the test lets go of a lock: one process stands still in its first batch.
const STAND_STILL: &str = "
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM 1 FROM gate FOR UPDATE; RETURN OLD; END $$;
    CREATE TABLE gate AS SELECT 1;
    CREATE TRIGGER wait BEFORE DELETE ON django_session FOR EACH ROW
        WHEN (OLD.session_key = '00000000000000000000000000000000') EXECUTE FUNCTION wait();";

#[tokio::test]
async fn while_one_process_clears_the_others_leave_it_the_work() -> TestResult {
    let Some(scratch) = postgres().await else { return Ok(()) };
    let first = store(&scratch).await?;
    insert(&first, 0..600, NOW - Duration::SECOND).await?;
    sqlx::raw_sql(STAND_STILL).execute(first.pool()).await?;
    let mut gate = PgConnection::connect(&scratch.url).await?;
    let mut closed = gate.begin().await?;
    sqlx::query("SELECT 1 FROM gate FOR UPDATE").execute(&mut *closed).await?;

    let second = PostgresStore::connect(&scratch.url).await?;
    let clearing = tokio::spawn({
        let first = first.clone();
        async move { first.clear_expired(NOW).await }
    });
    until_it_waits(&second).await?;

    // 100 rows are in nobody's batch.
    assert_eq!(second.clear_expired(NOW).await?, 0);
    assert_eq!(keys(&second).await?.len(), 600);
    // Who asks for a batch gets one.
    assert_eq!(second.clear_expired_batch(NOW, 60).await?, 60);

    closed.rollback().await?;
    assert_eq!(clearing.await??, 540);
    Ok(())
}

async fn until_it_waits(store: &PostgresStore) -> TestResult {
    let waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'DELETE FROM%' \
                   AND pid IN (SELECT pid FROM pg_locks WHERE relation = to_regclass('gate'))";
    while sqlx::query(waiting).fetch_optional(store.pool()).await?.is_none() {
        tokio::task::yield_now().await;
    }
    Ok(())
}
