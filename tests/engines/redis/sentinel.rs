//! A fail-over, with a master, a replica and two sentinels.

use std::time::{Duration, Instant};

use jam_session::{Cache as _, RedisCache};

use super::{
    MINUTE, TestResult, answers,
    server::{Server, cli, free_port, until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_over_is_followed() -> TestResult {
    let Some(mut master) = Server::start(&["--repl-diskless-sync-delay", "0"])? else { return Ok(()) };
    let port = master.port.to_string();
    let replica = Server::start(&["--replicaof", "127.0.0.1", &port])?.ok_or("it is installed")?;
    until(Duration::from_secs(20), || {
        replica.cli(&["INFO", "replication"]).is_ok_and(|info| info.contains("master_link_status:up"))
    })?;
    let sentinels = [Server::sentinel(master.port)?, Server::sentinel(master.port)?];
    for sentinel in &sentinels {
        until(Duration::from_secs(20), || {
            sentinel.cli(&["SENTINEL", "REPLICAS", "jam"]).is_ok_and(|known| known.contains(&replica.port.to_string()))
        })?;
    }
    let urls = sentinels.each_ref().map(Server::url);
    // The third is not there.
    let dead = format!("redis://127.0.0.1:{}", free_port());
    let urls: Vec<&str> = urls.iter().map(String::as_str).chain([dead.as_str()]).collect();
    let cache = RedisCache::sentinel(&urls, "redis://jam/0")?;
    cache.set("key", b"value", 10 * MINUTE).await?;
    assert_eq!(cli(master.port, &["GET", "key"])?, "value", "it went to the master");
    // WAIT would only tell of what its own connection wrote.
    until(Duration::from_secs(20), || replica.cli(&["GET", "key"]).is_ok_and(|value| value == "value"))?;

    master.kill();
    let started = Instant::now();
    let vain = answers(&cache).await?;
    println!("redis: the new master answers after {} ms, {vain} errors", started.elapsed().as_millis());

    assert!(vain > 0, "the master was killed and nobody noticed");
    assert_eq!(cache.get("key").await?.as_deref(), Some(b"value".as_slice()));
    cache.set("key", b"newer", MINUTE).await?;
    assert_eq!(replica.cli(&["GET", "key"])?, "newer", "the replica is the master now");
    Ok(())
}

#[tokio::test]
async fn a_service_that_no_sentinel_knows_is_an_error() -> TestResult {
    let Some(master) = Server::start(&[])? else { return Ok(()) };
    let sentinel = Server::sentinel(master.port)?;
    let cache = RedisCache::sentinel(&[&sentinel.url()], "redis://:a-secret@another/0")?;

    let error = cache.get("key").await.expect_err("there is no such service").to_string();

    assert!(error.contains("another") && !error.contains("a-secret"), "{error}");
    Ok(())
}
