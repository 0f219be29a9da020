//! [`ProxyHeader`]: how a proxy says that its visitor came over HTTPS.

use std::str::FromStr;

use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::error::SettingsError;

/// A header that a proxy sets on the requests that came to it over HTTPS, and its value: Django's
/// `SECURE_PROXY_SSL_HEADER`. In a configuration it is one text, `X-Forwarded-Proto: https`.
///
/// Of a list the first member counts. The `Forwarded` of RFC 7239 has several things in a member, of which one has to
/// be the value: `Forwarded: proto=https`. Letters of either case are the same.
///
/// ```
/// use jam_session::{MemoryStore, ProxyHeader, SessionLayer};
///
/// let layer = SessionLayer::new(MemoryStore::new())
///     .secure_proxy_ssl_header(ProxyHeader::new("X-Forwarded-Proto", "https"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyHeader {
    name: String,
    value: String,
}

impl ProxyHeader {
    /// The header `name` with this value. [`Settings::validate`](crate::Settings::validate) says whether there can be
    /// such a header.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }

    /// Whether a request has it.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(&self.name).and_then(|value| value.to_str().ok());
        // An escaped quote would have to be understood, and no proxy needs one.
        let Some(value) = value.filter(|value| !value.contains('\\')) else { return false };
        let first = value.split(outside_quotes(',')).next().unwrap_or_default();
        let mut parts = first.split(outside_quotes(';'));
        parts.any(|part| part.replace('"', "").trim().eq_ignore_ascii_case(&self.value))
    }

    /// What is wrong with it.
    pub(super) fn problem(&self) -> Option<String> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
        if HeaderName::from_str(&self.name).is_err() || self.value.is_empty() || !self.value.bytes().all(plain) {
            return Some(format!(
                "secure_proxy_ssl_header {:?} is not a header like \"X-Forwarded-Proto: https\"",
                format!("{}: {}", self.name, self.value)
            ));
        }
        None
    }
}

/// Whether the next character is a separator that no quotes surround.
fn outside_quotes(separator: char) -> impl FnMut(char) -> bool {
    let mut quoted = false;
    move |at| {
        quoted ^= at == '"';
        at == separator && !quoted
    }
}

impl FromStr for ProxyHeader {
    type Err = SettingsError;

    /// Reads `X-Forwarded-Proto: https`.
    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| SettingsError("the value is not a header like X-Forwarded-Proto: https".into()))?;
        Ok(Self::new(name.trim(), value.trim()))
    }
}

impl<'de> Deserialize<'de> for ProxyHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
