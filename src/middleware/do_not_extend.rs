//! [`DoNotExtend`]: a route whose requests do not keep a session alive.

use std::task::{Context, Poll};

use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use crate::session::LazySession;

/// Marks every request of a route with [`Session::do_not_extend`](crate::Session::do_not_extend): a script that polls
/// says nothing about whether somebody sits before the screen. It belongs inside of the
/// [`SessionLayer`](crate::SessionLayer).
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use std::time::Duration;
/// use axum::{Router, routing::get};
/// use jam_session::{DoNotExtend, MemoryStore, Session, SessionLayer};
///
/// async fn news(session: Session) -> String {
///     session.get::<u32>("news").ok().flatten().unwrap_or_default().to_string()
/// }
///
/// let app: Router = Router::new()
///     .route("/news", get(news).layer(DoNotExtend))
///     .layer(SessionLayer::new(MemoryStore::new()).refresh_threshold(Duration::from_secs(90)));
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct DoNotExtend;

impl<S> Layer<S> for DoNotExtend {
    type Service = DoNotExtendService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        DoNotExtendService { inner }
    }
}

/// The service that [`DoNotExtend`] makes.
#[derive(Debug, Clone)]
pub struct DoNotExtendService<S> {
    inner: S,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for DoNotExtendService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        let marked = LazySession::of(request.extensions()).and_then(|session| session.do_not_extend());
        if marked.is_err() {
            tracing::error!("DoNotExtend does nothing: it belongs inside of the SessionLayer");
        }
        self.inner.call(request)
    }
}
