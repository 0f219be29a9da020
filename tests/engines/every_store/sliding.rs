//! An intent that is stated in every request keeps the session alive.

use axum::{Router, routing::any};
use jam_session::{Session, SessionLayer};
use time::Duration;

use super::{Moment, cookie_of, every_store, is_ok, key_in, send};
use crate::TestResult;

fn site(layer: SessionLayer) -> Router {
    Router::new()
        .route("/expire", any(|session: Session| async move { session.set_expiry(300) }))
        .route("/test-cookie", any(|session: Session| async move { session.set_test_cookie() }))
        .route("/authenticated", any(|session: Session| async move { session.mark_authenticated() }))
        .route("/equal", any(|session: Session| async move { session.insert("testcookie", "worked") }))
        .layer(layer)
}

#[tokio::test]
async fn an_expiry_that_is_set_in_every_request_slides() -> TestResult {
    for place in every_store().await? {
        let moment = Moment::new();
        let layer = place.layer(&moment);
        let site = site(layer.clone());
        let mut cookie = cookie_of(&send(&site, "/expire", "").await?).ok_or("a new session")?;
        for request in 0..4 {
            moment.advance(Duration::seconds(200));
            let response = send(&site, "/expire", &cookie).await?;
            assert!(is_ok(&response), "{}", place.name);
            cookie = cookie_of(&response).ok_or_else(|| format!("{}: no cookie for request {request}", place.name))?;
            let ends = layer.open(&key_in(&cookie)?).await?.expire_date().ok_or(place.name)?;
            assert!((ends - moment.now() - Duration::seconds(300)).abs() < Duration::SECOND, "{}", place.name);
        }
        moment.advance(Duration::seconds(301));
        assert!(layer.open(&key_in(&cookie)?).await?.is_empty(), "{}", place.name);
    }
    Ok(())
}

#[tokio::test]
async fn every_call_that_states_an_intent_sends_the_cookie_again_and_an_equal_value_does_not() -> TestResult {
    for place in every_store().await? {
        let moment = Moment::new();
        let site = site(place.layer(&moment));
        for path in ["/test-cookie", "/authenticated"] {
            let cookie = cookie_of(&send(&site, path, "").await?).ok_or("a new session")?;
            // Within the same second, so that each value is the one that is stored.
            moment.advance(Duration::milliseconds(100));
            assert!(cookie_of(&send(&site, path, &cookie).await?).is_some(), "{}: {path}", place.name);
        }
        let cookie = cookie_of(&send(&site, "/test-cookie", "").await?).ok_or("a new session")?;
        assert_eq!(cookie_of(&send(&site, "/equal", &cookie).await?), None, "{}", place.name);
    }
    Ok(())
}

#[tokio::test]
async fn an_intent_that_another_request_overtook_is_merged_and_one_for_an_ended_session_is_interrupted() -> TestResult {
    for place in every_store().await?.into_iter().filter(|place| !place.is_cookie()) {
        let layer = place.layer(&Moment::new());
        let session = layer.create().await?;
        session.set_expiry(300)?;
        session.save().await?;
        let key = session.session_key().ok_or("it is stored")?;
        let cookie = format!("sessionid={}", key.as_str());
        let other = layer.clone();
        let site = Router::new()
            .route(
                "/overtaken",
                any({
                    let (other, key) = (other.clone(), key.clone());
                    move |session: Session| async move {
                        session.set_expiry(300)?;
                        let theirs = other.open(&key).await?;
                        theirs.insert("theirs", &1)?;
                        theirs.set_expiry(0)?;
                        theirs.save().await
                    }
                }),
            )
            .route(
                "/ended",
                any({
                    let key = key.clone();
                    move |session: Session| async move {
                        session.set_expiry(300)?;
                        other.delete(&key).await
                    }
                }),
            )
            .layer(layer.clone());

        assert!(is_ok(&send(&site, "/overtaken", &cookie).await?), "{}", place.name);
        let merged = layer.open(&key).await?;
        assert_eq!((merged.get::<i64>("theirs")?, merged.get::<i64>("_session_expiry")?), (Some(1), Some(300)));
        let response = send(&site, "/ended", &cookie).await?;
        assert_eq!((response.status().as_u16(), cookie_of(&response)), (400, None), "{}", place.name);
    }
    Ok(())
}
