//! A session that was ended while a request used it stays ended.

use std::sync::Arc;

use axum::{Router, routing::any};
use http::StatusCode;
use jam_session::{Error, ErrorKind, OnInterrupted, Session, SessionLayer, SqliteStore, sqlx};
use tokio::sync::Semaphore;

use crate::support::{TestResult, cookie_of, send, site, text, visitor};

/// A site with a page `/slow`, which writes and then waits for the test to let it answer.
struct Race {
    site: Router,
    store: SqliteStore,
    cookie: String,
    started: Arc<Semaphore>,
    finish: Arc<Semaphore>,
}

impl Race {
    async fn new(settings: fn(SessionLayer) -> SessionLayer) -> TestResult<Self> {
        let store = SqliteStore::connect("sqlite::memory:").await?;
        store.migrate().await?;
        let layer = settings(SessionLayer::new(store.clone()));
        let (started, finish) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let slow = {
            let (started, finish) = (Arc::clone(&started), Arc::clone(&finish));
            move |session: Session| async move {
                session.insert("slow", &true)?;
                started.add_permits(1);
                finish.acquire().await.expect("it is never closed").forget();
                Ok::<_, Error>("slow, but done")
            }
        };
        let slow = Router::new().route("/slow", any(slow)).route("/login", any(login)).layer(layer.clone());
        let site = site(layer).merge(slow);
        let cookie = visitor(&site).await;
        Ok(Self { site, store, cookie, started, finish })
    }

    /// What `/slow` answers when `meanwhile` is visited while it runs.
    async fn slow_while(&self, meanwhile: &str) -> TestResult<axum::response::Response> {
        let slow = tokio::spawn({
            let (site, cookie) = (self.site.clone(), self.cookie.clone());
            async move { send(&site, "/slow", &cookie).await }
        });
        self.started.acquire().await?.forget();
        assert_eq!(send(&self.site, meanwhile, &self.cookie).await.status(), StatusCode::OK);
        self.finish.add_permits(1);
        Ok(slow.await?)
    }

    async fn rows(&self) -> sqlx::Result<Vec<String>> {
        sqlx::query_scalar("SELECT session_data FROM django_session").fetch_all(self.store.pool()).await
    }
}

async fn login(session: Session) -> Result<(), Error> {
    session.cycle_key()?;
    session.insert("_auth_user_id", "7")
}

#[tokio::test]
async fn a_logout_during_a_slow_request_is_final() -> TestResult {
    for logout in ["/flush", "/flush-lazily"] {
        let race = Race::new(|layer| layer).await?;

        let response = race.slow_while(logout).await?;

        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.extensions().get(), Some(&ErrorKind::Interrupted));
        assert_eq!(cookie_of(&response), None);
        assert_eq!(text(response).await, "", "the handler's body does not go out");
        assert!(race.rows().await?.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn the_status_of_an_interrupted_request_is_a_setting() -> TestResult {
    let race = Race::new(|layer| layer.on_interrupted(OnInterrupted::Respond(StatusCode::CONFLICT))).await?;

    assert_eq!(race.slow_while("/flush").await?.status(), StatusCode::CONFLICT);
    Ok(())
}

#[tokio::test]
async fn the_response_of_an_interrupted_request_is_kept_where_that_is_set() -> TestResult {
    let race = Race::new(|layer| layer.on_interrupted(OnInterrupted::KeepResponse)).await?;

    let response = race.slow_while("/flush").await?;

    assert_eq!((response.status(), cookie_of(&response)), (StatusCode::OK, None));
    assert_eq!(text(response).await, "slow, but done");
    assert!(race.rows().await?.is_empty(), "the change is dropped");
    Ok(())
}

#[tokio::test]
async fn a_handler_whose_own_save_is_interrupted_answers_with_the_status_that_was_set() -> TestResult {
    let race = Race::new(|layer| layer.on_interrupted(OnInterrupted::Respond(StatusCode::CONFLICT))).await?;
    let (site, cookie) = (race.site.clone(), race.cookie.clone());
    let layer = SessionLayer::new(race.store.clone()).on_interrupted(OnInterrupted::Respond(StatusCode::IM_A_TEAPOT));
    let app = crate::support::page(layer, move |session: Session| async move {
        send(&site, "/flush", &cookie).await;
        session.insert("late", &1)?;
        session.save().await
    });

    let response = send(&app, "/", &race.cookie).await;

    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(response.extensions().get(), Some(&ErrorKind::Interrupted));
    assert!(race.rows().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_writer_on_the_key_from_before_a_login_is_refused() -> TestResult {
    let race = Race::new(|layer| layer).await?;

    let response = race.slow_while("/login").await?;

    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(race.rows().await?, [r#"{"written":true,"_auth_user_id":"7"}"#]);
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_renewed_takes_a_parallel_writers_change_along() -> TestResult {
    let race = Race::new(|layer| layer).await?;
    let (site, cookie) = (race.site.clone(), race.cookie.clone());
    let app = crate::support::page(SessionLayer::new(race.store.clone()), move |session: Session| async move {
        login(session).await?;
        // This is saved before the login is.
        send(&site, "/count", &cookie).await;
        Ok::<_, Error>(())
    });

    let response = send(&app, "/", &race.cookie).await;

    assert_ne!(cookie_of(&response), Some(race.cookie.clone()));
    assert_eq!(race.rows().await?, [r#"{"written":true,"count":1,"_auth_user_id":"7"}"#]);
    assert_eq!(text(send(&race.site, "/read", &race.cookie).await).await, "[]", "the old key is worth nothing");
    Ok(())
}

#[tokio::test]
async fn a_change_made_for_one_user_is_not_saved_for_another() -> TestResult {
    let race = Race::new(|layer| layer).await?;
    let layer = SessionLayer::new(race.store.clone());
    let key = crate::support::key_in(&race.cookie);
    let (ours, theirs) = (layer.open(&key).await?, layer.open(&key).await?);

    theirs.insert("_auth_user_id", "8")?;
    theirs.save().await?;
    ours.insert("cart", &[1])?;

    assert!(matches!(ours.save().await, Err(Error::SessionInterrupted)));
    assert_eq!(race.rows().await?, [r#"{"written":true,"_auth_user_id":"8"}"#]);
    Ok(())
}
