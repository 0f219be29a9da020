//! Dates in local time: of each engine, and through a store that wraps another, which hands on what that one says.

use jam_session::{
    CacheStore, CachedDbStore, DjangoCache, ErasedStore, Expiry, FileStore, LocMemCache, SessionLayer, SessionStore,
    SignedCookieStore, Signer, SqliteStore,
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

#[tokio::test]
async fn every_engine_of_django_keeps_dates_in_local_time_or_with_an_offset() -> TestResult {
    let (india, directory) = (UtcOffset::from_hms(5, 30, 0)?, tempfile::TempDir::new()?);
    let files = FileStore::new(directory.path().join("sessions"))?;
    let cookies = SignedCookieStore::new(Signer::new("secret"));
    let cache = CacheStore::new(LocMemCache::new());

    let local = "2079-07-08T05:30:00";
    assert_eq!(stored_expiry(files.clone().local_time(move |_| india)).await?, local);
    assert_eq!(stored_expiry(cookies.clone().local_time(move |_| india)).await?, local);
    assert_eq!(stored_expiry(cache.clone().local_time(move |_| india)).await?, local);

    let with_offset = "2079-07-08T00:00:00+00:00";
    assert_eq!(stored_expiry(files).await?, with_offset);
    assert_eq!(stored_expiry(cookies).await?, with_offset);
    assert_eq!(stored_expiry(cache).await?, with_offset);
    Ok(())
}
