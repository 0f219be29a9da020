//! What the table "Where we differ from Django on purpose" in ARCHITECTURE.md says.

use std::time::Duration as StdDuration;

use axum::{Router, routing::any};
use http::{Response, StatusCode, header};
use jam_session::{
    Error, MemoryStore, OnInterrupted, Session, SessionData, SessionKey, SessionLayer, SessionStore as _, Settings,
    SignedCookieStore, Signer, SqliteStore,
};
use serde_json::Value;
use time::Duration;

use crate::support::{self, Moment, Op, Probe, TestResult, cookie_of, key_in, page, send, site};

/// The `Set-Cookie` without the cookie's value.
fn attributes<B>(response: &Response<B>) -> TestResult<Vec<String>> {
    let set_cookie = response.headers().get(header::SET_COOKIE).ok_or("a cookie")?.to_str()?;
    Ok(set_cookie.split("; ").skip(1).map(str::to_owned).collect())
}

/// What Django sends for the row `name`, without the cookie's value.
fn djangos(name: &str) -> TestResult<Vec<String>> {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../data/django_set_cookie.json"))?;
    let row = rows.iter().find(|row| row["name"] == name).ok_or("the row")?;
    let line = row["set_cookie"][0].as_str().ok_or("a cookie")?;
    Ok(line.split("; ").skip(1).map(str::to_owned).collect())
}

#[tokio::test]
async fn a_cookie_has_djangos_attributes_in_another_order_and_spelling() -> TestResult {
    let layer = SessionLayer::with_settings(MemoryStore::new(), Settings::django())?.clock(Moment::new().clock());
    let site = site(layer);
    let write = send(&site, "/write", "").await;
    let flush = send(&site, "/flush", &cookie_of(&write).ok_or("a cookie")?).await;
    let (begins, ends) = ("Expires=Tue, 28 Nov 2023 22:13:20 GMT", "Expires=Thu, 01 Jan 1970 00:00:00 GMT");

    assert_eq!(attributes(&write)?, ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=1209600", begins]);
    assert_eq!(attributes(&flush)?, ["SameSite=Lax", "Path=/", "Max-Age=0", ends]);
    assert_eq!(cookie_of(&flush).as_deref(), Some("sessionid="), "Django puts the empty value between quotes");

    for (response, name) in [(&write, "default/write"), (&flush, "default/flush")] {
        let sorted = |mut attributes: Vec<String>| {
            attributes.iter_mut().for_each(|attribute| attribute.make_ascii_lowercase());
            attributes.sort();
            attributes
        };
        let (ours, theirs) = (attributes(response)?, djangos(name)?);
        assert_ne!(ours, theirs, "{name}");
        assert_eq!(sorted(ours), sorted(theirs), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_small_number_is_written_in_rusts_spelling_and_one_of_djangos_is_kept_in_its_own() -> TestResult {
    let layer = SessionLayer::new(MemoryStore::new());
    for (number, ours, django) in [
        (1e-7, "1e-7", "1e-07"),
        (1e-5, "0.00001", "1e-05"),
        (1e-10, "1e-10", "1e-10"),
        (1e16, "1e+16", "1e+16"),
        (1.5e300, "1.5e+300", "1.5e+300"),
    ] {
        let session = layer.create().await?;
        session.insert("ours", &number)?;
        let stored: SessionData = format!(r#"{{"theirs":{django}}}"#).parse()?;
        session.insert_raw("theirs", stored.raw("theirs").cloned().ok_or("a value")?)?;
        session.save().await?;
        let key = session.session_key().ok_or("it is stored")?;

        let session = layer.open(&key).await?;
        assert_eq!(session.session_data().to_json(), format!(r#"{{"ours":{ours},"theirs":{django}}}"#));
        assert_eq!((session.get("ours")?, session.get("theirs")?), (Some(number), Some(number)));
        session.insert("ours", &number)?;
        assert!(!session.modified());
        session.insert("theirs", &number)?;
        assert_eq!(session.modified(), ours != django, "the same number in another spelling is a change");
    }
    Ok(())
}

#[tokio::test]
async fn a_cookie_with_a_wrong_signature_gets_no_empty_session_in_its_place() -> TestResult {
    let layer = |secret, settings: &Settings| {
        SessionLayer::with_settings(SignedCookieStore::new(Signer::new(secret)), settings.clone())
    };
    let broken = async |session: Session| (StatusCode::INTERNAL_SERVER_ERROR, session.keys().join(","));
    for (settings, told) in [(Settings::default(), None), (Settings::django(), Some("sessionid="))] {
        let cookie = support::visitor(&site(layer("theirs", &settings)?)).await;
        let ours = layer("ours", &settings)?;
        let site = site(ours.clone()).merge(page(ours, broken));

        for path in ["/read", "/"] {
            let response = send(&site, path, &cookie).await;
            assert_eq!(cookie_of(&response).as_deref(), told, "Django sends an empty session, and nothing with a 500");
        }
        assert_eq!(support::text(send(&site, "/read", &cookie).await).await, "[]");
        let fresh = cookie_of(&send(&site, "/write", &cookie).await).ok_or("a cookie")?;
        assert_eq!(support::text(send(&site, "/read", &fresh).await).await, r#"["written"]"#);
    }
    Ok(())
}

#[tokio::test]
async fn deleting_a_session_by_its_key_ends_it_in_every_store_but_cookies() -> TestResult {
    let table = SqliteStore::connect("sqlite::memory:").await?;
    table.migrate().await?;
    let cookies = SignedCookieStore::new(Signer::new("a secret key"));
    for (layer, ends) in [(SessionLayer::new(table), true), (SessionLayer::new(cookies), false)] {
        let site = site(layer.clone());
        let cookie = support::visitor(&site).await;

        layer.delete(&key_in(&cookie)).await?;

        let left = support::text(send(&site, "/read", &cookie).await).await;
        assert_eq!(left, if ends { "[]" } else { r#"["written"]"# });
        // What a browser keeps, only a response reaches.
        let flush = send(&site, "/flush", &cookie).await;
        assert_eq!(cookie_of(&flush).as_deref(), Some("sessionid="));
    }
    Ok(())
}

#[tokio::test]
async fn a_key_is_whatever_a_cookie_can_hold_and_a_store_looks_up_keys_of_its_own_form_alone() -> TestResult {
    let own = "0123456789abcdefghijklmnopqrstuv";
    let long = "k".repeat(4096);
    for (text, parses, accepted) in [
        (own, true, true),
        ("a", true, false),
        // Django looks up what has 8 characters or more.
        ("abcdefgh", true, false),
        (&*own.to_uppercase(), true, false),
        (&own[1..], true, false),
        ("eyJhIjoxfQ:1r31eq:7N-g30KUjqLK3NUlWelc_u7NKYYpQ", true, false),
        (&*long, true, false),
        (&*format!("{long}k"), false, false),
        ("", false, false),
        ("a b", false, false),
        ("a\"b", false, false),
        ("a,b", false, false),
        ("a;b", false, false),
        ("a\\b", false, false),
        ("caf\u{e9}", false, false),
        ("a\u{7f}", false, false),
    ] {
        let key = SessionKey::parse(text);
        assert_eq!(key.is_ok(), parses, "{text}");
        let Ok(key) = key else { continue };
        let probe = Probe::new();
        assert_eq!(probe.accepts(text), accepted, "{text}");
        let session = SessionLayer::new(probe.clone()).open(&key).await?;
        assert!(session.is_empty());
        assert_eq!(probe.take_calls(), [Op::Load][..usize::from(accepted)], "{text}");
    }
    Ok(())
}

/// A session with an idle time of 30 minutes that has 10 seconds left, and a request that takes a minute.
async fn idles_out(mut settings: Settings, saves_first: bool) -> TestResult<(StatusCode, String)> {
    let moment = Moment::new();
    settings.cookie_age = StdDuration::from_secs(30 * 60);
    let layer = SessionLayer::with_settings(MemoryStore::new(), settings)?.clock(moment.clock());
    let clock = moment.clone();
    let slow = move |session: Session| async move {
        if saves_first {
            session.set_modified()?;
            session.save().await?;
        }
        clock.advance(Duration::MINUTE);
        session.insert("slow", &true)
    };
    let app = site(layer.clone()).merge(page(layer, slow));
    let cookie = support::visitor(&app).await;
    moment.advance(Duration::minutes(30) - Duration::seconds(10));

    let response = send(&app, "/", &cookie).await;
    let status = response.status();
    Ok((status, support::text(send(&app, "/read", &cookie).await).await))
}

#[tokio::test]
async fn a_session_that_idles_out_while_its_request_runs_is_over_unless_that_request_saves_it_first() -> TestResult {
    let mut kept = Settings::default();
    kept.on_interrupted = OnInterrupted::KeepResponse;
    let (both, none) = (r#"["written", "slow"]"#.to_owned(), "[]".to_owned());

    for settings in [Settings::default(), Settings::django()] {
        assert_eq!(idles_out(settings.clone(), false).await?, (StatusCode::BAD_REQUEST, none.clone()));
        assert_eq!(idles_out(settings, true).await?, (StatusCode::OK, both.clone()));
    }
    assert_eq!(idles_out(kept, false).await?, (StatusCode::OK, none));
    Ok(())
}

/// A handler that is given up by a layer that answers `status` in its place, inside of the session's layer or outside.
async fn given_up(status: StatusCode, inside: bool) -> TestResult<(StatusCode, Vec<String>)> {
    let sessions = SessionLayer::new(MemoryStore::new());
    let session = sessions.create().await?;
    session.insert("before", &1)?;
    session.save().await?;
    let key = session.session_key().ok_or("it is stored")?;
    let handler = async |session: Session| {
        session.insert("paid", &true)?;
        // A service that does not answer.
        std::future::pending::<()>().await;
        session.insert("shipped", &true)?;
        Ok::<_, Error>(())
    };
    let timeout = axum::middleware::from_fn(move |request, next: axum::middleware::Next| async move {
        let response = tokio::time::timeout(StdDuration::from_secs(10), next.run(request)).await;
        response.unwrap_or_else(|_| axum::response::IntoResponse::into_response(status))
    });
    let app = Router::new().route("/", any(handler));
    let app = match inside {
        true => app.layer(timeout).layer(sessions.clone()),
        false => app.layer(sessions.clone()).layer(timeout),
    };

    let response = send(&app, "/", &format!("sessionid={}", key.as_str())).await;
    Ok((response.status(), sessions.open(&key).await?.keys()))
}

#[tokio::test(start_paused = true)]
async fn a_timeout_inside_of_the_layer_saves_half_of_a_handlers_changes_unless_its_status_is_5xx() -> TestResult {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let half = (StatusCode::REQUEST_TIMEOUT, names(&["before", "paid"]));
    let (timeout, none) = (StatusCode::GATEWAY_TIMEOUT, names(&["before"]));

    assert_eq!(given_up(StatusCode::REQUEST_TIMEOUT, true).await?, half);
    assert_eq!(given_up(timeout, true).await?, (timeout, none.clone()));
    assert_eq!(given_up(StatusCode::REQUEST_TIMEOUT, false).await?, (StatusCode::REQUEST_TIMEOUT, none.clone()));
    assert_eq!(given_up(timeout, false).await?, (timeout, none));
    Ok(())
}
