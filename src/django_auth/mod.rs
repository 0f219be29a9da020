//! [`DjangoAuth`]: who is logged in, by the rules of `django.contrib.auth`.

use std::sync::Arc;

use crate::{
    error::Error,
    session::Session,
    signing::{AuthHash, Signer},
};

mod messages;
pub use messages::{DjangoMessage, DjangoMessages};
mod redirects;
pub use redirects::is_safe_redirect;
mod require_login;
pub use require_login::{RequireLogin, RequireLoginService};
mod user_id;
pub use user_id::DjangoUserId;

const USER_ID: &str = "_auth_user_id";
const BACKEND: &str = "_auth_user_backend";
const HASH: &str = "_auth_user_hash";
/// Where Django keeps the secret against forged requests, with `CSRF_USE_SESSIONS`. It is renewed by a login and
/// otherwise left as it is: such protection is a middleware of its own, which may keep what it likes in the session.
const CSRF_TOKEN: &str = "_csrftoken";

/// What `AUTHENTICATION_BACKENDS` has when nobody changes it.
const MODEL_BACKEND: &str = "django.contrib.auth.backends.ModelBackend";

/// Logs users of Django in and out, and tells who is logged in, so that both sides of a shared table agree; feature
/// `django_auth`.
///
/// A `password` is the text of the user's column of that name: a hash, such as `pbkdf2_sha256$…`. A session holds
/// another hash, of that hash; so it ends when the password changes, here as in Django. Whether the password that
/// somebody typed is right is not decided here.
///
/// ```
/// use jam_session::{DjangoAuth, Error, Session, Signer};
///
/// async fn log_in(session: &Session, auth: &DjangoAuth) -> Result<(), Error> {
///     // After the password was checked against this column of `auth_user`:
///     let (id, password) = ("42", "pbkdf2_sha256$720000$...");
///     auth.login(session, id, password).await
/// }
///
/// let auth = DjangoAuth::new(Signer::new("the SECRET_KEY of Django's settings"));
/// ```
#[derive(Debug, Clone)]
#[doc(alias = "django.contrib.auth")]
pub struct DjangoAuth {
    signer: Signer,
    backends: Arc<[String]>,
}

impl DjangoAuth {
    /// By the secret key and the fallbacks of `signer`.
    #[must_use]
    pub fn new(signer: Signer) -> Self {
        Self { signer, backends: [MODEL_BACKEND.to_owned()].into() }
    }

    /// Django's `AUTHENTICATION_BACKENDS`. Who logs in here does so by the first; who logged in by any other is
    /// anonymous. The default is Django's, its `ModelBackend` alone.
    #[doc(alias = "AUTHENTICATION_BACKENDS")]
    #[must_use]
    pub fn backends(self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { backends: paths.into_iter().map(Into::into).collect(), ..self }
    }

    /// Logs a user in. The session keeps its data and gets a new key, also if this user is logged in already (ASVS
    /// 7.2.4; Django keeps the key then). The session of another user, or of the same one before a password change, is
    /// ended first. The time of the login is [`authenticated_at`](Session::authenticated_at).
    ///
    /// # Errors
    ///
    /// As [`Session::flush`] and [`Session::insert`].
    #[doc(alias = "alogin")]
    pub async fn login(&self, session: &Session, user_id: &str, password: &str) -> Result<(), Error> {
        match text(session, USER_ID) {
            Some(id) if id != user_id || self.check(session, password) != AuthHash::Current => session.flush().await?,
            // Whoever knew the key before the login is left with nothing.
            _ => session.cycle_key()?,
        }
        session.insert(USER_ID, user_id)?;
        session.insert(BACKEND, self.backends.first().map_or(MODEL_BACKEND, String::as_str))?;
        session.insert(HASH, &self.signer.session_auth_hash(password))?;
        session.mark_authenticated()?;
        // Django makes a new one.
        session.remove(CSRF_TOKEN)?;
        Ok(())
    }

    /// Logs whoever it is out: ends the session.
    ///
    /// # Errors
    ///
    /// As [`Session::flush`].
    #[doc(alias = "alogout")]
    pub async fn logout(&self, session: &Session) -> Result<(), Error> {
        session.flush().await
    }

    /// Keeps this session of a user who just changed the password; their other sessions end. The session gets a new
    /// key in any case, and its hash changes if it is the session of this user.
    ///
    /// # Errors
    ///
    /// [`Error::Committed`] after the response.
    #[doc(alias = "aupdate_session_auth_hash")]
    pub fn update_session_auth_hash(&self, session: &Session, user_id: &str, password: &str) -> Result<(), Error> {
        session.cycle_key()?;
        if text(session, USER_ID).as_deref() == Some(user_id) {
            session.insert(HASH, &self.signer.session_auth_hash(password))?;
        }
        Ok(())
    }

    /// The id of the user that the session says is logged in. Load this user, and ask [`verify`](Self::verify) with
    /// the user's password before you believe it.
    #[must_use]
    #[doc(alias = "SESSION_KEY")]
    pub fn claimed_user_id(&self, session: &Session) -> Option<String> {
        let backend = text(session, BACKEND)?;
        self.backends.contains(&backend).then(|| text(session, USER_ID)).flatten()
    }

    /// Whether the session was made, or renewed, with this password of its user. A session that was not is ended, and
    /// so are all others of the user when they are used. One that was made under a fallback of the secret key is
    /// renewed.
    ///
    /// # Errors
    ///
    /// As [`Session::flush`].
    #[doc(alias = "get_user")]
    #[doc(alias = "aget_user")]
    pub async fn verify(&self, session: &Session, password: &str) -> Result<bool, Error> {
        match self.check(session, password) {
            AuthHash::Current => {}
            AuthHash::OfFallback => {
                session.cycle_key()?;
                session.insert(HASH, &self.signer.session_auth_hash(password))?;
            }
            AuthHash::Wrong => {
                session.flush().await?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn check(&self, session: &Session, password: &str) -> AuthHash {
        text(session, HASH).map_or(AuthHash::Wrong, |hash| self.signer.check_auth_hash(&hash, password))
    }
}

/// A text, or a number as the text of it.
fn text(session: &Session, key: &str) -> Option<String> {
    let raw = session.get_raw(key)?;
    Some(raw.get::<String>().unwrap_or_else(|_| raw.as_str().to_owned()))
}
