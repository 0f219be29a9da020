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

/// What to do with two cookies of our name that carry different values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DuplicateCookie {
    /// Believe neither: somebody may have planted one (cookie tossing).
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
    /// `Max-Age` as it comes; a deletion cookie has no `HttpOnly`, and `Secure` only where browsers insist.
    Django,
}

/// Which caching headers a response gets that depends on the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Headers {
    /// `Vary: Cookie`; with a `Set-Cookie` also `Cache-Control: no-store`, unless the handler said
    /// `private` or `no-store` (RFC 9111 lets caches keep `Set-Cookie` otherwise).
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
    /// The attribute's value, if it is written at all.
    pub(crate) fn to_attribute(self) -> Option<cookie::SameSite> {
        match self {
            Self::Strict => Some(cookie::SameSite::Strict),
            Self::Lax => Some(cookie::SameSite::Lax),
            Self::None => Some(cookie::SameSite::None),
            Self::Unset => None,
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
