//! A layer over cookies: what a browser is told.

use axum::{Router, body::Body, routing::get};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use jam_session::{
    Draft, Error, LazySession, Session, SessionLayer, SessionStore, Settings, SignedCookieStore, Signer,
    testing::{CookieJar, TestClock},
};
use std::time::Duration;
use time::OffsetDateTime;
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
    let logout: std::sync::Arc<std::sync::OnceLock<OffsetDateTime>> = std::sync::Arc::default();
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
    let (_clock, other) = layer(store());
    let other = other.cookie_name("admin");

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

/// Whether a cookie of `from` is a session of `to`.
async fn is_good(from: &SessionLayer, to: &SessionLayer) -> TestResult<bool> {
    let session = from.create().await?;
    session.insert("of", "from")?;
    session.save().await?;
    let key = session.session_key().ok_or("a cookie")?;
    assert!(from.open(&key).await?.contains_key("of"));
    Ok(to.open(&key).await?.contains_key("of"))
}

#[tokio::test]
async fn a_cookie_is_good_under_the_name_of_its_own_layer_alone() -> TestResult {
    for store in [signed(), encrypted()] {
        let named = |name: &str| SessionLayer::new(store.clone()).cookie_name(name);
        for (from, to) in [("sessionid", "id"), ("id", "sessionid"), ("id", "admin"), ("a", "ab")] {
            assert!(!is_good(&named(from), &named(to)).await?, "{from} as {to}");
            assert!(is_good(&named(from), &named(from)).await?, "{from}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_cookie_of_a_name_from_before_is_verified_and_written_under_the_new_one() -> TestResult {
    for store in [signed(), encrypted()] {
        let before = SessionLayer::new(store.clone());
        let strict = SessionLayer::new(store.clone()).cookie_name("id");
        let lenient = SessionLayer::new(store.fallback_cookie_names(["sessionid"])).cookie_name("id");

        assert!(is_good(&before, &lenient).await?);
        let session = before.create().await?;
        let moved = lenient.open(&session.session_key().ok_or("a cookie")?).await?;
        moved.insert("moved", &true)?;
        moved.save().await?;

        let key = moved.session_key().ok_or("a cookie")?;
        assert!(strict.open(&key).await?.contains_key("moved"));
        assert!(!before.open(&key).await?.contains_key("moved"));
        assert!(!is_good(&lenient, &before).await?);
    }
    Ok(())
}

#[tokio::test]
async fn beside_a_django_of_any_cookie_name_cookies_are_signed_as_django_signs_them() -> TestResult {
    // Without a layer and under the default name: what the vectors of Django are read with.
    let django = signed();
    let mut settings = Settings::django();
    for name in ["sessionid", "mysite", "__Secure-id"] {
        settings.cookie_name = name.into();
        settings.cookie_secure = true;
        let layer = SessionLayer::with_settings(signed(), settings.clone())?;
        let session = layer.create().await?;
        let key = session.session_key().ok_or("a cookie")?;

        assert!(django.load(&key, OffsetDateTime::now_utc()).await?.is_some(), "{name}");
        assert!(is_good(&SessionLayer::new(django.clone()), &layer).await?, "{name}");
    }
    let ours = SessionLayer::new(signed());
    let key = ours.create().await?.session_key().ok_or("a cookie")?;
    assert!(django.load(&key, OffsetDateTime::now_utc()).await?.is_some(), "the default name is Django's");
    Ok(())
}

#[tokio::test]
async fn of_two_cookies_the_one_that_verifies_and_is_young_enough_is_used() -> TestResult {
    for store in [signed(), encrypted()] {
        let (clock, layer) = layer(store);
        let app = app(layer.clone());
        let made = async || -> TestResult<String> {
            let session = layer.create().await?;
            session.insert("visits", &1)?;
            session.save().await?;
            Ok(session.session_key().ok_or("a cookie")?.as_str().to_owned())
        };
        let seen = async |cookies: [&str; 2]| -> TestResult<(String, usize)> {
            let sent = format!("sessionid={}; sessionid={}", cookies[0], cookies[1]);
            let response =
                app.clone().oneshot(Request::get("/peek").header("cookie", sent).body(Body::empty())?).await?;
            let cookies = response.headers().get_all(header::SET_COOKIE).iter().count();
            Ok((String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?, cookies))
        };
        let old = made().await?;
        clock.advance(Duration::from_secs(15 * 24 * 3600));
        let live = made().await?;
        let forged = live.replace(|c: char| c.is_ascii_digit(), "x");

        for dead in [&old, &forged, "x"] {
            assert_eq!(seen([&live, dead]).await?, ("visits".to_owned(), 1));
            assert_eq!(seen([dead, &live]).await?, ("visits".to_owned(), 1));
        }
        clock.advance(Duration::from_secs(5));
        assert_eq!(seen([&live, &made().await?]).await?, (String::new(), 0), "both verify");
    }
    Ok(())
}
