//! The examples do what their first lines say. The tests drive the same `app()` that `main` serves.

use axum::{Router, body::Body};
use http::{Request, Response, StatusCode, header};
use jam_session::{MemoryStore, SessionLayer, SqliteStore};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::support::{TestResult, cookie_of, request, send, text};

macro_rules! example {
    ($name:ident, $path:literal) => {
        #[path = $path]
        #[expect(dead_code, unreachable_pub, reason = "an example is a program; here it is a module without a main")]
        mod $name;
    };
}
mod beside_django;
mod pages;
mod program;

example!(counter, "../../examples/counter.rs");
example!(expiry, "../../examples/expiry.rs");
example!(login, "../../examples/login.rs");
example!(outside_a_request, "../../examples/outside_a_request.rs");
example!(plain_tower, "../../examples/plain_tower.rs");
example!(test_cookie, "../../examples/test_cookie.rs");

/// What a browser keeps: the last session cookie that it was given.
#[derive(Default)]
struct Browser {
    cookie: String,
}

impl Browser {
    async fn get(&mut self, app: &Router, path: &str) -> Response<Body> {
        let response = send(app, path, &self.cookie).await;
        self.keep(response)
    }

    async fn post(&mut self, app: &Router, path: &str, form: &'static str) -> Response<Body> {
        let mut request = request(path, &self.cookie).map(|_| Body::from(form));
        *request.method_mut() = http::Method::POST;
        let form_type = header::HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form_type);
        let Ok(response) = app.clone().oneshot(request).await;
        self.keep(response)
    }

    fn keep(&mut self, response: Response<Body>) -> Response<Body> {
        if let Some(cookie) = cookie_of(&response) {
            self.cookie = cookie;
        }
        response
    }
}

async fn sqlite_file(directory: &tempfile::TempDir) -> TestResult<SqliteStore> {
    let store = SqliteStore::connect(&sqlite_url(directory)).await?;
    store.migrate().await?;
    Ok(store)
}

fn sqlite_url(directory: &tempfile::TempDir) -> String {
    format!("sqlite:{}", directory.path().join("sessions.db").display())
}

#[tokio::test]
async fn the_counter_goes_on_where_another_process_left_it() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (mut browser, mut other) = (Browser::default(), Browser::default());
    let before = counter::app(sqlite_file(&directory).await?);
    for expected in ["visits: 1", "visits: 2", "visits: 3"] {
        assert_eq!(text(browser.get(&before, "/").await).await, expected);
    }

    let after = counter::app(sqlite_file(&directory).await?);

    assert_eq!(text(browser.get(&after, "/").await).await, "visits: 4");
    assert_eq!(text(other.get(&after, "/").await).await, "visits: 1");
    Ok(())
}

#[tokio::test]
async fn two_hundred_overlapping_visits_count_as_two_hundred() -> TestResult {
    let directory = tempfile::tempdir()?;
    let app = counter::app(sqlite_file(&directory).await?);
    let mut browser = Browser::default();
    browser.get(&app, "/").await;

    visit_at_once(&app, &browser.cookie, 200).await;

    assert_eq!(text(browser.get(&app, "/").await).await, "visits: 202");
    Ok(())
}

async fn visit_at_once(app: &Router, cookie: &str, times: usize) {
    let mut visits = JoinSet::new();
    for _ in 0..times {
        let (app, cookie) = (app.clone(), cookie.to_owned());
        visits.spawn(async move { send(&app, "/", &cookie).await.status() });
    }
    let statuses = visits.join_all().await;
    assert!(statuses.iter().all(StatusCode::is_success), "{statuses:?}");
}

#[tokio::test]
async fn login_changes_the_key_and_logout_leaves_nothing() -> TestResult {
    let app = login::app();
    let mut browser = Browser::default();
    assert!(text(browser.get(&app, "/").await).await.contains("log in"));
    browser.post(&app, "/login", "name=Django").await;
    let first = browser.cookie.clone();
    browser.post(&app, "/login", "name=Django").await;
    let second = browser.cookie.clone();

    assert_ne!(first, second);
    assert!(text(browser.get(&app, "/").await).await.contains("hello Django"));
    assert!(text(send(&app, "/", &first).await).await.contains("log in"));

    browser.post(&app, "/logout", "").await;
    assert_eq!(browser.cookie, "sessionid=");
    assert!(text(send(&app, "/", &second).await).await.contains("log in"));
    Ok(())
}

#[tokio::test]
async fn login_gives_another_user_another_session() -> TestResult {
    let app = login::app();
    let mut browser = Browser::default();
    browser.post(&app, "/login", "name=Django").await;
    let first = browser.cookie.clone();

    browser.post(&app, "/login", "name=Stephane").await;
    assert!(text(browser.get(&app, "/").await).await.contains("hello Stephane"));
    assert!(text(send(&app, "/", &first).await).await.contains("log in"));

    let refused = browser.post(&app, "/login", "name=%3Cscript%3E").await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    Ok(())
}

#[tokio::test]
async fn each_form_of_an_expiry_shows_in_the_session_and_in_the_cookie() -> TestResult {
    let app = expiry::app();
    let mut browser = Browser::default();
    for (path, page, ages) in [
        ("/idle", "age 300 s", Some(300..=300)),
        ("/browser", "at browser close: true", None),
        ("/in", "at browser close: false", Some(3000..=3600)),
        ("/at", "date 2100-01-01 0:00:00.0 +00:00:00", Some(34_560_000..=34_560_000)),
        ("/default", "age 1209600 s", Some(1_209_600..=1_209_600)),
    ] {
        let response = browser.get(&app, path).await;
        let set_cookie = response.headers()[header::SET_COOKIE].to_str()?.to_owned();
        let body = text(response).await;
        let age = set_cookie.split("; ").find_map(|part| part.strip_prefix("Max-Age="));
        let age: Option<u64> = age.map(str::parse).transpose()?;

        assert!(body.contains(page), "{path}: {body}");
        assert_eq!(age.is_some(), ages.is_some(), "{path}: {set_cookie}");
        assert!(age.zip(ages).is_none_or(|(age, ages)| ages.contains(&age)), "{path}: {set_cookie}");
    }
    Ok(())
}

#[tokio::test]
async fn a_browser_without_cookies_is_told_so() -> TestResult {
    let app = test_cookie::app();
    let mut browser = Browser::default();
    browser.get(&app, "/").await;

    assert_eq!(text(browser.get(&app, "/second").await).await, "your browser keeps cookies");
    let without = text(send(&app, "/second", "").await).await;
    assert_eq!(without, "please switch on cookies and try again");
    Ok(())
}

#[tokio::test]
async fn a_plain_service_counts_visits_too() -> TestResult {
    let app = plain_tower::app();
    let response = app.clone().oneshot(Request::new(String::new())).await?;
    let cookie = response.headers()[header::SET_COOKIE].to_str()?.split(';').next().unwrap_or_default().to_owned();

    let again = Request::builder().header(header::COOKIE, cookie).body(String::new())?;

    assert_eq!(app.oneshot(again).await?.body(), "visits: 2");
    Ok(())
}

#[tokio::test]
async fn a_job_and_a_request_share_a_session() -> TestResult {
    let sessions = SessionLayer::new(MemoryStore::new());
    let key = outside_a_request::invite(&sessions, "Django").await?;
    let cookie = format!("sessionid={}", key.as_str());
    let app = outside_a_request::app(sessions.clone());

    assert!(outside_a_request::notify(&sessions, &key, "one").await?);
    assert!(outside_a_request::notify(&sessions, &key, "two").await?);
    assert_eq!(text(send(&app, "/", &cookie).await).await, "Django: one, two");
    assert_eq!(text(send(&app, "/", &cookie).await).await, "Django: ");

    sessions.delete(&key).await?;
    assert!(!outside_a_request::notify(&sessions, &key, "three").await?);
    Ok(())
}
