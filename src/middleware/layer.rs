//! [`SessionLayer`]: a store, and how its sessions behave.

use std::{any::TypeId, fmt, marker::PhantomData, sync::Arc};

use http::{Extensions, HeaderMap};
use tower_layer::Layer;

use super::SessionMiddleware;
use crate::{
    backends::{ErasedStore, SessionStore},
    clock::Clock,
    error::SettingsError,
    session::Context,
    session_data::SessionData,
    settings::Settings,
};

/// Gives every request of the services it wraps a session.
///
/// ```
/// use std::time::Duration;
/// use axum::{Router, routing::get};
/// use jam_session::{MemoryStore, SameSite, SessionLayer};
///
/// let layer = SessionLayer::new(MemoryStore::new())
///     .cookie_age(Duration::from_secs(60 * 60))
///     .cookie_same_site(SameSite::Strict);
/// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(layer);
/// ```
///
/// Setters are not checked one by one: a combination that cannot work makes [`layer`](Layer::layer) panic at
/// start-up, with a sentence that says what to change. [`with_settings`](Self::with_settings) gives it as an error.
///
/// Two layers on one route need two names: the cookie's, and a marker type for
/// [`named`](Self::named), by which [`NamedSession`](crate::NamedSession) finds the second session. Without
/// it, requests are answered with a 500 and a log line.
#[doc(alias = "SessionManagerLayer")]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct SessionLayer<N = ()> {
    pub(super) context: Arc<Context>,
    name: PhantomData<fn() -> N>,
}

impl SessionLayer {
    /// Sessions in `store`, with the default [`Settings`].
    #[doc(alias = "SESSION_ENGINE")]
    pub fn new(store: impl SessionStore) -> Self {
        Self::over(Context::new(ErasedStore::new(store), Settings::default()))
    }

    /// Sessions in `store`, with these settings.
    ///
    /// ```
    /// use jam_session::{MemoryStore, SessionLayer, Settings};
    ///
    /// let settings = Settings::from_env("SESSION_")?;
    /// let layer = SessionLayer::with_settings(MemoryStore::new(), settings)?;
    /// # Ok::<(), jam_session::SettingsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the settings cannot work together; the message says what to change.
    pub fn with_settings(store: impl SessionStore, settings: Settings) -> Result<Self, SettingsError> {
        let context = Context::new(ErasedStore::new(store), settings);
        context.validate()?;
        Ok(Self::over(context))
    }
}

impl<N> SessionLayer<N> {
    fn over(context: Context) -> Self {
        Self { context: Arc::new(context), name: PhantomData }
    }

    pub(super) fn change(self, change: impl FnOnce(&mut Context)) -> Self {
        let mut context = Arc::unwrap_or_clone(self.context);
        change(&mut context);
        context.apply_settings();
        Self::over(context)
    }

    /// The same layer under the name `M`, a marker type of yours, for a route with two sessions. Give it a
    /// [`cookie_name`](Self::cookie_name) of its own.
    ///
    /// A session of a named layer is good in layers with this cookie name and a name alone: as `_session_layer` its data
    /// holds the cookie's name. A key of the default layer, or of another name, is no session here, nor is one of this
    /// layer there; the row is left alone. So a visitor's key is no administrator's, although both are in one table. To use
    /// these sessions in another process, name the layer there, too. A change of the cookie name ends them.
    ///
    /// ```
    /// use jam_session::{MemoryStore, SessionLayer};
    ///
    /// struct Admin;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), jam_session::Error> {
    /// let store = MemoryStore::new();
    /// let visitors = SessionLayer::new(store.clone());
    /// let admins = SessionLayer::new(store).cookie_name("admin_sessionid").named::<Admin>();
    ///
    /// let key = visitors.create().await?.session_key().expect("it is stored");
    /// assert!(admins.open(&key).await?.session_key().is_none());
    /// # Ok(()) }
    /// ```
    pub fn named<M: 'static>(self) -> SessionLayer<M> {
        let layer = self.change(|context| context.named = TypeId::of::<M>() != TypeId::of::<()>());
        SessionLayer { context: layer.context, name: PhantomData }
    }

    /// The settings of this layer.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.context.settings
    }

    /// The same layer, with new keys from another source.
    #[cfg(feature = "testing")]
    pub(crate) fn random(self, source: crate::random::Source) -> Self {
        self.change(|context| context.random = source)
    }

    #[cfg(feature = "testing")]
    pub(crate) fn store(&self) -> &ErasedStore {
        &self.context.store
    }

    /// Where the time comes from. A test gives a clock that it can move.
    pub fn clock(self, clock: Clock) -> Self {
        self.change(|context| context.clock = clock)
    }

    /// The age of a session without an expiry of its own, as a function of its data: of the row, the cookie
    /// and the cache entry alike. Django's `get_session_cookie_age`, overridden.
    #[doc(alias = "get_session_cookie_age")]
    pub fn session_cookie_age(self, age: impl Fn(&SessionData) -> std::time::Duration + Send + Sync + 'static) -> Self {
        self.change(|context| context.cookie_age = Some(Arc::new(age)))
    }

    /// Waits for the writes that are under way, and says how many are still left after `within`. A write goes on
    /// when its client is gone, so call this after the server has stopped; five seconds are plenty.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use jam_session::{MemoryStore, SessionLayer};
    ///
    /// let layer = SessionLayer::new(MemoryStore::new());
    /// // … serve, with a clone of the layer, until it is time to stop …
    /// assert_eq!(layer.shutdown(Duration::from_secs(5)).await, 0);
    /// # }
    /// ```
    pub async fn shutdown(&self, within: std::time::Duration) -> usize {
        self.context.writes.finished(within).await
    }

    /// Records the client's `User-Agent` in its session, under the reserved name `_session_user_agent`, whenever
    /// the session is saved anyway. Off by default. [`UserSession`](crate::UserSession) shows it to its user.
    pub fn record_user_agent(self, record: bool) -> Self {
        self.change(|context| context.record_user_agent = record)
    }

    /// Records the client's address in its session, under the reserved name `_session_ip`, whenever the session
    /// is saved anyway. Off by default: `ip` says where a request has it from, an extension of the
    /// server's or a header of a proxy that you trust.
    pub fn record_ip(
        self,
        ip: impl Fn(&HeaderMap, &Extensions) -> Option<std::net::IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.change(|context| context.client_ip = Some(Arc::new(ip)))
    }
}

/// # Panics
///
/// `layer` panics when the settings cannot work together, with the sentence that
/// [`Settings::validate`] gives.
impl<S, N> Layer<S> for SessionLayer<N> {
    type Service = SessionMiddleware<S, N>;

    fn layer(&self, inner: S) -> Self::Service {
        if let Err(error) = self.context.validate() {
            panic!("the session settings cannot work: {error}");
        }
        SessionMiddleware::new(inner, Arc::clone(&self.context))
    }
}

impl<N> Clone for SessionLayer<N> {
    fn clone(&self) -> Self {
        Self { context: Arc::clone(&self.context), name: PhantomData }
    }
}

impl<N> fmt::Debug for SessionLayer<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionLayer").field(&self.context).finish()
    }
}
