//! Sessions that are extended while they are about to be removed.

use std::{
    collections::HashSet,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use jam_session::{
    DbStore, Draft, Driver, Record, Saved, SessionData, SessionKey, SessionStore, StoreError, StoredText,
};
use time::Duration;
use tokio::task::JoinSet;

use super::{DATA, NOW, insert, key, keys, on_each_database, store};
use crate::support::TestResult;

on_each_database! {
    of_10_000_sessions_that_are_extended_while_it_clears_it_removes_none => race_with_extensions;
}

/// Requests extend sessions that are about to expire, half of them with a write. To the clean-up, whose clock is
/// ahead of theirs, they have expired.
async fn race_with_extensions<DB: Driver>(store: DbStore<DB>) -> TestResult {
    const LIVE: usize = 10_000;
    const ROUND: u64 = 1000;
    let mut extended = Vec::new();
    let mut removed = 0;
    let mut next = 0;
    while extended.len() < LIVE {
        let numbers = next..next + ROUND;
        next += ROUND;
        insert(&store, numbers.clone(), NOW + Duration::SECOND).await?;
        let done = Arc::new(AtomicBool::new(false));
        let cleaner = tokio::spawn(clear_until(store.clone(), Arc::clone(&done)));
        extended.extend(extend_all(&store, numbers).await?);
        done.store(true, Ordering::SeqCst);
        removed += cleaner.await?.map_err(|error| format!("{error:?}"))?;
    }
    let there: HashSet<_> = keys(&store).await?.into_iter().collect();
    let lost = extended.iter().filter(|key| !there.contains(key.as_str())).count();
    println!("clear_expired: {} extended, {removed} removed, {lost} of the extended ones lost", extended.len());
    assert_eq!(lost, 0);
    assert!(removed > 0, "nothing was contested");
    Ok(())
}

async fn clear_until<DB: Driver>(store: DbStore<DB>, done: Arc<AtomicBool>) -> Result<u64, StoreError> {
    let mut removed = 0;
    while !done.load(Ordering::SeqCst) {
        removed += match store.clear_expired_batch(NOW + Duration::seconds(2), 10).await {
            // MySQL has chosen it to end a deadlock, and undone it.
            Err(StoreError::Contended(_)) => 0,
            cleared => cleared?,
        };
        tokio::task::yield_now().await;
    }
    Ok(removed)
}

/// The keys of those that were told that they are extended. They begin with the one that expires last, while the
/// clean-up begins with the first.
async fn extend_all<DB: Driver>(store: &DbStore<DB>, numbers: Range<u64>) -> TestResult<Vec<SessionKey>> {
    let taken = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..8 {
        let (store, taken, numbers) = (store.clone(), Arc::clone(&taken), numbers.clone());
        workers.spawn(async move {
            let mut extended = Vec::new();
            while let Some(number) = numbers.clone().nth_back(taken.fetch_add(1, Ordering::SeqCst) as usize) {
                if extend(&store, number, numbers.start).await? {
                    extended.push(key(number));
                }
            }
            Ok::<_, StoreError>(extended)
        });
    }
    let mut extended = Vec::new();
    for worker in workers.join_all().await {
        extended.extend(worker.map_err(|error| format!("{error:?}"))?);
    }
    Ok(extended)
}

async fn extend<DB: Driver>(store: &DbStore<DB>, number: u64, start: u64) -> Result<bool, StoreError> {
    let expires = NOW + Duration::SECOND + Duration::microseconds((number - start) as i64);
    let data: SessionData = DATA.parse()?;
    let loaded = Record::new(key(number), data, expires, StoredText(DATA.into()));
    let later = NOW + Duration::weeks(2);
    let mut draft = Draft::new(loaded.session_data.clone(), later);
    draft.session_data.insert("n", &2).map_err(StoreError::Backend)?;
    loop {
        let saved = match number.is_multiple_of(2) {
            true => store.touch(&loaded, later, NOW).await,
            false => store.save(&loaded, &draft, NOW).await,
        };
        match saved {
            // As a session does it: it was undone to end a deadlock.
            Err(StoreError::Contended(_)) => {}
            saved => return Ok(matches!(saved?, Saved::Done(_))),
        }
    }
}
