//! Visitors who had a session before the change.

use std::error::Error;

use axum::{Router, body::Body, http::Request};
use http_body_util::BodyExt as _;
use jam_session::{SessionLayer, SqliteStore, sqlx, testing::CookieJar};
use jam_session_from_tower_sessions::app;
use serde_json::json;
use time::{Duration, OffsetDateTime};
use tower::ServiceExt as _;
use tower_sessions_core::session::{Id, Record};

type TestResult<T = ()> = Result<T, Box<dyn Error>>;

struct Site {
    app: Router,
    pool: sqlx::SqlitePool,
}

impl Site {
    /// With the table that their `migrate` makes.
    async fn new() -> TestResult<Self> {
        let store = SqliteStore::connect("sqlite::memory:").await?;
        store.migrate().await?;
        let pool = store.pool().clone();
        sqlx::query(
            "CREATE TABLE tower_sessions (id text PRIMARY KEY NOT NULL, data blob NOT NULL, expiry_date integer NOT NULL)",
        )
        .execute(&pool)
        .await?;
        Ok(Self { app: app(SessionLayer::new(store), pool.clone()), pool })
    }

    /// Stores a session as their store does, and gives its cookie.
    async fn old_session(&self, lives: Duration) -> TestResult<String> {
        let expiry_date = OffsetDateTime::now_utc() + lives;
        let data = [("name".to_owned(), json!("Ada")), ("cart".to_owned(), json!({"apples": [1, 2.5, null]}))];
        let record = Record { id: Id::default(), data: data.into(), expiry_date };
        sqlx::query("INSERT INTO tower_sessions (id, data, expiry_date) VALUES (?, ?, ?)")
            .bind(record.id.to_string())
            .bind(rmp_serde::to_vec(&record)?)
            .bind(expiry_date.unix_timestamp())
            .execute(&self.pool)
            .await?;
        Ok(format!("id={}", record.id))
    }

    async fn visit(&self, jar: &mut CookieJar) -> TestResult<String> {
        let mut request = Request::new(Body::empty());
        jar.add_to(&mut request);
        let response = self.app.clone().oneshot(request).await?;
        jar.receive(&response);
        Ok(String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?)
    }

    async fn rows(&self, table: &str) -> TestResult<i64> {
        let count = match table {
            "ours" => sqlx::query_scalar("SELECT count(*) FROM django_session"),
            _ => sqlx::query_scalar("SELECT count(*) FROM tower_sessions"),
        };
        Ok(count.fetch_one(&self.pool).await?)
    }
}

fn browser_with(cookie: &str) -> CookieJar {
    let mut jar = CookieJar::new();
    jar.insert(cookie);
    jar
}

#[tokio::test]
async fn a_visitor_keeps_the_session_under_a_new_key_and_the_old_key_is_dead() -> TestResult {
    let site = Site::new().await?;
    let old = site.old_session(Duration::DAY).await?;
    let mut browser = browser_with(&old);

    assert_eq!(site.visit(&mut browser).await?, "hello Ada");

    assert_eq!(browser.get("id"), None, "the browser forgets the old cookie");
    assert_eq!(browser.get("sessionid").map(str::len), Some(32));
    assert_eq!(site.visit(&mut browser).await?, "hello Ada");
    assert_eq!(site.visit(&mut browser_with(&old)).await?, "hello stranger");
    assert_eq!((site.rows("ours").await?, site.rows("theirs").await?), (1, 0));
    let stored: String = sqlx::query_scalar("SELECT session_data FROM django_session").fetch_one(&site.pool).await?;
    let stored: serde_json::Value = serde_json::from_str(&stored)?;
    assert_eq!(stored, json!({"name": "Ada", "cart": {"apples": [1, 2.5, null]}}));
    Ok(())
}

#[tokio::test]
async fn an_old_session_that_has_expired_is_not_moved() -> TestResult {
    let site = Site::new().await?;
    let mut browser = browser_with(&site.old_session(-Duration::SECOND).await?);

    assert_eq!(site.visit(&mut browser).await?, "hello stranger");

    assert_eq!((browser.get("sessionid"), site.rows("ours").await?), (None, 0));
    Ok(())
}

#[tokio::test]
async fn a_cookie_that_stands_for_nothing_makes_no_session() -> TestResult {
    let site = Site::new().await?;
    for cookie in ["id=AAAAAAAAAAAAAAAAAAAAAA", "id=", "id=..%2F", "id=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(site.visit(&mut browser_with(cookie)).await?, "hello stranger", "{cookie}");
    }

    assert_eq!(site.rows("ours").await?, 0);
    Ok(())
}

#[tokio::test]
async fn whoever_has_a_session_of_ours_keeps_it() -> TestResult {
    let site = Site::new().await?;
    let mut browser = browser_with(&site.old_session(Duration::DAY).await?);
    site.visit(&mut browser).await?;
    let ours = browser.get("sessionid").map(str::to_owned);
    browser.insert(&site.old_session(Duration::DAY).await?);

    assert_eq!(site.visit(&mut browser).await?, "hello Ada");

    assert_eq!(browser.get("sessionid").map(str::to_owned), ours);
    assert_eq!((site.rows("ours").await?, site.rows("theirs").await?), (1, 1));
    Ok(())
}
