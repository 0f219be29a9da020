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
use crate::{
    backends::SessionStore,
    session::{Context, Handle, Inner},
};

/// Puts an unloaded session into each request, and saves what became of it with the response.
///
/// `N` is the name of its layer: see [`SessionLayer::named`](super::SessionLayer::named).
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
        let accepts = |text: &str| self.context.store.accepts(text);
        let sent = cookie::sent(request.headers(), &self.context.settings, accepts);
        let session = Inner::new(Arc::clone(&self.context), sent, self.context.client(&request));
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
