//! [`RequireFresh`]: a route for those who proved a moment ago who they are.

use std::time::Duration;

use axum_core::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use crate::session::{LazySession, Session};

/// Lets a request through whose user proved who they are in the last `SECONDS` seconds, and gives its session. The
/// others are answered with 403, and an extension of the response, [`NotFresh`], says why: an outer layer may make a
/// page of it that asks for the password again (ASVS 7.5.1, 7.5.3).
///
/// The time is that of the last [`mark_authenticated`](Session::mark_authenticated), which `DjangoAuth::login` calls.
///
/// ```
/// use axum::{Router, routing::post};
/// use jam_session::{Error, MemoryStore, RequireFresh, SessionLayer};
///
/// async fn delete_account(RequireFresh(session): RequireFresh<{ 5 * 60 }>) -> Result<(), Error> {
///     // …
///     session.flush().await
/// }
///
/// let app: Router = Router::new()
///     .route("/account/delete", post(delete_account))
///     .layer(SessionLayer::new(MemoryStore::new()));
/// ```
#[derive(Debug, Clone)]
pub struct RequireFresh<const SECONDS: u64>(pub Session);

/// Why [`RequireFresh`] let somebody not through: an extension of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotFresh {
    /// In this session nobody has proved who they are.
    NeverAuthenticated,
    /// Somebody has, but that was too long ago.
    TooLongAgo,
}

impl<S: Send + Sync, const SECONDS: u64> FromRequestParts<S> for RequireFresh<SECONDS> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Response> {
        let session = LazySession::of(&parts.extensions).map_err(IntoResponse::into_response)?;
        let session = session.load().await.map_err(IntoResponse::into_response)?;
        if session.authenticated_within(Duration::from_secs(SECONDS)) {
            return Ok(Self(session));
        }
        let never = session.authenticated_at().is_none();
        Err(if never { NotFresh::NeverAuthenticated } else { NotFresh::TooLongAgo }.into_response())
    }
}

impl IntoResponse for NotFresh {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::FORBIDDEN, "this needs a login of just now").into_response();
        response.extensions_mut().insert(self);
        response
    }
}
