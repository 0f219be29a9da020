//! A site whose pages do one thing each with the session.

use axum::{Router, handler::Handler, routing::any};
use jam_session::{Error, LazySession, Session, SessionKey, SessionLayer};

use super::{cookie_of, send};

/// `/untouched`, `/read`, `/write`, `/count`, `/expire`, `/cycle`, `/cycle-and-write`, `/flush` and `/flush-lazily`.
pub(crate) fn site(layer: SessionLayer) -> Router {
    Router::new()
        .route("/untouched", any(|| async { "nothing to do with sessions" }))
        .route("/read", any(|session: Session| async move { format!("{:?}", session.keys()) }))
        .route("/write", any(|session: Session| async move { session.insert("written", &true) }))
        .route("/count", any(count))
        .route("/expire", any(|session: Session| async move { session.set_expiry(3600) }))
        .route("/expire-and-count", any(expire_and_count))
        .route("/cycle", any(|session: Session| async move { session.cycle_key() }))
        .route("/cycle-and-write", any(cycle_and_write))
        .route("/flush", any(|session: Session| async move { session.flush().await }))
        .route("/flush-lazily", any(|session: LazySession| async move { session.flush().await }))
        .layer(layer)
}

async fn count(session: Session) -> Result<String, Error> {
    Ok(session.modify("count", |n: Option<u64>| n.unwrap_or(0) + 1)?.to_string())
}

async fn expire_and_count(session: Session) -> Result<String, Error> {
    session.set_expiry(3600)?;
    count(session).await
}

async fn cycle_and_write(session: Session) -> Result<(), Error> {
    session.cycle_key()?;
    session.insert("cycled", &true)
}

/// An application of one page, `/`.
pub(crate) fn page<H, T>(layer: SessionLayer, handler: H) -> Router
where
    H: Handler<T, ()>,
    T: 'static,
{
    Router::new().route("/", any(handler)).layer(layer)
}

/// The cookie of a new visitor to a [`site`] whose session has `written`.
pub(crate) async fn visitor(site: &Router) -> String {
    cookie_of(&send(site, "/write", "").await).expect("the first write sets a cookie")
}

/// The key that a cookie carries.
pub(crate) fn key_in(cookie: &str) -> SessionKey {
    let (_, key) = cookie.split_once('=').expect("a cookie has a name and a value");
    SessionKey::parse(key).expect("the cookie carries a key")
}
