//! Keys that are renewed from time to time: nobody is logged out by it, and nobody stays logged in by it.

use std::{collections::BTreeSet, sync::Arc, time::Duration as StdDuration};

use axum::{Router, routing::any};
use futures_util::future::join_all;
use http::StatusCode;
use jam_session::{
    Error, HashKeys, MemoryStore, Session, SessionKey, SessionLayer, SessionStore, SqliteStore, UserSession,
};
use time::Duration;
use tokio::sync::Notify;

use crate::{MINUTES_30, Moment, TestResult, Visitor, set_cookie};

const MINUTES_15: StdDuration = StdDuration::from_secs(15 * 60);

fn layer(moment: &Moment, store: impl SessionStore) -> SessionLayer {
    SessionLayer::new(store).clock(moment.clock()).cookie_age(MINUTES_30).renew_after(MINUTES_15)
}

async fn who(session: Session) -> Result<String, Error> {
    Ok(session.get::<String>("who")?.unwrap_or_else(|| "nobody".into()))
}

async fn count(session: Session) -> Result<String, Error> {
    session.modify("n", |n: Option<u32>| n.unwrap_or(0) + 1)?;
    who(session).await
}

/// Loads the session, and goes on when it is told to.
struct Slow {
    loaded: Notify,
    go_on: Notify,
}

fn site(slow: &Arc<Slow>) -> Router {
    let wait = |slow: Arc<Slow>| async move {
        slow.loaded.notify_one();
        slow.go_on.notified().await;
    };
    let (reader, leaver) = (Arc::clone(slow), Arc::clone(slow));
    Router::new()
        .route("/enter", any(|session: Session| async move { session.insert("who", "alice") }))
        .route("/who", any(who))
        .route("/count", any(count))
        .route("/leave", any(|session: Session| async move { session.flush().await }))
        .route("/cycle", any(|session: Session| async move { session.cycle_key() }))
        .route(
            "/who-slowly",
            any(move |session: Session| {
                let slow = Arc::clone(&reader);
                async move {
                    wait(slow).await;
                    who(session).await
                }
            }),
        )
        .route(
            "/leave-slowly",
            any(move |session: Session| {
                let slow = Arc::clone(&leaver);
                async move {
                    wait(slow).await;
                    session.flush().await
                }
            }),
        )
}

/// Somebody who is known to a site, and whose key is old enough for a new one.
struct Scene {
    moment: Moment,
    visitor: Visitor,
    slow: Arc<Slow>,
}

impl Scene {
    async fn new(layer: impl Fn(&Moment) -> SessionLayer) -> TestResult<Self> {
        let moment = Moment::new();
        let slow = Arc::new(Slow { loaded: Notify::new(), go_on: Notify::new() });
        let mut visitor = Visitor::new(site(&slow), layer(&moment));
        visitor.visit("/enter").await?;
        moment.advance(Duration::minutes(15));
        Ok(Self { moment, visitor, slow })
    }

    /// Another request of the same browser.
    fn request(&self) -> Visitor {
        Visitor { site: self.visitor.site.clone(), cookie: self.visitor.cookie.clone() }
    }
}

async fn body(visitor: &mut Visitor, path: &str) -> TestResult<String> {
    let response = visitor.visit(path).await?;
    let bytes = axum::body::to_bytes(response.into_body(), 100).await?;
    Ok(String::from_utf8(bytes.to_vec())?)
}

fn rows(store: &MemoryStore) -> String {
    format!("{store:?}")
}

#[tokio::test]
async fn an_old_key_is_renewed_and_followed_for_the_grace() -> TestResult {
    let store = MemoryStore::new();
    let mut scene = Scene::new(|moment| layer(moment, store.clone())).await?;
    let mut old = scene.request();

    assert_eq!(body(&mut scene.visitor, "/who").await?, "alice");
    assert_ne!(scene.visitor.cookie, old.cookie, "it has a new key");
    let renewed = scene.visitor.cookie.clone();
    scene.moment.advance(Duration::seconds(29));
    let late = scene.request_with(&old);
    for path in ["/who", "/count"] {
        let mut late = scene.request_with(&late);
        assert_eq!(body(&mut late, path).await?, "alice");
        assert_eq!(late.cookie, renewed, "it hears of the new key, too");
    }
    scene.moment.advance(Duration::seconds(2));

    assert_eq!(body(&mut old, "/who").await?, "nobody");
    assert_eq!(body(&mut scene.visitor, "/who").await?, "alice");
    assert_eq!(scene.visitor.cookie, renewed, "the new key is young");
    Ok(())
}

impl Scene {
    fn request_with(&self, other: &Visitor) -> Visitor {
        Visitor { site: self.visitor.site.clone(), cookie: other.cookie.clone() }
    }
}

/// 20 requests at once, of two applications.
async fn crowd(scene: &Scene, other: &Visitor, figures: &mut [usize; 3]) -> TestResult<BTreeSet<String>> {
    let requests = (0..20).map(|i| {
        let site = if i % 2 == 0 { &scene.visitor.site } else { &other.site };
        let mut request = Visitor { site: site.clone(), cookie: scene.visitor.cookie.clone() };
        async move {
            let body = body(&mut request, if i % 4 < 2 { "/who" } else { "/count" }).await?;
            Ok::<_, jam_session::BoxError>((body, request.cookie))
        }
    });
    let mut keys = BTreeSet::new();
    for answer in join_all(requests).await {
        let (body, cookie) = answer?;
        figures[0] += 1;
        figures[1] += usize::from(body != "alice");
        keys.insert(cookie);
    }
    keys.remove(&scene.visitor.cookie);
    Ok(keys)
}

async fn a_crowd_keeps_its_session<S: SessionStore + Clone>(place: &str, stores: [S; 2], hash: HashKeys) -> TestResult {
    let mut figures = [0; 3];
    for _ in 0..25 {
        let scene = Scene::new(|moment| layer(moment, stores[0].clone()).hash_keys(hash)).await?;
        let other = Visitor::new(site(&scene.slow), layer(&scene.moment, stores[1].clone()).hash_keys(hash));

        let keys = crowd(&scene, &other, &mut figures).await?;

        assert_eq!(keys.len(), 1, "it is renewed once");
        let new = keys.first().ok_or("it is renewed")?;
        let counted: u32 = stored(&scene, &stores[0], new, hash).await?.require("n")?;
        assert_eq!(counted, 10, "no change is lost");
        scene.moment.advance(Duration::seconds(31));
        figures[2] += usize::from(body(&mut scene.request(), "/who").await? != "nobody");
    }
    let [requests, logouts, alive] = figures;
    println!(
        "lifetimes: renewal on {place}: {requests} requests, {logouts} logouts, {alive} old keys alive at grace + 1 s"
    );
    assert_eq!((requests, logouts, alive), (500, 0, 0));
    Ok(())
}

async fn stored(
    scene: &Scene,
    store: &(impl SessionStore + Clone),
    cookie: &str,
    hash: HashKeys,
) -> TestResult<Session> {
    let key = SessionKey::parse(cookie.split('=').nth(1).ok_or("a cookie has a value")?)?;
    Ok(layer(&scene.moment, store.clone()).hash_keys(hash).open(&key).await?)
}

#[tokio::test]
async fn a_crowd_in_one_process_keeps_its_session() -> TestResult {
    let store = MemoryStore::new();
    a_crowd_keeps_its_session("memory", [store.clone(), store], HashKeys::Off).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_over_two_pools_of_one_database_keeps_its_session() -> TestResult {
    for (place, hash) in [("two pools", HashKeys::Off), ("two pools, hashed keys", HashKeys::On)] {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
        let stores = [SqliteStore::connect(&url).await?, SqliteStore::connect(&url).await?];
        stores[0].migrate().await?;
        a_crowd_keeps_its_session(place, stores, hash).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_person_has_one_session_after_a_renewal_and_it_began_when_it_did() -> TestResult {
    let moment = Moment::new();
    let pool = SqliteStore::connect("sqlite::memory:").await?.pool().clone();
    let store: SqliteStore<UserSession> = SqliteStore::new(pool);
    store.migrate().await?;
    let layer = layer(&moment, store.clone());
    let login = layer.create().await?;
    login.insert("_auth_user_id", "42")?;
    login.insert("who", "Ann")?;
    login.save().await?;
    let began = store.user("42").list(None, moment.now()).await?[0].created;
    let old = login.session_key().ok_or("a saved session has a key")?;
    moment.advance(Duration::minutes(16));

    let slow = Arc::new(Slow { loaded: Notify::new(), go_on: Notify::new() });
    let mut visitor = Visitor::new(site(&slow), layer);
    visitor.cookie = format!("sessionid={}", old.as_str());
    assert_eq!(body(&mut visitor, "/who").await?, "Ann");

    assert!(!visitor.cookie.ends_with(old.as_str()), "the key is renewed");
    let sessions = store.user("42").list(None, moment.now()).await?;
    assert_eq!(sessions.iter().map(|session| session.created).collect::<Vec<_>>(), [began]);
    Ok(())
}

#[tokio::test]
async fn a_change_of_a_request_that_began_before_the_renewal_lands_under_the_new_key() -> TestResult {
    let store = MemoryStore::new();
    let mut scene = Scene::new(|moment| layer(moment, store.clone())).await?;
    let early = layer(&scene.moment, store.clone()).open(&scene.visitor.key()?).await?;

    scene.visitor.visit("/who").await?;
    early.insert("early", &true)?;
    early.save().await?;

    assert_eq!(early.session_key(), Some(scene.visitor.key()?));
    let now = layer(&scene.moment, store).open(&scene.visitor.key()?).await?;
    assert!(now.contains_key("early") && now.contains_key("who"));
    Ok(())
}

#[tokio::test]
async fn a_logout_ends_a_session_that_was_renewed_while_it_was_on_its_way() -> TestResult {
    let store = MemoryStore::new();
    let mut scene = Scene::new(|moment| layer(moment, store.clone())).await?;
    let mut leaving = scene.request();
    let leave = async { leaving.status("/leave-slowly").await };
    let renew = async {
        scene.slow.loaded.notified().await;
        scene.visitor.visit("/who").await?;
        scene.slow.go_on.notify_one();
        Ok::<_, jam_session::BoxError>(())
    };

    let (left, renewed) = tokio::join!(leave, renew);

    renewed?;
    assert_eq!(left?, StatusCode::OK);
    assert_eq!(body(&mut scene.visitor, "/who").await?, "nobody");
    assert_eq!(rows(&store), "MemoryStore(0 sessions)", "neither key is left");
    Ok(())
}

#[tokio::test]
async fn a_renewal_does_not_bring_back_a_session_that_was_ended_before_it() -> TestResult {
    let store = MemoryStore::new();
    let scene = Scene::new(|moment| layer(moment, store.clone())).await?;
    let mut renewing = scene.request();
    let renew = async {
        let response = renewing.visit("/who-slowly").await?;
        Ok::<_, jam_session::BoxError>((response.status(), set_cookie(&response).is_some()))
    };
    let leave = async {
        scene.slow.loaded.notified().await;
        let status = scene.request().status("/leave").await;
        scene.slow.go_on.notify_one();
        status
    };

    let (renewed, left) = tokio::join!(renew, leave);

    assert_eq!((renewed?, left?), ((StatusCode::BAD_REQUEST, false), StatusCode::OK));
    assert_eq!(rows(&store), "MemoryStore(0 sessions)", "what the renewal made is gone, too");
    Ok(())
}

#[tokio::test]
async fn a_key_that_was_given_up_on_purpose_has_no_grace() -> TestResult {
    let store = MemoryStore::new();
    let mut scene = Scene::new(|moment| layer(moment, store.clone())).await?;
    let (mut first, old) = (scene.request(), scene.visitor.cookie.clone());

    scene.visitor.visit("/cycle").await?;
    assert_ne!(scene.visitor.cookie, old);
    assert_eq!(body(&mut first, "/who").await?, "nobody");

    // Nor does the grace of a renewal lead beyond it.
    scene.moment.advance(Duration::minutes(15));
    let mut before = scene.request();
    scene.visitor.visit("/who").await?;
    scene.visitor.visit("/cycle").await?;
    assert_eq!(body(&mut before, "/who").await?, "nobody");
    assert_eq!(body(&mut scene.visitor, "/who").await?, "alice");
    Ok(())
}

#[tokio::test]
async fn a_failed_request_renews_nothing_and_neither_does_one_that_leaves_the_session_alone() -> TestResult {
    let moment = Moment::new();
    let site = Router::new()
        .route("/", any(|session: Session| async move { session.insert("n", &1) }))
        .route("/fails", any(|_: Session| async { StatusCode::BAD_GATEWAY }))
        .route("/leaves-alone", any(|| async { "nothing to do with sessions" }));
    let mut visitor = Visitor::new(site, layer(&moment, MemoryStore::new()));
    visitor.visit("/").await?;
    moment.advance(Duration::minutes(20));

    for path in ["/fails", "/leaves-alone"] {
        assert_eq!(set_cookie(&visitor.visit(path).await?), None, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_key_that_says_it_was_renewed_in_the_future_is_renewed_like_one_of_long_ago() -> TestResult {
    for (ahead, renewed) in
        [(-900, true), (-899, false), (0, false), (900, false), (901, true), (250_000_000_000, true)]
    {
        let (moment, store) = (Moment::new(), MemoryStore::new());
        let other = SessionLayer::new(store.clone()).clock(moment.clock()).create().await?;
        other.insert("who", "alice")?;
        other.insert("_session_renewed", &(moment.now().unix_timestamp() + ahead))?;
        other.save().await?;
        let key = other.session_key().ok_or("it is stored")?;
        let slow = Arc::new(Slow { loaded: Notify::new(), go_on: Notify::new() });
        let mut visitor = Visitor::new(site(&slow), layer(&moment, store.clone()));
        visitor.cookie = format!("sessionid={}", key.as_str());

        assert_eq!(body(&mut visitor, "/who").await?, "alice");
        assert_eq!(visitor.key()? != key, renewed, "{ahead} s ahead");
    }
    Ok(())
}
