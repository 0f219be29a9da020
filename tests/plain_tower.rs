//! The layer without axum: `ServiceBuilder`, `service_fn`, and `http` types.

use http::{Request, Response, StatusCode, header};
use jam_session::{Error, LazySession, SessionLayer, SqliteStore, sqlx};
use tower::{Service, ServiceBuilder, ServiceExt as _, util::BoxCloneService};

type TestResult = Result<(), Box<dyn std::error::Error>>;
type Site = BoxCloneService<Request<String>, Response<String>, Error>;

async fn answer(request: Request<String>) -> Result<Response<String>, Error> {
    let session = LazySession::of(request.extensions())?;
    let body = match request.uri().path() {
        "/count" => {
            let session = session.load().await?;
            session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?.to_string()
        }
        "/login" => {
            let session = session.load().await?;
            session.cycle_key()?;
            session.insert("user", "ada")?;
            let redirect = Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, "/count");
            return Ok(redirect.body(String::new()).expect("a plain redirect"));
        }
        "/logout" => {
            session.flush().await?;
            String::new()
        }
        "/broken" => return Err(Error::MissingKey { key: "cart".to_owned() }),
        _ => "nothing to do with sessions".to_owned(),
    };
    Ok(Response::new(body))
}

async fn site() -> Result<(Site, SqliteStore), Box<dyn std::error::Error>> {
    let store = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    let service = ServiceBuilder::new().layer(SessionLayer::new(store.clone())).service_fn(answer);
    Ok((BoxCloneService::new(service), store))
}

async fn visit(site: &Site, path: &str, cookie: &str) -> Result<Response<String>, Error> {
    let mut request = Request::builder().uri(path);
    if !cookie.is_empty() {
        request = request.header(header::COOKIE, cookie);
    }
    let request = request.body(String::new()).expect("a plain request");
    site.clone().ready().await?.call(request).await
}

fn set_cookie(response: &Response<String>) -> Option<&str> {
    response.headers().get(header::SET_COOKIE)?.to_str().ok()
}

fn cookie_of(response: &Response<String>) -> Option<String> {
    Some(set_cookie(response)?.split(';').next()?.to_owned())
}

async fn rows(store: &SqliteStore) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT count(*) FROM django_session").fetch_one(store.pool()).await
}

#[tokio::test]
async fn a_visitor_is_counted_under_one_key() -> TestResult {
    let (site, store) = site().await?;

    let first = visit(&site, "/count", "").await?;
    let cookie = cookie_of(&first).ok_or("the first write sets a cookie")?;
    let second = visit(&site, "/count", &cookie).await?;

    assert_eq!((first.body().as_str(), second.body().as_str()), ("1", "2"));
    assert_eq!(cookie_of(&second), Some(cookie));
    assert_eq!(rows(&store).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_request_that_leaves_its_session_alone_gets_no_header() -> TestResult {
    let (site, store) = site().await?;

    let response = visit(&site, "/", "sessionid=0123456789abcdefghijklmnopqrstuv").await?;

    assert!(response.headers().is_empty());
    assert_eq!(rows(&store).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_redirect_after_a_login_leaves_when_the_new_key_is_stored() -> TestResult {
    let (site, store) = site().await?;
    let before = cookie_of(&visit(&site, "/count", "").await?).ok_or("the first write sets a cookie")?;

    let redirect = visit(&site, "/login", &before).await?;
    let after = cookie_of(&redirect).ok_or("a new key is a new cookie")?;

    assert_eq!((redirect.status(), &redirect.headers()[header::LOCATION]), (StatusCode::SEE_OTHER, &"/count".parse()?));
    assert_ne!(before, after);
    assert_eq!(rows(&store).await?, 1);
    assert_eq!(visit(&site, "/count", &after).await?.body(), "2");
    Ok(())
}

#[tokio::test]
async fn a_logout_deletes_the_row_and_the_cookie() -> TestResult {
    let (site, store) = site().await?;
    let cookie = cookie_of(&visit(&site, "/count", "").await?).ok_or("the first write sets a cookie")?;

    let goodbye = visit(&site, "/logout", &cookie).await?;

    assert!(set_cookie(&goodbye).is_some_and(|text| text.starts_with("sessionid=;") && text.contains("Max-Age=0")));
    assert_eq!(rows(&store).await?, 0);
    assert_eq!(visit(&site, "/count", &cookie).await?.body(), "1");
    Ok(())
}

#[tokio::test]
async fn an_error_of_the_inner_service_passes_through() -> TestResult {
    let (site, _store) = site().await?;

    let error = visit(&site, "/broken", "").await.err().ok_or("the service failed")?;

    assert!(matches!(error, Error::MissingKey { .. }));
    Ok(())
}

#[tokio::test]
async fn a_request_that_no_layer_saw_has_no_session() {
    let error = answer(Request::builder().uri("/count").body(String::new()).unwrap()).await.unwrap_err();

    assert!(matches!(error, Error::MissingLayer));
    assert!(error.to_string().contains("SessionLayer::new(store)"));
}
