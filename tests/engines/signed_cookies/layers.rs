//! A layer over cookies: what a browser is told.

use axum::{Router, body::Body, routing::get};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use jam_session::{
    Draft, Error, LazySession, Session, SessionLayer, SessionStore, SignedCookieStore, Signer,
    testing::{CookieJar, TestClock},
};
use std::time::Duration;
use tower::ServiceExt as _;

use super::{drawn, encrypted, signed};
use crate::{TestResult, log::Log};

async fn visit(session: Session) -> Result<String, Error> {
    let visits = session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(visits.to_string())
}

async fn peek(session: Session) -> String {
    session.keys().join(",")
}

async fn login(session: Session) -> Result<(), Error> {
    session.cycle_key()?;
    session.insert("_auth_user_id", "7")
}

async fn fill(session: Session) -> Result<(), Error> {
    let noise: String = (0..8_000).map(|_| rand::random_range('a'..='z')).collect();
    session.insert("noise", &noise)
}

/// Saves on its own, goes on, and fails.
async fn save_and_fail(session: Session) -> Result<StatusCode, Error> {
    session.insert("saved", &true)?;
    session.save().await?;
    session.insert("unsaved", &true)?;
    Ok(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn leave(session: LazySession) -> Result<(), Error> {
    session.flush().await
}

fn app(layer: SessionLayer) -> Router {
    let router = Router::new().route("/", get(visit)).route("/peek", get(peek)).route("/login", get(login));
    let router = router.route("/fill", get(fill)).route("/save", get(save_and_fail)).route("/leave", get(leave));
    router.layer(layer)
}

fn layer(store: impl SessionStore) -> (TestClock, SessionLayer) {
    let clock = TestClock::new();
    (clock.clone(), SessionLayer::new(store).clock(clock.clock()))
}

async fn browse(app: &Router, jar: &mut CookieJar, path: &str) -> TestResult<Response<Body>> {
    let mut request = Request::get(path).body(Body::empty())?;
    jar.add_to(&mut request);
    let response = app.clone().oneshot(request).await?;
    jar.receive(&response);
    Ok(response)
}

async fn page(app: &Router, jar: &mut CookieJar, path: &str) -> TestResult<String> {
    let bytes = browse(app, jar, path).await?.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(bytes.to_vec())?)
}

#[tokio::test]
async fn every_save_is_a_new_cookie_and_a_look_is_none() -> TestResult {
    for store in [signed(), encrypted()] {
        let (clock, layer) = layer(store);
        let (app, mut jar) = (app(layer), CookieJar::new());
        let mut last = None;
        for visits in ["1", "2", "3"] {
            assert_eq!(page(&app, &mut jar, "/").await?, visits);
            let cookie = jar.get("sessionid").map(str::to_owned);
            assert!(cookie.is_some() && cookie != last);
            last = cookie;
            clock.advance(Duration::from_secs(1));
        }

        let looked = browse(&app, &mut jar, "/peek").await?;
        assert!(!looked.headers().contains_key(header::SET_COOKIE));
        assert_eq!(page(&app, &mut jar, "/peek").await?, "visits");
    }
    Ok(())
}

#[tokio::test]
async fn a_request_that_leaves_its_session_alone_verifies_nothing_and_sends_nothing() -> TestResult {
    let (_clock, layer) = layer(signed());
    let app = Router::new().route("/", get(|| async { "hello" })).layer(layer);
    let request = Request::get("/").header(header::COOKIE, "sessionid=a:b:c").body(Body::empty())?;

    let response = app.oneshot(request).await?;

    assert!(response.headers().keys().all(|name| name != header::SET_COOKIE && name != header::VARY));
    Ok(())
}

#[tokio::test]
async fn what_a_browser_would_not_keep_is_an_error_and_the_old_cookie_stands() -> TestResult {
    for store in [signed(), encrypted()] {
        let (_clock, layer) = layer(store);
        let (app, mut jar) = (app(layer), CookieJar::new());
        browse(&app, &mut jar, "/").await?;
        let before = jar.get("sessionid").map(str::to_owned);

        let response = browse(&app, &mut jar, "/fill").await?;

        assert!(response.status().is_server_error() && !response.headers().contains_key(header::SET_COOKIE));
        assert_eq!(jar.get("sessionid").map(str::to_owned), before);
        assert_eq!(page(&app, &mut jar, "/peek").await?, "visits");
    }
    Ok(())
}

#[tokio::test]
async fn logging_out_forgets_the_cookie_and_the_instant_of_the_user_ends_its_copies() -> TestResult {
    let logout: std::sync::Arc<std::sync::OnceLock<time::OffsetDateTime>> = std::sync::Arc::default();
    let asked = std::sync::Arc::clone(&logout);
    let (clock, layer) = layer(signed().not_before(move |user| asked.get().copied().filter(|_| user == "7")));
    let (app, mut jar) = (app(layer), CookieJar::new());
    browse(&app, &mut jar, "/login").await?;
    let mut copy = CookieJar::new();
    copy.insert(&format!("sessionid={}", jar.get("sessionid").ok_or("a cookie")?));

    clock.advance(Duration::from_secs(5));
    browse(&app, &mut jar, "/leave").await?;
    assert_eq!(jar.get("sessionid"), None);
    assert_eq!(page(&app, &mut copy, "/peek").await?, "_auth_user_id", "nothing has told the store");
    logout.set(clock.now()).map_err(|_| "once")?;
    assert_eq!(page(&app, &mut copy, "/peek").await?, "");

    clock.advance(Duration::from_secs(5));
    browse(&app, &mut jar, "/login").await?;
    assert_eq!(page(&app, &mut jar, "/peek").await?, "_auth_user_id", "a login after that is good");
    Ok(())
}

#[tokio::test]
async fn what_was_saved_before_a_failure_goes_out() -> TestResult {
    let (_clock, layer) = layer(signed());
    let (app, mut jar) = (app(layer), CookieJar::new());

    assert_eq!(browse(&app, &mut jar, "/save").await?.status(), StatusCode::INTERNAL_SERVER_ERROR);

    assert_eq!(page(&app, &mut jar, "/peek").await?, "saved");
    Ok(())
}

#[tokio::test]
async fn a_cookie_that_is_extended_is_a_new_one() -> TestResult {
    for store in [signed(), encrypted()] {
        let clock = TestClock::new();
        let layer = SessionLayer::new(store).save_every_request(true).clock(clock.clock());
        let (app, mut jar) = (app(layer), CookieJar::new());
        browse(&app, &mut jar, "/").await?;
        for _ in 0..4 {
            // Each time it would have ended before the next.
            clock.advance(Duration::from_secs(10 * 24 * 3600));
            assert_eq!(page(&app, &mut jar, "/peek").await?, "visits");
        }
    }
    Ok(())
}

#[tokio::test]
async fn changes_that_are_saved_at_once_in_one_process_are_merged() -> TestResult {
    // Asking about the user takes a moment, so the two saves overlap.
    let store = signed().not_before_async(|_| async {
        tokio::task::yield_now().await;
        Ok(None)
    });
    let (_clock, layer) = layer(store);
    let session = layer.create().await?;
    session.insert("_auth_user_id", "7")?;
    session.save().await?;
    let cookie = session.session_key().ok_or("a cookie")?;
    let (one, two) = (layer.open(&cookie).await?, layer.open(&cookie).await?);
    one.insert("one", &1)?;
    two.insert("two", &2)?;

    let (first, second) = tokio::join!(one.save(), two.save());
    first?;
    second?;

    let mut names: Vec<_> = [&one, &two].map(|session| session.keys().len()).into();
    names.sort_unstable();
    assert_eq!(names, [2, 3], "the later one has both");
    Ok(())
}

#[tokio::test]
async fn a_layer_knows_only_cookies_of_its_own_name() -> TestResult {
    let store = || SignedCookieStore::encrypted(Signer::new("secret"));
    let (_clock, first) = layer(store());
    let cookie = {
        let session = first.create().await?;
        session.session_key().ok_or("a cookie")?
    };
    let (_clock, other) = layer(store().cookie_name("admin"));

    assert!(!first.open(&cookie).await?.is_empty());
    assert!(other.open(&cookie).await?.is_empty());
    assert!(!first.exists(&cookie).await?, "nothing is kept");
    first.delete(&cookie).await?;
    Ok(())
}

#[tokio::test]
async fn a_layer_with_another_age_than_the_store_is_told_once() -> TestResult {
    let day = Duration::from_secs(24 * 3600);
    for (store, layers, told) in [
        (signed(), day, 1),
        (signed(), 30 * day, 1),
        (signed(), 14 * day, 0),
        (signed().cookie_age(day), day, 0),
        (encrypted(), day, 0),
    ] {
        let (log, _listening) = Log::of_this_thread();
        let clock = TestClock::new();
        let draft = |now| Draft::new("{}".parse().expect("an object"), now + layers);
        for _ in 0..3 {
            clock.advance(Duration::from_millis(700));
            store.create(&drawn(), &draft(clock.now()), clock.now()).await?;
        }
        assert_eq!(log.take().iter().filter(|line| line.contains("cookie_age")).count(), told, "{layers:?}");
    }
    Ok(())
}
