//! The examples with session models of their own, end to end.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, header},
    response::Response,
};
use jam_session::{SqliteStore, UserSession};
use tower::ServiceExt as _;

use crate::support::{TestResult, cookie_of, databases, send, text};

#[expect(dead_code, unreachable_pub, reason = "an example is a program of its own, with a main for people")]
#[path = "../../examples/account_sessions.rs"]
mod account_sessions;
#[expect(dead_code, unreachable_pub, reason = "an example is a program of its own, with a main for people")]
#[path = "../../examples/custom_session_model.rs"]
mod custom_session_model;

async fn post(app: &Router, path: &str, cookie: &str, form: &str) -> TestResult<Response<Body>> {
    let request = Request::builder().method(Method::POST).uri(path).header(header::COOKIE, cookie);
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    Ok(app.clone().oneshot(request.body(Body::from(form.to_owned()))?).await?)
}

#[tokio::test]
async fn a_column_of_ones_own_follows_the_session() -> TestResult {
    let Some(scratch) = databases::sqlite().await else { return Ok(()) };
    let store: SqliteStore<custom_session_model::AccountSession> = SqliteStore::new(scratch.pool.clone());
    store.migrate().await?;
    assert_eq!(store.check_schema().await?, []);
    let app = custom_session_model::app(store);

    for account in [7, 7, 8] {
        assert_eq!(post(&app, &format!("/login/{account}"), "", "").await?.status(), StatusCode::OK);
    }

    assert_eq!(text(send(&app, "/accounts/7", "").await).await, "account 7 has 2 sessions\n");
    assert_eq!(text(send(&app, "/accounts/9", "").await).await, "account 9 has 0 sessions\n");
    Ok(())
}

#[tokio::test]
async fn a_person_ends_sessions_from_a_page() -> TestResult {
    let Some(scratch) = databases::sqlite().await else { return Ok(()) };
    let store: SqliteStore<UserSession> = SqliteStore::new(scratch.pool.clone());
    store.migrate().await?;
    let app = account_sessions::app(store);
    let mut cookies = Vec::new();
    for _ in 0..3 {
        cookies.push(cookie_of(&send(&app, "/login/ada", "").await).ok_or("a login sets a cookie")?);
    }
    let page = text(send(&app, "/sessions", &cookies[0]).await).await;
    assert_eq!((page.matches("<li>").count(), page.matches("(here)").count()), (3, 1));
    assert!(cookies.iter().all(|cookie| !page.contains(cookie.trim_start_matches("sessionid="))));

    let other = page.split("<li>").find(|item| item.contains("value=") && !item.contains("(here)")).ok_or("another")?;
    let handle = other.split("value=").nth(1).and_then(|rest| rest.split('>').next()).ok_or("a handle")?;
    post(&app, "/sessions/end", &cookies[0], &format!("handle={handle}")).await?;
    let page = text(send(&app, "/sessions", &cookies[0]).await).await;
    assert_eq!(page.matches("<li>").count(), 2);

    post(&app, "/sessions/end-others", &cookies[0], "").await?;
    let page = text(send(&app, "/sessions", &cookies[0]).await).await;
    assert_eq!(page.matches("<li>").count(), 1);
    assert_eq!(send(&app, "/sessions", &cookies[1]).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    Ok(())
}
