//! When a change is saved: before the response leaves, and only if its handler ended well.

use std::{future::pending, sync::Arc, time::Duration};

use axum::{Router, middleware::map_response, response::Response, routing::any};
use http::{StatusCode, header};
use jam_session::{Error, MemoryStore, Session, SessionLayer, SqliteStore, sqlx};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use crate::support::{Op, Probe, TestResult, cookie_of, key_in, page, request, send, site, text, visitor};

async fn sqlite() -> TestResult<SqliteStore> {
    let store = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    Ok(store)
}

/// The data of every row.
async fn rows(store: &SqliteStore) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar("SELECT session_data FROM django_session").fetch_all(store.pool()).await
}

/// Pages that do something and then answer with a 500.
fn broken(layer: SessionLayer) -> Router {
    const BROKEN: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
    Router::new()
        .route(
            "/write",
            any(|session: Session| async move { (BROKEN, session.insert("lost", &1).is_ok().to_string()) }),
        )
        .route("/cycle", any(|session: Session| async move { (BROKEN, session.cycle_key().is_ok().to_string()) }))
        .route("/flush", any(|session: Session| async move { (BROKEN, session.flush().await.is_ok().to_string()) }))
        .route("/save", any(save_then_fail))
        .layer(layer)
}

async fn save_then_fail(session: Session) -> Result<StatusCode, Error> {
    session.insert("kept", &1)?;
    session.save().await?;
    session.insert("lost", &1)?;
    Ok(StatusCode::BAD_GATEWAY)
}

#[tokio::test]
async fn a_5xx_response_is_not_saved() -> TestResult {
    let store = sqlite().await?;
    let layer = SessionLayer::new(store.clone());
    let cookie = visitor(&site(layer.clone())).await;

    for path in ["/write", "/cycle"] {
        let response = send(&broken(layer.clone()), path, &cookie).await;
        assert_eq!(cookie_of(&response), None, "{path}");
        assert_eq!(text(response).await, "true", "the handler could do it: {path}");
    }

    assert_eq!(rows(&store).await?, [r#"{"written":true}"#]);
    assert!(layer.exists(&key_in(&cookie)).await?, "nothing was rotated");
    Ok(())
}

#[tokio::test]
async fn a_4xx_response_is_saved() -> TestResult {
    let store = sqlite().await?;
    let app = page(SessionLayer::new(store.clone()), |session: Session| async move {
        session.insert("attempts", &1)?;
        Ok::<_, Error>(StatusCode::UNPROCESSABLE_ENTITY)
    });

    let response = send(&app, "/", "").await;

    assert!(cookie_of(&response).is_some());
    assert_eq!(rows(&store).await?, [r#"{"attempts":1}"#]);
    Ok(())
}

#[tokio::test]
async fn a_flush_stands_on_a_5xx_and_takes_the_cookie_along() -> TestResult {
    let store = sqlite().await?;
    let layer = SessionLayer::new(store.clone());
    let cookie = visitor(&site(layer.clone())).await;

    let response = send(&broken(layer), "/flush", &cookie).await;

    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(cookie_of(&response).as_deref(), Some("sessionid="));
    assert!(rows(&store).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_explicit_save_stands_on_a_5xx_with_its_cookie() -> TestResult {
    let store = sqlite().await?;
    let layer = SessionLayer::new(store.clone());

    let response = send(&broken(layer.clone()), "/save", "").await;

    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    let cookie = cookie_of(&response).ok_or("the saved session needs a cookie")?;
    assert!(layer.exists(&key_in(&cookie)).await?);
    assert_eq!(rows(&store).await?, [r#"{"kept":1}"#]);
    Ok(())
}

#[tokio::test]
async fn a_change_is_stored_when_the_redirect_leaves() -> TestResult {
    let store = sqlite().await?;
    let app = page(SessionLayer::new(store.clone()), |session: Session| async move {
        session.insert("user", "ada")?;
        Ok::<_, Error>((StatusCode::SEE_OTHER, [(header::LOCATION, "/")]))
    });

    let response = send(&app, "/", "").await;

    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(rows(&store).await?, [r#"{"user":"ada"}"#]);
    Ok(())
}

#[tokio::test]
async fn a_flush_followed_by_a_write_begins_a_new_session() -> TestResult {
    let store = sqlite().await?;
    let layer = SessionLayer::new(store.clone());
    let cookie = visitor(&site(layer.clone())).await;
    let app = page(layer, |session: Session| async move {
        session.flush().await?;
        session.insert("goodbye", &true)
    });

    let new = cookie_of(&send(&app, "/", &cookie).await).ok_or("a new session has a cookie")?;

    assert_ne!(key_in(&new), key_in(&cookie));
    assert_eq!(rows(&store).await?, [r#"{"goodbye":true}"#]);
    Ok(())
}

#[tokio::test]
async fn a_handler_that_panics_saves_nothing() -> TestResult {
    let probe = Probe::new();
    let app = page(SessionLayer::new(probe.clone()), |session: Session| async move {
        session.insert("n", &1).expect("the response is not out");
        if session.contains_key("n") {
            panic!("a bug in the application");
        }
    });

    let crash = tokio::spawn(app.oneshot(request("/", ""))).await;

    assert!(crash.is_err_and(|error| error.is_panic()));
    assert_eq!(probe.take_calls(), []);
    Ok(())
}

#[tokio::test]
async fn a_request_that_is_given_up_in_its_handler_saves_nothing() -> TestResult {
    let probe = Probe::new();
    let layer = SessionLayer::new(probe.clone());
    let cookie = visitor(&site(layer.clone())).await;
    let written = Arc::new(Notify::new());
    let app = page(layer, {
        let written = Arc::clone(&written);
        move |session: Session| async move {
            session.insert("n", &1).expect("the response is not out");
            written.notify_one();
            pending::<()>().await;
        }
    });
    let mut answer = Box::pin(app.oneshot(request("/", &cookie)));
    probe.take_calls();

    tokio::select! {
        _ = &mut answer => panic!("the handler never ends"),
        () = written.notified() => {}
    }
    drop(answer);
    // What was spawned would have its turn here.
    tokio::task::yield_now().await;

    assert_eq!(probe.take_calls(), [Op::Load]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_client_that_disconnects_does_not_cut_the_write() -> TestResult {
    let probe = Probe::new();
    let layer = SessionLayer::new(probe.clone());
    let cookie = visitor(&site(layer.clone())).await;
    let gate = probe.gate(Op::Save);
    let mut answer = Box::pin(site(layer.clone()).oneshot(request("/count", &cookie)));

    tokio::select! {
        _ = &mut answer => panic!("the write waits for the gate"),
        () = gate.arrival() => {}
    }
    drop(answer);
    gate.open();
    // A write that was cut would never be done: the clock of the runtime jumps to the end of our patience then.
    tokio::time::timeout(Duration::from_secs(60), gate.departure()).await?;

    assert_eq!(layer.open(&key_in(&cookie)).await?.get::<u64>("count")?, Some(1));
    Ok(())
}

#[tokio::test]
async fn an_outer_layer_that_fails_does_not_take_a_save_back() -> TestResult {
    let layer = SessionLayer::new(MemoryStore::new());
    let fail = |response: Response| async move {
        (StatusCode::INTERNAL_SERVER_ERROR, cookie_of(&response).unwrap_or_default())
    };
    let app = site(layer.clone()).layer(map_response(fail));

    let response = send(&app, "/write", "").await;

    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(layer.exists(&key_in(&text(response).await)).await?);
    Ok(())
}
