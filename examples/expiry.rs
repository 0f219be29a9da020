//! Gives a session an expiry of its own: `set_expiry` in each of its forms.
//!
//! Run it with `cargo run --example expiry` and open <http://127.0.0.1:3000>. `LISTEN_ADDR` chooses another address.

use std::{env, time::Duration};

use axum::{Router, response::Html, routing::get};
use jam_session::{BoxError, Error, Expiry, MemoryStore, Session, SessionLayer};
use time::OffsetDateTime;
use tokio::net::TcpListener;

const LINKS: &str = "<p><a href=/idle>idle</a> <a href=/browser>browser</a> <a href=/in>in</a> <a href=/at>at</a> \
                     <a href=/default>default</a>";

async fn home(session: Session) -> Result<Html<String>, Error> {
    let age = session.get_expiry_age()?.whole_seconds();
    let date = session.get_expiry_date()?;
    let at_browser_close = session.get_expire_at_browser_close()?;
    Ok(Html(format!("age {age} s, date {date}, at browser close: {at_browser_close} {LINKS}")))
}

/// A number is an idle time in seconds: five minutes after the last change.
async fn idle(session: Session) -> Result<Html<String>, Error> {
    session.set_expiry(300)?;
    home(session).await
}

/// `0` is a cookie that ends with the browser. What is stored lives for the cookie age.
async fn browser(session: Session) -> Result<Html<String>, Error> {
    session.set_expiry(0)?;
    home(session).await
}

/// A duration is an instant, counted from now: later changes do not move it.
async fn within(session: Session) -> Result<Html<String>, Error> {
    session.set_expiry(Duration::from_secs(60 * 60))?;
    home(session).await
}

/// A date is an instant, too.
async fn at(session: Session) -> Result<Html<String>, Error> {
    session.set_expiry(OffsetDateTime::from_unix_timestamp(4_102_444_800).map_or(Expiry::Default, Expiry::At))?;
    home(session).await
}

/// `None` is the cookie age again, which is two weeks.
async fn default(session: Session) -> Result<Html<String>, Error> {
    session.set_expiry(None)?;
    home(session).await
}

/// The application. Its sessions end with the process.
pub fn app() -> Router {
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(MemoryStore::new()).cookie_secure(false);
    Router::new()
        .route("/", get(home))
        .route("/idle", get(idle))
        .route("/browser", get(browser))
        .route("/in", get(within))
        .route("/at", get(at))
        .route("/default", get(default))
        .layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app()).await?;
    Ok(())
}
