//! The session in a template: an extractor takes out what every page shows, with its types, and a page is its text.
//!
//! Run it with `cargo run --example template` and open <http://127.0.0.1:3000>. `LISTEN_ADDR` chooses another address.
//! A template engine takes `Visitor` as its context, in place of the `Display` here.

use std::{env, fmt};

use axum::{
    Form, Router,
    extract::FromRequestParts,
    http::request::Parts,
    response::{Html, Redirect},
    routing::get,
};
use jam_session::{BoxError, Error, MemoryStore, Session, SessionLayer};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// What the pages show of a session. Django's templates have `request.session`, the whole of it.
#[derive(Debug, Serialize)]
pub struct Visitor {
    name: Option<String>,
    colours: Vec<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let session = Session::from_request_parts(parts, state).await?;
        Ok(Self { name: session.get("name")?, colours: session.get("colours")?.unwrap_or_default() })
    }
}

/// The template. What visitors wrote is escaped, every time.
impl fmt::Display for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("stranger");
        write!(f, "<h1>hello {}</h1><ul>", escaped(name))?;
        for colour in &self.colours {
            write!(f, "<li>{}</li>", escaped(colour))?;
        }
        f.write_str("</ul><form method=post><input name=name> <input name=colour> <button>save</button></form>")
    }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |html, c| match c {
        '&' => html + "&amp;",
        '<' => html + "&lt;",
        '>' => html + "&gt;",
        '"' => html + "&quot;",
        '\'' => html + "&#39;",
        _ => html + c.encode_utf8(&mut [0; 4]),
    })
}

#[derive(Deserialize)]
struct Preferences {
    name: String,
    colour: String,
}

async fn page(visitor: Visitor) -> Html<String> {
    Html(visitor.to_string())
}

async fn save(session: Session, Form(form): Form<Preferences>) -> Result<Redirect, Error> {
    session.insert("name", &form.name)?;
    session.modify("colours", move |colours: Option<Vec<String>>| {
        let mut colours = colours.unwrap_or_default();
        colours.push(form.colour.clone());
        colours
    })?;
    Ok(Redirect::to("/"))
}

/// The application. Its sessions end with the process.
pub fn app() -> Router {
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(MemoryStore::new()).cookie_secure(false);
    Router::new().route("/", get(page).post(save)).layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app()).await?;
    Ok(())
}
