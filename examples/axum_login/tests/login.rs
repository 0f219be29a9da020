//! axum-login on our table: what a browser sees, and what is stored.

use std::{error::Error, fmt};

use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode, header},
    routing::post,
};
use axum_login::tower_sessions;
use http_body_util::BodyExt as _;
use jam_session::{Session, SessionLayer, SqliteStore, sqlx, testing::CookieJar};
use jam_session_axum_login::{User, Users, app, bridge};
use tower::ServiceExt as _;

type TestResult<T = ()> = Result<T, Box<dyn Error>>;

struct Site {
    app: Router,
    sessions: SessionLayer,
    pool: sqlx::SqlitePool,
}

impl Site {
    async fn new() -> TestResult<Self> {
        let store = SqliteStore::connect("sqlite::memory:").await?;
        store.migrate().await?;
        let pool = store.pool().clone();
        let sessions = SessionLayer::new(store);
        let users = ["ada", "bob"].into_iter().zip(1..).map(|(name, id)| User {
            id,
            name: name.to_owned(),
            password: "open sesame".to_owned(),
            stamp: vec![7; 4],
        });
        Ok(Self { app: app(sessions.clone(), Users::new(users.collect())), sessions, pool })
    }

    /// The number of the only row: it stays when a row is changed, also when that is its key.
    async fn only_row(&self) -> TestResult<i64> {
        Ok(sqlx::query_scalar("SELECT rowid FROM django_session").fetch_one(&self.pool).await?)
    }

    async fn rows(&self) -> TestResult<i64> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM django_session").fetch_one(&self.pool).await?)
    }
}

#[derive(Default)]
struct Browser {
    cookies: CookieJar,
}

impl Browser {
    async fn send(&mut self, app: &Router, mut request: Request<Body>) -> TestResult<Response<Body>> {
        self.cookies.add_to(&mut request);
        let response = app.clone().oneshot(request).await?;
        self.cookies.receive(&response);
        Ok(response)
    }

    async fn page(&mut self, app: &Router) -> TestResult<String> {
        let response = self.send(app, Request::new(Body::empty())).await?;
        Ok(String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?)
    }

    async fn post(&mut self, app: &Router, path: impl fmt::Display, form: String) -> TestResult<StatusCode> {
        let request = Request::post(path.to_string())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form))?;
        Ok(self.send(app, request).await?.status())
    }

    async fn log_in(&mut self, app: &Router, name: &str, password: &str) -> TestResult<StatusCode> {
        self.post(app, "/login", format!("name={name}&password={password}")).await
    }

    fn key(&self) -> Option<String> {
        self.cookies.get("sessionid").map(str::to_owned)
    }
}

#[tokio::test]
async fn a_login_renews_the_key_keeps_the_data_and_kills_the_old_key() -> TestResult {
    let (site, mut browser, mut planted) = (Site::new().await?, Browser::default(), Browser::default());
    assert_eq!(browser.page(&site.app).await?, "hello stranger, visit 1");
    planted.cookies.insert(&format!("sessionid={}", browser.key().ok_or("a visit is kept")?));
    sqlx::query("UPDATE django_session SET rowid = 700").execute(&site.pool).await?;

    assert_eq!(browser.log_in(&site.app, "ada", "open sesame").await?, StatusCode::SEE_OTHER);

    assert_ne!(browser.key(), planted.key());
    assert_eq!(site.only_row().await?, 700, "renewed in place");
    assert_eq!(browser.page(&site.app).await?, "hello ada, visit 2");
    assert_eq!(planted.page(&site.app).await?, "hello stranger, visit 1");
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_changes_and_stores_nothing() -> TestResult {
    let (site, mut browser) = (Site::new().await?, Browser::default());

    assert_eq!(browser.log_in(&site.app, "ada", "sesame").await?, StatusCode::UNAUTHORIZED);

    assert_eq!((browser.key(), site.rows().await?), (None, 0));
    Ok(())
}

#[tokio::test]
async fn a_logout_deletes_the_row_at_once() -> TestResult {
    let (site, mut browser, mut copy) = (Site::new().await?, Browser::default(), Browser::default());
    browser.log_in(&site.app, "ada", "open sesame").await?;
    copy.cookies.insert(&format!("sessionid={}", browser.key().ok_or("a login sets a cookie")?));
    assert_eq!(site.rows().await?, 1);

    browser.post(&site.app, "/logout", String::new()).await?;

    assert_eq!((browser.key(), site.rows().await?), (None, 0));
    assert_eq!(copy.page(&site.app).await?, "hello stranger, visit 1");
    Ok(())
}

#[tokio::test]
async fn another_user_finds_nothing_of_the_one_before() -> TestResult {
    let (site, mut browser) = (Site::new().await?, Browser::default());
    browser.log_in(&site.app, "ada", "open sesame").await?;
    browser.page(&site.app).await?;
    let adas = browser.key();

    browser.log_in(&site.app, "bob", "open sesame").await?;

    assert_ne!(browser.key(), adas);
    assert_eq!(browser.page(&site.app).await?, "hello bob, visit 1");
    assert_eq!(site.rows().await?, 1);
    Ok(())
}

/// Changes the session through both of its handles, in turns.
async fn both(ours: Session, axum::Extension(theirs): axum::Extension<tower_sessions::Session>) -> StatusCode {
    let changed = async {
        theirs.insert("theirs", 1).await.ok()?;
        ours.insert("ours", &2).ok()?;
        theirs.remove::<String>("old").await.ok()?
    };
    if changed.await.is_some() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
}

#[tokio::test]
async fn what_either_side_changed_is_stored_and_the_rest_stays_as_it_was() -> TestResult {
    let site = Site::new().await?;
    let session = site.sessions.create().await?;
    let key = session.session_key().ok_or("it is stored")?;
    sqlx::query(r#"UPDATE django_session SET session_data = '{"old":"gone","big":1e400,"kept":[1,2],"ours":1}'"#)
        .execute(&site.pool)
        .await?;
    let app =
        Router::new().route("/", post(both)).layer(axum::middleware::from_fn(bridge)).layer(site.sessions.clone());
    let mut browser = Browser::default();
    browser.cookies.insert(&format!("sessionid={}", key.as_str()));

    assert_eq!(browser.post(&app, "/", String::new()).await?, StatusCode::OK);

    let stored: String = sqlx::query_scalar("SELECT session_data FROM django_session").fetch_one(&site.pool).await?;
    assert_eq!(stored, r#"{"big":1e400,"kept":[1,2],"ours":2,"theirs":1}"#);
    Ok(())
}
