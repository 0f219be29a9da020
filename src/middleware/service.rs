//! [`SessionMiddleware`]: the service that a [`SessionLayer`](super::SessionLayer) makes.

use std::{
    fmt,
    marker::PhantomData,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{ResponseFuture, cookie};
use crate::session::{Context, Handle, Inner};

/// Puts an unloaded session into each request, and saves what became of it with the response. A
/// [`SessionLayer`](super::SessionLayer) makes it; `N` is the name of [that layer](super::SessionLayer::named).
///
/// A request that leaves its session alone costs no query, no task and no boxed future. What was changed is saved
/// before the response goes out; a response with a 5xx status saves nothing.
///
/// # Timeouts
///
/// The status alone decides. A layer like tower-http's `TimeoutLayer` that stands inside of this one, between it and the
/// handler, gives a handler up half-way and by default answers 408, which is no 5xx: what the handler had changed by then
/// is saved, and the other half never happens. Have it answer 503 or 504, or add it after the session's layer, so that
/// it stands outside and the session goes away with the unfinished request.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use http::{Request, Response};
/// use jam_session::{Error, LazySession, MemoryStore, SessionLayer};
/// use tower::{ServiceBuilder, ServiceExt};
///
/// async fn counter(request: Request<String>) -> Result<Response<String>, Error> {
///     let session = LazySession::of(request.extensions())?.load().await?;
///     let visits = session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
///     Ok(Response::new(format!("visits: {visits}")))
/// }
///
/// let service = ServiceBuilder::new().layer(SessionLayer::new(MemoryStore::new())).service_fn(counter);
///
/// let response = service.oneshot(Request::new(String::new())).await?;
/// assert_eq!(response.body(), "visits: 1");
/// assert!(response.headers().contains_key("set-cookie"));
/// # Ok(()) }
/// ```
#[doc(alias = "SessionManager")]
pub struct SessionMiddleware<S, N = ()> {
    inner: S,
    context: Arc<Context>,
    name: PhantomData<fn() -> N>,
}

impl<S, N> SessionMiddleware<S, N> {
    pub(super) fn new(inner: S, context: Arc<Context>) -> Self {
        Self { inner, context, name: PhantomData }
    }
}

impl<S, N, ReqBody, ResBody> Service<Request<ReqBody>> for SessionMiddleware<S, N>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    N: 'static,
    ResBody: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let sent = cookie::sent(request.headers(), &self.context);
        let secure = cookie::secure(request.headers(), &self.context.settings);
        let session = Inner::new(Arc::clone(&self.context), sent, self.context.client(&request), secure);
        let handle: Handle<N> = Handle::new(Arc::clone(&session));
        if request.extensions_mut().insert(handle).is_some() {
            return ResponseFuture::duplicate(session);
        }
        ResponseFuture::new(self.inner.call(request), session)
    }
}

impl<S: Clone, N> Clone for SessionMiddleware<S, N> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.context))
    }
}

impl<S: fmt::Debug, N> fmt::Debug for SessionMiddleware<S, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionMiddleware").field("inner", &self.inner).field("context", &self.context).finish()
    }
}
