//! What a cache promises, on a real Redis.

use std::{sync::Arc, time::Duration};

use jam_session::Cache as _;
use tokio::task::JoinSet;

use super::{MINUTE, Scratch, TestResult, scratch};

fn key(scratch: &Scratch, name: &str) -> String {
    format!("{}{name}", scratch.prefix)
}

#[tokio::test]
async fn what_was_set_is_there_byte_for_byte() -> TestResult {
    let Some(scratch) = scratch()? else { return Ok(()) };
    let (cache, key) = (&scratch.cache, key(&scratch, "set"));
    let large: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();

    for value in [b"".as_slice(), b"\0\r\n$-1\r\n\xff", b"12", &large] {
        cache.set(&key, value, MINUTE).await?;
        assert_eq!(cache.get(&key).await?.as_deref(), Some(value));
    }
    assert!(cache.delete(&key).await?);
    Ok(())
}

#[tokio::test]
async fn nothing_is_there_before_it_is_set_and_after_it_is_deleted() -> TestResult {
    let Some(scratch) = scratch()? else { return Ok(()) };
    let (cache, key) = (&scratch.cache, key(&scratch, "deleted"));

    assert_eq!(cache.get(&key).await?, None);
    assert!(!cache.delete(&key).await?);
    cache.set(&key, b"x", MINUTE).await?;
    assert!(cache.delete(&key).await?);
    assert_eq!(cache.get(&key).await?, None);
    Ok(())
}

#[tokio::test]
async fn add_sets_only_what_is_not_there() -> TestResult {
    let Some(scratch) = scratch()? else { return Ok(()) };
    let (cache, key) = (&scratch.cache, key(&scratch, "added"));

    assert!(cache.add(&key, b"first", MINUTE).await?);
    assert!(!cache.add(&key, b"second", MINUTE).await?);
    assert_eq!(cache.get(&key).await?.as_deref(), Some(b"first".as_slice()));
    assert!(cache.delete(&key).await?);
    Ok(())
}

#[tokio::test]
async fn compare_and_set_writes_only_over_what_was_expected() -> TestResult {
    let Some(scratch) = scratch()? else { return Ok(()) };
    let (cache, key) = (&scratch.cache, key(&scratch, "compared"));

    assert!(!cache.compare_and_set(&key, b"", b"x", MINUTE).await?, "there was nothing");
    assert_eq!(cache.get(&key).await?, None);
    cache.set(&key, b"\xff\0old", MINUTE).await?;
    assert!(!cache.compare_and_set(&key, b"other", b"x", MINUTE).await?);
    assert!(cache.compare_and_set(&key, b"\xff\0old", b"new\0", MINUTE).await?);
    assert_eq!(cache.get(&key).await?.as_deref(), Some(b"new\0".as_slice()));
    assert!(cache.delete(&key).await?);
    Ok(())
}

#[tokio::test]
async fn compare_and_set_works_after_the_server_forgot_the_script() -> TestResult {
    let Some(server) = super::Server::start(&[])? else { return Ok(()) };
    let cache = jam_session::RedisCache::connect(&server.url())?;
    cache.set("key", b"1", MINUTE).await?;
    assert!(cache.compare_and_set("key", b"1", b"2", MINUTE).await?);

    server.cli(&["SCRIPT", "FLUSH"])?;

    assert!(cache.compare_and_set("key", b"2", b"3", MINUTE).await?);
    assert!(!cache.compare_and_set("key", b"2", b"4", MINUTE).await?);
    Ok(())
}

#[tokio::test]
async fn each_verb_gives_the_value_its_time_to_live() -> TestResult {
    let Some(server) = super::Server::start(&[])? else { return Ok(()) };
    let cache = jam_session::RedisCache::connect(&server.url())?;
    let left = |key: &str| -> TestResult<u128> { Ok(server.cli(&["PTTL", key])?.parse()?) };

    cache.set("set", b"1", MINUTE).await?;
    cache.add("added", b"1", 2 * MINUTE).await?;
    cache.set("compared", b"1", MINUTE).await?;
    cache.compare_and_set("compared", b"1", b"2", 3 * MINUTE).await?;
    cache.set("longest", b"1", Duration::MAX).await?;

    for (key, minutes) in [("set", 1), ("added", 2), ("compared", 3)] {
        let (left, most) = (left(key)?, minutes * 60_000);
        assert!(left <= most && left > most - 30_000, "{key} has {left} ms left");
    }
    assert!(left("longest")? > 50 * 365 * 24 * 3_600_000);
    Ok(())
}

#[tokio::test]
async fn nothing_is_there_after_its_time_to_live() -> TestResult {
    let Some(scratch) = scratch()? else { return Ok(()) };
    let (cache, key) = (&scratch.cache, key(&scratch, "short"));
    cache.set(&key, b"x", Duration::from_millis(30)).await?;

    let started = std::time::Instant::now();
    while cache.get(&key).await?.is_some() {
        assert!(started.elapsed() < Duration::from_secs(5), "it outlives its time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    assert!(cache.add(&key, b"y", Duration::ZERO).await?, "what has expired is not there");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_writers_exactly_one_wins_each_round() -> TestResult {
    let Some(scratch) = scratch()? else { return Ok(()) };
    let key: Arc<str> = key(&scratch, "contended").into();
    scratch.cache.set(&key, b"0", MINUTE).await?;

    for round in 0..50_u32 {
        let mut writers = JoinSet::new();
        for writer in 0..64_u32 {
            let (cache, key) = (scratch.cache.clone(), key.clone());
            // Half of them would write the very same bytes.
            let value = format!("{}.{}", round + 1, writer % 32);
            let expected = if round == 0 { "0".to_owned() } else { format!("{round}.won") };
            writers.spawn(async move {
                let won = cache.compare_and_set(&key, expected.as_bytes(), value.as_bytes(), MINUTE).await;
                won.map(|won| (won, value))
            });
        }
        let mut winners = Vec::new();
        while let Some(written) = writers.join_next().await {
            let (won, value) = written??;
            winners.extend(won.then_some(value));
        }
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        let stored = scratch.cache.get(&key).await?;
        assert_eq!(stored.as_deref(), Some(winners[0].as_bytes()));
        scratch.cache.set(&key, format!("{}.won", round + 1).as_bytes(), MINUTE).await?;
    }
    assert!(scratch.cache.delete(&key).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_future_takes_no_answer_from_others() -> TestResult {
    let Some(scratch) = scratch()? else { return Ok(()) };
    let mut tasks = JoinSet::new();
    for task in 0..32_u64 {
        let (cache, key) = (scratch.cache.clone(), key(&scratch, &task.to_string()));
        tasks.spawn(async move {
            let mut dropped = 0;
            for n in 0..200_u64 {
                let value = format!("{task}/{n}");
                cache.set(&key, value.as_bytes(), MINUTE).await?;
                let patience = Duration::from_micros((task * 7 + n * 13) % 400);
                dropped += u32::from(tokio::time::timeout(patience, cache.get(&key)).await.is_err());
                let seen = cache.get(&key).await?;
                assert_eq!(seen.as_deref(), Some(value.as_bytes()));
            }
            cache.delete(&key).await?;
            Ok::<_, jam_session::BoxError>(dropped)
        });
    }
    let mut dropped = 0;
    while let Some(done) = tasks.join_next().await {
        dropped += done??;
    }
    println!("redis: {dropped} futures dropped, every answer to the one who asked");
    assert!(dropped > 100, "only {dropped} were dropped");
    Ok(())
}
