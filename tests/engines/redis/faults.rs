//! `CachedDbStore` over a Redis that is killed, that comes back with what it had, and that forgets everything.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jam_session::SessionKey;
use tokio::{task::JoinSet, time::sleep};

use super::{TestResult, node::Node, server::Server};
use crate::databases;

/// Visits of users who log in on one node, are seen on both, and log out on one; none of it may fail or be stale.
async fn visits(nodes: [Node; 2], worker: usize, stop: Arc<AtomicBool>) -> TestResult<u64> {
    let mut visits = 0;
    while !stop.load(Ordering::Relaxed) {
        let (here, there) = (&nodes[(worker + visits as usize) % 2], &nodes[(worker + visits as usize + 1) % 2]);
        let name = format!("{worker}-{visits}");
        let key = here.login(&name).await?;
        for node in [there, here, there] {
            assert_eq!(node.user(&key).await?.as_deref(), Some(name.as_str()));
        }
        let session = there.open(&key).await?;
        session.insert("user", "renamed")?;
        session.save().await?;
        for node in [here, there] {
            assert_eq!(node.user(&key).await?.as_deref(), Some("renamed"), "a stale session");
        }
        here.logout(&key).await?;
        for node in [there, here] {
            assert_eq!(node.user(&key).await?, None, "a stale login");
        }
        visits += 1;
    }
    Ok(visits)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_killed_under_load_costs_no_visit_and_shows_no_stale_login() -> TestResult {
    let (Some(database), Some(mut redis)) = (databases::sqlite().await, Server::start(&[])?) else { return Ok(()) };
    let nodes = [Node::new(&database.url, &redis).await?, Node::new(&database.url, &redis).await?];
    let stop = Arc::new(AtomicBool::new(false));
    let mut workers = JoinSet::new();
    for worker in 0..8 {
        workers.spawn(visits(nodes.clone(), worker, stop.clone()));
    }
    sleep(Duration::from_millis(1500)).await;
    let hits: u64 = nodes.iter().map(Node::hits).sum();
    assert!(hits > 0 && nodes.iter().all(|node| node.errors() == 0), "before the fault the cache works");

    redis.kill();
    sleep(Duration::from_millis(2500)).await;
    stop.store(true, Ordering::Relaxed);

    let mut visits = 0;
    while let Some(done) = workers.join_next().await {
        visits += done??;
    }
    let errors = nodes.each_ref().map(Node::errors);
    println!(
        "redis_fault: killed under load: {visits} visits, 0 failed, 0 stale logins; {hits} hits before, {errors:?} cache \
         errors"
    );
    assert!(errors.iter().all(|errors| *errors > 0), "a node has not seen the fault");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_back_with_its_old_contents_revives_no_session() -> TestResult {
    const SESSIONS: usize = 100;
    let arguments = ["--appendonly", "yes", "--appendfsync", "always"];
    let (Some(database), Some(mut redis)) = (databases::sqlite().await, Server::start(&arguments)?) else {
        return Ok(());
    };
    let nodes = [Node::new(&database.url, &redis).await?, Node::new(&database.url, &redis).await?];
    let mut keys = Vec::new();
    for n in 0..SESSIONS {
        let key = nodes[0].login(&n.to_string()).await?;
        for node in &nodes {
            assert!(node.user(&key).await?.is_some());
        }
        keys.push(key);
    }
    let before = cached(&redis, &keys)?;

    redis.kill();
    // The second node has nothing to do meanwhile, and does not notice.
    for key in &keys[..SESSIONS / 2] {
        nodes[0].logout(key).await?;
    }
    redis.run()?;
    let after = cached(&redis, &keys)?;

    let mut revived = 0;
    for node in [&nodes[1], &nodes[0]] {
        for key in &keys[..SESSIONS / 2] {
            revived += u32::from(node.user(key).await?.is_some());
        }
        for key in &keys[SESSIONS / 2..] {
            assert!(node.user(key).await?.is_some(), "a session was lost");
        }
    }
    let errors = nodes.each_ref().map(Node::errors);
    println!(
        "redis_fault: back with its old contents ({before} sessions before, {after} after): {revived} of {} ended \
         sessions revived; {errors:?} cache errors",
        SESSIONS / 2
    );
    assert_eq!(before, SESSIONS, "the sessions were not in the cache");
    assert!(after > SESSIONS / 2, "it has not come back with its old contents");
    assert_eq!(revived, 0);
    assert!(errors.iter().all(|errors| *errors > 0), "a node has not seen the fault");
    Ok(())
}

/// How many of these sessions are in Redis.
fn cached(redis: &Server, keys: &[SessionKey]) -> TestResult<usize> {
    let names = keys.iter().map(|key| format!("django.contrib.sessions.cached_db{}", key.as_str()));
    let names: Vec<_> = names.collect();
    let exists: Vec<_> = ["EXISTS"].into_iter().chain(names.iter().map(String::as_str)).collect();
    Ok(redis.cli(&exists)?.parse()?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_forgets_everything_under_load_loses_no_count() -> TestResult {
    const WRITERS: u64 = 16;
    const COUNTS: u64 = 40;
    let (Some(database), Some(redis)) = (databases::sqlite().await, Server::start(&[])?) else { return Ok(()) };
    let nodes = [Node::new(&database.url, &redis).await?, Node::new(&database.url, &redis).await?];
    let mut keys = Vec::new();
    for n in 0..4 {
        keys.push(nodes[0].login(&n.to_string()).await?);
    }
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (node, key) = (nodes[writer as usize % 2].clone(), keys[writer as usize % 4].clone());
        writers.spawn(async move {
            for _ in 0..COUNTS {
                let session = node.open(&key).await?;
                session.modify("count", |count: Option<u64>| count.unwrap_or(0) + 1)?;
                session.save().await?;
            }
            TestResult::Ok(())
        });
    }
    let (mut flushed, mut forgotten) = (0, 0);
    while !writers.is_empty() {
        forgotten += redis.cli(&["DBSIZE"])?.parse::<u64>()?;
        redis.cli(&["FLUSHALL"])?;
        flushed += 1;
        sleep(Duration::from_millis(15)).await;
        while let Some(done) = writers.try_join_next() {
            done??;
        }
    }
    let mut counted = 0;
    for key in &keys {
        for node in &nodes {
            let count: u64 = node.open(key).await?.require("count")?;
            counted += count;
        }
    }
    println!(
        "redis_fault: FLUSHALL {flushed} times under load, {forgotten} entries forgotten: {} of {} counts kept",
        counted / 2,
        WRITERS * COUNTS
    );
    assert_eq!(counted, 2 * WRITERS * COUNTS);
    assert!(flushed > 5 && forgotten > 0, "nothing was forgotten");
    Ok(())
}
