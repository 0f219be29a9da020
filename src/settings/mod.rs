//! [`Settings`]: Django's `SESSION_*` settings as one plain struct, and what Django has no word for.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use time::OffsetDateTime;

mod choices;
pub use choices::{
    CookieFormat, DeletionCookie, DuplicateCookie, HashKeys, Headers, OnInterrupted, SameSite, SaveMode,
};
mod env;
mod presets;
mod proxy_header;
pub use proxy_header::ProxyHeader;
mod site_data;
pub use site_data::SiteData;
mod values;
use values::{optional_instant, optional_seconds, seconds, status};
mod validate;
mod warnings;
pub use warnings::SettingsWarning;

/// Every setting of a [`SessionLayer`](crate::SessionLayer), which also has a method for each. Django's
/// `SESSION_COOKIE_AGE` is `cookie_age` here, and so on.
///
/// The default has Django's names and lifetimes, and a cookie with `Secure` on: what each field says about itself
/// ends with it. Settings deserialize from a map with these names (durations are whole seconds, statuses numbers,
/// choices words like `"keep_response"`), where unknown names are errors, or come from the environment with
/// [`from_env`](Self::from_env).
///
/// ```
/// use std::time::Duration;
/// use jam_session::Settings;
///
/// let mut settings = Settings::default();
/// settings.cookie_age = Duration::from_secs(60 * 60);
/// settings.cookie_name = "__Host-sessionid".into();
/// settings.validate()?;
///
/// settings.cookie_domain = Some("example.com".into());
/// assert!(settings.validate().is_err(), "a __Host- cookie has no domain");
/// # Ok::<(), jam_session::SettingsError>(())
/// ```
///
#[doc = include_str!("../../docs/settings.md")]
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The name of the cookie. With a prefix `__Host-` or `__Secure-` browsers insist on what it promises, and so
    /// does [`validate`](Self::validate). Changing it on a running site logs everybody out: browsers go on sending the
    /// cookie of the old name, which is not looked at. `sessionid`.
    #[doc(alias = "SESSION_COOKIE_NAME")]
    pub cookie_name: String,
    /// How long a session lives after its last change: the row, and the cookie's `Max-Age`. Two weeks.
    #[doc(alias = "SESSION_COOKIE_AGE")]
    #[serde(with = "seconds")]
    pub cookie_age: Duration,
    /// The cookie's `Domain`; with none the cookie belongs to the very host that set it. None.
    #[doc(alias = "SESSION_COOKIE_DOMAIN")]
    pub cookie_domain: Option<String>,
    /// The cookie's `Path`: browsers send the cookie to this path and below. `/`.
    #[doc(alias = "SESSION_COOKIE_PATH")]
    pub cookie_path: String,
    /// Values that `cookie_domain` had before. Browsers keep a cookie of another domain beside the new one for as long as
    /// it lives and send both; a response that sees both expires the one of each domain named here. The cookie of this
    /// very host needs no mention. Name a domain until `cookie_age` has passed since the change. Empty.
    pub previous_cookie_domains: Vec<String>,
    /// Values that `cookie_path` had before, as `previous_cookie_domains`. Empty.
    pub previous_cookie_paths: Vec<String>,
    /// Whether the cookie travels over HTTPS only (`Secure`). Over plain HTTP a visitor then has a new session on
    /// each request. On, unlike Django.
    #[doc(alias = "SESSION_COOKIE_SECURE")]
    pub cookie_secure: bool,
    /// With a header here, a cookie is `Secure` only on the requests that carry it: for an application that is served
    /// over HTTPS and over plain HTTP, by a proxy that says which. The proxy has to remove the header from
    /// what clients send; without this setting no such header is looked at. None.
    #[doc(alias = "SECURE_PROXY_SSL_HEADER")]
    pub secure_proxy_ssl_header: Option<ProxyHeader>,
    /// Whether the cookie is hidden from scripts (`HttpOnly`). On.
    #[doc(alias = "SESSION_COOKIE_HTTPONLY")]
    pub cookie_http_only: bool,
    /// Which cross-site requests carry the cookie (`SameSite`). [`SameSite::Lax`].
    #[doc(alias = "SESSION_COOKIE_SAMESITE")]
    pub cookie_same_site: SameSite,
    /// Whether the cookie is `Partitioned` (CHIPS): kept apart for each site that embeds this one. Off.
    pub cookie_partitioned: bool,
    /// Whether a session without an expiry of its own gets a cookie that ends with the browser. Off.
    #[doc(alias = "SESSION_EXPIRE_AT_BROWSER_CLOSE")]
    pub expire_at_browser_close: bool,
    /// Whether every request with a live session extends it, also one that leaves it alone: a read and a write
    /// each. Off.
    #[doc(alias = "SESSION_SAVE_EVERY_REQUEST")]
    pub save_every_request: bool,
    /// With a threshold, a request that only read its session extends it, too, when that gains at least this
    /// much: with an age of two weeks and a threshold of a day, at most once a day. None: only changes extend a
    /// session, as in Django.
    #[serde(with = "optional_seconds")]
    pub refresh_threshold: Option<Duration>,
    /// How long after it began a session ends, whatever happens in it; it begins with its first save, and anew after
    /// [`flush`](crate::Session::flush). The row and the cookie's `Max-Age` never go beyond. When a session began is
    /// kept with its data as `_session_created`, in Unix seconds, which nothing that a request does moves; a session
    /// without it, made by Django or before this was set, counts from its next write. No absolute age.
    #[serde(with = "optional_seconds")]
    pub absolute_age: Option<Duration>,
    /// Every session that began before this instant is refused: its visitor is anonymous, its row is left as it is, and no
    /// write revives it. The switch for the day after: a restored backup, a failover to a replica that lagged behind, or a
    /// key or table that leaked. Set it to a moment after the last session that must not be believed began, in every
    /// process, and leave it for as long as such a session could live.
    ///
    /// When a session began is kept with its data as `_session_created`, as for
    /// [`absolute_age`](Self::absolute_age): from the first save on, where `absolute_age`, `renew_after` or this is set.
    /// A session that does not say when it began is refused: one that was stored while none of them was set, and every
    /// one that a Django makes, which knows no such mark. It is the beginning that counts, also of signed cookies, and not
    /// when one was saved or signed last. The mark has whole seconds, rounded down: in the very second of an instant with
    /// a fraction no session begins.
    ///
    /// As text it is a date with a time and an offset, like `2026-01-31T12:00:00Z`. No session is refused for its age.
    ///
    /// ```
    /// use jam_session::{MemoryStore, SessionLayer};
    /// use time::macros::datetime;
    ///
    /// // The backup that was restored this morning is of last night.
    /// let layer = SessionLayer::new(MemoryStore::new()).valid_from(datetime!(2026-01-31 09:30 UTC));
    /// ```
    #[serde(with = "optional_instant")]
    pub valid_from: Option<OffsetDateTime>,
    /// How old a key gets. A request that used a session under an older key gives it a new one when it ends well, by
    /// one INSERT and one UPDATE, so that a key which was read somewhere is soon of no use. An older session without
    /// the time of that, `_session_renewed` in its data, gets a new key at its next request.
    ///
    /// Switch it on in every process that uses the table. A Django beside takes requests that are still on their way
    /// with the old key for those of visitors without a session; and what is [detached](crate::Session::detached)
    /// ends with the key that it began with. A model's columns that are written on insert stay as they were: a
    /// `UserSession` keeps its handle and when it was created; `on_event` tells of it as created. Signed cookies have no
    /// keys. Keys are not renewed by themselves.
    #[serde(with = "optional_seconds")]
    pub renew_after: Option<Duration>,
    /// How long requests that were on their way when [`renew_after`](Self::renew_after) renewed their key still find
    /// their session under the old one. There is no such time after [`cycle_key`](crate::Session::cycle_key), a login
    /// or a logout. Who has stolen the old key gets the new one with it in that time; renewal ends what was stolen before.
    /// 30 seconds.
    #[serde(with = "seconds")]
    pub renewal_grace: Duration,
    /// Whether sessions are stored under hashes of their keys, so that nobody can use what is stored as a cookie.
    /// Signed cookies are not stored, and refuse it. [`HashKeys::Off`].
    pub hash_keys: HashKeys,
    /// The keys of the dictionary that say whose session it is. A change that was made for one user is never saved into
    /// the session of another: where these keys have changed meanwhile, the request is interrupted.
    ///
    /// A request that sets them itself is a login. If its session was renewed or ended meanwhile (a form that was sent
    /// twice, a logout in another tab), it is not interrupted. It gets a new session, with its own changes and nothing of
    /// the old one; where another request of this process has logged the same user in, it joins the session of that one,
    /// whose data is kept. A request that sets only some of the keys that its handler saw is no login.
    ///
    /// An application with a `user_id` of its own names it here; one that uses `DjangoAuth` as well adds it to the
    /// default, which is Django's `_auth_user_id`, `_auth_user_backend` and `_auth_user_hash`.
    ///
    /// ```
    /// use jam_session::{MemoryStore, SessionLayer};
    ///
    /// let layer = SessionLayer::new(MemoryStore::new()).identity_keys(["user_id"]);
    /// ```
    pub identity_keys: Vec<String>,
    /// What happens when another request saved the session meanwhile. [`SaveMode::Merge`].
    pub save_mode: SaveMode,
    /// What several cookies of our name with different values mean. [`DuplicateCookie::OneLive`].
    pub duplicate_cookie: DuplicateCookie,
    /// When a deletion cookie is sent. [`DeletionCookie::OnFlush`].
    pub deletion_cookie: DeletionCookie,
    /// How `Set-Cookie` is written. [`CookieFormat::Rfc6265bis`].
    pub cookie_format: CookieFormat,
    /// Which caching headers responses get. [`Headers::VaryAndNoStore`].
    pub headers: Headers,
    /// What a browser is told to remove with the response of a request that ended its session with `flush`
    /// (`Clear-Site-Data`). Nothing.
    pub clear_site_data: Vec<SiteData>,
    /// Whether setting a name to the value it has marks the session modified, as in Django. Off.
    pub equal_value_modifies: bool,
    /// Whether `save_every_request` and `set_modified` create an empty row for an unknown key, as in Django. Off.
    pub create_empty_rows: bool,
    /// What a request is answered whose session was ended meanwhile. Status 400.
    #[doc(alias = "SessionInterrupted")]
    pub on_interrupted: OnInterrupted,
    /// The status of a request whose session could not be loaded or saved. 503.
    #[serde(with = "status")]
    pub store_failure_status: StatusCode,
    /// How long loading a session may take; after that the request fails with
    /// [`Error::Deadline`](crate::Error::Deadline). Two seconds.
    #[serde(with = "seconds")]
    pub load_deadline: Duration,
    /// How long saving a session may take, with all its tries and the wait for other requests of the same
    /// session; after that its outcome is unknown. Three seconds.
    #[serde(with = "seconds")]
    pub save_deadline: Duration,
}

/// The keys in which Django keeps who is logged in: `SESSION_KEY`, `BACKEND_SESSION_KEY` and `HASH_SESSION_KEY`.
const DJANGO_IDENTITY: [&str; 3] = ["_auth_user_id", "_auth_user_backend", "_auth_user_hash"];

impl Default for Settings {
    fn default() -> Self {
        Self {
            cookie_name: "sessionid".into(),
            cookie_age: Duration::from_secs(14 * 24 * 60 * 60),
            cookie_domain: None,
            cookie_path: "/".into(),
            previous_cookie_domains: Vec::new(),
            previous_cookie_paths: Vec::new(),
            cookie_secure: true,
            secure_proxy_ssl_header: None,
            cookie_http_only: true,
            cookie_same_site: SameSite::Lax,
            cookie_partitioned: false,
            expire_at_browser_close: false,
            save_every_request: false,
            refresh_threshold: None,
            absolute_age: None,
            valid_from: None,
            renew_after: None,
            renewal_grace: Duration::from_secs(30),
            hash_keys: HashKeys::Off,
            identity_keys: DJANGO_IDENTITY.map(Into::into).into(),
            save_mode: SaveMode::Merge,
            duplicate_cookie: DuplicateCookie::OneLive,
            deletion_cookie: DeletionCookie::OnFlush,
            cookie_format: CookieFormat::Rfc6265bis,
            headers: Headers::VaryAndNoStore,
            clear_site_data: Vec::new(),
            equal_value_modifies: false,
            create_empty_rows: false,
            on_interrupted: OnInterrupted::Respond(StatusCode::BAD_REQUEST),
            store_failure_status: StatusCode::SERVICE_UNAVAILABLE,
            load_deadline: Duration::from_secs(2),
            save_deadline: Duration::from_secs(3),
        }
    }
}
