//! Removes expired sessions while the application runs, and stops when it does.
//!
//! Run it with `cargo run --example clear_expired_task --features sqlite`; Ctrl-C ends it. `LISTEN_ADDR` and
//! `DATABASE_URL` choose another address and another file.

use std::{env, time::Duration};

use axum::{Router, routing::get};
use jam_session::{Error, Session, SessionLayer, SessionStore, SqliteStore, management::clear_expired_every};
use tokio::{net::TcpListener, signal, sync::watch};

type BoxError = Box<dyn std::error::Error>;

async fn counter(session: Session) -> Result<String, Error> {
    // Soon expired, so that there is something to clear.
    session.set_expiry(60)?;
    let visits = session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(format!("visits: {visits}"))
}

/// The application, over any store.
pub fn app(store: impl SessionStore) -> Router {
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(store).cookie_secure(false);
    Router::new().route("/", get(counter)).layer(sessions)
}

/// Ready when the application is to stop.
async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is as good a reason.
    let _ = stop.wait_for(|stop| *stop).await;
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let database = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite:sessions.db".to_owned());

    let store = SqliteStore::connect(&database).await?;
    store.migrate().await?;

    let (stop, stop_receiver) = watch::channel(false);
    let cleaner =
        tokio::spawn(clear_expired_every(store.clone(), Duration::from_secs(300), stopped(stop_receiver.clone())));
    tokio::spawn(async move {
        let _ = signal::ctrl_c().await;
        stop.send_replace(true);
    });

    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}, sessions in {database}", listener.local_addr()?);
    axum::serve(listener, app(store)).with_graceful_shutdown(stopped(stop_receiver)).await?;
    // At most one batch is still under way.
    cleaner.await?;
    Ok(())
}
