//! Routes for those who proved a moment ago who they are: `mark_authenticated`, `RequireFresh`.

use std::time::Duration as StdDuration;

use axum::{Router, routing::any};
use http::StatusCode;
use jam_session::{DjangoAuth, Error, MemoryStore, NotFresh, RequireFresh, Session, SessionLayer, Signer};
use time::Duration;

use crate::{Moment, TestResult, Visitor};

async fn log_in(session: Session) -> Result<(), Error> {
    let auth = DjangoAuth::new(Signer::new("a secret key of fifty characters and of many words"));
    auth.login(&session, "7", "md5$salt$hash").await
}

fn visitor(moment: &Moment) -> Visitor {
    let site = Router::new()
        .route("/log-in", any(log_in))
        .route("/confirm", any(|session: Session| async move { session.mark_authenticated() }))
        .route("/write", any(|session: Session| async move { session.insert("n", &1) }))
        .route("/delete", any(|RequireFresh(session): RequireFresh<300>| async move { session.clear() }));
    Visitor::new(site, SessionLayer::new(MemoryStore::new()).clock(moment.clock()))
}

async fn refusal(visitor: &mut Visitor) -> TestResult<Option<NotFresh>> {
    let response = visitor.visit("/delete").await?;
    let why = response.extensions().get().copied();
    let expected = if why.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    assert_eq!(response.status(), expected);
    Ok(why)
}

#[tokio::test]
async fn who_proved_nothing_is_refused() -> TestResult {
    let mut visitor = visitor(&Moment::new());

    assert_eq!(refusal(&mut visitor).await?, Some(NotFresh::NeverAuthenticated));
    visitor.visit("/write").await?;
    assert_eq!(refusal(&mut visitor).await?, Some(NotFresh::NeverAuthenticated));
    Ok(())
}

#[tokio::test]
async fn a_login_is_fresh_for_as_long_as_the_route_says_to_the_second() -> TestResult {
    for path in ["/log-in", "/confirm"] {
        for (after, refused) in [(0, None), (299, None), (300, None), (301, Some(NotFresh::TooLongAgo))] {
            let moment = Moment::new();
            let mut visitor = visitor(&moment);
            visitor.visit(path).await?;
            moment.advance(Duration::seconds(after));

            assert_eq!(refusal(&mut visitor).await?, refused, "{after} s after {path}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_confirmation_makes_an_old_login_fresh_again() -> TestResult {
    let moment = Moment::new();
    let mut visitor = visitor(&moment);
    visitor.visit("/log-in").await?;
    moment.advance(Duration::HOUR);
    assert_eq!(refusal(&mut visitor).await?, Some(NotFresh::TooLongAgo));

    visitor.visit("/confirm").await?;

    assert_eq!(refusal(&mut visitor).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_clock_that_was_set_back_refuses_nobody() -> TestResult {
    let moment = Moment::new();
    let mut visitor = visitor(&moment);
    visitor.visit("/log-in").await?;

    moment.advance(-Duration::HOUR);

    assert_eq!(refusal(&mut visitor).await?, None);
    assert_eq!(visitor.status("/nowhere").await?, StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn a_login_more_than_a_day_in_the_future_is_none_at_all() -> TestResult {
    let moment = Moment::new();
    let layer = SessionLayer::new(MemoryStore::new()).clock(moment.clock());
    for (ahead, believed) in [(-300, true), (0, true), (86_400, true), (86_401, false), (250_000_000_000, false)] {
        let session = layer.create().await?;
        session.insert("_session_authenticated", &(moment.now().unix_timestamp() + ahead))?;

        assert_eq!(session.authenticated_within(StdDuration::from_secs(300)), believed, "{ahead} s ahead");
        assert_eq!(session.authenticated_at().is_some(), believed, "{ahead} s ahead");
        session.mark_authenticated()?;
        assert!(session.authenticated_within(StdDuration::from_secs(1)), "who proves it again is believed");
    }
    Ok(())
}
