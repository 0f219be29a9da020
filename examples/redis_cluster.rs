//! Counts a visitor's requests in a Redis Cluster.
//!
//! Three nodes on this machine are enough to try it:
//!
//! ```text
//! for port in 7001 7002 7003; do
//!   mkdir redis-$port
//!   redis-server --port $port --cluster-enabled yes --dir redis-$port --daemonize yes
//! done
//! redis-cli --cluster create 127.0.0.1:7001 127.0.0.1:7002 127.0.0.1:7003 --cluster-yes
//! ```
//!
//! Run it with `cargo run --example redis_cluster --features redis-cluster` and open <http://127.0.0.1:3000>. Arguments
//! are the URLs of some nodes instead of these three; each node names the others. `LISTEN_ADDR` chooses another address.

use std::env;

use axum::{Router, routing::get};
use jam_session::{BoxError, Cache, CacheStore, Error, RedisCache, Session, SessionLayer};
use tokio::net::TcpListener;

const LOCAL: [&str; 3] = ["redis://127.0.0.1:7001", "redis://127.0.0.1:7002", "redis://127.0.0.1:7003"];

async fn counter(session: Session) -> Result<String, Error> {
    let visits = session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(format!("visits: {visits}"))
}

/// The application, over any cache.
pub fn app(cache: impl Cache) -> Router {
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(CacheStore::new(cache)).cookie_secure(false);
    Router::new().route("/", get(counter)).layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let named: Vec<String> = env::args().skip(1).collect();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();

    let cache = RedisCache::cluster(if named.is_empty() { &LOCAL } else { &named })?;

    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}, {cache:?}", listener.local_addr()?);
    axum::serve(listener, app(cache)).await?;
    Ok(())
}
