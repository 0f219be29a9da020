//! Logs a user in and out: the key changes at login, and nothing is left after logout.
//!
//! Run it with `cargo run --example login` and open <http://127.0.0.1:3000>. `LISTEN_ADDR` chooses another address.
//! Every name is let in; the password check is yours.

use std::env;

use axum::{
    Form, Router,
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use jam_session::{BoxError, Error, MemoryStore, Session, SessionLayer};
use serde::Deserialize;
use tokio::net::TcpListener;

const USER: &str = "user";

#[derive(Deserialize)]
struct Login {
    name: String,
}

async fn home(session: Session) -> Result<Html<String>, Error> {
    let page = match session.get::<String>(USER)? {
        Some(user) => format!("<p>hello {user}</p> <form method=post action=/logout><button>log out</button></form>"),
        None => "<form method=post action=/login><input name=name> <button>log in</button></form>".to_owned(),
    };
    Ok(Html(page))
}

async fn login(session: Session, Form(login): Form<Login>) -> Result<Response, Error> {
    // The name becomes part of a page.
    if login.name.is_empty() || !login.name.chars().all(char::is_alphanumeric) {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, "a name has letters and digits").into_response());
    }
    // What another user left in this browser is not for this one.
    if session.get::<String>(USER)?.is_some_and(|other| other != login.name) {
        session.flush().await?;
    }
    // Whoever planted a key in this browser before the login does not know the new one.
    session.cycle_key()?;
    session.insert(USER, &login.name)?;
    Ok(Redirect::to("/").into_response())
}

async fn logout(session: Session) -> Result<Redirect, Error> {
    session.flush().await?;
    Ok(Redirect::to("/"))
}

/// The application. Its sessions end with the process.
pub fn app() -> Router {
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(MemoryStore::new()).cookie_secure(false);
    Router::new().route("/", get(home)).route("/login", post(login)).route("/logout", post(logout)).layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app()).await?;
    Ok(())
}
