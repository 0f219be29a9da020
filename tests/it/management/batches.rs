//! What is removed, counted and measured.

use jam_session::{DbStore, Driver, SessionStore};
use time::Duration;

use super::{DATA, NOW, insert, key, keys, on_each_database, store};
use crate::support::TestResult;

on_each_database! {
    clear_expired_removes_exactly_what_has_expired => removes_exactly;
    a_batch_removes_no_more_than_its_limit => keeps_to_its_limit;
    stats_count_live_and_expired_sessions => counts;
}

/// 1,201 rows: two full batches and a rest; of the others the first expires at this very moment.
async fn removes_exactly<DB: Driver>(store: DbStore<DB>) -> TestResult {
    insert(&store, 0..1201, NOW - Duration::microseconds(1201)).await?;
    insert(&store, 1201..1300, NOW).await?;

    assert_eq!(store.count_expired(NOW).await?, 1201);
    assert_eq!(store.clear_expired(NOW).await?, 1201);
    assert_eq!(store.clear_expired(NOW).await?, 0);

    let left: Vec<_> = (1201..1300).map(|number| key(number).as_str().to_owned()).collect();
    assert_eq!(keys(&store).await?, left);
    Ok(())
}

async fn keeps_to_its_limit<DB: Driver>(store: DbStore<DB>) -> TestResult {
    insert(&store, 0..10, NOW - Duration::SECOND).await?;

    let mut removed = Vec::new();
    for limit in [0, 1, 4, usize::MAX, 1] {
        removed.push(store.clear_expired_batch(NOW, limit).await?);
    }

    assert_eq!(removed, [0, 1, 4, 5, 0]);
    Ok(())
}

async fn counts<DB: Driver>(store: DbStore<DB>) -> TestResult {
    let empty = store.stats(NOW).await?;
    assert_eq!((empty.live, empty.expired, empty.size_percentile(50)), (0, 0, None));
    assert_eq!((empty.oldest_expired, empty.median_to_expire), (None, None));

    insert(&store, 0..4, NOW - Duration::DAY).await?;
    insert(&store, 4..9, NOW).await?;
    let stats = store.stats(NOW).await?;

    let after = |micros| Some(NOW + Duration::microseconds(micros));
    assert_eq!((stats.live, stats.expired), (5, 4));
    assert_eq!(stats.oldest_expired, Some(NOW - Duration::DAY));
    assert_eq!((stats.first_to_expire, stats.median_to_expire, stats.last_to_expire), (after(0), after(2), after(4)));
    assert_eq!(stats.size_percentile(100), Some(DATA.len() as u64));
    Ok(())
}
