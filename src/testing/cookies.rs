//! Cookies between a test and the application: [`cookie_for`], [`session_of`], [`CookieJar`].

use std::{collections::BTreeMap, fmt};

use cookie::Cookie;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use time::{Duration, OffsetDateTime};

use crate::{error::Error, middleware::SessionLayer, session::Session, session_key::SessionKey};

/// Stores a session that `prepare` has filled, and gives its cookie, `name=value`, for the `Cookie` header of a request.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use http::Request;
/// use jam_session::{MemoryStore, SessionLayer, testing::cookie_for};
///
/// let layer = SessionLayer::new(MemoryStore::new());
/// let cookie = cookie_for(&layer, |session| session.insert("user", &7)).await?;
///
/// let request = Request::get("/profile").header("cookie", cookie).body(())?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// What `prepare` says, and what [`Session::save`] says.
pub async fn cookie_for<N>(
    layer: &SessionLayer<N>,
    prepare: impl FnOnce(&Session) -> Result<(), Error>,
) -> Result<String, Error> {
    let session = layer.create().await?;
    prepare(&session)?;
    session.save().await?;
    let key = session.session_key().ok_or(Error::NotCommitted)?;
    Ok(format!("{}={}", layer.settings().cookie_name, key.as_str()))
}

/// The session whose cookie a response sets, as it is stored now. `None` when the response sets no cookie of this
/// layer, or deletes it: a response to a request that changed nothing leaves the cookie alone. A [`CookieJar`]
/// remembers it.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Router, body::Body, routing::post};
/// use http::Request;
/// use jam_session::{MemoryStore, Session, SessionLayer, testing::session_of};
/// use tower::ServiceExt;
///
/// let layer = SessionLayer::new(MemoryStore::new());
/// let login = async |session: Session| session.insert("user", &7);
/// let app: Router = Router::new().route("/login", post(login)).layer(layer.clone());
///
/// let response = app.oneshot(Request::post("/login").body(Body::empty())?).await?;
///
/// let session = session_of(&layer, &response).await?.expect("the login sets a cookie");
/// assert_eq!(session.get::<i32>("user")?, Some(7));
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// [`Error::Store`] or [`Error::Deadline`] when the store fails.
pub async fn session_of<N, B>(layer: &SessionLayer<N>, response: &Response<B>) -> Result<Option<Session>, Error> {
    let mut jar = CookieJar::new();
    jar.receive(response);
    jar.session(layer).await
}

/// The cookies of one visitor, for one host. It keeps what responses set, and forgets what they delete; path, domain
/// and `Secure` are not looked at. Nothing in it grows old: whether a session has expired is for the server to say.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Router, body::Body, routing::get};
/// use http::Request;
/// use jam_session::{Error, MemoryStore, Session, SessionLayer, testing::CookieJar};
/// use tower::ServiceExt;
///
/// async fn counter(session: Session) -> Result<(), Error> {
///     session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
///     Ok(())
/// }
///
/// let layer = SessionLayer::new(MemoryStore::new());
/// let app: Router = Router::new().route("/", get(counter)).layer(layer.clone());
///
/// let mut jar = CookieJar::new();
/// for _ in 0..3 {
///     let mut request = Request::get("/").body(Body::empty())?;
///     jar.add_to(&mut request);
///     jar.receive(&app.clone().oneshot(request).await?);
/// }
///
/// let session = jar.session(&layer).await?.expect("the counter has set a cookie");
/// assert_eq!(session.get::<u64>("visits")?, Some(3));
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct CookieJar(BTreeMap<String, String>);

impl CookieJar {
    /// An empty jar.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a cookie in, `name=value`, such as [`cookie_for`] gives. Attributes behind it count as in a response.
    pub fn insert(&mut self, set_cookie: &str) {
        let Ok(cookie) = Cookie::parse(set_cookie) else { return };
        if deletes(&cookie) {
            self.0.remove(cookie.name());
        } else {
            self.0.insert(cookie.name().to_owned(), cookie.value().to_owned());
        }
    }

    /// Takes the cookies that a response sets, and forgets those that it deletes.
    pub fn receive<B>(&mut self, response: &Response<B>) {
        for set_cookie in response.headers().get_all(header::SET_COOKIE) {
            self.insert(&String::from_utf8_lossy(set_cookie.as_bytes()));
        }
    }

    /// Gives a request these cookies, and no others.
    pub fn add_to<B>(&self, request: &mut Request<B>) {
        let headers: &mut HeaderMap = request.headers_mut();
        headers.remove(header::COOKIE);
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if let Ok(cookies) = HeaderValue::try_from(pairs.join("; "))
            && !pairs.is_empty()
        {
            headers.insert(header::COOKIE, cookies);
        }
    }

    /// The value of a cookie.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The session whose cookie is in the jar, as it is stored now; `None` when there is no cookie of this layer, or
    /// its session is gone.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Deadline`] when the store fails.
    pub async fn session<N>(&self, layer: &SessionLayer<N>) -> Result<Option<Session>, Error> {
        let key = self.get(&layer.settings().cookie_name).and_then(|value| SessionKey::parse(value).ok());
        let Some(key) = key else { return Ok(None) };
        let session = layer.open(&key).await?;
        Ok(session.session_key().is_some().then_some(session))
    }
}

/// `Max-Age` counts more than `Expires`, which no clock is asked about: what deletes a cookie says the epoch.
fn deletes(cookie: &Cookie<'_>) -> bool {
    match (cookie.max_age(), cookie.expires_datetime()) {
        (Some(age), _) => age <= Duration::ZERO,
        (None, Some(expires)) => expires <= OffsetDateTime::UNIX_EPOCH,
        (None, None) => false,
    }
}

/// Names alone: a session cookie is a secret, also in the log of a test.
impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CookieJar").field(&self.0.keys()).finish()
    }
}
