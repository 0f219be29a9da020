//! Keys and values stay out of logs.

use std::fmt::Debug;

use jam_session::{
    Draft, MemoryStore, Record, Session, SessionLayer, SessionMiddleware, SqliteStore, StoredText, sqlx,
};
use serde_json::json;
use tower::Layer as _;

use super::stored;
use crate::support::{Log, Moment, TestResult, cookie_of, key_in, send, site, visitor};

const VALUE: &str = "hunter2";

/// Insists that neither the debug form nor the pretty one shows `key` or the value.
fn assert_discreet(thing: &impl Debug, key: &str) {
    let shown = format!("{thing:?} {thing:#?}");
    assert!(!shown.contains(key) && !shown.contains(VALUE), "{shown}");
}

#[tokio::test]
async fn debug_shows_no_key_and_no_value() -> TestResult {
    let (store, moment) = (MemoryStore::new(), Moment::new());
    let layer = SessionLayer::new(store.clone());
    let session = stored(&layer, &[("password", json!(VALUE))]).await;
    let key = session.session_key().ok_or("it is stored")?;
    let text = key.as_str().to_owned();
    let (data, stored) = (session.session_data(), StoredText(format!("{{\"a\":\"{VALUE}\"}}").into()));

    assert_discreet(&session, &text);
    assert_discreet(&session.detached(), &text);
    assert_discreet(&key, &text);
    assert_discreet(&data, &text);
    assert_discreet(&session.items().into_iter().map(|(_, raw)| raw).collect::<Vec<_>>(), &text);
    assert_discreet(&stored, &text);
    assert_discreet(&Record::new(key, data.clone(), moment.now(), stored), &text);
    assert_discreet(&Draft::new(data, moment.now()), &text);
    assert_discreet(&store, &text);
    assert_discreet(&layer, &text);
    let service: SessionMiddleware<_> = layer.layer("the inner service");
    assert_discreet(&service, &text);
    Ok(())
}

#[tokio::test]
async fn errors_show_no_value() -> TestResult {
    let layer = SessionLayer::new(MemoryStore::new());
    let session: Session = stored(&layer, &[("password", json!({ "plain": VALUE }))]).await;

    let error = session.get::<u32>("password").expect_err("an object is no number");

    assert!(!error.to_string().contains(VALUE));
    Ok(())
}

#[tokio::test]
async fn nothing_that_is_logged_contains_a_key() -> TestResult {
    let log = Log::of_all_threads();
    let store = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    let site = site(SessionLayer::new(store.clone()));
    let first = visitor(&site).await;
    let second = cookie_of(&send(&site, "/cycle-and-write", &first).await).ok_or("a new key")?;
    let both = format!("{first}; {second}");

    for (path, cookie) in [("/read", &second), ("/count", &second), ("/read", &first), ("/count", &both)] {
        assert!(send(&site, path, cookie).await.status().is_success());
    }
    sqlx::raw_sql("UPDATE django_session SET session_data = 'broken'").execute(store.pool()).await?;
    send(&site, "/read", &second).await;
    sqlx::raw_sql("DROP TABLE django_session").execute(store.pool()).await?;
    for path in ["/read", "/count", "/flush", "/flush-lazily"] {
        // Trying again does not make the table.
        assert_eq!(send(&site, path, &second).await.status(), 500, "{path}");
    }

    let lines = log.take();
    for expected in [
        "sqlx::query: summary=UPDATE django_session",
        "no table `django_session`",
        "cannot be used",
        "of which one is live and is used",
    ] {
        assert!(lines.iter().any(|line| line.contains(expected)), "not heard: {expected}");
    }
    for key in [key_in(&first), key_in(&second)] {
        let told: Vec<_> = lines.iter().filter(|line| line.contains(key.as_str())).collect();
        assert!(told.is_empty(), "{told:?}");
    }
    Ok(())
}
