//! Keeps a visitor's notes in a file of their own: sessions without a database, for one machine.
//!
//! Run it with `cargo run --example file` and open <http://127.0.0.1:3000>. `LISTEN_ADDR` and `SESSION_FILE_PATH`
//! choose another address and another directory.

use std::{env, time::Duration};

use axum::{Form, Router, response::Redirect, routing::get};
use jam_session::{BoxError, Error, FileStore, Session, SessionLayer, SessionStore, management::clear_expired_every};
use serde::Deserialize;
use tokio::net::TcpListener;

#[derive(Deserialize)]
struct Note {
    text: String,
}

async fn notes(session: Session) -> Result<String, Error> {
    let notes: Vec<String> = session.get("notes")?.unwrap_or_default();
    Ok(if notes.is_empty() { "no notes yet; POST one as `text`".to_owned() } else { notes.join("\n") })
}

async fn add(session: Session, Form(note): Form<Note>) -> Result<Redirect, Error> {
    session.modify("notes", move |notes: Option<Vec<String>>| {
        let mut notes = notes.unwrap_or_default();
        notes.push(note.text.clone());
        notes
    })?;
    Ok(Redirect::to("/"))
}

/// The application, over any store.
pub fn app(store: impl SessionStore) -> Router {
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(store).cookie_secure(false);
    Router::new().route("/", get(notes).post(add)).layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    // Made with mode 0700 if it is missing: the names of the files are what opens a session.
    let store = match env::var("SESSION_FILE_PATH") {
        Ok(directory) => FileStore::new(directory)?,
        Err(_) => FileStore::in_temp_dir()?,
    };

    // Files of expired sessions stay until somebody removes them.
    let server_runs = std::future::pending();
    tokio::spawn(clear_expired_every(store.clone(), Duration::from_secs(300), server_runs));

    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}, sessions in {store:?}", listener.local_addr()?);
    axum::serve(listener, app(store)).await?;
    Ok(())
}
