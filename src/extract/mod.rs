//! Extractors for axum: [`Session`], [`LazySession`], [`NamedSession`], [`RequireFresh`], and `Option<Session>` where
//! the layer may be missing.

use std::{fmt, marker::PhantomData, ops::Deref};

use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use crate::{
    error::{Error, ErrorKind},
    events,
    session::{LazySession, Session},
};

mod require_fresh;
pub use require_fresh::{NotFresh, RequireFresh};

/// Loads the session of the request.
impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        LazySession::of(&parts.extensions)?.load().await
    }
}

/// `None` when no layer saw the request. A store that fails is still an error.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Error> {
        match LazySession::of(&parts.extensions) {
            Ok(session) => session.load().await.map(Some),
            Err(_) => Ok(None),
        }
    }
}

/// Does not load the session yet.
impl<S: Send + Sync> FromRequestParts<S> for LazySession {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        Self::of(&parts.extensions)
    }
}

/// The session of the layer that was given the name `N`, on a route with two of them. It derefs to [`Session`].
///
/// ```
/// use axum::{Router, routing::get};
/// use jam_session::{MemoryStore, NamedSession, Session, SessionLayer};
///
/// struct Admin;
///
/// async fn both(visitor: Session, admin: NamedSession<Admin>) -> String {
///     format!("{} and {}", visitor.keys().len(), admin.keys().len())
/// }
///
/// let app: Router = Router::new()
///     .route("/", get(both))
///     .layer(SessionLayer::new(MemoryStore::new()))
///     .layer(SessionLayer::new(MemoryStore::new()).cookie_name("admin_sessionid").named::<Admin>());
/// ```
pub struct NamedSession<N> {
    session: Session,
    name: PhantomData<fn() -> N>,
}

impl<N> NamedSession<N> {
    /// The session itself.
    #[must_use]
    pub fn into_inner(self) -> Session {
        self.session
    }
}

impl<N> Deref for NamedSession<N> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl<N> fmt::Debug for NamedSession<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.session.fmt(f)
    }
}

impl<S: Send + Sync, N: 'static> FromRequestParts<S> for NamedSession<N> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        let session = LazySession::named::<N>(&parts.extensions)?.load().await?;
        Ok(Self { session, name: PhantomData })
    }
}

/// A response without details; they go to the log. The layer puts its configured status in.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let kind = self.kind();
        let (status, body) = match kind {
            ErrorKind::Interrupted => (StatusCode::BAD_REQUEST, "the session has ended"),
            ErrorKind::StoreFailure => (StatusCode::SERVICE_UNAVAILABLE, "the service is unavailable"),
            ErrorKind::TooLarge | ErrorKind::Refused | ErrorKind::Application => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal server error")
            }
        };
        events::failed(&self, "a request failed for its session");
        let mut response = (status, body).into_response();
        response.extensions_mut().insert(kind);
        response
    }
}
