//! [`SignedCookieStore`]: the cookie is the session.

use std::{
    fmt,
    sync::{Arc, Once},
};

use time::{Duration, OffsetDateTime, UtcOffset};

use crate::{
    backends::LocalTime,
    error::{BoxError, StoreError},
    events::Events,
    serializers::{JsonSerializer, Serializer},
    signing::Signer,
};

mod revocation;
mod seal;
mod store;

use revocation::NotBefore;
use seal::Seal;

/// What browsers keep of one cookie, its name and its value together (RFC 6265bis, section 5.6).
const LONGEST_COOKIE: usize = 4096;

/// Keeps the session in the cookie itself: Django's `signed_cookies` engine. Nothing is stored on the server.
///
/// The visitor can read what is in the session, and cannot change it; [`encrypted`](Self::encrypted) hides it as
/// well. What follows from there being no server:
///
/// * **An ended session is not over.** Logging out makes the browser forget the cookie; whoever has a copy can use it
///   until it is too old. [`not_before`](Self::not_before) refuses all cookies that a user had up to some instant.
/// * **The last response wins.** Of two overlapping requests each answers with its own cookie. Within one process
///   the later one has the changes of both, if they were saved at the same time; otherwise one of them is lost.
/// * A session is small: a cookie of more than 4096 bytes is an error, and nothing is sent. Data is compressed where
///   that helps.
/// * What is saved outside of a request, or from a detached session, reaches nobody: there is no response to take it
///   along. The key of such a session is the cookie to hand out.
/// * The key changes with every save.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use jam_session::{SessionLayer, SignedCookieStore, Signer};
///
/// let signer = Signer::new("the SECRET_KEY of Django's settings").fallbacks(["the one before"]);
/// let layer = SessionLayer::new(SignedCookieStore::new(signer));
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[doc(alias = "django.contrib.sessions.backends.signed_cookies")]
pub struct SignedCookieStore {
    /// Djangos, which knows no names.
    seal: Seal,
    /// The same for the cookie's name.
    named: Seal,
    /// The same for names of before, which are only read.
    fallbacks: Vec<(Arc<str>, Seal)>,
    serializer: Arc<dyn Serializer>,
    cookie_name: Arc<str>,
    cookie_age: Duration,
    not_before: Option<NotBefore>,
    local_time: LocalTime,
    /// That the ages of layer and store differ is said once.
    said: Arc<Once>,
    events: Arc<Events>,
}

impl SignedCookieStore {
    /// Signs cookies as Django does, so that a running Django reads them and is read; feature `signing`. The salt is
    /// that of Django's engine, whatever the signer has. With [`Legacy::Read`](crate::Legacy::Read) cookies that are
    /// signed with SHA-1 are accepted, those of Django up to 3.0, and with [`Legacy::Write`](crate::Legacy::Write)
    /// they are written, too.
    #[must_use]
    pub fn new(signer: Signer) -> Self {
        Self::sealed(Seal::Signed(signer.for_cookies()))
    }

    /// Encrypts cookies (XChaCha20-Poly1305), with keys derived from the signer's secret keys; feature `encryption`.
    /// Django cannot read them, and cookies that are only signed are not accepted.
    ///
    /// The expiry is in the cookie, to the microsecond, and is what the layer says. A cookie is valid under the name
    /// that it was made for alone.
    ///
    /// ```
    /// use jam_session::{SessionLayer, SignedCookieStore, Signer};
    ///
    /// let store = SignedCookieStore::encrypted(Signer::new("a long random text, and nobody's password"));
    /// let layer = SessionLayer::new(store);
    /// ```
    #[cfg(feature = "encryption")]
    #[expect(clippy::needless_pass_by_value, reason = "as `new`")]
    #[must_use]
    pub fn encrypted(signer: Signer) -> Self {
        Self::sealed(Seal::Encrypted(crate::signing::Sealer::new(&signer)))
    }

    fn sealed(seal: Seal) -> Self {
        Self {
            // The default name is Django's.
            named: seal.clone(),
            fallbacks: Vec::new(),
            seal,
            serializer: Arc::new(JsonSerializer::default()),
            cookie_name: "sessionid".into(),
            cookie_age: Duration::weeks(2),
            not_before: None,
            local_time: LocalTime::default(),
            said: Arc::new(Once::new()),
            events: Arc::default(),
        }
    }

    /// The name of the cookie, for use without a layer: a layer tells the store its own. It is part of what may not be
    /// longer than 4096 bytes, and a cookie is good under its own name alone. `sessionid` by default, whose cookies are
    /// signed exactly as Django signs them.
    ///
    /// Django does not bind a cookie to its name. Beside a Django with another `SESSION_COOKIE_NAME`, give the layer
    /// [`Settings::django`](crate::Settings::django) or [`CookieFormat::Django`](crate::CookieFormat::Django): cookies of any name are then signed
    /// as Django does it.
    #[doc(alias = "SESSION_COOKIE_NAME")]
    #[must_use]
    pub fn cookie_name(mut self, name: &str) -> Self {
        self.named = self.seal.for_cookies_named(name);
        self.cookie_name = name.into();
        self
    }

    /// Names under which cookies are still verified and never written. Releases of this crate that did not bind signed
    /// cookies to the name of the layer's cookie signed all of them as `sessionid`, and bound encrypted ones to the name
    /// that the store was given: name that here until `cookie_age` has passed, and nobody is logged out by the change. Until
    /// then cookies of that name are good here as well, unless one of the two layers is
    /// [named](crate::SessionLayer::named).
    ///
    /// ```
    /// use jam_session::{SessionLayer, SignedCookieStore, Signer};
    ///
    /// let store = SignedCookieStore::new(Signer::new("secret")).fallback_cookie_names(["sessionid"]);
    /// let layer = SessionLayer::new(store).cookie_name("id");
    /// ```
    #[must_use]
    pub fn fallback_cookie_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let seal = |name: String| (Arc::from(name.as_str()), self.seal.for_cookies_named(&name));
        self.fallbacks = names.into_iter().map(|name| seal(name.into())).collect();
        self
    }

    /// How old a signed cookie may be: two weeks by default. Give it the layer's `cookie_age`: a signed cookie says
    /// when it was made, not when it ends. An expiry of the session's own that comes sooner counts, too; one that
    /// comes later does not, and the log says so once.
    #[doc(alias = "SESSION_COOKIE_AGE")]
    #[doc(alias = "max_age")]
    #[must_use]
    pub fn cookie_age(mut self, age: std::time::Duration) -> Self {
        self.cookie_age = Duration::try_from(age).unwrap_or(Duration::MAX);
        self
    }

    /// Encodes sessions with `serializer`; its bytes may be any. The default is [`JsonSerializer`].
    #[doc(alias = "SESSION_SERIALIZER")]
    #[must_use]
    pub fn serializer(mut self, serializer: impl Serializer) -> Self {
        self.serializer = Arc::new(serializer);
        self
    }

    /// Reads and writes dates in local time, beside a Django whose settings say `USE_TZ = False`: the date that a
    /// session may have as its own expiry carries no offset then. `offset_at` gives the offset of Django's `TIME_ZONE`
    /// at an instant, daylight saving time included. The cookie's own
    /// time is an instant in any case.
    ///
    /// ```
    /// # fn main() -> Result<(), jam_session::BoxError> {
    /// use jam_session::{SignedCookieStore, Signer};
    /// use time::UtcOffset;
    ///
    /// // India has one offset all year; for other zones ask a crate that knows them.
    /// let india = UtcOffset::from_hms(5, 30, 0)?;
    /// let store = SignedCookieStore::new(Signer::new("secret")).local_time(move |_at| india);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "USE_TZ")]
    #[doc(alias = "TIME_ZONE")]
    #[must_use]
    pub fn local_time(mut self, offset_at: impl Fn(OffsetDateTime) -> UtcOffset + Send + Sync + 'static) -> Self {
        self.local_time = LocalTime::of(offset_at);
        self
    }

    /// Refuses cookies of a user (`_auth_user_id`) that were made before the instant that `not_before` gives for that
    /// user: logging out everywhere, and ending copies of a cookie at logout. `None` refuses none. It is asked for
    /// every cookie with a user in it, when it is read and when it is saved.
    ///
    /// A signed cookie is made at a whole second, so a cookie of the same second counts as made before. To keep
    /// those, round the instant down.
    ///
    /// ```
    /// use std::{collections::HashMap, sync::{Arc, RwLock}};
    ///
    /// use jam_session::{Signer, SignedCookieStore};
    /// use time::OffsetDateTime;
    ///
    /// let logouts: Arc<RwLock<HashMap<String, OffsetDateTime>>> = Arc::default();
    /// let store = SignedCookieStore::new(Signer::new("secret")).not_before({
    ///     let logouts = Arc::clone(&logouts);
    ///     move |user| logouts.read().ok()?.get(user).copied()
    /// });
    /// ```
    #[must_use]
    pub fn not_before(mut self, not_before: impl Fn(&str) -> Option<OffsetDateTime> + Send + Sync + 'static) -> Self {
        self.not_before = Some(NotBefore::of(move |user: String| std::future::ready(Ok(not_before(&user)))));
        self
    }

    /// [`not_before`](Self::not_before) for those who have to ask a database. An error is one of the store: nobody
    /// gets a session then.
    #[must_use]
    pub fn not_before_async<F>(mut self, not_before: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Option<OffsetDateTime>, BoxError>> + Send + 'static,
    {
        self.not_before = Some(NotBefore::of(not_before));
        self
    }

    /// The layer has told the store when the session is to end, and a signed cookie cannot say that.
    fn tell_of_another_end(&self, wanted: OffsetDateTime, expire_date: OffsetDateTime) {
        if (wanted - expire_date).abs() > Duration::SECOND {
            self.said.call_once(|| {
                tracing::warn!(
                    "a session ends with the age of its signed cookie, not when it is to: give \
                     `SignedCookieStore::cookie_age` the `cookie_age` of the layer"
                );
            });
        }
    }

    /// What browsers would not keep is not sent.
    fn check_size(&self, text: &str) -> Result<(), StoreError> {
        let size = self.cookie_name.len() + text.len();
        if size > LONGEST_COOKIE {
            let what = "the number of bytes of the cookie's name and value";
            return Err(StoreError::TooLarge { what, size, limit: LONGEST_COOKIE });
        }
        Ok(())
    }
}

impl fmt::Debug for SignedCookieStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedCookieStore").field("seal", &self.seal).finish_non_exhaustive()
    }
}
