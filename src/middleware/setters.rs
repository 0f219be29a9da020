//! One method of [`SessionLayer`] per setting; [`Settings`](crate::Settings) says what each means.

use std::time::Duration;

use http::StatusCode;
use time::OffsetDateTime;

use super::SessionLayer;
use crate::settings::{
    CookieFormat, DeletionCookie, DuplicateCookie, HashKeys, Headers, OnInterrupted, ProxyHeader, SameSite, SaveMode,
    SiteData,
};

impl<N> SessionLayer<N> {
    /// The name of the cookie: [`Settings::cookie_name`](crate::Settings::cookie_name).
    #[doc(alias = "with_name")]
    pub fn cookie_name(self, name: impl Into<String>) -> Self {
        self.change(|context| context.settings.cookie_name = name.into())
    }

    /// How long a session lives: [`Settings::cookie_age`](crate::Settings::cookie_age).
    #[doc(alias = "with_expiry")]
    pub fn cookie_age(self, age: Duration) -> Self {
        self.change(|context| context.settings.cookie_age = age)
    }

    /// The cookie's `Domain`: [`Settings::cookie_domain`](crate::Settings::cookie_domain).
    #[doc(alias = "with_domain")]
    pub fn cookie_domain(self, domain: impl Into<Option<String>>) -> Self {
        self.change(|context| context.settings.cookie_domain = domain.into())
    }

    /// The cookie's `Path`: [`Settings::cookie_path`](crate::Settings::cookie_path).
    #[doc(alias = "with_path")]
    pub fn cookie_path(self, path: impl Into<String>) -> Self {
        self.change(|context| context.settings.cookie_path = path.into())
    }

    /// Values that the cookie's `Domain` had before:
    /// [`Settings::previous_cookie_domains`](crate::Settings::previous_cookie_domains).
    pub fn previous_cookie_domains(self, domains: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let domains = domains.into_iter().map(Into::into).collect();
        self.change(|context| context.settings.previous_cookie_domains = domains)
    }

    /// Values that the cookie's `Path` had before:
    /// [`Settings::previous_cookie_paths`](crate::Settings::previous_cookie_paths).
    pub fn previous_cookie_paths(self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let paths = paths.into_iter().map(Into::into).collect();
        self.change(|context| context.settings.previous_cookie_paths = paths)
    }

    /// Whether the cookie travels over HTTPS only: [`Settings::cookie_secure`](crate::Settings::cookie_secure).
    #[doc(alias = "with_secure")]
    pub fn cookie_secure(self, secure: bool) -> Self {
        self.change(|context| context.settings.cookie_secure = secure)
    }

    /// By which header a proxy says that a request came over HTTPS:
    /// [`Settings::secure_proxy_ssl_header`](crate::Settings::secure_proxy_ssl_header).
    pub fn secure_proxy_ssl_header(self, header: impl Into<Option<ProxyHeader>>) -> Self {
        self.change(|context| context.settings.secure_proxy_ssl_header = header.into())
    }

    /// Whether scripts cannot see the cookie: [`Settings::cookie_http_only`](crate::Settings::cookie_http_only).
    #[doc(alias = "with_http_only")]
    pub fn cookie_http_only(self, http_only: bool) -> Self {
        self.change(|context| context.settings.cookie_http_only = http_only)
    }

    /// The cookie's `SameSite`: [`Settings::cookie_same_site`](crate::Settings::cookie_same_site).
    #[doc(alias = "with_same_site")]
    pub fn cookie_same_site(self, same_site: SameSite) -> Self {
        self.change(|context| context.settings.cookie_same_site = same_site)
    }

    /// Whether the cookie is partitioned:
    /// [`Settings::cookie_partitioned`](crate::Settings::cookie_partitioned).
    pub fn cookie_partitioned(self, partitioned: bool) -> Self {
        self.change(|context| context.settings.cookie_partitioned = partitioned)
    }

    /// Whether cookies end with the browser:
    /// [`Settings::expire_at_browser_close`](crate::Settings::expire_at_browser_close).
    pub fn expire_at_browser_close(self, expire: bool) -> Self {
        self.change(|context| context.settings.expire_at_browser_close = expire)
    }

    /// Whether every request extends its session:
    /// [`Settings::save_every_request`](crate::Settings::save_every_request).
    #[doc(alias = "with_always_save")]
    pub fn save_every_request(self, save: bool) -> Self {
        self.change(|context| context.settings.save_every_request = save)
    }

    /// What an extension must gain to be made:
    /// [`Settings::refresh_threshold`](crate::Settings::refresh_threshold).
    pub fn refresh_threshold(self, threshold: impl Into<Option<Duration>>) -> Self {
        self.change(|context| context.settings.refresh_threshold = threshold.into())
    }

    /// Whether sessions are stored under hashes of their keys:
    /// [`Settings::hash_keys`](crate::Settings::hash_keys).
    pub fn hash_keys(self, hash_keys: HashKeys) -> Self {
        self.change(|context| context.settings.hash_keys = hash_keys)
    }

    /// How long a session lives at most: [`Settings::absolute_age`](crate::Settings::absolute_age).
    pub fn absolute_age(self, age: impl Into<Option<Duration>>) -> Self {
        self.change(|context| context.settings.absolute_age = age.into())
    }

    /// Refuses the sessions that began before: [`Settings::valid_from`](crate::Settings::valid_from).
    pub fn valid_from(self, from: impl Into<Option<OffsetDateTime>>) -> Self {
        self.change(|context| context.settings.valid_from = from.into())
    }

    /// How old a key gets: [`Settings::renew_after`](crate::Settings::renew_after).
    pub fn renew_after(self, age: impl Into<Option<Duration>>) -> Self {
        self.change(|context| context.settings.renew_after = age.into())
    }

    /// How long an old key is followed: [`Settings::renewal_grace`](crate::Settings::renewal_grace).
    pub fn renewal_grace(self, grace: Duration) -> Self {
        self.change(|context| context.settings.renewal_grace = grace)
    }

    /// The keys that say whose session it is: [`Settings::identity_keys`](crate::Settings::identity_keys).
    pub fn identity_keys(self, keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.change(|context| context.settings.identity_keys = keys.into_iter().map(Into::into).collect())
    }

    /// What overlapping saves do: [`Settings::save_mode`](crate::Settings::save_mode).
    pub fn save_mode(self, mode: SaveMode) -> Self {
        self.change(|context| context.settings.save_mode = mode)
    }

    /// What contradicting cookies mean: [`Settings::duplicate_cookie`](crate::Settings::duplicate_cookie).
    pub fn duplicate_cookie(self, rule: DuplicateCookie) -> Self {
        self.change(|context| context.settings.duplicate_cookie = rule)
    }

    /// When a deletion cookie is sent: [`Settings::deletion_cookie`](crate::Settings::deletion_cookie).
    pub fn deletion_cookie(self, rule: DeletionCookie) -> Self {
        self.change(|context| context.settings.deletion_cookie = rule)
    }

    /// How `Set-Cookie` is written: [`Settings::cookie_format`](crate::Settings::cookie_format).
    pub fn cookie_format(self, format: CookieFormat) -> Self {
        self.change(|context| context.settings.cookie_format = format)
    }

    /// Which caching headers are set: [`Settings::headers`](crate::Settings::headers).
    pub fn headers(self, headers: Headers) -> Self {
        self.change(|context| context.settings.headers = headers)
    }

    /// What a browser removes when a session ends: [`Settings::clear_site_data`](crate::Settings::clear_site_data).
    pub fn clear_site_data(self, data: impl IntoIterator<Item = SiteData>) -> Self {
        self.change(|context| context.settings.clear_site_data = data.into_iter().collect())
    }

    /// Whether an equal value counts as a change:
    /// [`Settings::equal_value_modifies`](crate::Settings::equal_value_modifies).
    pub fn equal_value_modifies(self, modifies: bool) -> Self {
        self.change(|context| context.settings.equal_value_modifies = modifies)
    }

    /// Whether unknown keys get empty rows: [`Settings::create_empty_rows`](crate::Settings::create_empty_rows).
    pub fn create_empty_rows(self, create: bool) -> Self {
        self.change(|context| context.settings.create_empty_rows = create)
    }

    /// What an interrupted request is answered: [`Settings::on_interrupted`](crate::Settings::on_interrupted).
    pub fn on_interrupted(self, answer: OnInterrupted) -> Self {
        self.change(|context| context.settings.on_interrupted = answer)
    }

    /// The status of a failed store:
    /// [`Settings::store_failure_status`](crate::Settings::store_failure_status).
    pub fn store_failure_status(self, status: StatusCode) -> Self {
        self.change(|context| context.settings.store_failure_status = status)
    }

    /// How long loading may take: [`Settings::load_deadline`](crate::Settings::load_deadline).
    pub fn load_deadline(self, deadline: Duration) -> Self {
        self.change(|context| context.settings.load_deadline = deadline)
    }

    /// How long saving may take: [`Settings::save_deadline`](crate::Settings::save_deadline).
    pub fn save_deadline(self, deadline: Duration) -> Self {
        self.change(|context| context.settings.save_deadline = deadline)
    }
}
