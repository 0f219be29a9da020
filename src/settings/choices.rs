//! The settings that are a choice between a few words.

use http::StatusCode;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::error::SettingsError;

/// Which cross-site requests carry the cookie (RFC 6265bis).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SameSite {
    /// Only requests from our own site.
    Strict,
    /// Also top-level navigation from elsewhere.
    Lax,
    /// Every request; browsers then insist on `Secure`.
    None,
    /// The attribute is left out and the browser decides. Django's `False`.
    Unset,
}

/// What saving does when another request saved the same session meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SaveMode {
    /// This request's changes are made again on top of the other's: no acknowledged change is lost.
    Merge,
    /// The whole dictionary of this request replaces the other's, as Django does it.
    Overwrite,
}

/// Whether a hash of each session's key is stored in place of the key. Who reads the table, a backup of it, the cache
/// or a log of statements then finds nothing that opens a session: no cookie of a hash is ever accepted.
///
/// What is stored is [`SessionKey::hashed`](crate::SessionKey::hashed). A Django beside this application finds none of
/// these sessions with a session engine of its own.
///
/// A site with sessions under their keys gets to [`On`](Self::On) and logs nobody out: with more than one node, every
/// node goes to [`MigratingBack`](Self::MigratingBack) first, so that each of them finds what the others are about to
/// store; then every node goes to [`Migrating`](Self::Migrating). What is still stored under its key when all go to
/// `On` ends there: after the age of a session that is what nobody has changed since. The way back is the same in the
/// other direction: `Migrating`, `MigratingBack`, `Off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HashKeys {
    /// Sessions are stored under their keys, as Django does it.
    Off,
    /// Sessions are stored under their keys. Those that are under hashes are found, too, and stored under their keys
    /// from the next save on.
    MigratingBack,
    /// Sessions are stored under hashes. Those that are under their keys are found, too, and stored under hashes from
    /// the next save on. Until then a load costs one statement more, and that save two; so does every deletion.
    Migrating,
    /// Sessions are stored under hashes, and are found under nothing else.
    On,
}

/// What to do with cookies of our name that carry different values. A browser has several of them when their domains or
/// paths differ: after [`cookie_domain`](crate::Settings::cookie_domain) or
/// [`cookie_path`](crate::Settings::cookie_path) was changed, when sites on a domain and its subdomain use the same
/// name, or when a sibling subdomain planted one (cookie tossing). It does not tell which value has which domain.
///
/// Whatever the choice, a response that sets or deletes the cookie for a request with contradicting cookies also expires
/// the twins that it can name; only with [`TakeLast`](Self::TakeLast), as in Django, it does not. These are the cookie of
/// this very host alone, where a `cookie_domain` is set, and those of
/// [`previous_cookie_domains`](crate::Settings::previous_cookie_domains) and
/// [`previous_cookie_paths`](crate::Settings::previous_cookie_paths).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DuplicateCookie {
    /// Load the sessions of up to four different keys, all at once. If exactly one is live it is used, the response
    /// sends its key again and expires the twins. If more than one is live, or there are more than four keys, the visitor
    /// has no session, with one event; a first write then makes a new one.
    OneLive,
    /// Believe none: with a `__Host-` cookie, which no other host can set, two are an attack.
    Refuse,
    /// Believe the last one, as Django does.
    TakeLast,
}

/// When a response tells the browser to forget the cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeletionCookie {
    /// When this request ended the session.
    OnFlush,
    /// Whenever a cookie came and the session is empty, as Django does. It can race with a login elsewhere.
    WhenEmpty,
}

/// How `Set-Cookie` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CookieFormat {
    /// `Max-Age` between 0 and 400 days; a deletion cookie has the flags of the cookie it deletes.
    Rfc6265bis,
    /// `Max-Age` as it comes, and a signed cookie is signed without its name; a deletion cookie has no `HttpOnly`, and `Secure` only where browsers insist.
    Django,
}

/// Which caching headers a response gets that depends on the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Headers {
    /// `Vary: Cookie`; with a `Set-Cookie`, or when the handler changed the session, also `Cache-Control: no-store`,
    /// unless the handler said `private` or `no-store` (RFC 9111 lets caches keep `Set-Cookie` otherwise).
    VaryAndNoStore,
    /// `Vary: Cookie` alone, as Django does.
    Vary,
}

/// What becomes of a request whose session was ended by another one before its change was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnInterrupted {
    /// The response is replaced by an empty one with this status.
    Respond(StatusCode),
    /// The response goes out as it is, without a cookie; the change is dropped.
    KeepResponse,
}

impl SameSite {
    /// The attribute as it stands in a `Set-Cookie`, if it is written at all.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Strict => "; SameSite=Strict",
            Self::Lax => "; SameSite=Lax",
            Self::None => "; SameSite=None",
            Self::Unset => "",
        }
    }
}

impl std::str::FromStr for SameSite {
    type Err = SettingsError;

    /// Reads Django's words in any case: `Strict`, `Lax`, `None`, `False`.
    fn from_str(text: &str) -> Result<Self, SettingsError> {
        match text.to_ascii_lowercase().as_str() {
            "strict" => Ok(Self::Strict),
            "lax" => Ok(Self::Lax),
            "none" => Ok(Self::None),
            "false" => Ok(Self::Unset),
            _ => Err(SettingsError("SameSite is not one of Strict, Lax, None, False".into())),
        }
    }
}

impl<'de> Deserialize<'de> for SameSite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Word {
            Text(String),
            Flag(bool),
        }
        match Word::deserialize(deserializer)? {
            Word::Text(text) => text.parse().map_err(D::Error::custom),
            Word::Flag(false) => Ok(Self::Unset),
            Word::Flag(true) => Err(D::Error::custom("SameSite is not one of Strict, Lax, None, False")),
        }
    }
}

impl<'de> Deserialize<'de> for OnInterrupted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Word {
            Status(u16),
            Text(String),
        }
        match Word::deserialize(deserializer)? {
            Word::Status(status) => StatusCode::from_u16(status).map(Self::Respond).map_err(D::Error::custom),
            Word::Text(text) if text == "keep_response" => Ok(Self::KeepResponse),
            Word::Text(_) => Err(D::Error::custom("on_interrupted is a status or keep_response")),
        }
    }
}
