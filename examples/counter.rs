//! Counts a visitor's requests in an SQLite file: the count survives a restart.
//!
//! Run it with `cargo run --example counter --features sqlite` and open <http://127.0.0.1:3000>.
//! `LISTEN_ADDR` and `DATABASE_URL` choose another address and another file.

use std::env;

use axum::{Router, routing::get};
use jam_session::{BoxError, Error, Session, SessionLayer, SessionStore, SqliteStore};
use tokio::net::TcpListener;

async fn counter(session: Session) -> Result<String, Error> {
    let visits = session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(format!("visits: {visits}"))
}

/// The application, over any store.
pub fn app(store: impl SessionStore) -> Router {
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(store).cookie_secure(false);
    Router::new().route("/", get(counter)).layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let database = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite:sessions.db".to_owned());

    let store = SqliteStore::connect(&database).await?;
    store.migrate().await?;

    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}, sessions in {database}", listener.local_addr()?);
    axum::serve(listener, app(store)).await?;
    Ok(())
}
