//! [`pages`]: an application in which one logs in and out, and is shown to others.

use std::sync::atomic::{AtomicU32, Ordering};

use axum::{
    Router,
    extract::Query,
    response::{Html, IntoResponse, Response},
    routing::{any, get},
};
use jam_session::{Error, Session, SessionLayer};

/// What every page says: who the visitor is, in `#who`.
async fn page(session: &Session) -> Result<Html<String>, Error> {
    let name: Option<String> = session.get("name")?;
    let name = name.as_deref().unwrap_or("nobody");
    Ok(Html(format!("<title>{name}</title><p id=who>{name}</p><a id=logout href=logout>log out</a>")))
}

/// Whoever asks is Alice, from now on.
async fn login(session: Session) -> Result<Html<String>, Error> {
    session.insert("name", "alice")?;
    page(&session).await
}

/// Alice, for a week.
async fn remember(session: Session) -> Result<Html<String>, Error> {
    session.set_expiry(7 * 24 * 60 * 60)?;
    login(session).await
}

/// Alice, until the browser is closed.
async fn until_closed(session: Session) -> Result<Html<String>, Error> {
    session.set_expiry(0)?;
    login(session).await
}

async fn logout(session: Session) -> Result<Html<String>, Error> {
    session.flush().await?;
    page(&session).await
}

/// A page that no browser is to keep.
async fn never_kept(session: Session) -> Result<Response, Error> {
    Ok(([("cache-control", "no-store")], page(&session).await?).into_response())
}

/// Each session has a number, in `#who`.
async fn numbered(session: Session) -> Result<Html<String>, Error> {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let number = session.setdefault("number", COUNT.fetch_add(1, Ordering::Relaxed))?;
    Ok(Html(format!("<p id=who>visitor {number}</p>")))
}

#[derive(serde::Deserialize)]
struct Towards {
    to: String,
}

/// A page of another site that leads to ours in three ways: `#link`, `#post` and a frame.
async fn elsewhere(Query(Towards { to }): Query<Towards>) -> Html<String> {
    Html(format!(
        "<p>another site<p><a id=link href='{to}'>link</a><form method=post action='{to}'><button id=post>post</button></form>\
         <iframe src='{to}'></iframe>"
    ))
}

/// Pages that log in (`/login`, `/remember`, `/until-closed`) and out (`/logout`), that say who the visitor is (`/`,
/// `/never-kept`, `/numbered`), and that stand for another site (`/elsewhere?to=…`).
pub fn pages(sessions: SessionLayer) -> Router {
    Router::new()
        .route("/", any(async |session: Session| page(&session).await))
        .route("/never-kept", get(never_kept))
        .route("/numbered", get(numbered))
        .route("/login", get(login))
        .route("/remember", get(remember))
        .route("/until-closed", get(until_closed))
        .route("/logout", get(logout))
        .layer(sessions)
        .route("/elsewhere", get(elsewhere))
}
