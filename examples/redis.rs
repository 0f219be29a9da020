//! Counts a visitor's requests in Redis alone: all processes of the application share the sessions.
//!
//! Run it with `cargo run --example redis --features redis` and open <http://127.0.0.1:3000>. `LISTEN_ADDR` and
//! `REDIS_URL` (`redis://127.0.0.1:6379/0`) choose another address and another server; `rediss:` needs the feature
//! `redis-tls`.

use std::env;

use axum::{Router, routing::get};
use jam_session::{BoxError, Cache, CacheStore, Error, RedisCache, Session, SessionLayer};
use tokio::net::TcpListener;

async fn counter(session: Session) -> Result<String, Error> {
    let visits = session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(format!("visits: {visits}"))
}

/// The application, over any cache.
pub fn app(cache: impl Cache) -> Router {
    // Sites that share a Redis each have their own prefix, or their own database (the number in the URL).
    let store = CacheStore::new(cache).cache_key_prefix("counter:");
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(store).cookie_secure(false);
    Router::new().route("/", get(counter)).layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379/0".to_owned());

    // It connects with the first request, and again whenever the connection broke.
    let cache = RedisCache::connect(&url)?;

    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}, {cache:?}", listener.local_addr()?);
    axum::serve(listener, app(cache)).await?;
    Ok(())
}
