//! A stream of events that ends when its session is ended elsewhere.
//!
//! Run it with `cargo run --example server_sent_events --features sqlite`, log in with
//! `curl -c jar 127.0.0.1:3000/login`, watch `curl -N -b jar 127.0.0.1:3000/events`, and end it from another
//! terminal with `curl -b jar -X POST 127.0.0.1:3000/logout`.

use std::{convert::Infallible, env, time::Duration};

use axum::{
    Router,
    http::StatusCode,
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
    routing::{get, post},
};
use futures_util::stream;
use jam_session::{Error, Session, SessionLayer, SessionStore, SqliteStore};
use tokio::{net::TcpListener, time::interval};

/// Time between two events, and how long an ended session may go unnoticed.
const BEAT: Duration = Duration::from_secs(1);

async fn login(session: Session) -> Result<&'static str, Error> {
    session.cycle_key()?;
    session.insert("user", "ada")?;
    Ok("logged in\n")
}

async fn logout(session: Session) -> Result<&'static str, Error> {
    session.flush().await?;
    Ok("logged out\n")
}

async fn events(session: Session) -> Result<Response, Error> {
    if !session.contains_key("user") {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
    }
    // The stream goes on when the response has begun, so it has a session of its own.
    let state = (session.detached(), interval(BEAT), 0_u64);
    let stream = stream::unfold(state, |(session, mut interval, beats)| async move {
        interval.tick().await;
        // Ended, or nobody can say: the client comes back and is asked to log in, or to try again.
        if !session.revalidate().await.unwrap_or(false) {
            return None;
        }
        let event = Event::default().data(format!("beat {beats}"));
        Some((Ok::<_, Infallible>(event), (session, interval, beats + 1)))
    });
    Ok(Sse::new(stream).into_response())
}

/// The application, over any store.
pub fn app(store: impl SessionStore) -> Router {
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(store).cookie_secure(false);
    Router::new()
        .route("/login", get(login))
        .route("/logout", post(logout))
        .route("/events", get(events))
        .layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let database = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite:sessions.db".to_owned());

    let store = SqliteStore::connect(&database).await?;
    store.migrate().await?;

    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}, sessions in {database}", listener.local_addr()?);
    axum::serve(listener, app(store)).await?;
    Ok(())
}
