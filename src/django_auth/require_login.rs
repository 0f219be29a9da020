//! [`RequireLogin`]: a route for those who are logged in.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Extensions, HeaderValue, Request, Response, StatusCode, Uri, header};
use tower_layer::Layer;
use tower_service::Service;

use super::{DjangoAuth, DjangoUserId, redirects::LoginUrl};
use crate::{
    error::{self, BoxError, Error, StoreError},
    session::LazySession,
};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type PasswordOf = Arc<dyn Fn(String) -> Boxed<Result<Option<String>, BoxError>> + Send + Sync>;

/// Lets those through who are logged in, by Django's rules, and answers the others with 401 or a redirect. It belongs
/// inside of the [`SessionLayer`](crate::SessionLayer).
///
/// The user's password is what tells whether a session is still good, so the layer is told how to find it: an
/// asynchronous function from the user's id to the column `password`, `None` where there is no such active user.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::get};
/// use jam_session::{DjangoAuth, DjangoUserId, MemoryStore, RequireLogin, SessionLayer, Signer};
///
/// async fn profile(DjangoUserId(id): DjangoUserId) -> String {
///     format!("user {id}")
/// }
///
/// let auth = DjangoAuth::new(Signer::new("the SECRET_KEY of Django's settings"));
/// // SELECT password FROM auth_user WHERE id = .. AND is_active
/// let password_of = |_id: String| async { Ok(Some("pbkdf2_sha256$720000$...".to_owned())) };
/// let app: Router = Router::new()
///     .route("/profile", get(profile))
///     .layer(RequireLogin::new(auth, password_of).login_url("/accounts/login/"))
///     .layer(SessionLayer::new(MemoryStore::new()));
/// # }
/// ```
#[derive(Clone)]
#[doc(alias = "login_required")]
#[doc(alias = "LoginRequiredMiddleware")]
pub struct RequireLogin {
    auth: DjangoAuth,
    password_of: PasswordOf,
    login_url: Option<Arc<LoginUrl>>,
    optional: bool,
}

impl RequireLogin {
    /// Finds a user's password with `password_of`.
    pub fn new<F, Fut>(auth: DjangoAuth, password_of: F) -> Self
    where
        F: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<String>, BoxError>> + Send + 'static,
    {
        let password_of: PasswordOf = Arc::new(move |id| Box::pin(password_of(id)));
        Self { auth, password_of, login_url: None, optional: false }
    }

    /// Redirects to this page instead of answering with 401. The page is told where to go back to by the query
    /// parameter `next`: path and query of the request as the client sent it, also inside of a nested `Router`, and
    /// encoded as Django does it. A value that a browser would take for another host is never handed on:
    /// `//evil.example` becomes `/%2Fevil.example`.
    ///
    /// What comes back to the login page can be anything. Check it with [`is_safe_redirect`](crate::is_safe_redirect)
    /// before you redirect to it.
    ///
    /// A login page on another host is also told the path alone; Django tells it the whole URL. The host of a request
    /// is what the client says it is, and nothing here knows the right one.
    #[doc(alias = "LOGIN_URL")]
    #[doc(alias = "redirect_to_login")]
    #[must_use]
    pub fn login_url(self, url: &str) -> Self {
        Self { login_url: Some(Arc::new(LoginUrl::new(url))), ..self }
    }

    /// Lets everybody through, and tells the handler who it is: `Option<DjangoUserId>`.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    async fn user_id(&self, session: Result<LazySession, Error>) -> Result<Option<DjangoUserId>, Error> {
        let session = session?.load().await?;
        let Some(id) = self.auth.claimed_user_id(&session) else { return Ok(None) };
        let password = (self.password_of)(id.clone()).await;
        let Some(password) = password.map_err(StoreError::Backend)? else { return Ok(None) };
        Ok(self.auth.verify(&session, &password).await?.then_some(DjangoUserId(id)))
    }

    fn refusal<B: Default>(&self, page: &Uri) -> Response<B> {
        let mut response = Response::new(B::default());
        let location = self.login_url.as_deref().map(|login| login.returning_to(page));
        match location.and_then(|location| HeaderValue::try_from(location).ok()) {
            Some(location) => {
                *response.status_mut() = StatusCode::FOUND;
                response.headers_mut().insert(header::LOCATION, location);
            }
            None => *response.status_mut() = StatusCode::UNAUTHORIZED,
        }
        response
    }
}

/// The URI as the client sent it. A nested `Router` removes its prefix from that of the request.
#[cfg(feature = "axum")]
fn original_uri(extensions: &Extensions) -> Option<&Uri> {
    extensions.get::<axum::extract::OriginalUri>().map(|uri| &uri.0)
}

/// Without Axum nothing changes the URI of the request.
#[cfg(not(feature = "axum"))]
fn original_uri(_extensions: &Extensions) -> Option<&Uri> {
    None
}

fn failure<B: Default>(error: &Error) -> Response<B> {
    tracing::error!(error = error::chain(error), "it cannot be told who is logged in");
    let mut response = Response::new(B::default());
    // The session layer puts its status in.
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response.extensions_mut().insert(error.kind());
    response
}

impl<S> Layer<S> for RequireLogin {
    type Service = RequireLoginService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireLoginService { inner, rule: self.clone() }
    }
}

impl fmt::Debug for RequireLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut layer = f.debug_struct("RequireLogin");
        layer.field("auth", &self.auth).field("login_url", &self.login_url).field("optional", &self.optional);
        layer.finish_non_exhaustive()
    }
}

/// The service that [`RequireLogin`] makes.
#[derive(Debug, Clone)]
pub struct RequireLoginService<S> {
    inner: S,
    rule: RequireLogin,
}

impl<S, B, R> Service<Request<B>> for RequireLoginService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Boxed<Result<Response<R>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let clone = self.inner.clone();
        // The one that is ready is the one that was asked.
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let rule = self.rule.clone();
        Box::pin(async move {
            match rule.user_id(LazySession::of(request.extensions())).await {
                Ok(Some(user_id)) => drop(request.extensions_mut().insert(user_id)),
                Ok(None) if rule.optional => {}
                Ok(None) => {
                    let page = original_uri(request.extensions()).unwrap_or(request.uri());
                    return Ok(rule.refusal(page));
                }
                Err(error) => return Ok(failure(&error)),
            }
            inner.call(request).await
        })
    }
}
