//! A person's sessions, and sessions outside of requests, where keys are hashed.

use jam_session::{CachedDbStore, LocMemCache, UserSession};

use super::*;
use crate::support::{Moment, cookie_of, databases::on_every_database, key_in, send, site, visitor};

type Users<DB> = DbStore<DB, UserSession>;

async fn login(layer: &SessionLayer, user: &str) -> TestResult<SessionKey> {
    let session = layer.create().await?;
    session.insert("_auth_user_id", user)?;
    session.save().await?;
    Ok(session.session_key().ok_or("a saved session has a key")?)
}

async fn the_session_that_asks_is_known_and_spared<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let (store, moment) = (Users::<DB>::new(pool.clone()), Moment::new());
    store.migrate().await?;
    for hash_keys in [HashKeys::Off, HashKeys::On] {
        let layer = SessionLayer::new(store.clone()).clock(moment.clock()).hash_keys(hash_keys);
        let (first, second) = (login(&layer, "42").await?, login(&layer, "42").await?);
        let stranger = login(&layer, "43").await?;

        let list = store.user("42").list(Some(&second), moment.now()).await?;
        assert_eq!(list.iter().filter(|info| info.is_current).count(), 1);
        let handle = &list.iter().find(|info| !info.is_current).ok_or("two sessions")?.handle;
        assert!(store.user("42").revoke(handle).await?);
        assert!(!layer.exists(&first).await? && layer.exists(&second).await?);

        let third = login(&layer, "42").await?;
        assert_eq!(store.user("42").revoke_others(&third).await?, 1);
        assert!(!layer.exists(&second).await? && layer.exists(&third).await?);
        assert_eq!(store.user("42").limit(0, moment.now()).await?, 1);
        assert!(!layer.exists(&third).await? && layer.exists(&stranger).await?);
    }
    Ok(())
}

async fn the_session_that_asks_is_spared_in_a_cache<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let (table, moment) = (Users::<DB>::new(pool.clone()), Moment::new());
    table.migrate().await?;
    let store = CachedDbStore::new(table, LocMemCache::new());
    let layer = SessionLayer::new(store.clone()).clock(moment.clock()).hash_keys(HashKeys::On);
    let (first, second) = (login(&layer, "42").await?, login(&layer, "42").await?);
    for key in [&first, &second] {
        assert!(layer.open(key).await?.session_key().is_some());
    }

    assert_eq!(store.revoke_others("42", &second, moment.now()).await?, 1);

    assert!(layer.open(&first).await?.session_key().is_none());
    assert!(layer.open(&second).await?.session_key().is_some());
    Ok(())
}

async fn a_row_is_found_by_the_hash_of_its_key<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let (store, moment) = (Users::<DB>::new(pool.clone()), Moment::new());
    store.migrate().await?;
    let layer = SessionLayer::new(store.clone()).clock(moment.clock()).hash_keys(HashKeys::On);
    let key = login(&layer, "42").await?;

    assert!(store.get(&key).await?.is_none());
    let row = store.get(&key.hashed()).await?.ok_or("a row")?;
    assert!(is_hash(jam_session::AbstractBaseSession::<DB>::base(&row).session_key.as_str()));
    Ok(())
}

async fn every_row_is_under_a_hash<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let (store, moment) = (table(pool).await?, Moment::new());
    let site = site(SessionLayer::new(store.clone()).clock(moment.clock()).hash_keys(HashKeys::On));
    let mut cookies = Vec::new();
    for path in ["/read", "/count", "/cycle", "/cycle-and-write"] {
        let cookie = visitor(&site).await;
        let answer = send(&site, path, &cookie).await;
        cookies.push(cookie_of(&answer).unwrap_or(cookie));
    }

    assert_eq!(store.stats(moment.now()).await?.live, 4);
    for key in cookies.iter().map(|cookie| key_in(cookie)) {
        assert!(store.get(&key).await?.is_none() && store.get(&key.hashed()).await?.is_some());
    }
    Ok(())
}

on_every_database! {
    every_row_is_under_a_hash
    the_session_that_asks_is_known_and_spared
    the_session_that_asks_is_spared_in_a_cache
    a_row_is_found_by_the_hash_of_its_key
}

#[tokio::test]
async fn sessions_outside_of_requests_have_their_keys_hashed_too() -> TestResult {
    let spy = spy::Spy::default();
    let layer = SessionLayer::new(spy.clone()).hash_keys(HashKeys::On);
    let session = layer.create().await?;
    let first = session.session_key().ok_or("it is stored")?;
    let detached = session.detached();
    detached.insert("export", "ready")?;
    detached.save().await?;
    assert!(detached.revalidate().await?);
    let opened = layer.open(&first).await?;
    opened.cycle_key()?;
    opened.save().await?;
    let second = opened.session_key().ok_or("it is stored")?;
    assert!(layer.exists(&second).await? && !layer.exists(&first).await?);
    opened.reload().await?;
    assert_eq!(opened.get::<String>("export")?.as_deref(), Some("ready"));
    layer.delete(&second).await?;
    assert!(!layer.exists(&second).await?);

    let seen = spy.take();
    assert!(seen.len() >= 9, "{} keys", seen.len());
    assert!(seen.iter().all(|key| is_hash(key)));
    assert!(seen.iter().any(|key| key == first.hashed().as_str()));
    assert!(seen.iter().any(|key| key == second.hashed().as_str()));
    Ok(())
}
