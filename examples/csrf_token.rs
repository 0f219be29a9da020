//! A token against forged requests, kept in the session: a form that does not bring it back is refused.
//!
//! Run it with `cargo run --example csrf_token` and open <http://127.0.0.1:3000>. `LISTEN_ADDR` chooses another address.
//! `SameSite=Lax` already keeps the cookie from other sites' forms; the token also stands where a sibling subdomain is
//! not trusted, or a browser is old.

use std::{env, fmt::Write as _};

use axum::{
    Form, Router,
    http::StatusCode,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use jam_session::{BoxError, Error, MemoryStore, Session, SessionLayer};
use serde::Deserialize;
use tokio::net::TcpListener;

const TOKEN: &str = "csrf_token";

/// What a form says.
#[derive(Deserialize)]
struct Transfer {
    csrf_token: String,
    amount: u64,
}

/// The token of this session, made with the first form. A login removes it beside `cycle_key`, so that the next form
/// has a new one.
pub fn token(session: &Session) -> Result<String, Error> {
    if let Some(token) = session.get(TOKEN)? {
        return Ok(token);
    }
    let random: [u8; 32] = rand::random();
    let fresh = random.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    // Of two first forms at the same time one sets the token.
    session.setdefault(TOKEN, fresh)
}

/// Whether the form has the token of this session. A session without one has shown no form.
pub fn verify(session: &Session, sent: &str) -> Result<bool, Error> {
    let expected: Option<String> = session.get(TOKEN)?;
    Ok(expected.is_some_and(|expected| equal(expected.as_bytes(), sent.as_bytes())))
}

/// Looks at every byte, so that the time it takes does not tell how many were right.
fn equal(expected: &[u8], sent: &[u8]) -> bool {
    let differences = expected.iter().zip(sent).fold(0, |all, (a, b)| all | std::hint::black_box(a ^ b));
    expected.len() == sent.len() && differences == 0
}

async fn form(session: Session) -> Result<Html<String>, Error> {
    let token = token(&session)?;
    Ok(Html(format!(
        "<form method=post><input type=hidden name=csrf_token value={token}>\
         <input name=amount value=10> <button>transfer</button></form>"
    )))
}

async fn transfer(session: Session, Form(form): Form<Transfer>) -> Result<Response, Error> {
    if !verify(&session, &form.csrf_token)? {
        return Ok((StatusCode::FORBIDDEN, "this form is not one of ours, or it is too old").into_response());
    }
    let total = session.modify("total", move |total: Option<u64>| total.unwrap_or(0).saturating_add(form.amount))?;
    Ok(format!("transferred: {total}").into_response())
}

/// The application. Its sessions end with the process.
pub fn app() -> Router {
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(MemoryStore::new()).cookie_secure(false);
    Router::new().route("/", get(form).post(transfer)).layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app()).await?;
    Ok(())
}
