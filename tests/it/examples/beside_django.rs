//! The Axum side of `beside_django`, over a table of users that the test makes. With a real Django a browser drives it.

use axum::body::Body;
use http::{Response, StatusCode, header};
use jam_session::{DjangoAuth, SessionKey, SessionLayer, SessionStore as _, Settings, Signer, SqliteStore, sqlx};

use super::Browser;
use crate::support::{TestResult, databases, text};

#[path = "../../../examples/beside_django/main.rs"]
#[expect(dead_code, reason = "an example is a program; here it is a module without a main")]
mod example;

const USERS: &str = "
    CREATE TABLE auth_user (id integer PRIMARY KEY, username text, password text, is_active bool);
    INSERT INTO auth_user VALUES (7, 'Tom & Jerry', 'pbkdf2_sha256$1$a$b', 1)";

/// A session in which Django has logged user 7 in.
async fn logged_in(store: &SqliteStore, signer: &Signer) -> TestResult<SessionKey> {
    let session = SessionLayer::with_settings(store.clone(), Settings::django())?.create().await?;
    DjangoAuth::new(signer.clone()).login(&session, "7", "pbkdf2_sha256$1$a$b").await?;
    session.save().await?;
    Ok(session.session_key().ok_or("it is saved")?)
}

fn goes_to_login(response: &Response<Body>) -> bool {
    let location = response.headers().get(header::LOCATION);
    response.status() == StatusCode::FOUND
        && location.is_some_and(|url| url == "http://django.example.com/admin/login/?next=/axum/")
}

#[tokio::test]
async fn the_axum_side_knows_who_logged_in_and_logs_out() -> TestResult {
    let Some(scratch) = databases::sqlite().await else { return Ok(()) };
    sqlx::raw_sql(USERS).execute(&scratch.pool).await?;
    let signer = Signer::new("a secret key of this test");
    let store: SqliteStore = SqliteStore::new(scratch.pool.clone()).signing(signer.clone());
    store.migrate().await?;
    let key = logged_in(&store, &signer).await?;
    let users = example::Users::Sqlite(scratch.pool.clone());
    let app = example::app(store.clone(), users, signer, "http://django.example.com");
    let mut browser = Browser::default();
    assert!(goes_to_login(&browser.get(&app, "/axum/").await));

    browser.cookie = format!("sessionid={}", key.as_str());
    let page = text(browser.get(&app, "/axum/").await).await;
    assert!(page.contains("logged in as Tom &amp; Jerry") && page.contains("count: 0"), "{page}");
    assert_eq!(browser.post(&app, "/axum/", "").await.status(), StatusCode::SEE_OTHER);
    let page = text(browser.get(&app, "/axum/").await).await;
    assert!(page.contains("count: 1") && page.contains("<li class=success>counted in Axum</li>"), "{page}");
    let page = text(browser.get(&app, "/axum/").await).await;
    assert!(page.contains("count: 1") && !page.contains("counted in Axum"), "{page}");

    assert_eq!(browser.post(&app, "/axum/logout", "").await.status(), StatusCode::SEE_OTHER);
    assert!(goes_to_login(&browser.get(&app, "/axum/").await));
    assert!(!store.exists(&key).await?);
    Ok(())
}
