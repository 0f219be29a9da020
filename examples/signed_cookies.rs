//! Keeps sessions in their cookies, and ends them all the same: an instant per user, before which nothing counts.
//!
//! Run it with `cargo run --example signed_cookies --features signing` and open <http://127.0.0.1:3000>.
//! `LISTEN_ADDR` chooses another address, and `SECRET_KEY` the key. Every name is let in; the password check is yours.

use std::{
    collections::HashMap,
    env,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{
    Extension, Form, Router,
    response::{Html, Redirect},
    routing::{get, post},
};
use jam_session::{BoxError, Clock, Error, Session, SessionLayer, SignedCookieStore, Signer};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::net::TcpListener;

/// Since when the cookies of a user count. An application with several servers keeps this in its database.
type Logouts = Arc<RwLock<HashMap<String, OffsetDateTime>>>;

#[derive(Deserialize)]
struct Login {
    name: String,
}

async fn home(session: Session) -> Result<Html<&'static str>, Error> {
    Ok(Html(match session.get::<String>("_auth_user_id")? {
        Some(_) => {
            "<p>you are logged in</p><form method=post action=/logout><button>log out everywhere</button></form>"
        }
        None => "<form method=post action=/login><input name=name> <button>log in</button></form>",
    }))
}

async fn login(session: Session, Form(login): Form<Login>) -> Result<Redirect, Error> {
    session.insert("_auth_user_id", &login.name)?;
    Ok(Redirect::to("/"))
}

async fn logout(session: Session, Extension(logouts): Extension<Logouts>) -> Result<Redirect, Error> {
    if let Some(user) = session.get::<String>("_auth_user_id")? {
        // Copies of the cookie, in whatever browser, are of no use from now on.
        logouts.write().unwrap_or_else(PoisonError::into_inner).insert(user, Clock::system().now());
    }
    session.flush().await?;
    Ok(Redirect::to("/"))
}

/// The application, with the key that its cookies are signed with.
pub fn app(secret_key: &str) -> Router {
    let logouts = Logouts::default();
    let store = SignedCookieStore::new(Signer::new(secret_key)).not_before({
        let logouts = Arc::clone(&logouts);
        move |user| logouts.read().unwrap_or_else(PoisonError::into_inner).get(user).copied()
    });
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(store).cookie_secure(false);
    let router = Router::new().route("/", get(home)).route("/login", post(login)).route("/logout", post(logout));
    router.layer(Extension(logouts)).layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    // Whoever knows the key can be anybody: a real one is random, and in no repository.
    let secret_key = env::var("SECRET_KEY").unwrap_or_else(|_| "only for this example".to_owned());

    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app(&secret_key)).await?;
    Ok(())
}
