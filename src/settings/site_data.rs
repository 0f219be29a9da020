//! [`SiteData`]: what a browser is told to forget when a session ends.

use http::HeaderValue;
use serde::Deserialize;

use crate::error::SettingsError;

/// A kind of data that a response can have the browser remove (`Clear-Site-Data`, W3C). Browsers obey over HTTPS alone,
/// and on localhost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SiteData {
    /// What the browser keeps of this origin's responses, with the pages behind its back button. In Chromium the page
    /// from which one logs out is not among these: only `Cache-Control: no-store` on private pages hides that.
    Cache,
    /// Every cookie of the registered domain: those of other applications and of all subdomains, too. It is left out
    /// of a response that begins another session, whose cookie would go with the rest.
    Cookies,
    /// What scripts have stored for this origin: local and session storage, databases, service workers.
    Storage,
}

impl SiteData {
    /// The word of the header, with the quotes that it has there.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Cache => "\"cache\"",
            Self::Cookies => "\"cookies\"",
            Self::Storage => "\"storage\"",
        }
    }

    /// The value of the header that names all of these; none for nothing.
    pub(crate) fn header(data: impl Iterator<Item = Self>) -> Option<HeaderValue> {
        let words: Vec<_> = data.map(Self::word).collect();
        HeaderValue::try_from(words.join(", ")).ok().filter(|value| !value.is_empty())
    }

    /// Reads a list like `cache, storage`; an empty text is an empty list.
    pub(super) fn list(text: &str) -> Result<Vec<Self>, SettingsError> {
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::parse).collect()
    }
}

impl std::str::FromStr for SiteData {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let known = [Self::Cache, Self::Cookies, Self::Storage];
        let found = known.into_iter().find(|data| data.word().trim_matches('"') == text);
        found.ok_or_else(|| SettingsError("the value is not a list of cache, cookies and storage".into()))
    }
}
