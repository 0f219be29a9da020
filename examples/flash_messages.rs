//! Flash messages: what a form has done is told on the next page, once.
//!
//! Run it with `cargo run --example flash_messages` and open <http://127.0.0.1:3000>. `LISTEN_ADDR` chooses another
//! address. Beside a Django that keeps its messages in the session, `DjangoMessages` does this in Django's format.

use std::env;

use axum::{
    Router,
    response::{Html, Redirect},
    routing::{get, post},
};
use jam_session::{BoxError, Error, MemoryStore, Session, SessionLayer};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

const MESSAGES: &str = "messages";

/// A sentence for the next page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    level: Level,
    text: String,
}

/// How it is shown.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something was done.
    Success,
    /// Something was not.
    Error,
}

/// Adds a message. Two requests at the same time lose none of theirs: the closure runs again on what is there.
pub fn flash(session: &Session, level: Level, text: &str) -> Result<(), Error> {
    let message = Message { level, text: text.to_owned() };
    session.modify(MESSAGES, move |messages: Option<Vec<Message>>| {
        let mut messages = messages.unwrap_or_default();
        messages.push(message.clone());
        messages
    })?;
    Ok(())
}

/// Takes all messages out: the page that shows them is the last that has them.
pub fn take(session: &Session) -> Result<Vec<Message>, Error> {
    Ok(session.pop(MESSAGES)?.unwrap_or_default())
}

async fn page(session: Session) -> Result<Html<String>, Error> {
    // The texts are our own; what visitors wrote would have to be escaped.
    let shown: Vec<String> =
        take(&session)?.iter().map(|message| format!("<p>{:?}: {}</p>", message.level, message.text)).collect();
    let form = "<form method=post action=/save><button>save</button></form>\
                <form method=post action=/delete><button>delete</button></form>";
    Ok(Html(shown.concat() + form))
}

async fn save(session: Session) -> Result<Redirect, Error> {
    flash(&session, Level::Success, "saved")?;
    Ok(Redirect::to("/"))
}

async fn delete(session: Session) -> Result<Redirect, Error> {
    flash(&session, Level::Error, "there is nothing to delete")?;
    Ok(Redirect::to("/"))
}

/// The application. Its sessions end with the process.
pub fn app() -> Router {
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(MemoryStore::new()).cookie_secure(false);
    Router::new().route("/", get(page)).route("/save", post(save)).route("/delete", post(delete)).layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app()).await?;
    Ok(())
}
