//! A page on which a person sees where they are logged in, and ends what they do not know.
//!
//! Run it with `cargo run --example account_sessions --features sqlite`, open
//! <http://127.0.0.1:3000/login/ada> in two browsers, then <http://127.0.0.1:3000/sessions>.

use std::{env, fmt::Write as _};

use axum::{
    Form, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{Html, Redirect},
    routing::{get, post},
};
use jam_session::{Error, Session, SessionHandle, SessionLayer, SqliteStore, UserSession};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::net::TcpListener;

type Store = SqliteStore<UserSession>;

async fn login(session: Session, Path(user): Path<String>) -> Result<Redirect, Error> {
    session.cycle_key()?;
    session.insert("_auth_user_id", &user)?;
    Ok(Redirect::to("/sessions"))
}

async fn list(session: Session, State(store): State<Store>) -> Result<Html<String>, Error> {
    let user: String = session.require("_auth_user_id")?;
    let sessions = store.user(&user).list(session.session_key().as_ref(), OffsetDateTime::now_utc()).await?;
    let mut page = String::from("<h1>Where you are logged in</h1><ul>");
    for info in sessions {
        let here = if info.is_current { " (here)" } else { "" };
        // The browser says what it is: it is a stranger's text.
        let agent = info.user_agent.unwrap_or_default().replace('&', "&amp;").replace('<', "&lt;");
        let _ = write!(
            page,
            "<li>since {}{here} {agent}<form method=post action=/sessions/end>\
             <button name=handle value={}>End</button></form></li>",
            info.created, info.handle
        );
    }
    page.push_str("</ul><form method=post action=/sessions/end-others><button>End all others</button></form>");
    Ok(Html(page))
}

#[derive(Deserialize)]
struct End {
    handle: String,
}

async fn end(session: Session, State(store): State<Store>, Form(form): Form<End>) -> Result<Redirect, Error> {
    let user: String = session.require("_auth_user_id")?;
    store.user(&user).revoke(&SessionHandle::from(form.handle.as_str())).await?;
    Ok(Redirect::to("/sessions"))
}

async fn end_others(session: Session, State(store): State<Store>) -> Result<Redirect, StatusCode> {
    let user: Option<String> = session.get("_auth_user_id").ok().flatten();
    let (Some(user), Some(key)) = (user, session.session_key()) else { return Err(StatusCode::FORBIDDEN) };
    store.user(&user).revoke_others(&key).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Redirect::to("/sessions"))
}

/// The application.
pub fn app(store: Store) -> Router {
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(store.clone()).cookie_secure(false).record_user_agent(true);
    Router::new()
        .route("/login/{user}", get(login))
        .route("/sessions", get(list))
        .route("/sessions/end", post(end))
        .route("/sessions/end-others", post(end_others))
        .with_state(store)
        .layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), jam_session::BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let database = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite:account_sessions.db".to_owned());

    let pool = SqliteStore::connect(&database).await?.pool().clone();
    let store: Store = SqliteStore::new(pool);
    store.migrate().await?;

    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}, sessions in {database}", listener.local_addr()?);
    axum::serve(listener, app(store)).await?;
    Ok(())
}
