//! Uses sessions where there is no request: a job makes one, another one changes it, and a request sees both.
//!
//! Run it with `cargo run --example outside_a_request`. Its one request is made here and goes through no network.

use axum::{Router, body::Body, http::Request, routing::get};
use jam_session::{BoxError, Error, MemoryStore, Session, SessionKey, SessionLayer};
use tower::ServiceExt;

/// A job that begins a session: for somebody who is invited, or for a command that logs itself in.
pub async fn invite(sessions: &SessionLayer, name: &str) -> Result<SessionKey, Error> {
    let session = sessions.create().await?;
    session.insert("name", name)?;
    session.save().await?;
    session.session_key().ok_or(Error::NotCommitted)
}

/// A job that knows the key of a session. It says whether the session is still there.
pub async fn notify(sessions: &SessionLayer, key: &SessionKey, notice: &'static str) -> Result<bool, Error> {
    let session = sessions.open(key).await?;
    if session.is_empty() {
        return Ok(false); // the user has logged out, or the session has expired
    }
    // Requests may be changing the same session right now; nobody's change is lost.
    session.modify("notices", |notices: Option<Vec<String>>| {
        let mut notices = notices.unwrap_or_default();
        notices.push(notice.to_owned());
        notices
    })?;
    session.save().await?;
    Ok(true)
}

async fn notices(session: Session) -> Result<String, Error> {
    let name: String = session.require("name")?;
    let notices: Vec<String> = session.pop("notices")?.unwrap_or_default();
    Ok(format!("{name}: {}", notices.join(", ")))
}

/// The application, with the layer that the jobs use.
pub fn app(sessions: SessionLayer) -> Router {
    Router::new().route("/", get(notices)).layer(sessions)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let sessions = SessionLayer::new(MemoryStore::new());
    let key = invite(&sessions, "Django").await?;
    notify(&sessions, &key, "your export is ready").await?;

    // Whoever has the key has the session: an application does not print it.
    let cookie = format!("{}={}", sessions.settings().cookie_name, key.as_str());
    let request = Request::builder().header("cookie", cookie).body(Body::empty())?;
    let response = app(sessions.clone()).oneshot(request).await?;
    let page = axum::body::to_bytes(response.into_body(), 1024).await?;
    println!("{}", String::from_utf8_lossy(&page));

    sessions.delete(&key).await?;
    println!("still there after it was deleted: {}", notify(&sessions, &key, "nobody reads this").await?);
    Ok(())
}
