//! PostgreSQL tells other nodes what has changed.

use std::time::{Duration, Instant};

use jam_session::{
    CachedDbStore, DbStore, Draft, LocMemCache, PostgresStore, Saved, SessionKey, SessionStore,
    sqlx::{
        self, PgPool,
        postgres::{PgConnectOptions, PgPoolOptions},
    },
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

/// A pool whose connections, and those of its listeners, can be told from all others.
async fn named(url: &str, name: &str) -> TestResult<PgPool> {
    let options = url.parse::<PgConnectOptions>()?.application_name(name);
    Ok(PgPoolOptions::new().test_before_acquire(false).max_connections(4).connect_with(options).await?)
}

/// Cuts the connection of the listener of this name, as an administrator would.
async fn cut_listener(pool: &PgPool, name: &str) -> TestResult {
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE application_name = $1 AND query LIKE 'LISTEN \"jam_session\"%'";
    let cut: Vec<(bool,)> = sqlx::query_as(sql).bind(name).fetch_all(pool).await?;
    assert_eq!(cut, [(true,)], "one connection listens");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_while_the_listener_is_cut_is_refused_within_the_time_to_live() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    cached(&scratch.pool, LocMemCache::new()).await;
    let (name, bound) = (format!("jam_cut_{}", std::process::id()), Duration::from_secs(2));
    let (a, b) = (node(&scratch.pool, LONG), node(&named(&scratch.url, &name).await?, bound));
    let (_a, _b) = (a.listen().await?, b.listen().await?);
    a.create(&key(1), &draft("{}"), now()).await?;
    let cached_at = Instant::now();
    assert!(b.load(&key(1), now()).await?.is_some());

    cut_listener(&scratch.pool, &name).await?;
    a.delete(&key(1)).await?;
    while b.load(&key(1), now()).await?.is_some() {
        assert!(cached_at.elapsed() < bound + Duration::from_secs(1), "longer than its time to live");
        sleep(Duration::from_millis(1)).await;
    }
    let waited = cached_at.elapsed();
    println!("cached_db: refused {waited:.1?} after it was cached, the listener being cut; time to live {bound:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_does_not_listen_refuses_within_the_time_to_live() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    cached(&scratch.pool, LocMemCache::new()).await;
    let bound = Duration::from_secs(1);
    let (a, b) = (node(&scratch.pool, LONG), node(&scratch.pool, bound));
    a.create(&key(1), &draft("{}"), now()).await?;
    let cached_at = Instant::now();
    assert!(b.load(&key(1), now()).await?.is_some());
    a.delete(&key(1)).await?;
    while b.load(&key(1), now()).await?.is_some() {
        assert!(cached_at.elapsed() < bound + Duration::from_secs(1), "longer than its time to live");
        sleep(Duration::from_millis(1)).await;
    }
    let waited = cached_at.elapsed();
    println!("cached_db: refused {waited:.1?} after it was cached, without a listener; time to live {bound:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_was_cut_connects_again_and_all_is_read_anew() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    cached(&scratch.pool, LocMemCache::new()).await;
    let name = format!("jam_again_{}", std::process::id());
    let node = node(&named(&scratch.url, &name).await?, LONG);
    let _listener = node.listen().await?;
    node.create(&key(2), &draft("{}"), now()).await?;
    assert!(node.load(&key(2), now()).await?.is_some());
    sqlx::query("DELETE FROM django_session").execute(&scratch.pool).await?;
    assert!(node.load(&key(2), now()).await?.is_some(), "nobody was told");

    cut_listener(&scratch.pool, &name).await?;
    let cut = Instant::now();
    while node.load(&key(2), now()).await?.is_some() {
        assert!(cut.elapsed() < Duration::from_secs(10), "it has not connected again");
        sleep(Duration::from_millis(1)).await;
    }
    println!("cached_db: a listener that was cut has all read anew {:.1?} later", cut.elapsed());
    Ok(())
}
