//! A rolling deployment: nodes of two releases share a database and a cache for a while.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axum::{Router, body::Body, routing::get};
use http::{Request, header};
use http_body_util::BodyExt as _;
use jam_session::{
    Cache, CachedDbStore, Clock, Draft, ErasedStore, Error, MemoryStore, Record, Saved, Session, SessionKey,
    SessionLayer, SessionStore,
};
use tower::ServiceExt as _;

use super::{
    interleavings::{NOW, outcome},
    old_release::OldRelease,
    parts::SharedCache,
};
use crate::TestResult;

const ROUNDS: u64 = 5_000;
const MINUTE: Duration = Duration::from_secs(60);

fn key() -> SessionKey {
    SessionKey::parse("abcdefghijklmnopqrstuvwxyz012345").expect("a key")
}

fn name() -> String {
    format!("django.contrib.sessions.cached_db{}", key().as_str())
}

fn draft(json: &str) -> Draft {
    Draft::new(json.parse().expect("JSON"), NOW + time::Duration::days(1))
}

fn json(found: Option<&Record>) -> Option<String> {
    found.map(|record| record.session_data.to_json())
}

#[tokio::test(start_paused = true)]
async fn no_order_of_steps_on_nodes_of_two_releases_gives_a_stale_read() -> TestResult {
    let next = AtomicUsize::new(0);
    let (reads, stale) = outcome(ROUNDS, |store, cache| match next.fetch_add(1, Ordering::SeqCst) % 2 {
        0 => ErasedStore::new(CachedDbStore::new(store, cache)),
        _ => ErasedStore::new(OldRelease { store, cache }),
    })
    .await;

    println!("cached_db: {ROUNDS} random interleavings on nodes of two releases, {reads} reads, {stale} stale");
    assert!(reads > 20_000, "{reads} reads are too few to tell");
    assert_eq!(stale, 0);
    Ok(())
}

#[tokio::test]
async fn what_an_older_release_has_put_there_is_not_served_and_replaced() -> TestResult {
    let (database, cache) = (MemoryStore::new(), SharedCache::of_one_clock());
    let old = OldRelease { store: database.clone(), cache: cache.clone() };
    let new = CachedDbStore::new(database.clone(), cache.clone());
    database.create(&key(), &draft(r#"{"n":1}"#), NOW).await?;
    old.load(&key(), NOW).await?;
    assert_eq!(cache.contents()[&name()][0], b'S', "the old release has put it there");
    // Past both: an ended session that no cache was told of.
    database.delete(&key()).await?;
    assert!(old.load(&key(), NOW).await?.is_some() && new.load(&key(), NOW).await?.is_none());

    database.create(&key(), &draft(r#"{"n":2}"#), NOW).await?;
    old.load(&key(), NOW).await?;
    assert_eq!(json(new.load(&key(), NOW).await?.as_ref()).as_deref(), Some(r#"{"n":2}"#));
    database.delete(&key()).await?;
    assert!(new.load(&key(), NOW).await?.is_some(), "the new release has put its own in its place");
    assert!(old.load(&key(), NOW).await?.is_none(), "which the old release does not serve");
    Ok(())
}

#[tokio::test]
async fn the_claim_of_another_release_is_respected() -> TestResult {
    let (database, cache) = (MemoryStore::new(), SharedCache::of_one_clock());
    let new = CachedDbStore::new(database.clone(), cache.clone());
    database.create(&key(), &draft(r#"{"n":1}"#), NOW).await?;
    for closed in [&b"C of a writer that may have died"[..], b"E"] {
        cache.set(&name(), closed, MINUTE).await?;
        assert!(new.load(&key(), NOW).await?.is_some(), "it comes from the database");
        assert_eq!(&*cache.contents()[&name()], closed, "and nothing is put in the place of the claim");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_newer_release_has_put_there_is_not_served_and_left_alone_until_the_session_changes() -> TestResult {
    let (database, cache) = (MemoryStore::new(), SharedCache::of_one_clock());
    let node = CachedDbStore::new(database.clone(), cache.clone());
    let loaded = database.create(&key(), &draft(r#"{"n":1}"#), NOW).await?;
    node.load(&key(), NOW).await?;
    let mut newer = cache.contents()[&name()].to_vec();
    newer[1] += 1;
    cache.set(&name(), &newer, MINUTE).await?;
    for _ in 0..3 {
        assert!(node.load(&key(), NOW).await?.is_some());
        assert_eq!(&*cache.contents()[&name()], newer);
    }
    assert!(matches!(node.save(&loaded, &draft(r#"{"n":2}"#), NOW).await?, Saved::Done(_)));
    assert!(cache.contents().get(&name()).is_none_or(|there| **there != newer), "the other release would serve it");
    assert_eq!(json(node.load(&key(), NOW).await?.as_ref()).as_deref(), Some(r#"{"n":2}"#));
    cache.set(&name(), &newer, MINUTE).await?;
    node.delete(&key()).await?;
    assert!(cache.contents().get(&name()).is_none_or(|there| **there != newer));
    Ok(())
}

/// A site whose sessions get a new key with every request that comes a minute after the last one.
fn site(store: ErasedStore, clock: Clock) -> Router {
    let layer = SessionLayer::new(store).clock(clock).renew_after(MINUTE).cookie_secure(false);
    let user = async |session: Session| -> Result<String, Error> { Ok(session.get("user")?.unwrap_or_default()) };
    let login = async |session: Session| session.insert("user", "ada");
    let logout = async |session: Session| session.flush().await;
    Router::new().route("/", get(user)).route("/in", get(login)).route("/out", get(logout)).layer(layer)
}

/// The body, and the cookie if there is a new one.
async fn visit(site: &Router, path: &str, cookie: &str) -> TestResult<(String, Option<String>)> {
    let request = Request::builder().uri(path).header(header::COOKIE, cookie).body(Body::empty())?;
    let Ok(response) = site.clone().oneshot(request).await;
    assert!(response.status().is_success(), "{path}: {}", response.status());
    let cookie = response.headers().get(header::SET_COOKIE).map(|cookie| cookie.to_str()).transpose()?;
    let cookie = cookie.and_then(|cookie| cookie.split(';').next()).map(str::to_owned);
    Ok((String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?, cookie))
}

/// The renewal and each request after it go to any of the two releases, in every order.
#[tokio::test]
async fn a_pointer_that_a_renewal_has_left_is_followed_and_ended_by_either_release() -> TestResult {
    for order in 0..16 {
        let (database, cache) = (MemoryStore::new(), SharedCache::of_one_clock());
        let clock = SiteClock::default();
        let releases = [
            ErasedStore::new(OldRelease { store: database.clone(), cache: cache.clone() }),
            ErasedStore::new(CachedDbStore::new(database, cache)),
        ];
        let sites = releases.map(|store| site(store, clock.clock()));
        let at = |step: usize| &sites[(order >> step) & 1];
        let old = visit(at(0), "/in", "").await?.1.ok_or("a login sets a cookie")?;
        for site in &sites {
            assert_eq!(visit(site, "/", &old).await?.0, "ada");
        }
        clock.advance(61);
        let new = visit(at(1), "/", &old).await?.1.ok_or("the key is renewed")?;
        assert_ne!(old, new);
        for cookie in [&old, &new] {
            assert_eq!(visit(at(2), "/", cookie).await?.0, "ada", "order {order:04b}");
            assert_eq!(visit(at(3), "/", cookie).await?.0, "ada", "order {order:04b}");
        }
        // With the old cookie, which leads to the new key.
        visit(at(3), "/out", &old).await?;
        for (site, cookie) in sites.iter().flat_map(|site| [(site, &old), (site, &new)]) {
            assert_eq!(visit(site, "/", cookie).await?.0, "", "order {order:04b}");
        }
    }
    Ok(())
}

/// A clock that both releases read.
#[derive(Default)]
struct SiteClock(std::sync::Arc<AtomicUsize>);

impl SiteClock {
    fn clock(&self) -> Clock {
        let seconds = std::sync::Arc::clone(&self.0);
        Clock::from_fn(move || NOW + time::Duration::seconds(seconds.load(Ordering::SeqCst) as i64))
    }

    fn advance(&self, seconds: usize) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}
