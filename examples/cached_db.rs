//! Sessions in an SQLite file, with a cache in this process before it: a request that only reads asks no database.
//!
//! Run it with `cargo run --example cached_db --features sqlite,locmem` and open <http://127.0.0.1:3000>; `/read`
//! reads without a change. `LISTEN_ADDR` and `DATABASE_URL` choose another address and another file.

use std::{env, time::Duration};

use axum::{Router, routing::get};
use jam_session::{BoxError, CachedDbStore, Error, LocMemCache, Session, SessionLayer, SessionStore, SqliteStore};
use tokio::net::TcpListener;

async fn count(session: Session) -> Result<String, Error> {
    let visits = session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(format!("visits: {visits}"))
}

async fn read(session: Session) -> Result<String, Error> {
    Ok(format!("visits so far: {}", session.get::<u64>("visits")?.unwrap_or(0)))
}

/// The application, over any store, of which a cache keeps what is used.
pub fn app(store: impl SessionStore) -> Router {
    // At most 10,000 sessions and 16 MB. What another process changes is seen after two seconds.
    let cache = LocMemCache::with_limits(10_000, 16_000_000);
    let store = CachedDbStore::new(store, cache).time_to_live(Duration::from_secs(2));
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(store).cookie_secure(false);
    Router::new().route("/", get(count)).route("/read", get(read)).layer(sessions)
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
