//! `DATABASE_URL=sqlite:sessions.db cargo run` in this folder, with the database that tower-sessions wrote.

use std::env;

use jam_session::{BoxError, SessionLayer, SqliteStore};
use jam_session_from_tower_sessions::app;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let database = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite:sessions.db".to_owned());
    let store = SqliteStore::connect(&database).await?;
    store.migrate().await?;
    let pool = store.pool().clone();
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(store).cookie_secure(false);
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app(sessions, pool)).await?;
    Ok(())
}
