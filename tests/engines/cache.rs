//! `CacheStore`: the suite over each cache, and the two names of a `cycle`.

use std::time::Duration;

use jam_session::{
    Cache, CacheStore, Draft, LocMemCache, Saved, SessionKey, SessionStore, StoreError, session_store_tests,
};
use time::OffsetDateTime;

use crate::TestResult;

session_store_tests!(locmem, async { CacheStore::new(LocMemCache::new()) }, except [
    an_expired_session_exists_until_it_is_cleared = "a cache lets go of what has expired by itself, and lists nothing",
    clear_expired_removes_the_expired_and_counts_them = "a cache lets go of what has expired by itself, and lists nothing",
    clear_expired_leaves_what_expires_this_instant = "a cache lets go of what has expired by itself, and lists nothing",
    clear_expired_removes_any_number = "a cache lets go of what has expired by itself, and lists nothing",
]);

const PREFIX: &str = "django.contrib.sessions.cache";

fn key(text: &str) -> SessionKey {
    SessionKey::parse(text).expect("a key")
}

fn draft(json: &str, seconds: i64) -> TestResult<(Draft, OffsetDateTime)> {
    let now = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(1_700_000_000);
    Ok((Draft::new(json.parse()?, now + time::Duration::seconds(seconds)), now))
}

#[tokio::test]
async fn a_session_is_found_under_djangos_name_or_the_one_that_is_set() -> TestResult {
    let (cache, (draft, now)) = (LocMemCache::new(), draft(r#"{"a":1}"#, 60)?);
    let (store, ours) = (CacheStore::new(cache.clone()), key("abcdefghijklmnopqrstuvwxyz012345"));
    store.create(&ours, &draft, now).await?;
    assert!(cache.get(&format!("{PREFIX}{}", ours.as_str())).await?.is_some());

    let other = CacheStore::new(cache.clone()).cache_key_prefix("shop:");
    assert!(!other.exists(&ours).await?);
    other.create(&ours, &draft, now).await?;
    assert!(cache.get(&format!("shop:{}", ours.as_str())).await?.is_some());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_session_leaves_the_cache_when_it_expires() -> TestResult {
    let (cache, (draft, now)) = (LocMemCache::new(), draft("{}", 60)?);
    let (store, ours) = (CacheStore::new(cache.clone()), key("abcdefghijklmnopqrstuvwxyz012345"));
    store.create(&ours, &draft, now).await?;

    tokio::time::advance(Duration::from_millis(59_999)).await;
    assert!(store.exists(&ours).await?);
    tokio::time::advance(Duration::from_millis(1)).await;

    assert!(!store.exists(&ours).await?);
    assert!(store.load(&ours, now).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_save_over_what_was_only_extended_meanwhile_is_done() -> TestResult {
    let ((draft, now), store) = (draft(r#"{"a":1}"#, 60)?, CacheStore::new(LocMemCache::new()));
    let loaded = store.create(&key("abcdefghijklmnopqrstuvwxyz012345"), &draft, now).await?;
    let Saved::Done(_) = store.touch(&loaded, now + time::Duration::seconds(90), now).await? else {
        panic!("nobody else was there");
    };

    let saved =
        store.save(&loaded, &Draft::new(r#"{"a":2}"#.parse()?, now + time::Duration::seconds(120)), now).await?;

    assert!(matches!(saved, Saved::Done(record) if record.session_data.to_json() == r#"{"a":2}"#));
    Ok(())
}

#[tokio::test]
async fn a_cycled_key_is_closed_and_no_session_is_read_from_it() -> TestResult {
    let (cache, (draft, now)) = (LocMemCache::new(), draft(r#"{"a":1}"#, 60)?);
    let (store, old) = (CacheStore::new(cache.clone()), key("abcdefghijklmnopqrstuvwxyz012345"));
    let loaded = store.create(&old, &draft, now).await?;
    let Saved::Done(moved) = store.cycle(&loaded, &key("zzcdefghijklmnopqrstuvwxyz012345"), &draft, now).await? else {
        panic!("nobody else was there");
    };

    assert!(cache.get(&format!("{PREFIX}{}", old.as_str())).await?.is_some(), "there is a mark");
    assert!(store.load(&old, now).await?.is_none() && !store.exists(&old).await?);
    assert!(store.load(&moved.session_key, now).await?.is_some());
    assert!(matches!(store.create(&old, &draft, now).await, Err(StoreError::KeyTaken)));
    Ok(())
}

#[tokio::test]
async fn what_somebody_else_put_there_is_an_error_and_left_alone() -> TestResult {
    let (cache, (_, now)) = (LocMemCache::new(), draft("{}", 60)?);
    let (store, ours) = (CacheStore::new(cache.clone()), key("abcdefghijklmnopqrstuvwxyz012345"));
    let name = format!("{PREFIX}{}", ours.as_str());
    for foreign in [&b""[..], b"\x80\x05}.", b"12345678 not JSON", b"12345678\xff"] {
        cache.set(&name, foreign, Duration::from_secs(60)).await?;
        assert!(matches!(store.load(&ours, now).await, Err(StoreError::Undecodable(_))), "{foreign:?}");
        assert_eq!(cache.get(&name).await?.as_deref(), Some(foreign));
    }
    Ok(())
}
