//! The `Set-Cookie` of a session, and the one that takes it away.

use std::{collections::BTreeSet, time::Duration};

use axum::body::Body;
use http::{Response, header};
use jam_session::{CookieFormat, Expiry, MemoryStore, SameSite, Session, SessionKey, SessionLayer};

use crate::support::{Moment, TestResult, cookie_of, key_in, page, send, site, visitor};

fn layer() -> SessionLayer {
    SessionLayer::new(MemoryStore::new()).clock(Moment::new().clock())
}

/// The attributes after `name=value`.
fn attributes(response: &Response<Body>) -> BTreeSet<String> {
    let set_cookie = response.headers()[header::SET_COOKIE].to_str().expect("it is visible ASCII");
    set_cookie.split(';').skip(1).map(|attribute| attribute.trim().to_owned()).collect()
}

fn set(attributes: &[&str]) -> BTreeSet<String> {
    attributes.iter().map(|attribute| (*attribute).to_owned()).collect()
}

const DEFAULT: [&str; 6] =
    ["Expires=Tue, 28 Nov 2023 22:13:20 GMT", "HttpOnly", "Max-Age=1209600", "Path=/", "SameSite=Lax", "Secure"];

async fn attributes_with(change: impl FnOnce(SessionLayer) -> SessionLayer) -> BTreeSet<String> {
    attributes(&send(&site(change(layer())), "/write", "").await)
}

#[tokio::test]
async fn a_cookie_is_secure_hidden_lax_and_lives_two_weeks() {
    let response = send(&site(layer()), "/write", "").await;

    assert_eq!(attributes(&response), set(&DEFAULT));
    let cookie = cookie_of(&response).expect("the first write sets a cookie");
    assert!(cookie.starts_with("sessionid=") && SessionKey::is_generated(key_in(&cookie).as_str()));
    assert!(response.headers()[header::SET_COOKIE].is_sensitive());
}

/// Whether a layer with `change` gives the default attributes without `gone` and with `come`.
async fn assert_changes(change: fn(SessionLayer) -> SessionLayer, gone: &[&str], come: &[&str]) {
    let mut expected = set(&DEFAULT);
    expected.retain(|attribute| !gone.contains(&attribute.as_str()));
    expected.extend(set(come));
    assert_eq!(attributes_with(change).await, expected, "without {gone:?}, with {come:?}");
}

#[tokio::test]
async fn each_setting_changes_its_attribute() {
    assert_changes(|layer| layer.cookie_secure(false), &["Secure"], &[]).await;
    assert_changes(|layer| layer.cookie_http_only(false), &["HttpOnly"], &[]).await;
    assert_changes(|layer| layer.cookie_path("/app"), &["Path=/"], &["Path=/app"]).await;
    assert_changes(|layer| layer.cookie_domain("example.com".to_owned()), &[], &["Domain=example.com"]).await;
    assert_changes(|layer| layer.cookie_partitioned(true), &[], &["Partitioned"]).await;
    assert_changes(|layer| layer.cookie_same_site(SameSite::Strict), &["SameSite=Lax"], &["SameSite=Strict"]).await;
    assert_changes(|layer| layer.cookie_same_site(SameSite::None), &["SameSite=Lax"], &["SameSite=None"]).await;
    assert_changes(|layer| layer.cookie_same_site(SameSite::Unset), &["SameSite=Lax"], &[]).await;
    assert_changes(|layer| layer.expire_at_browser_close(true), &[DEFAULT[0], DEFAULT[2]], &[]).await;
    let hour = ["Expires=Tue, 14 Nov 2023 23:13:20 GMT", "Max-Age=3600"];
    assert_changes(|layer| layer.cookie_age(Duration::from_secs(3600)), &[DEFAULT[0], DEFAULT[2]], &hour).await;
}

#[tokio::test]
async fn the_cookie_has_the_name_that_was_set() {
    let response = send(&site(layer().cookie_name("__Host-id")), "/write", "").await;

    assert!(cookie_of(&response).is_some_and(|cookie| cookie.starts_with("__Host-id=")));
}

#[tokio::test]
async fn an_age_beyond_400_days_is_cut_unless_django_is_asked_for() {
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);

    assert!(attributes_with(|layer| layer.cookie_age(days(401))).await.contains("Max-Age=34560000"));
    assert!(attributes_with(|layer| layer.cookie_age(days(399))).await.contains("Max-Age=34473600"));
    let django = attributes_with(|layer| layer.cookie_age(days(401)).cookie_format(CookieFormat::Django)).await;
    assert!(django.contains("Max-Age=34646400"));
}

#[tokio::test]
async fn an_age_is_never_negative() {
    let moment = Moment::new();
    let past = moment.now() - time::Duration::hours(1);
    let app = page(layer(), move |session: Session| async move { session.set_expiry(past) });

    assert!(attributes(&send(&app, "/", "").await).contains("Max-Age=0"));
}

#[tokio::test]
async fn the_expiry_of_a_session_beats_the_settings() {
    let app = |layer, expiry: i64| page(layer, move |session: Session| async move { session.set_expiry(expiry) });

    let until_closed = attributes(&send(&app(layer(), 0), "/", "").await);
    assert!(!until_closed.iter().any(|attribute| attribute.starts_with("Max-Age") || attribute.starts_with("Expires")));
    let kept = attributes(&send(&app(layer().expire_at_browser_close(true), 300), "/", "").await);
    assert!(kept.contains("Max-Age=300"));
}

#[tokio::test]
async fn a_deletion_cookie_names_the_very_cookie_it_deletes() {
    let whole = layer()
        .cookie_name("id")
        .cookie_domain("example.com".to_owned())
        .cookie_path("/app")
        .cookie_same_site(SameSite::None)
        .cookie_partitioned(true);
    let site = site(whole);
    let cookie = visitor(&site).await;
    let lifetime = |attribute: &String| attribute.starts_with("Max-Age") || attribute.starts_with("Expires");

    let response = send(&site, "/flush", &cookie).await;

    assert_eq!(cookie_of(&response).as_deref(), Some("id="));
    let deletion = attributes(&response);
    assert!(deletion.is_superset(&set(&["Max-Age=0", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"])));
    let mut flags = attributes(&send(&site, "/write", "").await);
    flags.retain(|attribute| !lifetime(attribute));
    assert_eq!(deletion.into_iter().filter(|attribute| !lifetime(attribute)).collect::<BTreeSet<_>>(), flags);
    assert_eq!(flags.len(), 6);
}

#[tokio::test]
async fn a_cookie_is_sent_only_when_something_changed() -> TestResult {
    let site = site(layer());
    let cookie = visitor(&site).await;

    for unchanged in ["/untouched", "/read", "/write"] {
        assert_eq!(cookie_of(&send(&site, unchanged, &cookie).await), None, "{unchanged}");
    }
    assert_eq!(cookie_of(&send(&site, "/count", &cookie).await), Some(cookie.clone()));
    let unknown = "sessionid=0123456789abcdefghijklmnopqrstuv";
    assert_eq!(cookie_of(&send(&site, "/read", unknown).await), None, "an unknown key keeps its cookie");
    assert_eq!(cookie_of(&send(&site, "/flush", "").await), None, "there is no cookie to delete");
    Ok(())
}

#[tokio::test]
async fn a_session_that_lives_for_less_than_a_second_has_a_cookie_all_the_same() -> TestResult {
    let half = || Duration::from_millis(500);
    let idle = page(SessionLayer::new(MemoryStore::new()), |session: Session| async move {
        session.set_expiry(Expiry::Idle(time::Duration::milliseconds(500)))
    });
    let layer = SessionLayer::new(MemoryStore::new()).session_cookie_age(move |_| half());
    let of_the_application = page(layer, |session: Session| async move { session.insert("n", &1) });
    let layer = SessionLayer::new(MemoryStore::new()).session_cookie_age(|_| Duration::MAX);
    let for_ever = page(layer, |session: Session| async move { session.insert("n", &1) });

    for (app, age) in [(idle, 1), (of_the_application, 1), (for_ever, 400 * 86_400)] {
        let response = send(&app, "/", "").await;
        assert_eq!(response.status(), 200);
        let set_cookie = response.headers()[header::SET_COOKIE].to_str()?;
        assert!(set_cookie.contains(&format!("; Max-Age={age}; ")), "{set_cookie}");
    }
    Ok(())
}
