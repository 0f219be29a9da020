//! What all servers have in common: the runtime, the listener, the allocator, the payload and the routes' answers.

use std::{env, error::Error, future::Future, sync::LazyLock};

use axum::{Router, routing::get, serve::ListenerExt as _};
use serde_json::Value;
use tokio::{net::TcpListener, runtime::Builder, signal::unix};

mod alloc;
pub mod payload;
mod statements;

pub type BoxError = Box<dyn Error + Send + Sync>;

/// Connections of every pool.
pub const POOL: u32 = 8;

/// Sessions that a cache in the process holds at most.
pub const CACHED: u32 = 100_000;

/// The name of every session cookie, so that requests are of one length but for the key.
pub const COOKIE: &str = "sessionid";

/// Two weeks: how long every session lives.
pub const AGE: std::time::Duration = std::time::Duration::from_secs(14 * 24 * 60 * 60);

/// What a new session holds.
pub static PAYLOAD: LazyLock<Vec<(String, Value)>> =
    LazyLock::new(|| payload::session(number("BENCH_SIZE", 200), number("BENCH_NAMES", 10)));

/// Where the sessions are kept, and which of its ways the server is to show.
pub struct Setup {
    pub database: String,
    pub variant: String,
    /// A Redis of the run's own, for the variants that have one as their cache.
    pub redis: String,
}

/// What `/read` answers.
pub fn shown(visits: Option<u64>, theme: Option<&str>) -> String {
    format!("{} {}", visits.unwrap_or_default(), theme.unwrap_or("none"))
}

fn number(name: &str, otherwise: usize) -> usize {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Serves what `app` builds on a free port of the loopback, says which, and ends with SIGTERM.
pub fn run<F: Future<Output = Result<Router, BoxError>>>(app: impl FnOnce(Setup) -> F) -> Result<(), BoxError> {
    if env::var_os("BENCH_COUNT").is_some() {
        statements::count();
    }
    LazyLock::force(&PAYLOAD);
    let text = |name: &str| env::var(name).unwrap_or_default();
    let setup =
        Setup { database: text("BENCH_DATABASE"), variant: text("BENCH_VARIANT"), redis: text("BENCH_REDIS") };
    let runtime = Builder::new_multi_thread().worker_threads(number("BENCH_WORKERS", 1)).enable_all().build()?;
    runtime.block_on(async {
        let app = app(setup).await?.route("/__stats", get(stats));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let mut end = unix::signal(unix::SignalKind::terminate())?;
        tokio::select! {
            served = async { axum::serve(listener, app).await } => served?,
            _ = end.recv() => {}
        }
        Ok(())
    })
}

/// Allocations, their bytes and statements since the start.
async fn stats() -> String {
    let (allocations, bytes) = alloc::counted();
    format!("{allocations} {bytes} {}", statements::counted())
}
