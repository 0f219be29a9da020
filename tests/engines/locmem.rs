//! `LocMemCache`: time, bounds, and one winner.

use std::{sync::Arc, time::Duration};

use jam_session::{Cache, LocMemCache};
use tokio::{sync::Barrier, task::JoinSet};

use crate::TestResult;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn what_has_expired_is_never_given_back() -> TestResult {
    let cache = LocMemCache::new();
    cache.set("a", b"1", MINUTE).await?;
    tokio::time::advance(MINUTE - Duration::from_millis(1)).await;
    assert_eq!(cache.get("a").await?.as_deref(), Some(&b"1"[..]));
    assert!(!cache.add("a", b"2", MINUTE).await?);

    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(!cache.compare_and_set("a", b"1", b"2", MINUTE).await?);
    assert!(!cache.delete("a").await?);
    assert_eq!(cache.get("a").await?, None);
    assert!(cache.add("a", b"3", MINUTE).await?);
    assert_eq!(cache.clone().get("a").await?.as_deref(), Some(&b"3"[..]), "a clone is the same cache");
    cache.set("long", b"1", Duration::MAX).await?;
    assert!(cache.delete("long").await? && !cache.delete("long").await?);
    Ok(())
}

#[tokio::test]
async fn a_value_is_replaced_only_if_it_is_the_expected_one() -> TestResult {
    let cache = LocMemCache::new();
    assert!(!cache.compare_and_set("a", b"", b"2", MINUTE).await?);
    cache.set("a", b"1", MINUTE).await?;
    assert!(!cache.compare_and_set("a", b"2", b"3", MINUTE).await?);
    assert!(cache.compare_and_set("a", b"1", b"3", MINUTE).await?);
    assert_eq!(cache.get("a").await?.as_deref(), Some(&b"3"[..]));
    Ok(())
}

#[tokio::test]
async fn neither_the_values_nor_their_bytes_are_more_than_was_said() -> TestResult {
    let present = async |cache: &LocMemCache, size: usize| -> TestResult<usize> {
        let mut present = 0;
        for n in 0..5_000 {
            cache.set(&format!("{n:04}"), &vec![b'x'; size], MINUTE).await?;
        }
        for n in 0..5_000 {
            present += usize::from(cache.get(&format!("{n:04}")).await?.is_some());
        }
        Ok(present)
    };

    let few = present(&LocMemCache::with_limits(1_000, 64 << 20), 10).await?;
    let heavy = present(&LocMemCache::with_limits(1_000_000, 4 << 20), 10_000).await?;

    assert!((500..=1_000).contains(&few), "{few} values in a cache for 1000");
    assert!((200..=(4 << 20) / 10_000).contains(&heavy), "{heavy} values of 10 kB in 4 MiB");
    println!("cache: locmem holds {few} of at most 1000 values, {heavy} × 10 kB of at most 4 MiB");
    Ok(())
}

#[tokio::test]
async fn a_value_that_is_too_large_is_refused_and_what_was_there_is_gone() -> TestResult {
    let cache = LocMemCache::with_limits(1_000, 1 << 20);
    cache.set("a", b"1", MINUTE).await?;

    assert!(cache.set("a", &vec![b'x'; 2 << 20], MINUTE).await.is_err());

    assert_eq!(cache.get("a").await?, None);
    assert!(cache.set("a", &vec![b'x'; 1 << 19], MINUTE).await.is_ok());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_add_one_wins_and_no_exchange_is_lost() -> TestResult {
    const TASKS: usize = 16;
    const TURNS: u64 = 200;
    let (cache, start) = (LocMemCache::new(), Arc::new(Barrier::new(TASKS)));
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (cache, start) = (cache.clone(), Arc::clone(&start));
        tasks.spawn(async move {
            let mut won = 0;
            start.wait().await;
            for round in 0..100 {
                won += usize::from(cache.add(&format!("{round}"), &[task as u8], MINUTE).await.expect("memory"));
            }
            cache.add("sum", &0_u64.to_be_bytes(), MINUTE).await.expect("memory");
            for _ in 0..TURNS {
                add_one(&cache).await;
            }
            won
        });
    }
    let won: usize = tasks.join_all().await.into_iter().sum();

    assert_eq!(won, 100, "each name was added once");
    let sum = cache.get("sum").await?.ok_or("it is there")?;
    assert_eq!(*sum, (TASKS as u64 * TURNS).to_be_bytes());
    Ok(())
}

async fn add_one(cache: &LocMemCache) {
    loop {
        let bytes = cache.get("sum").await.expect("memory").expect("it was added");
        let sum = u64::from_be_bytes(bytes[..].try_into().expect("eight bytes"));
        let next = (sum + 1).to_be_bytes();
        if cache.compare_and_set("sum", &bytes, &next, MINUTE).await.expect("memory") {
            return;
        }
    }
}

#[tokio::test]
async fn debug_shows_no_value_and_no_name() -> TestResult {
    let cache = LocMemCache::new();
    cache.set("a-secret-name", b"a-secret-value", MINUTE).await?;
    assert_eq!(format!("{cache:?}"), "LocMemCache(1 values)");
    Ok(())
}
