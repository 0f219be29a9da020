//! Redis that is not there yet, not there any more, or silent.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jam_session::{Cache as _, RedisCache};

use super::{
    MINUTE, TestResult, answers, lines,
    server::{Server, free_port},
};

#[tokio::test]
async fn an_application_starts_while_redis_is_down() -> TestResult {
    let Some(mut server) = Server::start(&[])? else { return Ok(()) };
    server.kill();
    let cache = RedisCache::connect(&server.url())?;
    assert!(cache.get("key").await.is_err());

    server.run()?;

    answers(&cache).await?;
    cache.set("key", b"value", MINUTE).await?;
    assert_eq!(cache.get("key").await?.as_deref(), Some(b"value".as_slice()));
    Ok(())
}

#[tokio::test]
async fn a_server_that_was_killed_is_found_again() -> TestResult {
    let Some(mut server) = Server::start(&[])? else { return Ok(()) };
    let cache = RedisCache::connect(&server.url())?;
    for _ in 0..3 {
        cache.set("key", b"value", MINUTE).await?;
        server.kill();
        assert!(cache.get("key").await.is_err());
        server.run()?;
        let vain = answers(&cache).await?;
        assert_eq!(cache.get("key").await?, None, "the new server has kept nothing");
        println!("redis: back after {vain} further errors");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_was_started_anew_is_told_of_once() -> TestResult {
    let Some(mut server) = Server::start(&["--appendonly", "yes", "--appendfsync", "always"])? else { return Ok(()) };
    let cache = RedisCache::connect(&server.url())?;
    cache.set("key", b"value", MINUTE).await?;
    let (cloned, unused) = (cache.clone(), RedisCache::connect(&server.url())?);

    server.kill();
    server.run()?;

    for cache in [&cache, &cloned] {
        let error = cache.get("key").await.expect_err("it is another server").to_string();
        assert!(error.contains("gone back in time"), "{error}");
        assert_eq!(cache.get("key").await?.as_deref(), Some(b"value".as_slice()));
    }
    let (later, value) = (cache.clone(), Some(b"value".as_slice()));
    assert_eq!(later.get("key").await?.as_deref(), value, "it has seen no other server");
    assert_eq!(unused.get("key").await?.as_deref(), value, "it has seen no other server");
    Ok(())
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced_without_a_word() -> TestResult {
    let Some(server) = Server::start(&[])? else { return Ok(()) };
    let cache = RedisCache::connect(&server.url())?;
    cache.set("key", b"value", MINUTE).await?;

    server.cli(&["CLIENT", "KILL", "TYPE", "normal"])?;

    assert_eq!(cache.get("key").await?.as_deref(), Some(b"value".as_slice()));
    Ok(())
}

#[tokio::test]
async fn a_write_after_a_quiet_while_does_not_notice_it_either() -> TestResult {
    let Some(server) = Server::start(&[])? else { return Ok(()) };
    let cache = RedisCache::connect(&server.url())?;
    cache.set("key", b"old", MINUTE).await?;

    server.cli(&["CLIENT", "KILL", "TYPE", "normal"])?;
    // No synchronisation: this is what makes it quiet.
    tokio::time::sleep(Duration::from_millis(1100)).await;

    cache.set("key", b"new", MINUTE).await?;
    assert_eq!(cache.get("key").await?.as_deref(), Some(b"new".as_slice()));
    Ok(())
}

#[tokio::test]
async fn a_write_whose_connection_breaks_is_not_sent_again() -> TestResult {
    let address = lines::breaks_with_the_first_command().await?;
    let cache = RedisCache::connect(&format!("redis://{address}"))?;

    let error = cache.set("key", b"value", MINUTE).await.expect_err("nobody answers");

    assert!(error.to_string().contains(&address.to_string()), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_server_costs_no_more_than_the_timeouts_say() -> TestResult {
    let Some(server) = Server::start(&[])? else { return Ok(()) };
    let timeouts = (Duration::from_millis(400), Duration::from_millis(200));
    let cache = RedisCache::connect(&server.url())?.connect_timeout(timeouts.0).response_timeout(timeouts.1);
    cache.set("key", b"value", MINUTE).await?;

    server.signal("STOP")?;
    let mut slowest = Duration::ZERO;
    let mut said = String::new();
    for _ in 0..20 {
        let started = Instant::now();
        let error = cache.get("key").await.expect_err("the server is stopped");
        slowest = slowest.max(started.elapsed());
        said = error.to_string();
    }
    server.signal("CONT")?;

    println!("redis: a stopped server, the slowest of 20 reads failed after {} ms", slowest.as_millis());
    assert!(slowest < timeouts.0 + timeouts.1 + Duration::from_millis(400), "{slowest:?}");
    assert!(said.contains("did not answer within"), "{said}");
    answers(&cache).await?;
    assert_eq!(cache.get("key").await?.as_deref(), Some(b"value".as_slice()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_down_requests_do_not_wait_for_it() -> TestResult {
    let Some(server) = Server::start(&[])? else { return Ok(()) };
    // Stopped before the first connection: the system takes connections for it, and nobody answers.
    server.signal("STOP")?;
    let cache = RedisCache::connect(&server.url())?;

    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let cache = cache.clone();
        tasks.spawn(async move {
            let mut failed = 0;
            for _ in 0..50 {
                failed += u32::from(cache.get("key").await.is_err());
            }
            failed
        });
    }
    let failed: u32 = tasks.join_all().await.into_iter().sum();
    let took = started.elapsed();
    server.signal("CONT")?;

    println!("redis: {failed} reads of a server that is down took {} ms in all", took.as_millis());
    assert_eq!(failed, 64 * 50);
    assert!(took < Duration::from_secs(5), "{took:?}");
    Ok(())
}

#[tokio::test]
async fn where_nobody_listens_the_error_says_where_and_why() -> TestResult {
    let port = free_port();
    let cache = RedisCache::connect(&format!("redis://somebody:a-secret@127.0.0.1:{port}/3"))?;

    let error = cache.get("a-key").await.expect_err("nobody listens").to_string();

    assert!(error.contains(&format!("127.0.0.1:{port}")) && error.contains("refused"), "{error}");
    assert!(!error.contains("a-secret") && !error.contains("somebody") && !error.contains("a-key"), "{error}");
    Ok(())
}

#[tokio::test]
async fn requests_that_give_up_early_do_not_keep_it_from_connecting() -> TestResult {
    let Some(server) = Server::start(&[])? else { return Ok(()) };
    let address = lines::takes_its_time(server.port, Duration::from_millis(300)).await?;
    let cache = RedisCache::connect(&format!("redis://{address}"))?;

    let mut given_up = 0;
    while tokio::time::timeout(Duration::from_millis(50), cache.get("key")).await.is_err() {
        given_up += 1;
        assert!(given_up < 100, "it never connects");
    }

    assert!(given_up > 0, "nobody had to give up");
    Ok(())
}

#[tokio::test]
async fn a_connection_that_carries_nothing_any_more_is_replaced() -> TestResult {
    let Some(server) = Server::start(&[])? else { return Ok(()) };
    // Who has its own, shorter patience, and who waits for the error.
    for patience in [Duration::from_millis(200), Duration::from_secs(5)] {
        let freeze = Arc::new(tokio::sync::Notify::new());
        let address = lines::freezes(server.port, freeze.clone()).await?;
        let cache = RedisCache::connect(&format!("redis://{address}"))?;
        cache.set("key", b"value", MINUTE).await?;

        freeze.notify_waiters();

        let mut vain = 0;
        while !matches!(tokio::time::timeout(patience, cache.get("key")).await, Ok(Ok(_))) {
            vain += 1;
            assert!(vain <= 3, "the connection is not replaced");
        }
        assert!(vain > 0, "nothing was frozen");
    }
    Ok(())
}
