//! A handle that is kept beyond the response, and the detached session for those who need one.

use std::sync::{Arc, Mutex};

use jam_session::{Error, LazySession, Session, SessionLayer};
use serde_json::json;

use super::{again, layer, stored};
use crate::support::{TestResult, cookie_of, key_in, page, send, site, visitor};

/// Sends a request whose handler does `work`, and gives the handles that outlived it, with the cookie.
async fn kept(
    layer: &SessionLayer,
    cookie: &str,
    work: fn(&Session) -> Result<(), Error>,
) -> TestResult<(Session, LazySession, Option<String>)> {
    let place: Arc<Mutex<Option<(Session, LazySession)>>> = Arc::default();
    let keeper = Arc::clone(&place);
    let app = page(layer.clone(), move |session: Session, lazy: LazySession| async move {
        work(&session)?;
        *keeper.lock().expect("nobody panics here") = Some((session, lazy));
        Ok::<_, Error>(())
    });
    let response = send(&app, "/", cookie).await;
    let (session, lazy) = place.lock().expect("nobody panics here").take().ok_or("the handler ran")?;
    Ok((session, lazy, cookie_of(&response)))
}

#[tokio::test]
async fn after_the_response_nothing_can_be_changed() -> TestResult {
    let layer = layer();
    let cookie = visitor(&site(layer.clone())).await;
    let (session, lazy, _) = kept(&layer, &cookie, |session| session.insert("n", &1)).await?;

    let outcomes = [
        ("insert", session.insert("n", &2)),
        ("remove", session.remove("n").map(drop)),
        ("pop", session.pop::<i32>("n").map(drop)),
        ("setdefault", session.setdefault("n", 2).map(drop)),
        ("update", session.update([("n", 2)])),
        ("modify", session.modify("n", |n: Option<i32>| n.unwrap_or(0)).map(drop)),
        ("clear", session.clear()),
        ("set_expiry", session.set_expiry(300)),
        ("set_test_cookie", session.set_test_cookie()),
        ("delete_test_cookie", session.delete_test_cookie().map(drop)),
        ("set_modified", session.set_modified()),
        ("cycle_key", session.cycle_key()),
        ("flush", session.flush().await),
        ("save", session.save().await),
        ("reload", session.reload().await),
        ("LazySession::set_modified", lazy.set_modified()),
        ("LazySession::flush", lazy.flush().await),
    ];

    for (method, outcome) in outcomes {
        assert!(matches!(outcome, Err(Error::Committed)), "{method}: {outcome:?}");
    }
    assert_eq!(session.get::<i32>("n")?, Some(1), "reading still works");
    assert_eq!(layer.open(&key_in(&cookie)).await?.session_data().to_json(), r#"{"written":true,"n":1}"#);
    Ok(())
}

#[tokio::test]
async fn a_detached_session_saves_after_the_response() -> TestResult {
    let layer = layer();
    let cookie = visitor(&site(layer.clone())).await;
    let (session, _, _) = kept(&layer, &cookie, |session| session.insert("n", &1)).await?;

    let detached = session.detached();
    assert_eq!(detached.get::<i32>("n")?, Some(1));
    detached.modify("n", |n: Option<i32>| n.unwrap_or(0) + 1)?;
    detached.save().await?;
    detached.modify("n", |n: Option<i32>| n.unwrap_or(0) + 1)?;
    detached.save().await?;

    assert_eq!(layer.open(&key_in(&cookie)).await?.get::<i32>("n")?, Some(3));
    Ok(())
}

/// Detaches in the handler, before anything is saved.
async fn detached_before(
    layer: &SessionLayer,
    cookie: &str,
    work: fn(&Session) -> Result<(), Error>,
) -> TestResult<(Session, Option<String>)> {
    let place: Arc<Mutex<Option<Session>>> = Arc::default();
    let keeper = Arc::clone(&place);
    let app = page(layer.clone(), move |session: Session| async move {
        *keeper.lock().expect("nobody panics here") = Some(session.detached());
        work(&session)
    });
    let response = send(&app, "/", cookie).await;
    let detached = place.lock().expect("nobody panics here").take().ok_or("the handler ran")?;
    Ok((detached, cookie_of(&response)))
}

#[tokio::test]
async fn a_detached_session_follows_its_request_to_a_new_key() -> TestResult {
    let layer = layer();
    let cookie = visitor(&site(layer.clone())).await;
    let (detached, new) = detached_before(&layer, &cookie, Session::cycle_key).await?;
    let new = new.ok_or("a new key is a new cookie")?;

    detached.insert("later", &true)?;
    detached.save().await?;

    assert_ne!(new, cookie);
    assert_eq!(layer.open(&key_in(&new)).await?.session_data().to_json(), r#"{"written":true,"later":true}"#);
    assert!(!layer.exists(&key_in(&cookie)).await?);
    Ok(())
}

#[tokio::test]
async fn a_detached_session_keeps_what_its_request_saved() -> TestResult {
    let layer = layer();
    let cookie = visitor(&site(layer.clone())).await;
    let (detached, _) = detached_before(&layer, &cookie, |session| session.insert("n", &1)).await?;

    detached.insert("later", &true)?;
    detached.save().await?;

    assert_eq!(layer.open(&key_in(&cookie)).await?.session_data().to_json(), r#"{"written":true,"n":1,"later":true}"#);
    Ok(())
}

#[tokio::test]
async fn a_session_detached_before_its_first_save_can_save_after_it() -> TestResult {
    let layer = layer();
    let (detached, cookie) = detached_before(&layer, "", |session| session.insert("n", &1)).await?;
    let key = key_in(&cookie.ok_or("the first write sets a cookie")?);

    detached.insert("later", &true)?;
    detached.save().await?;

    assert_eq!(layer.open(&key).await?.session_data().to_json(), r#"{"n":1,"later":true}"#);
    Ok(())
}

#[tokio::test]
async fn a_session_that_was_never_saved_cannot_be_saved_detached() -> TestResult {
    let (detached, cookie) = detached_before(&layer(), "", |_| Ok(())).await?;

    detached.insert("later", &true)?;

    assert_eq!(cookie, None);
    assert!(matches!(detached.save().await, Err(Error::NotCommitted)));
    Ok(())
}

#[tokio::test]
async fn a_detached_session_does_not_save_what_its_request_dropped() -> TestResult {
    let layer = layer();
    let session = stored(&layer, &[("n", json!(1))]).await;
    session.insert("unsaved", &true)?;

    let detached = session.detached();
    assert_eq!(detached.get::<bool>("unsaved")?, Some(true), "it begins with what its request sees");
    detached.insert("later", &true)?;
    detached.save().await?;

    assert_eq!(again(&layer, &session).await.session_data().to_json(), r#"{"n":1,"later":true}"#);
    Ok(())
}

#[tokio::test]
async fn a_detached_session_does_not_bring_back_what_was_ended() -> TestResult {
    let layer = layer();
    let cookie = visitor(&site(layer.clone())).await;
    let (session, _, _) = kept(&layer, &cookie, |session| session.insert("n", &1)).await?;
    let detached = session.detached();

    layer.delete(&key_in(&cookie)).await?;
    detached.insert("later", &true)?;

    assert!(matches!(detached.save().await, Err(Error::SessionInterrupted)));
    assert!(!layer.exists(&key_in(&cookie)).await?);
    Ok(())
}

#[tokio::test]
async fn to_revalidate_changes_nothing_of_what_a_detached_session_holds() -> TestResult {
    let layer = layer();
    let cookie = visitor(&site(layer.clone())).await;
    let (session, _, _) = kept(&layer, &cookie, |session| session.insert("user", "ada")).await?;
    let detached = session.detached();
    detached.insert("later", &true)?;

    assert!(detached.revalidate().await?);

    assert_eq!(detached.require::<String>("user")?, "ada");
    assert!(detached.require::<bool>("later")?);
    Ok(())
}

#[tokio::test]
async fn what_is_detached_before_its_request_has_saved_sees_that_after_revalidating() -> TestResult {
    let layer = layer();
    let cookie = visitor(&site(layer.clone())).await;
    let place: Arc<Mutex<Option<Session>>> = Arc::default();
    let keeper = Arc::clone(&place);
    let app = page(layer.clone(), move |session: Session| async move {
        session.insert("user", "ada")?;
        *keeper.lock().expect("nobody panics here") = Some(session.detached());
        Ok::<_, Error>(())
    });
    send(&app, "/", &cookie).await;
    let detached = place.lock().expect("nobody panics here").take().ok_or("the handler ran")?;

    assert!(detached.revalidate().await?);

    assert_eq!(detached.require::<String>("user")?, "ada");
    Ok(())
}

#[tokio::test]
async fn a_detached_session_ends_what_its_request_stored_under_a_new_key() -> TestResult {
    let layer = layer();
    let cookie = visitor(&site(layer.clone())).await;
    let (detached, new) = detached_before(&layer, &cookie, Session::cycle_key).await?;
    let new = new.ok_or("a new key is a new cookie")?;

    detached.flush().await?;

    assert!(!layer.exists(&key_in(&new)).await?);
    assert!(!detached.revalidate().await?);
    Ok(())
}
