//! "Remember me for 30 days": a lifetime of the session's own, which later writes keep.

use axum::{Router, routing::any};
use jam_session::{DjangoAuth, Error, MemoryStore, Session, SessionLayer, Signer};
use time::Duration;

use crate::{Moment, TestResult, Visitor, max_age, page, set_cookie};

const DAYS_30: std::time::Duration = std::time::Duration::from_secs(30 * 86_400);

fn auth() -> DjangoAuth {
    DjangoAuth::new(Signer::new("a secret key of fifty characters and of many words"))
}

async fn log_in(session: Session) -> Result<(), Error> {
    auth().login(&session, "7", "md5$salt$hash").await
}

fn site() -> Router {
    page("/log-in", log_in)
        .route("/remember", any(|session: Session| async move { session.set_expiry(DAYS_30) }))
        .route("/write", any(|session: Session| async move { session.insert("n", &rand::random::<u64>()) }))
        .route("/cycle", any(|session: Session| async move { session.cycle_key() }))
        .route("/who", any(|session: Session| async move { session.get::<String>("_auth_user_id").map(|id| id.unwrap_or_default()) }))
}

fn visitor(moment: &Moment, change: fn(SessionLayer) -> SessionLayer) -> Visitor {
    let layer = SessionLayer::new(MemoryStore::new()).clock(moment.clock()).expire_at_browser_close(true);
    Visitor::new(site(), change(layer))
}

async fn is_logged_in(visitor: &mut Visitor) -> TestResult<bool> {
    let body = visitor.visit("/who").await?.into_body();
    Ok(axum::body::to_bytes(body, 100).await? == "7")
}

#[tokio::test]
async fn thirty_days_survive_later_writes_another_login_and_a_new_key() -> TestResult {
    let moment = Moment::new();
    let mut visitor = visitor(&moment, |layer| layer);
    visitor.visit("/log-in").await?;

    let first = visitor.visit("/remember").await?;
    assert_eq!(max_age(&first), Some(30 * 86_400));
    for (path, day) in [("/write", 1), ("/log-in", 2), ("/cycle", 3), ("/write", 4)] {
        moment.advance(Duration::DAY);
        let response = visitor.visit(path).await?;
        assert_eq!(max_age(&response), Some((30 - day) * 86_400), "{path}");
    }
    moment.advance(Duration::days(26) - Duration::microseconds(1));
    assert!(is_logged_in(&mut visitor).await?);
    moment.advance(Duration::microseconds(1));

    assert!(!is_logged_in(&mut visitor).await?);
    Ok(())
}

#[tokio::test]
async fn without_it_the_session_ends_with_the_browser() -> TestResult {
    let moment = Moment::new();
    let mut visitor = visitor(&moment, |layer| layer);

    let response = visitor.visit("/log-in").await?;

    let cookie = set_cookie(&response).ok_or("a login sets a cookie")?;
    assert!(!cookie.contains("Max-Age") && !cookie.contains("Expires"), "{cookie}");
    Ok(())
}

#[tokio::test]
async fn an_absolute_age_ends_it_earlier() -> TestResult {
    let moment = Moment::new();
    let mut visitor = visitor(&moment, |layer| layer.absolute_age(DAYS_30 / 2));
    visitor.visit("/log-in").await?;

    // The beginning is kept in whole seconds.
    assert_eq!(max_age(&visitor.visit("/remember").await?), Some(15 * 86_400 - 1));
    moment.advance(Duration::days(15) - Duration::seconds(1));
    assert!(is_logged_in(&mut visitor).await?);
    moment.advance(Duration::seconds(1));

    assert!(!is_logged_in(&mut visitor).await?);
    Ok(())
}
