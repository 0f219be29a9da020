//! The examples about these stores do what their first lines say.

use axum::{Router, body::Body};
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use jam_session::{FileStore, SqliteStore, sqlx, testing::CookieJar};
use tower::ServiceExt as _;

use crate::TestResult;

macro_rules! example {
    ($name:ident, $path:literal) => {
        #[path = $path]
        #[expect(dead_code, unreachable_pub, reason = "an example is a program; here it is a module without a main")]
        mod $name;
    };
}
example!(custom_serializer, "../../examples/custom_serializer.rs");
example!(file, "../../examples/file.rs");
example!(signed_cookies, "../../examples/signed_cookies.rs");

async fn send(app: &Router, jar: &mut CookieJar, path: &str, form: Option<&str>) -> TestResult<Response<Body>> {
    let mut request = match form {
        None => Request::get(path).body(Body::empty())?,
        Some(form) => Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))?,
    };
    jar.add_to(&mut request);
    let response = app.clone().oneshot(request).await?;
    jar.receive(&response);
    Ok(response)
}

async fn page(app: &Router, jar: &mut CookieJar) -> TestResult<String> {
    let body = send(app, jar, "/", None).await?.into_body().collect().await?;
    Ok(String::from_utf8(body.to_bytes().to_vec())?)
}

#[tokio::test]
async fn notes_are_kept_in_a_file() -> TestResult {
    let parent = tempfile::tempdir()?;
    let app = |path| TestResult::Ok(file::app(FileStore::new(path)?));
    let (directory, mut jar) = (parent.path().join("sessions"), CookieJar::new());
    let before = app(&directory)?;
    send(&before, &mut jar, "/", Some("text=one")).await?;
    send(&before, &mut jar, "/", Some("text=two")).await?;

    assert_eq!(page(&app(&directory)?, &mut jar).await?, "one\ntwo");
    assert!(page(&app(&directory)?, &mut CookieJar::new()).await?.contains("no notes"));
    Ok(())
}

#[tokio::test]
async fn logging_out_everywhere_ends_copies_of_a_cookie() -> TestResult {
    let app = signed_cookies::app("secret");
    let (mut jar, mut copy) = (CookieJar::new(), CookieJar::new());
    send(&app, &mut jar, "/login", Some("name=Django")).await?;
    copy.insert(&format!("sessionid={}", jar.get("sessionid").ok_or("a cookie")?));
    assert!(page(&app, &mut copy).await?.contains("logged in"));

    send(&app, &mut jar, "/logout", Some("")).await?;

    assert!(page(&app, &mut jar).await?.contains("log in"));
    assert!(!page(&app, &mut copy).await?.contains("logged in"));
    Ok(())
}

#[tokio::test]
async fn the_database_does_not_know_what_it_keeps() -> TestResult {
    let store = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    let (app, mut jar) = (custom_serializer::app(store.clone(), [7; 32]), CookieJar::new());
    for visits in ["visits: 1", "visits: 2"] {
        assert_eq!(page(&app, &mut jar).await?, visits);
    }

    let stored: String = sqlx::query_scalar("SELECT session_data FROM django_session").fetch_one(store.pool()).await?;
    assert!(!stored.contains("visits") && stored.len() > 40, "{stored}");
    // Another key reads nothing, and leaves what it cannot read.
    let other = custom_serializer::app(store.clone(), [8; 32]);
    assert_eq!(page(&other, &mut CookieJar::new()).await?, "visits: 1");
    assert_eq!(page(&app, &mut jar).await?, "visits: 3");
    Ok(())
}
