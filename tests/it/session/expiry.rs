//! How long a session lives: the row, the cookie and what the session says of itself.

use std::time::Duration as StdDuration;

use jam_session::{Error, Expiry, MemoryStore, Session, SessionLayer};
use time::{Duration, macros::datetime};

use super::again;
use crate::support::{Moment, TestResult, cookie_of, key_in, page, send};

const TWO_WEEKS: Duration = Duration::weeks(2);

fn layer(moment: &Moment) -> SessionLayer {
    SessionLayer::new(MemoryStore::new()).clock(moment.clock())
}

/// A session with this expiry, saved and opened again.
async fn with_expiry(moment: &Moment, expiry: impl Into<Expiry>) -> TestResult<Session> {
    let layer = layer(moment);
    let session = layer.create().await?;
    session.set_expiry(expiry)?;
    session.save().await?;
    Ok(again(&layer, &session).await)
}

fn stored_as(session: &Session) -> Option<String> {
    session.get_raw("_session_expiry").map(|raw| raw.as_str().to_owned())
}

#[test]
fn an_idle_time_of_nothing_is_no_idle_time() {
    let now = Moment::new().now();

    assert_eq!(Expiry::from(0_i64), Expiry::AtBrowserClose);
    assert_eq!(Expiry::Idle(Duration::ZERO).age(now, TWO_WEEKS), TWO_WEEKS);
    assert_eq!(Expiry::Idle(Duration::ZERO).date(now, TWO_WEEKS), now + TWO_WEEKS);
}

#[tokio::test]
async fn without_an_expiry_of_its_own_a_session_lives_two_weeks() -> TestResult {
    let moment = Moment::new();
    let session = layer(&moment).create().await?;

    assert_eq!(session.expire_date(), Some(moment.now() + TWO_WEEKS));
    assert_eq!((session.get_expiry_age()?, session.get_expiry_date()?), (TWO_WEEKS, moment.now() + TWO_WEEKS));
    assert_eq!(session.get_session_cookie_age(), TWO_WEEKS);
    assert!(!session.get_expire_at_browser_close()?);
    Ok(())
}

#[tokio::test]
async fn a_number_is_an_idle_time_counted_anew_at_every_save() -> TestResult {
    let moment = Moment::new();
    let session = with_expiry(&moment, 300).await?;
    assert_eq!((stored_as(&session).as_deref(), session.get_expiry_age()?), (Some("300"), Duration::seconds(300)));
    assert_eq!(session.expire_date(), Some(moment.now() + Duration::seconds(300)));

    moment.advance(Duration::seconds(100));
    session.insert("n", &1)?;
    session.save().await?;

    assert_eq!(session.expire_date(), Some(moment.now() + Duration::seconds(300)));
    Ok(())
}

#[tokio::test]
async fn a_duration_is_an_instant_that_later_saves_keep() -> TestResult {
    let moment = Moment::new();
    let end = moment.now() + Duration::seconds(300);
    let session = with_expiry(&moment, StdDuration::from_secs(300)).await?;
    assert_eq!(session.expire_date(), Some(end));

    moment.advance(Duration::seconds(100));
    session.insert("n", &1)?;
    session.save().await?;

    assert_eq!(session.expire_date(), Some(end));
    assert_eq!((session.get_expiry_age()?, session.get_expiry_date()?), (Duration::seconds(200), end));
    Ok(())
}

#[tokio::test]
async fn a_date_is_a_date() -> TestResult {
    let end = datetime!(2030-01-02 03:04:05.678901 +02:00);
    let session = with_expiry(&Moment::new(), end).await?;

    assert_eq!(session.expire_date(), Some(end));
    assert_eq!(session.get_expiry_date()?, end);
    Ok(())
}

#[tokio::test]
async fn zero_lives_until_the_browser_closes_and_two_weeks_in_the_store() -> TestResult {
    let moment = Moment::new();
    let session = with_expiry(&moment, 0).await?;

    assert!(session.get_expire_at_browser_close()?);
    assert_eq!(stored_as(&session).as_deref(), Some("0"));
    assert_eq!(session.expire_date(), Some(moment.now() + TWO_WEEKS));
    Ok(())
}

#[tokio::test]
async fn none_is_the_global_policy_again() -> TestResult {
    let session = with_expiry(&Moment::new(), 300).await?;

    session.set_expiry(None)?;

    assert!(session.modified() && stored_as(&session).is_none());
    assert_eq!(session.get_expiry_age()?, TWO_WEEKS);
    Ok(())
}

#[tokio::test]
async fn an_expiry_that_is_asked_for_again_marks_the_session_modified() -> TestResult {
    let session = with_expiry(&Moment::new(), 300).await?;
    session.set_expiry(300)?;
    assert!(session.modified());

    let session = with_expiry(&Moment::new(), None).await?;
    session.set_expiry(None)?;
    assert!(!session.modified(), "there was nothing to remove");
    session.insert("n", &1)?;
    session.save().await?;
    let session = with_expiry(&Moment::new(), 300).await?;
    session.set_expiry(None)?;
    assert!(session.modified());
    Ok(())
}

#[tokio::test]
async fn an_expired_session_is_gone() -> TestResult {
    let moment = Moment::new();
    let layer = layer(&moment);
    let session = layer.create().await?;
    session.set_expiry(300)?;
    session.save().await?;
    let late = again(&layer, &session).await;

    moment.advance(Duration::seconds(300));

    assert!(again(&layer, &session).await.is_empty(), "at that very instant it is no longer live");
    late.insert("n", &1)?;
    assert!(matches!(late.save().await, Err(Error::SessionInterrupted)));
    Ok(())
}

#[tokio::test]
async fn something_else_under_the_name_of_the_expiry_is_an_error() -> TestResult {
    let session = layer(&Moment::new()).create().await?;
    session.insert("_session_expiry", &[1])?;

    assert!(matches!(session.get_expiry_age(), Err(Error::WrongType { .. })));
    assert!(matches!(session.save().await, Err(Error::WrongType { .. })));
    Ok(())
}

#[tokio::test]
async fn an_age_can_be_asked_for_another_time_or_another_expiry() -> TestResult {
    let moment = Moment::new();
    let session = with_expiry(&moment, 300).await?;
    let (then, end) = (moment.now() - Duration::seconds(30), moment.now() + Duration::seconds(70));

    assert_eq!(session.get_expiry_date_with(Some(then), None)?, then + Duration::seconds(300));
    assert_eq!(session.get_expiry_age_with(Some(then), Some(end.into()))?, Duration::seconds(100));
    assert_eq!(session.get_expiry_age_with(None, Some(5.into()))?, Duration::seconds(5));
    Ok(())
}

#[tokio::test]
async fn a_function_of_the_data_decides_the_age_of_row_and_cookie_alike() -> TestResult {
    let moment = Moment::new();
    let layer = layer(&moment).session_cookie_age(|data| match data.get::<bool>("staff") {
        Ok(Some(true)) => StdDuration::from_secs(60),
        _ => StdDuration::from_secs(3600),
    });
    let app = |staff: bool| page(layer.clone(), move |session: Session| async move { session.insert("staff", &staff) });

    for (staff, seconds) in [(true, 60), (false, 3600)] {
        let response = send(&app(staff), "/", "").await;
        let set_cookie = response.headers()["set-cookie"].to_str()?.to_owned();
        assert!(set_cookie.contains(&format!("Max-Age={seconds};")), "{set_cookie}");
        let session = layer.open(&key_in(&cookie_of(&response).ok_or("a cookie")?)).await?;
        assert_eq!(session.expire_date(), Some(moment.now() + Duration::seconds(seconds)));
        assert_eq!(session.get_session_cookie_age(), Duration::seconds(seconds));
    }
    Ok(())
}

#[tokio::test]
async fn a_session_in_use_is_extended_when_that_gains_the_threshold() -> TestResult {
    let moment = Moment::new();
    let layer = layer(&moment).refresh_threshold(StdDuration::from_secs(60));
    let key = layer.create().await?.session_key().ok_or("it is stored")?;
    let cookie = format!("sessionid={}", key.as_str());
    let app = page(layer.clone(), |session: Session| async move { session.contains_key("n").to_string() });
    let end = moment.now() + TWO_WEEKS;

    moment.advance(Duration::seconds(59));
    assert_eq!(cookie_of(&send(&app, "/", &cookie).await), None);
    assert_eq!(layer.open(&key).await?.expire_date(), Some(end));
    moment.advance(Duration::seconds(1));
    assert_eq!(cookie_of(&send(&app, "/", &cookie).await), Some(cookie), "the browser is told, too");
    assert_eq!(layer.open(&key).await?.expire_date(), Some(end + Duration::seconds(60)));
    Ok(())
}
