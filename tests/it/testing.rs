//! The helpers that applications use in their own tests.

use std::time::Duration;

use axum::{Router, body::Body, routing::get};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use jam_session::{
    Error, MemoryStore, Session, SessionLayer, Settings,
    testing::{CookieJar, TestClock, cookie_for, session_of},
};
use time::OffsetDateTime;
use tower::ServiceExt as _;

use crate::support::{TestResult, request, send};

async fn visit(session: Session) -> Result<String, Error> {
    let visits = session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(visits.to_string())
}

async fn peek(session: Session) -> String {
    session.keys().join(",")
}

async fn logout(session: Session) -> Result<(), Error> {
    session.flush().await
}

fn app(layer: &SessionLayer) -> Router {
    let router = Router::new().route("/", get(visit)).route("/peek", get(peek)).route("/logout", get(logout));
    router.layer(layer.clone())
}

/// One request of the visitor whose cookies are in the jar.
async fn browse(app: &Router, jar: &mut CookieJar, path: &str) -> Response<Body> {
    let mut request = request(path, "");
    jar.add_to(&mut request);
    let Ok(response) = app.clone().oneshot(request).await;
    jar.receive(&response);
    response
}

fn setting(set_cookies: &[&'static str]) -> Response<()> {
    let mut response = Response::new(());
    for set_cookie in set_cookies {
        response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static(set_cookie));
    }
    response
}

fn sent(jar: &CookieJar) -> HeaderMap {
    let mut request = Request::new(());
    request.headers_mut().insert(header::COOKIE, HeaderValue::from_static("from=elsewhere"));
    jar.add_to(&mut request);
    request.headers().clone()
}

#[test]
fn a_test_clock_stands_still_until_it_is_moved() {
    let test_clock = TestClock::new();
    let (clock, clone) = (test_clock.clock(), test_clock.clone());
    let start = clock.now();
    assert_eq!(start.unix_timestamp(), 1_700_000_000);
    assert_eq!(clock.now(), start);

    clone.advance(Duration::from_micros(1_500_001));

    assert_eq!(clock.now() - start, Duration::from_micros(1_500_001));
    assert_eq!(test_clock.now(), clock.now());
    assert_eq!(TestClock::at(OffsetDateTime::UNIX_EPOCH).clock().now(), OffsetDateTime::UNIX_EPOCH);
}

#[tokio::test]
async fn a_moved_clock_ends_a_session() -> TestResult {
    let clock = TestClock::new();
    let layer = SessionLayer::new(MemoryStore::new()).cookie_age(Duration::from_secs(60)).clock(clock.clock());
    let (app, mut jar) = (app(&layer), CookieJar::new());
    browse(&app, &mut jar, "/").await;

    clock.advance(Duration::from_micros(59_999_999));
    assert!(jar.session(&layer).await?.is_some());
    clock.advance(Duration::from_micros(1));

    assert!(jar.session(&layer).await?.is_none());
    assert!(jar.get("sessionid").is_some(), "the jar does not know the time");
    Ok(())
}

#[tokio::test]
async fn a_prepared_session_is_the_one_that_the_handler_sees() -> TestResult {
    let settings = Settings::django();
    let layer = SessionLayer::with_settings(MemoryStore::new(), settings)?.cookie_name("visitor");

    let cookie = cookie_for(&layer, |session| session.insert("visits", &41)).await?;
    assert!(cookie.starts_with("visitor="), "{cookie}");
    let response = send(&app(&layer), "/", &cookie).await;

    let session = session_of(&layer, &response).await?.expect("the handler changed the session");
    assert_eq!(session.get::<u64>("visits")?, Some(42));
    assert_eq!(format!("visitor={}", session.session_key().expect("it is stored").as_str()), cookie);
    Ok(())
}

#[tokio::test]
async fn what_goes_wrong_in_preparing_is_not_hidden() {
    let layer = SessionLayer::new(MemoryStore::new());

    let cookie = cookie_for(&layer, |session| session.require("not there")).await;

    assert!(matches!(cookie, Err(Error::MissingKey { .. })), "{cookie:?}");
}

#[tokio::test]
async fn a_session_that_nobody_filled_has_a_cookie_too() -> TestResult {
    let layer = SessionLayer::new(MemoryStore::new());

    let cookie = cookie_for(&layer, |_| Ok(())).await?;

    let mut jar = CookieJar::new();
    jar.insert(&cookie);
    assert!(jar.session(&layer).await?.expect("it is stored").keys().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_response_without_our_cookie_has_no_session() -> TestResult {
    let layer = SessionLayer::new(MemoryStore::new());
    let cookie = cookie_for(&layer, |session| session.insert("a", &1)).await?;

    let read_only = send(&app(&layer), "/peek", &cookie).await;
    let ended = send(&app(&layer), "/logout", &cookie).await;
    let foreign = setting(&["other=0123456789abcdefghijklmnopqrstuv", "sessionid=no key of ours"]);
    let unknown = setting(&["sessionid=0123456789abcdefghijklmnopqrstuv"]);

    assert!(ended.headers().contains_key(header::SET_COOKIE), "the deletion cookie");
    assert!(session_of(&layer, &read_only).await?.is_none());
    assert!(session_of(&layer, &ended).await?.is_none());
    assert!(session_of(&layer, &foreign).await?.is_none());
    assert!(session_of(&layer, &unknown).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn of_two_layers_each_finds_its_own_cookie() -> TestResult {
    let store = MemoryStore::new();
    let visitors = SessionLayer::new(store.clone());
    let admins = SessionLayer::new(store).cookie_name("admin_sessionid").named::<u8>();
    let mut jar = CookieJar::new();
    jar.insert(&cookie_for(&visitors, |session| session.insert("who", "visitor")).await?);
    jar.insert(&cookie_for(&admins, |session| session.insert("who", "admin")).await?);

    let visitor = jar.session(&visitors).await?.expect("it is stored");
    let admin = jar.session(&admins).await?.expect("it is stored");

    assert_eq!(
        (visitor.require::<String>("who")?, admin.require::<String>("who")?),
        ("visitor".into(), "admin".into())
    );
    Ok(())
}

#[tokio::test]
async fn a_jar_keeps_a_visitor_through_login_and_logout() -> TestResult {
    let layer = SessionLayer::new(MemoryStore::new());
    let (app, mut jar) = (app(&layer), CookieJar::new());

    for _ in 0..3 {
        browse(&app, &mut jar, "/").await;
    }
    browse(&app, &mut jar, "/peek").await;
    let session = jar.session(&layer).await?.expect("three visits");
    assert_eq!(session.get::<u64>("visits")?, Some(3));

    browse(&app, &mut jar, "/logout").await;
    assert_eq!(jar.get("sessionid"), None);
    assert!(jar.session(&layer).await?.is_none());
    Ok(())
}

#[test]
fn a_jar_keeps_what_is_set_and_forgets_what_is_deleted() {
    let mut jar = CookieJar::new();
    assert!(sent(&jar).is_empty());

    jar.receive(&setting(&["a=1; Path=/; HttpOnly", "b=2; Max-Age=60", "c=3; Expires=Fri, 01 Jan 2100 00:00:00 GMT"]));
    jar.receive(&setting(&["a=4", "no cookie"]));
    assert_eq!(sent(&jar)[header::COOKIE], "a=4; b=2; c=3");

    jar.receive(&setting(&["a=; Max-Age=0", "b=gone; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]));
    assert_eq!(sent(&jar)[header::COOKIE], "c=3");

    jar.receive(&setting(&["c=5; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]));
    assert_eq!((jar.get("a"), jar.get("c")), (None, Some("5")), "Max-Age counts more than Expires");
    jar.receive(&setting(&["c=; Max-Age=-1"]));
    assert!(sent(&jar).is_empty());
}

#[test]
fn a_jar_does_not_show_its_secrets() {
    let mut jar = CookieJar::new();
    jar.insert("sessionid=0123456789abcdefghijklmnopqrstuv");

    let shown = format!("{jar:?}");

    assert!(shown.contains("sessionid") && !shown.contains("0123456789"), "{shown}");
}
