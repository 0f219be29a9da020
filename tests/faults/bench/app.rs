//! The application under test: each route is one operation on the session.

use axum::{
    Json, Router,
    body::Body,
    extract::{FromRequestParts, Path},
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{Request, StatusCode, header, request::Parts};
use http_body_util::BodyExt as _;
use jam_session::{Error, SaveMode, Session, SessionLayer, SessionStore};
use tower::ServiceExt as _;

use super::{TestResult, http::Answer};

type Reply = Result<String, Error>;

/// A session that is stored: who has none is anonymous, which is a 401 and writes nothing.
struct Stored(Session);

impl<S: Send + Sync> FromRequestParts<S> for Stored {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let session = Session::from_request_parts(parts, state).await.map_err(Error::into_response)?;
        match session.session_key() {
            Some(_) => Ok(Self(session)),
            None => Err(StatusCode::UNAUTHORIZED.into_response()),
        }
    }
}

/// Whose session it is: a number, as all values here.
pub(crate) const USER: &str = "user";

pub(crate) fn layer(store: impl SessionStore, mode: SaveMode) -> SessionLayer {
    SessionLayer::new(store).save_mode(mode).identity_keys([USER])
}

pub(crate) fn app(layer: SessionLayer) -> Router {
    Router::new()
        .route("/begin", get(begin))
        .route("/all", get(all))
        .route("/set/{key}/{value}", get(set))
        .route("/remove/{key}", get(remove))
        .route("/add/{key}", get(add))
        .route("/add_and_save/{key}", get(add_and_save))
        .route("/slow/{micros}", get(slow))
        .route("/linger/{micros}", get(linger))
        .route("/login", get(login))
        .route("/sign_in/{user}", get(sign_in))
        .route("/logout", get(logout))
        .layer(layer)
}

async fn begin(session: Session) -> Reply {
    session.insert("n", &0)?;
    Ok(String::new())
}

async fn all(Stored(session): Stored) -> Response {
    let items = session.items().into_iter();
    let items: Result<serde_json::Map<_, _>, _> =
        items.map(|(name, raw)| Ok::<_, serde_json::Error>((name, serde_json::from_str(raw.as_str())?))).collect();
    items.map_or_else(|_| StatusCode::IM_A_TEAPOT.into_response(), |items| Json(items).into_response())
}

async fn set(Stored(session): Stored, Path((key, value)): Path<(String, i64)>) -> Reply {
    session.insert(&key, &value)?;
    Ok(String::new())
}

async fn remove(Stored(session): Stored, Path(key): Path<String>) -> Reply {
    session.remove(&key)?;
    Ok(String::new())
}

async fn add(Stored(session): Stored, Path(key): Path<String>) -> Reply {
    session.modify(&key, |n: Option<i64>| n.unwrap_or(0) + 1)?;
    Ok(String::new())
}

/// Answers what was stored.
async fn add_and_save(Stored(session): Stored, Path(key): Path<String>) -> Reply {
    session.modify(&key, |n: Option<i64>| n.unwrap_or(0) + 1)?;
    session.save().await?;
    Ok(session.require::<i64>(&key)?.to_string())
}

/// Has its session in hand for a while before it changes it.
async fn slow(Stored(session): Stored, Path(micros): Path<u64>) -> Reply {
    super::spend(micros).await;
    session.insert("slow", &micros)?;
    Ok(String::new())
}

/// Has its session in hand for a while.
async fn linger(Stored(session): Stored, Path(micros): Path<u64>) -> String {
    super::spend(micros).await;
    session.keys().join(",")
}

async fn login(Stored(session): Stored) -> Reply {
    session.cycle_key()?;
    Ok(String::new())
}

/// A new key, and whose session it is.
async fn sign_in(Stored(session): Stored, Path(user): Path<i64>) -> Reply {
    session.cycle_key()?;
    session.insert(USER, &user)?;
    Ok(String::new())
}

async fn logout(Stored(session): Stored) -> Reply {
    session.flush().await?;
    Ok(String::new())
}

/// Sends a request to the application in this process.
pub(crate) async fn send(app: &Router, path: &str, cookie: &str) -> TestResult<Answer> {
    let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty())?;
    let Ok(response) = app.clone().oneshot(request).await;
    let (parts, body) = response.into_parts();
    let set_cookie = parts.headers.get(header::SET_COOKIE).map(|value| value.to_str()).transpose()?;
    let body = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
    Ok(Answer { status: parts.status.as_u16(), cookie: set_cookie.and_then(Answer::cookie_in), body })
}

/// Begins a session, whose dictionary is then `{"n":0}`, and gives its cookie.
pub(crate) async fn begun(app: &Router) -> TestResult<String> {
    let answer = send(app, "/begin", "").await?;
    answer.cookie.ok_or_else(|| format!("no session begun: {}", answer.status).into())
}
