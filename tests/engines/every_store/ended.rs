//! A session that was saved and then ended, while its request goes on: no response hands its key out.

use axum::{Router, response::IntoResponse as _, routing::any};
use http::StatusCode;
use jam_session::{Error, Session, SessionKey, SessionLayer};
use time::Duration;

use super::{Moment, Place, cookie_of, every_store, key_in, send};
use crate::TestResult;

/// What ends the session after it was saved.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    CloneFlushes,
    LayerDeletes,
    AnotherHandleFlushes,
    /// The session lives on, and this key does not.
    AnotherHandleCycles,
    Expiry,
}

/// What the request does after that.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    Nothing,
    Change,
    CycleKey,
}

const ENDS: [End; 5] =
    [End::CloneFlushes, End::LayerDeletes, End::AnotherHandleFlushes, End::AnotherHandleCycles, End::Expiry];
const THENS: [Then; 3] = [Then::Nothing, Then::Change, Then::CycleKey];
const STATUSES: [StatusCode; 2] = [StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR];

async fn end(how: End, session: &Session, layer: &SessionLayer, moment: &Moment) -> Result<(), Error> {
    let key = session.session_key().ok_or(Error::MissingKey { key: "session_key".into() })?;
    match how {
        End::CloneFlushes => session.clone().flush().await,
        End::LayerDeletes => layer.delete(&key).await,
        End::AnotherHandleFlushes => layer.open(&key).await?.flush().await,
        End::AnotherHandleCycles => {
            let other = layer.open(&key).await?;
            other.cycle_key()?;
            other.save().await
        }
        End::Expiry => {
            moment.advance(Duration::minutes(10));
            Ok(())
        }
    }
}

fn site(layer: &SessionLayer, moment: &Moment, (how, then, status): (End, Then, StatusCode)) -> Router {
    let (moment, layer_there) = (moment.clone(), layer.clone());
    let page = move |session: Session| async move {
        session.insert("saved", &true)?;
        session.save().await?;
        end(how, &session, &layer_there, &moment).await?;
        match then {
            Then::Nothing => {}
            Then::Change => session.insert("changed", &true)?,
            Then::CycleKey => session.cycle_key()?,
        }
        Ok::<_, Error>(status.into_response())
    };
    Router::new().route("/", any(page)).layer(layer.clone())
}

/// The keys that a browser could get, without the one that it had.
async fn handed_out(
    place: &Place,
    case: (End, Then, StatusCode),
    stored: bool,
) -> TestResult<(u16, Option<SessionKey>)> {
    let moment = Moment::new();
    let layer = place.layer(&moment).cookie_age(std::time::Duration::from_secs(300));
    let cookie = if stored {
        let session = layer.create().await?;
        format!("sessionid={}", session.session_key().ok_or("it is stored")?.as_str())
    } else {
        String::new()
    };
    let response = send(&site(&layer, &moment, case), "/", &cookie).await?;
    let key = cookie_of(&response).filter(|cookie| cookie != "sessionid=").map(|cookie| key_in(&cookie)).transpose()?;
    if let Some(key) = &key {
        assert!(!layer.open(key).await?.is_empty(), "{}: {case:?}: a key that opens nothing", place.name);
    }
    Ok((response.status().as_u16(), key))
}

#[tokio::test]
async fn no_response_hands_out_the_key_of_a_session_that_was_saved_and_then_ended() -> TestResult {
    let mut orders = 0;
    for place in every_store().await? {
        for case in ENDS.iter().flat_map(|&end| THENS.iter().flat_map(move |&then| STATUSES.map(|s| (end, then, s)))) {
            let (end, then, status) = case;
            // What a browser was sent cannot be ended elsewhere, and ends with the age of its cookie.
            if place.is_cookie() && end != End::CloneFlushes {
                continue;
            }
            for stored in [false, true] {
                let (answered, key) = handed_out(&place, case, stored).await?;
                let begins_anew = end == End::CloneFlushes && then != Then::Nothing && status == StatusCode::OK;
                let interrupted = end != End::CloneFlushes && status == StatusCode::OK;
                let expected = if interrupted { 400 } else { status.as_u16() };
                assert_eq!((answered, key.is_some()), (expected, begins_anew), "{}: {case:?}", place.name);
                orders += 1;
            }
        }
    }
    println!("every store: saved, then ended: {orders} orders, 0 dead keys handed out");
    Ok(())
}

#[tokio::test]
async fn a_save_that_nobody_ended_hands_out_its_key_while_others_end_theirs() -> TestResult {
    for place in every_store().await? {
        let layer = place.layer(&Moment::new());
        let other = layer.clone();
        let page = move |session: Session| async move {
            session.insert("saved", &true)?;
            session.save().await?;
            let theirs = other.create().await?;
            theirs.flush().await
        };
        let response = send(&Router::new().route("/", any(page)).layer(layer.clone()), "/", "").await?;

        let key = key_in(&cookie_of(&response).ok_or("the saved session needs a cookie")?)?;
        assert_eq!(layer.open(&key).await?.get("saved")?, Some(true), "{}", place.name);
    }
    Ok(())
}
