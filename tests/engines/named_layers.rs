//! Layers over one store, on every store: a key of one is no session of another.

use std::time::Duration;

use axum::{Router, body::Body, routing::any};
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use jam_session::{
    CacheStore, CachedDbStore, DbStore, ErasedStore, Error, FileStore, LazySession, LocMemCache, MemoryStore,
    NamedSession, SessionKey, SessionLayer, SessionStore, SignedCookieStore, Signer,
    testing::{TestClock, cookie_for},
};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::{TestResult, databases, log::Log};

struct Visitor;
struct Admin;

/// The pages of a layer of this name.
fn site<N: 'static>(layer: SessionLayer<N>) -> Router {
    Router::new()
        .route("/read", any(|session: NamedSession<N>| async move { session.keys().join(",") }))
        .route("/write", any(|session: NamedSession<N>| async move { session.insert("written", &true) }))
        .route("/flush", any(|session: NamedSession<N>| async move { session.flush().await }))
        .route("/flush-lazily", any(flush_lazily::<N>))
        .layer(layer)
}

async fn flush_lazily<N: 'static>(request: Request<Body>) -> Result<(), Error> {
    LazySession::named::<N>(request.extensions())?.flush().await
}

async fn ask(site: &Router, path: &str, cookie: &str) -> TestResult<Response<Body>> {
    Ok(site.clone().oneshot(Request::get(path).header(header::COOKIE, cookie).body(Body::empty())?).await?)
}

async fn text(response: Response<Body>) -> TestResult<String> {
    Ok(String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?)
}

fn key_in(cookie: &str) -> TestResult<SessionKey> {
    Ok(SessionKey::parse(cookie.split_once('=').ok_or("a name and a value")?.1)?)
}

/// A session of `from` stays what it is, whatever is done with its key in `to`.
async fn keeps_apart<A: 'static, B: 'static>(
    place: &str,
    from: &SessionLayer<A>,
    to: &SessionLayer<B>,
    lazily: bool,
) -> TestResult {
    let cookie = cookie_for(from, |session| session.insert("theirs", &1)).await?;
    let key = key_in(&cookie)?;
    let sent = format!("{}={}", to.settings().cookie_name, key.as_str());
    let site = site(to.clone());

    assert_eq!(to.open(&key).await?.session_key(), None, "{place}");
    assert_eq!(text(ask(&site, "/read", &sent).await?).await?, "", "{place}");
    let written = ask(&site, "/write", &sent).await?;
    let set = written.headers()[header::SET_COOKIE].to_str()?;
    assert!(!set.contains(key.as_str()), "{place}: a new session has a new key");
    ask(&site, "/flush", &sent).await?;
    if lazily {
        ask(&site, "/flush-lazily", &sent).await?;
    }

    let kept = from.open(&key).await?;
    assert_eq!((kept.session_key(), kept.get::<u32>("theirs")?), (Some(key), Some(1)), "{place}");
    kept.insert("more", &2)?;
    kept.cycle_key()?;
    kept.save().await?;
    let cycled = kept.session_key().ok_or("a key")?;
    assert_eq!(to.open(&cycled).await?.session_key(), None, "{place}: after a save");
    assert!(from.open(&cycled).await?.contains_key("more"), "{place}");
    Ok(())
}

async fn keeps_layers_apart(place: &str, store: impl SessionStore + Clone) -> TestResult {
    let plain = SessionLayer::new(store.clone());
    let visitor = SessionLayer::new(store.clone()).cookie_name("visitor").named::<Visitor>();
    // The name may come before or after the setting.
    let admin = SessionLayer::new(store.clone()).named::<Admin>().cookie_name("admin_sessionid");
    let admin_elsewhere = SessionLayer::new(store.clone()).cookie_name("admin_sessionid").named::<Visitor>();

    keeps_apart(place, &plain, &admin, true).await?;
    keeps_apart(place, &visitor, &admin, true).await?;
    keeps_apart(place, &admin, &visitor, true).await?;
    // Without a name nothing is looked at before a lazy end: whoever has a key may end its session.
    keeps_apart(place, &admin, &plain, false).await?;

    let cookie = cookie_for(&admin, |session| session.insert("ours", &1)).await?;
    assert!(admin_elsewhere.open(&key_in(&cookie)?).await?.contains_key("ours"), "{place}: the cookie's name counts");
    a_request_writes_no_mark(place, store, &admin).await
}

/// The default layer stores what Django stores, and nobody makes a session of another layer by a value.
async fn a_request_writes_no_mark<N>(place: &str, store: impl SessionStore, admin: &SessionLayer<N>) -> TestResult {
    let plain = SessionLayer::new(ErasedStore::new(store));
    let cookie = cookie_for(&plain, |session| {
        session.insert("_session_layer", "admin_sessionid")?;
        session.insert("role", "admin")
    })
    .await?;
    let key = key_in(&cookie)?;

    assert_eq!(plain.open(&key).await?.keys(), ["role"], "{place}");
    assert_eq!(admin.open(&key).await?.session_key(), None, "{place}");
    Ok(())
}

#[tokio::test]
async fn on_every_store_a_key_of_one_layer_is_no_session_of_another() -> TestResult {
    keeps_layers_apart("memory", MemoryStore::new()).await?;
    let parent = TempDir::new()?;
    keeps_layers_apart("file", FileStore::new(parent.path().join("sessions"))?).await?;
    keeps_layers_apart("cache", CacheStore::new(LocMemCache::new())).await?;
    keeps_layers_apart("signed_cookies", SignedCookieStore::new(Signer::new("secret"))).await?;
    keeps_layers_apart("encrypted_cookies", SignedCookieStore::encrypted(Signer::new("secret"))).await?;
    if let Some(scratch) = databases::sqlite().await {
        let store: DbStore<_> = DbStore::new(scratch.pool.clone());
        store.migrate().await?;
        keeps_layers_apart("sqlite", store.clone()).await?;
        keeps_layers_apart("cached_db", CachedDbStore::new(store, LocMemCache::new())).await?;
    }
    if let Some(scratch) = databases::postgres().await {
        let store: DbStore<_> = DbStore::new(scratch.pool.clone());
        store.migrate().await?;
        keeps_layers_apart("postgres", store).await?;
    }
    if let Some(scratch) = databases::mysql().await {
        let store: DbStore<_> = DbStore::new(scratch.pool.clone()).signing(Signer::new("secret"));
        store.migrate().await?;
        keeps_layers_apart("mariadb", store).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_key_from_before_a_renewal_leads_no_other_layer_to_the_session() -> TestResult {
    let clock = TestClock::new();
    let store = MemoryStore::new();
    let layer = || SessionLayer::new(store.clone()).clock(clock.clock()).renew_after(Duration::from_secs(60));
    let (plain, admin) = (layer(), layer().cookie_name("admin_sessionid").named::<Admin>());
    let cookie = cookie_for(&admin, |session| session.insert("theirs", &1)).await?;
    clock.advance(Duration::from_secs(60));
    let renewed = ask(&site(admin.clone()), "/read", &cookie).await?;
    assert!(renewed.headers().contains_key(header::SET_COOKIE));

    let old = key_in(&cookie)?;
    assert!(admin.open(&old).await?.contains_key("theirs"), "it is followed");
    assert_eq!(plain.open(&old).await?.session_key(), None);
    Ok(())
}

#[tokio::test]
async fn a_key_of_another_layer_is_one_event_and_no_unknown_key() -> TestResult {
    let store = MemoryStore::new();
    let cookie = cookie_for(&SessionLayer::new(store.clone()), |session| session.insert("theirs", &1)).await?;
    let admin = SessionLayer::new(store).cookie_name("admin_sessionid").named::<Admin>();
    let (log, _listening) = Log::of_this_thread();

    ask(&site(admin), "/read", &cookie.replace("sessionid", "admin_sessionid")).await?;

    let lines: Vec<_> = log.take().into_iter().filter(|line| line.contains(" jam_session: ")).collect();
    assert!(lines.len() == 1 && lines[0].contains("event=other_layer"), "{lines:?}");
    Ok(())
}

#[tokio::test]
async fn of_two_cookies_one_of_another_layer_is_none() -> TestResult {
    let store = MemoryStore::new();
    let plain = SessionLayer::new(store.clone());
    let admin = SessionLayer::new(store).cookie_name("admin_sessionid").named::<Admin>();
    let theirs = cookie_for(&plain, |session| session.insert("theirs", &1)).await?;
    let ours = cookie_for(&admin, |session| session.insert("ours", &1)).await?;
    let second = cookie_for(&admin, |session| session.insert("second", &1)).await?;
    let foreign = theirs.replace("sessionid", "admin_sessionid");
    let site = site(admin.clone());

    assert!(text(ask(&site, "/read", &format!("{foreign}; {ours}")).await?).await?.contains("ours"));
    assert_eq!(text(ask(&site, "/read", &format!("{foreign}; {ours}; {second}")).await?).await?, "");
    for path in ["/flush", "/flush-lazily"] {
        ask(&site, path, &format!("{foreign}; {ours}; {second}")).await?;
        assert!(plain.open(&key_in(&theirs)?).await?.contains_key("theirs"), "{path}");
    }
    assert_eq!(admin.open(&key_in(&ours)?).await?.session_key(), None);
    Ok(())
}
