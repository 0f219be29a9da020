//! Sessions that began before an instant are refused: `valid_from`.

use axum::{Router, routing::any};
use jam_session::{Error, Session, SessionLayer};
use time::Duration;

use super::{Moment, Place, cookie_of, every_store, is_ok, key_in, send};
use crate::TestResult;

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

fn site(layer: SessionLayer) -> Router {
    Router::new()
        .route("/read", any(|session: Session| async move { session.contains_key("who").to_string() }))
        .route("/write", any(|session: Session| async move { session.insert("who", "ada") }))
        .route("/cycle", any(|session: Session| async move { session.cycle_key() }))
        .layer(layer)
}

/// A session of somebody, and its cookie.
async fn begun(layer: &SessionLayer) -> TestResult<(Session, String)> {
    let session = layer.create().await?;
    session.insert("who", "ada")?;
    session.save().await?;
    let key = session.session_key().ok_or("it is stored")?;
    Ok((layer.open(&key).await?, format!("sessionid={}", key.as_str())))
}

async fn opens(layer: &SessionLayer, cookie: &str) -> TestResult<bool> {
    Ok(layer.open(&key_in(cookie)?).await?.contains_key("who"))
}

#[tokio::test]
async fn a_session_that_began_before_is_refused_and_no_write_revives_it() -> TestResult {
    for place in every_store().await? {
        let moment = Moment::new();
        let plain = place.layer(&moment).absolute_age(30 * DAY);
        let (_, old) = begun(&plain).await?;
        let (_, without_mark) = begun(&place.layer(&moment)).await?;
        moment.advance(Duration::HOUR);
        // Written, extended and renewed since: what counts is when it began.
        let again = plain.open(&key_in(&old)?).await?;
        again.insert("n", &1)?;
        again.save().await?;
        let key = again.session_key().ok_or("it is stored")?;
        let old = format!("sessionid={}", key.as_str());

        let layer = place.layer(&moment).valid_from(moment.now() - Duration::minutes(30));
        for cookie in [&old, &without_mark] {
            let site = site(layer.clone());
            assert!(!opens(&layer, cookie).await?, "{}", place.name);
            for path in ["/read", "/write", "/cycle"] {
                let response = send(&site, path, cookie).await?;
                assert!(is_ok(&response), "{}: {path}", place.name);
                let new = cookie_of(&response);
                assert!(new.is_none_or(|new| new != *cookie), "{}: {path}: it has another key", place.name);
                assert!(!opens(&layer, cookie).await?, "{}: {path}", place.name);
            }
        }
        assert!(opens(&plain, &old).await?, "{}: the row is left alone", place.name);
        assert_eq!(plain.open(&key).await?.get("n")?, Some(1), "{}", place.name);
    }
    Ok(())
}

#[tokio::test]
async fn a_session_that_began_at_the_instant_or_later_is_good_over_saves_keys_and_signatures() -> TestResult {
    for place in every_store().await? {
        let moment = Moment::new();
        let from = moment.now().replace_nanosecond(0)?;
        let layer = place.layer(&moment).valid_from(from);
        let (session, mut cookie) = begun(&layer).await?;
        assert!(opens(&layer, &cookie).await?, "{}", place.name);
        for path in ["/write", "/cycle", "/write"] {
            moment.advance(Duration::HOUR);
            cookie = cookie_of(&send(&site(layer.clone()), path, &cookie).await?).unwrap_or(cookie);
            assert!(opens(&layer, &cookie).await?, "{}: {path}", place.name);
        }
        // A moment later it is one that began before.
        assert!(!opens(&layer.clone().valid_from(from + Duration::SECOND), &cookie).await?, "{}", place.name);
        drop(session);
    }
    Ok(())
}

#[tokio::test]
async fn what_another_process_puts_under_the_key_of_a_session_in_use_is_refused_too() -> TestResult {
    for place in every_store().await?.iter().filter(|place| !place.is_cookie()) {
        let moment = Moment::new();
        let layer = place.layer(&moment).valid_from(moment.now() - Duration::SECOND);
        let (session, cookie) = begun(&layer).await?;
        goes_back(place, &moment, &cookie).await?;

        session.insert("n", &1)?;
        let answer = session.save().await;

        assert!(matches!(answer, Err(Error::SessionInterrupted)), "{}: {answer:?}", place.name);
        assert!(!opens(&layer, &cookie).await?, "{}", place.name);
    }
    Ok(())
}

/// Has the store hold what a backup would bring back.
async fn goes_back(place: &Place, moment: &Moment, cookie: &str) -> TestResult {
    use jam_session::{Draft, SessionStore as _, testing::store_of};

    let store = store_of(&place.layer(moment));
    let found = store.load(&key_in(cookie)?, moment.now()).await?.ok_or("it is stored")?;
    let draft = Draft::new(r#"{"who":"eve","_session_created":1}"#.parse()?, found.expire_date);
    assert!(matches!(store.save(&found, &draft, moment.now()).await?, jam_session::Saved::Done(_)));
    Ok(())
}
