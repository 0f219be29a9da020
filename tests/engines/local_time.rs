//! A store that wraps another hands on what that one says about local time.

use jam_session::{
    CachedDbStore, DjangoCache, ErasedStore, Expiry, LocMemCache, SessionLayer, SessionStore, SqliteStore,
};
use time::{Duration, OffsetDateTime, UtcOffset};

use crate::TestResult;

/// A session that ends at an instant, as it is stored.
async fn stored_expiry(store: impl SessionStore) -> TestResult<String> {
    let session = SessionLayer::new(store).create().await?;
    session.set_expiry(Expiry::At(OffsetDateTime::UNIX_EPOCH + Duration::days(40_000)))?;
    Ok(session.require::<String>("_session_expiry")?)
}

#[tokio::test]
async fn a_wrapped_store_keeps_dates_in_local_time() -> TestResult {
    let india = UtcOffset::from_hms(5, 30, 0)?;
    let table = SqliteStore::connect("sqlite::memory:").await?;
    table.migrate().await?;
    let local = table.clone().local_time(move |_| india);

    let expected = "2079-07-08T05:30:00";
    assert_eq!(stored_expiry(local.clone()).await?, expected);
    assert_eq!(stored_expiry(ErasedStore::new(local.clone())).await?, expected);
    assert_eq!(stored_expiry(CachedDbStore::new(local.clone(), LocMemCache::new())).await?, expected);
    assert_eq!(stored_expiry(DjangoCache::new(local, LocMemCache::new())).await?, expected);
    assert_eq!(stored_expiry(CachedDbStore::new(table, LocMemCache::new())).await?, "2079-07-08T00:00:00+00:00");
    Ok(())
}
