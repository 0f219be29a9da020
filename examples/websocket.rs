//! A WebSocket that counts its messages in the session, and closes when the session is ended elsewhere.
//!
//! Run it with `cargo run --example websocket --features sqlite`, visit <http://127.0.0.1:3000/login>, and connect
//! to `ws://127.0.0.1:3000/ws` with the cookie. `POST /logout` ends the session, and with it the connection.

use std::{env, time::Duration};

use axum::{
    Router,
    extract::ws::{Message, WebSocket, WebSocketUpgrade},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use jam_session::{Error, Session, SessionLayer, SessionStore, SqliteStore};
use tokio::net::TcpListener;

/// How long an ended session may go unnoticed by a connection that is silent.
const PATIENCE: Duration = Duration::from_secs(5);

async fn login(session: Session) -> Result<&'static str, Error> {
    session.cycle_key()?;
    session.insert("user", "ada")?;
    Ok("logged in")
}

async fn logout(session: Session) -> Result<&'static str, Error> {
    session.flush().await?;
    Ok("logged out")
}

async fn upgrade(session: Session, upgrade: WebSocketUpgrade) -> Response {
    if !session.contains_key("user") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    // The response that switches protocols ends the request; from then on the session saves on its own.
    let session = session.detached();
    upgrade.on_upgrade(async move |socket| {
        // The client is gone, or its session is: there is nobody left to tell.
        let _ = talk(socket, session).await;
    })
}

async fn talk(mut socket: WebSocket, session: Session) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    while session.revalidate().await? {
        let Ok(message) = tokio::time::timeout(PATIENCE, socket.recv()).await else { continue };
        let Some(Ok(Message::Text(_))) = message else { return Ok(()) };
        session.modify("messages", |n: Option<u64>| n.unwrap_or(0) + 1)?;
        // An ended session is not saved: the error ends this connection, too.
        session.save().await?;
        let count: u64 = session.require("messages")?;
        socket.send(Message::from(format!("messages: {count}"))).await?;
    }
    socket.send(Message::Close(None)).await?;
    Ok(())
}

/// The application, over any store.
pub fn app(store: impl SessionStore) -> Router {
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(store).cookie_secure(false);
    Router::new().route("/login", get(login)).route("/logout", post(logout)).route("/ws", any(upgrade)).layer(sessions)
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
