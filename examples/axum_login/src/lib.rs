//! axum-login over the sessions of this crate: it logs in, renews the key and logs out in our table.
//!
//! axum-login asks for the session type of tower-sessions; [`bridge`] gives it one that is ours.
//! `examples/axum_login/src/bridge.rs` is what to copy.

use axum::{
    Form, Router,
    http::StatusCode,
    middleware::from_fn,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use axum_login::{AuthManager, AuthSession};
use jam_session::{Error, Session, SessionLayer};
use tower_layer::layer_fn;

mod bridge;
pub use bridge::bridge;
mod users;
pub use users::{Login, User, Users};

/// A page that counts visits in our session and greets by theirs.
async fn home(session: Session, auth: AuthSession<Users>) -> Result<String, Error> {
    let visits = session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    let name = auth.user.map_or_else(|| "stranger".to_owned(), |user| user.name);
    Ok(format!("hello {name}, visit {visits}"))
}

async fn login(mut auth: AuthSession<Users>, Form(login): Form<Login>) -> Result<Response, StatusCode> {
    let user = auth.authenticate(login).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let Some(user) = user else { return Ok(StatusCode::UNAUTHORIZED.into_response()) };
    // What another user left in this browser is not for this one.
    if auth.user.as_ref().is_some_and(|other| other.id != user.id) {
        auth.logout().await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    }
    auth.login(&user).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Redirect::to("/").into_response())
}

async fn logout(mut auth: AuthSession<Users>) -> Result<Redirect, StatusCode> {
    auth.logout().await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Redirect::to("/"))
}

/// The application. The layer added last runs first: our sessions, then the bridge, then axum-login.
pub fn app(sessions: SessionLayer, users: Users) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .layer(layer_fn(move |inner| AuthManager::new(inner, users.clone(), "axum-login.data")))
        .layer(from_fn(bridge))
        .layer(sessions)
}
