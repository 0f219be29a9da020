//! Moves live sessions from the table of tower-sessions into ours, each when its visitor comes back.
//!
//! Their cookie holds 22 characters, ours 32, so no row can be copied under its key. The visitor brings the old cookie
//! once: [`move_in`] puts what it stands for into a new session of ours, whose cookie goes out with the response,
//! and deletes the old row. When the last old session would have expired, take the layer out and drop their table.

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::get,
};
use jam_session::{Error, LazySession, Session, SessionLayer, StoreError, sqlx};
use time::OffsetDateTime;
use tower_sessions_core::session::{Id, Record};

/// What their layer called its cookie, unless it was told otherwise.
const OLD_COOKIE: &str = "id";
/// With the attributes that it was set with. Leave it out if the new cookie has the old one's name.
const FORGET_OLD_COOKIE: HeaderValue =
    HeaderValue::from_static("id=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict");

/// Their table in SQLite. In PostgreSQL it is `"tower_sessions"."session"` and the placeholder `$1`, in MySQL
/// `` `tower_sessions`.`session` ``.
const SELECT: &str = "SELECT data FROM tower_sessions WHERE id = ?";
const DELETE: &str = "DELETE FROM tower_sessions WHERE id = ?";

/// Gives a visitor who comes with an old cookie, and without a session of ours, the old session's data in a new one.
/// It costs nothing where there is no old cookie. Put it below the [`SessionLayer`].
pub async fn move_in(
    State(old): State<sqlx::SqlitePool>,
    session: LazySession,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let Some(id) = old_id(request.headers()) else { return Ok(next.run(request).await) };
    let session = session.load().await?;
    if session.is_empty() {
        adopt(&old, id, &session).await?;
    }
    let mut response = next.run(request).await;
    response.headers_mut().append(header::SET_COOKIE, FORGET_OLD_COOKIE);
    Ok(response)
}

fn old_id(headers: &HeaderMap) -> Option<Id> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == OLD_COOKIE)?.1.parse().ok()
}

/// First the new session is stored, then the old one deleted: whatever breaks in between, the visitor keeps one. Two
/// requests that come together may make two; the browser keeps either.
async fn adopt(old: &sqlx::SqlitePool, id: Id, session: &Session) -> Result<(), Error> {
    let row: Option<(Vec<u8>,)> =
        sqlx::query_as(SELECT).bind(id.to_string()).fetch_optional(old).await.map_err(failed)?;
    let record: Option<Record> = row.and_then(|(data,)| rmp_serde::from_slice(&data).ok());
    let Some(record) = record.filter(|record| record.expiry_date > OffsetDateTime::now_utc()) else { return Ok(()) };
    session.update(record.data)?;
    session.save().await?;
    sqlx::query(DELETE).bind(id.to_string()).execute(old).await.map_err(failed)?;
    Ok(())
}

fn failed(error: sqlx::Error) -> Error {
    Error::Store(StoreError::Backend(error.into()))
}

async fn home(session: Session) -> Result<String, Error> {
    let name: Option<String> = session.get("name")?;
    Ok(format!("hello {}", name.as_deref().unwrap_or("stranger")))
}

/// An application that used tower-sessions before; `old` has their table.
pub fn app(sessions: SessionLayer, old: sqlx::SqlitePool) -> Router {
    Router::new().route("/", get(home)).layer(from_fn_with_state(old, move_in)).layer(sessions)
}
