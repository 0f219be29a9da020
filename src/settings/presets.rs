//! Settings that belong together: `Settings::django`, `Settings::hardened`.

use std::time::Duration;

use super::{CookieFormat, DeletionCookie, DuplicateCookie, HashKeys, Headers, SameSite, Settings};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

impl Settings {
    /// What a Django site next door expects: its cookie flags (`Secure` off), its deletion cookies, its
    /// `Vary` header alone, an equal value counts as a change, and `save_every_request` makes rows.
    ///
    /// It does not bring back what makes Django lose data: a client's key is never adopted, an expired
    /// row never revived, an undecodable row never overwritten, and overlapping saves are merged.
    #[must_use]
    pub fn django() -> Self {
        Self {
            cookie_secure: false,
            duplicate_cookie: DuplicateCookie::TakeLast,
            deletion_cookie: DeletionCookie::WhenEmpty,
            cookie_format: CookieFormat::Django,
            headers: Headers::Vary,
            equal_value_modifies: true,
            create_empty_rows: true,
            ..Self::default()
        }
    }

    /// For what is worth an attack: a `__Host-` cookie that ends with the browser, sessions that end after 30 minutes
    /// without a request that used them, and after 8 hours in any case, a new key every 15
    /// minutes, and hashes in place of keys in the table.
    /// [`Settings`] has a table of which requirement each answers.
    ///
    /// It is not for a table that is shared with a Django, which finds no session under a hash.
    ///
    /// ```
    /// use jam_session::{MemoryStore, SessionLayer, Settings};
    ///
    /// let layer = SessionLayer::with_settings(MemoryStore::new(), Settings::hardened())?;
    /// # Ok::<(), jam_session::SettingsError>(())
    /// ```
    #[must_use]
    pub fn hardened() -> Self {
        Self {
            cookie_name: "__Host-id".into(),
            cookie_age: 30 * MINUTE,
            cookie_secure: true,
            cookie_http_only: true,
            cookie_same_site: SameSite::Lax,
            duplicate_cookie: DuplicateCookie::Refuse,
            expire_at_browser_close: true,
            // A twentieth of the idle time: reading counts as activity, and few readers cost a write.
            refresh_threshold: Some(Duration::from_secs(90)),
            absolute_age: Some(8 * HOUR),
            renew_after: Some(15 * MINUTE),
            hash_keys: HashKeys::On,
            ..Self::default()
        }
    }
}
