//! [`Settings::warnings`]: what works, and should be looked at before the application is deployed.

use std::{fmt, time::Duration};

use super::{
    CookieFormat, DeletionCookie, DuplicateCookie, HashKeys, Headers, OnInterrupted, SameSite, SaveMode, Settings,
};

/// NIST SP 800-63B asks for a new login at least so often, at its lowest level.
const THIRTY_DAYS: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Something in [`Settings`] that works, and that a site on the internet had better decide on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SettingsWarning {
    /// The setting that it is about; an application that has decided leaves its warning out by this.
    pub id: &'static str,
    /// What may happen, and what to do about it.
    pub text: &'static str,
}

impl fmt::Display for SettingsWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.text)
    }
}

impl Settings {
    /// What to look at before these settings go to production, as `manage.py check --deploy` says it of Django's: each
    /// warning names its setting. What cannot work at all is an error of [`validate`](Self::validate).
    ///
    /// Nothing calls this by itself. A test of the application is a good place, and so is its start-up:
    ///
    /// ```
    /// use jam_session::Settings;
    ///
    /// let mut settings = Settings::default();
    /// settings.cookie_secure = false;
    /// // We have decided about the cookie's name.
    /// let warnings = settings.warnings().into_iter().filter(|warning| warning.id != "cookie_name");
    /// let texts: Vec<String> = warnings.map(|warning| warning.to_string()).collect();
    /// assert!(texts[0].starts_with("cookie_secure: "));
    /// ```
    #[must_use]
    #[doc(alias = "check --deploy")]
    pub fn warnings(&self) -> Vec<SettingsWarning> {
        let all = self.cookie_warnings().into_iter().chain(self.key_warnings()).chain(self.session_warnings());
        all.filter_map(|(found, id, text)| found.then_some(SettingsWarning { id, text })).collect()
    }

    fn cookie_warnings(&self) -> [(bool, &'static str, &'static str); 6] {
        let host = self.cookie_name.starts_with("__Host-");
        let shared = self.cookie_domain.is_some();
        let cross_site = matches!(self.cookie_same_site, SameSite::None | SameSite::Unset);
        [
            (
                !self.cookie_secure,
                "cookie_secure",
                "the cookie also travels over plain HTTP, where anybody on the way can read and use it; switch it on",
            ),
            (
                self.secure_proxy_ssl_header.is_some(),
                "secure_proxy_ssl_header",
                "whoever comes over plain HTTP gets a cookie without Secure; serve HTTPS alone, and leave it out",
            ),
            (
                !self.cookie_http_only,
                "cookie_http_only",
                "a script that was smuggled into a page can read the cookie; switch it on",
            ),
            (
                cross_site,
                "cookie_same_site",
                "pages of other sites can send requests with the cookie; use Lax or Strict, or check every form's token",
            ),
            (
                shared,
                "cookie_domain",
                "every subdomain gets the cookie and can set it; leave the domain out unless they share their logins",
            ),
            (
                !host && !shared,
                "cookie_name",
                "a subdomain or a page over plain HTTP can set a cookie of this name; begin it with __Host-",
            ),
        ]
    }

    fn key_warnings(&self) -> [(bool, &'static str, &'static str); 5] {
        [
            (
                self.cookie_age > THIRTY_DAYS,
                "cookie_age",
                "a session lives for more than 30 days without a change; NIST SP 800-63B asks for a login at least so often",
            ),
            (
                self.absolute_age.is_none(),
                "absolute_age",
                "a session that is used often enough never ends, nor does a stolen one; set an age at which each ends",
            ),
            (
                matches!(self.hash_keys, HashKeys::Off | HashKeys::MigratingBack),
                "hash_keys",
                "what stands in the table, a backup or a cache opens sessions; switch it on unless a Django shares them",
            ),
            (
                self.duplicate_cookie == DuplicateCookie::TakeLast,
                "duplicate_cookie",
                "of two cookies with different values one is believed, and somebody may have planted it; use one_live or refuse",
            ),
            (
                self.deletion_cookie == DeletionCookie::WhenEmpty,
                "deletion_cookie",
                "a request that comes late with an old key deletes the cookie of a new login; delete it on flush alone",
            ),
        ]
    }

    fn session_warnings(&self) -> [(bool, &'static str, &'static str); 5] {
        [
            (
                self.valid_from.is_some() && self.cookie_format == CookieFormat::Django,
                "valid_from",
                "sessions that a Django makes do not say when they began, so all of them are refused; end old ones in the table",
            ),
            (
                self.headers == Headers::Vary,
                "headers",
                "a cache may keep a response with its Set-Cookie and hand it to others; use vary_and_no_store",
            ),
            (
                self.create_empty_rows,
                "create_empty_rows",
                "with save_every_request whoever sends invented keys fills the table; switch it off",
            ),
            (
                self.save_mode == SaveMode::Overwrite,
                "save_mode",
                "of two overlapping requests one loses its changes; use merge",
            ),
            (
                self.on_interrupted == OnInterrupted::KeepResponse,
                "on_interrupted",
                "a visitor is told that something was saved which was not; answer with a status",
            ),
        ]
    }
}
