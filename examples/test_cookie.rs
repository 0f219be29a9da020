//! Finds out whether a browser keeps cookies: one page leaves a mark, the next one looks for it.
//!
//! Run it with `cargo run --example test_cookie` and open <http://127.0.0.1:3000>. `LISTEN_ADDR` chooses another
//! address.

use std::env;

use axum::{Router, response::Html, routing::get};
use jam_session::{BoxError, Error, MemoryStore, Session, SessionLayer};
use tokio::net::TcpListener;

async fn first(session: Session) -> Result<Html<&'static str>, Error> {
    session.set_test_cookie()?;
    Ok(Html("<a href=/second>does my browser keep cookies?</a>"))
}

async fn second(session: Session) -> Result<&'static str, Error> {
    if !session.test_cookie_worked() {
        return Ok("please switch on cookies and try again");
    }
    session.delete_test_cookie()?;
    Ok("your browser keeps cookies")
}

/// The application. Its sessions end with the process.
pub fn app() -> Router {
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(MemoryStore::new()).cookie_secure(false);
    Router::new().route("/", get(first)).route("/second", get(second)).layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app()).await?;
    Ok(())
}
