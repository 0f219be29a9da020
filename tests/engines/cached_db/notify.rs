//! PostgreSQL tells other nodes what has changed.

use std::time::{Duration, Instant};

use jam_session::{
    CachedDbStore, DbStore, Draft, LocMemCache, PostgresStore, Saved, SessionKey, SessionStore,
    sqlx::{self, PgPool},
};
use time::OffsetDateTime;
use tokio::time::sleep;

use super::cached;
use crate::{TestResult, databases};

const ROUNDS: usize = 50;
type Node = CachedDbStore<PostgresStore, LocMemCache>;

fn key(n: usize) -> SessionKey {
    SessionKey::parse(&format!("{n:032}")).expect("a key")
}

fn now() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH
}

fn draft(json: &str) -> Draft {
    Draft::new(json.parse().expect("JSON"), now() + time::Duration::days(1))
}

/// A node that keeps what it has read for so long that only news can make it look again.
fn node(pool: &PgPool, time_to_live: Duration) -> Node {
    CachedDbStore::new(DbStore::new(pool.clone()), LocMemCache::new()).time_to_live(time_to_live)
}

const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_on_one_node_is_refused_on_the_other_within_a_tenth_of_a_second() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    cached(&scratch.pool, LocMemCache::new()).await;
    let (a, b) = (node(&scratch.pool, LONG), node(&scratch.pool, LONG));
    let (_a, _b) = (a.listen().await?, b.listen().await?);
    let mut waits = Vec::new();
    for n in 0..ROUNDS {
        a.create(&key(n), &draft("{}"), now()).await?;
        assert!(b.load(&key(n), now()).await?.is_some());
        a.delete(&key(n)).await?;
        let answered = Instant::now();
        while b.load(&key(n), now()).await?.is_some() {
            assert!(answered.elapsed() < Duration::from_secs(10), "node B has not heard of it");
            sleep(Duration::from_micros(200)).await;
        }
        waits.push(answered.elapsed());
    }
    waits.sort();
    let (median, worst) = (waits[ROUNDS / 2], waits[ROUNDS - 1]);
    println!(
        "cached_db: ended on one node, refused on the other after {median:.1?} (median of {ROUNDS}), {worst:.1?} at most"
    );
    assert!(median < Duration::from_millis(100));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_seen_on_the_other_node_and_ones_own_cache_is_not_emptied_by_it() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    cached(&scratch.pool, LocMemCache::new()).await;
    let (a, b) = (node(&scratch.pool, LONG), node(&scratch.pool, LONG));
    let (_a, _b) = (a.listen().await?, b.listen().await?);
    let created = a.create(&key(1), &draft(r#"{"n":1}"#), now()).await?;
    let other = a.create(&key(2), &draft("{}"), now()).await?;
    assert!(b.load(&key(1), now()).await?.is_some() && b.load(&key(2), now()).await?.is_some());

    assert!(matches!(a.save(&created, &draft(r#"{"n":2}"#), now()).await?, Saved::Done(_)));
    let seen = async |node: &Node, n: usize| {
        node.load(&key(n), now()).await.map(|found| found.map(|r| r.session_data.to_json()))
    };
    while seen(&b, 1).await?.as_deref() == Some(r#"{"n":1}"#) {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(seen(&b, 1).await?.as_deref(), Some(r#"{"n":2}"#));

    // What others say is not about these: without the table, both are still served where they were cached.
    sleep(Duration::from_millis(50)).await;
    sqlx::query("DELETE FROM django_session").execute(&scratch.pool).await?;
    assert!(a.load(&key(1), now()).await?.is_some(), "its own change empties nothing");
    assert!(b.load(&other.session_key, now()).await?.is_some(), "another session is left alone");
    Ok(())
}

/// The connections that listen for this test's nodes, cut as an administrator would.
async fn cut_listeners(pool: &PgPool, pids: &[i32]) -> sqlx::Result<()> {
    for pid in pids {
        sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(pool).await?;
    }
    Ok(())
}

/// The backends that listen, of this test's search path alone.
async fn listeners(pool: &PgPool, before: &[i32]) -> sqlx::Result<Vec<i32>> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN \"jam_session\"%'";
    let pids: Vec<(i32,)> = sqlx::query_as(sql).fetch_all(pool).await?;
    Ok(pids.into_iter().map(|(pid,)| pid).filter(|pid| !before.contains(pid)).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_listener_is_cut_a_change_is_seen_within_the_time_to_live_and_afterwards_all_is_read_anew()
-> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    cached(&scratch.pool, LocMemCache::new()).await;
    let bound = Duration::from_secs(2);
    let (a, b) = (node(&scratch.pool, LONG), node(&scratch.pool, bound));
    a.create(&key(1), &draft("{}"), now()).await?;

    // Node B does not listen: this is what a cut connection leaves it with.
    assert!(b.load(&key(1), now()).await?.is_some());
    let cached_at = Instant::now();
    let quiet = node(&scratch.pool, LONG);
    let _quiet = quiet.listen().await?;
    quiet.delete(&key(1)).await?;
    while b.load(&key(1), now()).await?.is_some() {
        assert!(cached_at.elapsed() < bound + Duration::from_secs(1), "longer than its time to live");
        sleep(Duration::from_millis(10)).await;
    }
    println!(
        "cached_db: without a listener refused {:.1?} after it was cached, time to live {bound:?}",
        cached_at.elapsed()
    );

    // A listener that is cut connects again, and nothing cached before is served any more.
    let c = node(&scratch.pool, LONG);
    let before = listeners(&scratch.pool, &[]).await?;
    let _c = c.listen().await?;
    let ours = listeners(&scratch.pool, &before).await?;
    a.create(&key(2), &draft("{}"), now()).await?;
    assert!(c.load(&key(2), now()).await?.is_some());
    sqlx::query("DELETE FROM django_session").execute(&scratch.pool).await?;
    assert!(c.load(&key(2), now()).await?.is_some(), "nobody was told");
    assert!(!ours.is_empty(), "somebody listens");
    cut_listeners(&scratch.pool, &ours[..1]).await?;
    let cut = Instant::now();
    while c.load(&key(2), now()).await?.is_some() {
        assert!(cut.elapsed() < Duration::from_secs(10), "it has not connected again");
        sleep(Duration::from_millis(5)).await;
    }
    println!("cached_db: a listener that was cut reads all anew {:.1?} later", cut.elapsed());
    Ok(())
}
