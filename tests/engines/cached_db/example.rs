//! The example does what its first lines say.

use axum::{Router, body::Body};
use http::{Request, header};
use http_body_util::BodyExt as _;
use jam_session::{SessionStore as _, SqliteStore};
use tower::ServiceExt as _;

use crate::TestResult;

#[path = "../../../examples/cached_db.rs"]
#[expect(dead_code, unreachable_pub, reason = "an example is a program; here it is a module without a main")]
mod cached_db;

/// The body, and the cookie that came with it.
async fn visit(app: &Router, path: &str, cookie: &str) -> TestResult<(String, Option<String>)> {
    let request = Request::builder().uri(path).header(header::COOKIE, cookie).body(Body::empty())?;
    let Ok(response) = app.clone().oneshot(request).await;
    let cookie =
        response.headers().get(header::SET_COOKIE).map(|value| value.to_str().map(str::to_owned)).transpose()?;
    let cookie = cookie.and_then(|cookie| Some(cookie.split(';').next()?.to_owned()));
    Ok((String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?, cookie))
}

#[tokio::test]
async fn a_visitor_is_counted_and_read_from_the_cache() -> TestResult {
    let store = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    let app = cached_db::app(store.clone());
    let (body, cookie) = visit(&app, "/", "").await?;
    let cookie = cookie.ok_or("the first response sets a cookie")?;
    assert_eq!(body, "visits: 1");
    assert_eq!(visit(&app, "/", &cookie).await?.0, "visits: 2");
    assert_eq!(visit(&app, "/read", &cookie).await?.0, "visits so far: 2");

    // Past the cache: it is not asked again for two seconds.
    store.delete(&jam_session::SessionKey::parse(&cookie["sessionid=".len()..])?).await?;
    assert_eq!(visit(&app, "/read", &cookie).await?.0, "visits so far: 2");
    Ok(())
}
