//! Settings from environment variables: `SESSION_COOKIE_AGE=3600`.

use std::{env, str::FromStr, time::Duration};

use http::StatusCode;

use super::{HashKeys, OnInterrupted, SaveMode, Settings, SiteData, values};
use crate::error::SettingsError;

/// The variables without their prefix, in the order in which they are read.
const NAMES: [&str; 25] = [
    "COOKIE_NAME",
    "COOKIE_AGE",
    "COOKIE_DOMAIN",
    "COOKIE_PATH",
    "PREVIOUS_COOKIE_DOMAINS",
    "PREVIOUS_COOKIE_PATHS",
    "COOKIE_SECURE",
    "SECURE_PROXY_SSL_HEADER",
    "COOKIE_HTTPONLY",
    "COOKIE_SAMESITE",
    "COOKIE_PARTITIONED",
    "EXPIRE_AT_BROWSER_CLOSE",
    "SAVE_EVERY_REQUEST",
    "REFRESH_THRESHOLD",
    "ABSOLUTE_AGE",
    "VALID_FROM",
    "RENEW_AFTER",
    "RENEWAL_GRACE",
    "HASH_KEYS",
    "IDENTITY_KEYS",
    "SAVE_MODE",
    "CLEAR_SITE_DATA",
    "ON_INTERRUPTED",
    "LOAD_DEADLINE",
    "SAVE_DEADLINE",
];

impl Settings {
    /// Reads Django's variables from the environment, with `prefix` in front: with `"SESSION_"`,
    /// `SESSION_COOKIE_NAME`, `_COOKIE_AGE`, `_COOKIE_DOMAIN`, `_COOKIE_PATH`, `_COOKIE_SECURE`,
    /// `_COOKIE_HTTPONLY`, `_COOKIE_SAMESITE`, `_EXPIRE_AT_BROWSER_CLOSE` and `_SAVE_EVERY_REQUEST`, and of ours
    /// `_PREVIOUS_COOKIE_DOMAINS` and `_PREVIOUS_COOKIE_PATHS` (with commas between them), `_COOKIE_PARTITIONED`,
    /// `_SECURE_PROXY_SSL_HEADER` (like `X-Forwarded-Proto: https`), `_REFRESH_THRESHOLD`, `_ABSOLUTE_AGE`,
    /// `_VALID_FROM` (like `2026-01-31T12:00:00Z`), `_RENEW_AFTER`, `_RENEWAL_GRACE`, `_HASH_KEYS`,
    /// `_IDENTITY_KEYS` (like `user_id, tenant`), `_SAVE_MODE`, `_CLEAR_SITE_DATA` (like `cache, storage`), `_ON_INTERRUPTED`, `_LOAD_DEADLINE` and
    /// `_SAVE_DEADLINE`. Durations are whole seconds, switches `true` or `false`. What is not set keeps its
    /// default; other variables are not looked at.
    ///
    /// # Errors
    ///
    /// A value that does not parse, is negative or overflows, and what [`validate`](Self::validate) refuses.
    pub fn from_env(prefix: &str) -> Result<Self, SettingsError> {
        let mut settings = Self::default();
        for name in NAMES {
            let variable = format!("{prefix}{name}");
            let Some(value) = env::var_os(&variable) else { continue };
            let value = value.to_str().ok_or_else(|| wrong("the value is not Unicode"));
            value
                .and_then(|value| settings.set(name, value))
                .map_err(|error| SettingsError(format!("{variable}: {error}")))?;
        }
        settings.validate()?;
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), SettingsError> {
        match name {
            "COOKIE_NAME" => self.cookie_name = value.to_owned(),
            "COOKIE_AGE" => self.cookie_age = seconds(value)?,
            "COOKIE_DOMAIN" => self.cookie_domain = (!value.is_empty()).then(|| value.to_owned()),
            "COOKIE_PATH" => self.cookie_path = value.to_owned(),
            "PREVIOUS_COOKIE_DOMAINS" => self.previous_cookie_domains = list(value),
            "PREVIOUS_COOKIE_PATHS" => self.previous_cookie_paths = list(value),
            "COOKIE_SECURE" => self.cookie_secure = switch(value)?,
            "SECURE_PROXY_SSL_HEADER" => self.secure_proxy_ssl_header = Some(value.parse()?),
            "COOKIE_HTTPONLY" => self.cookie_http_only = switch(value)?,
            "COOKIE_SAMESITE" => self.cookie_same_site = value.parse()?,
            "COOKIE_PARTITIONED" => self.cookie_partitioned = switch(value)?,
            "EXPIRE_AT_BROWSER_CLOSE" => self.expire_at_browser_close = switch(value)?,
            "SAVE_EVERY_REQUEST" => self.save_every_request = switch(value)?,
            "REFRESH_THRESHOLD" => self.refresh_threshold = Some(seconds(value)?),
            "ABSOLUTE_AGE" => self.absolute_age = Some(seconds(value)?),
            "VALID_FROM" => self.valid_from = Some(values::instant(value)?),
            "RENEW_AFTER" => self.renew_after = Some(seconds(value)?),
            "RENEWAL_GRACE" => self.renewal_grace = seconds(value)?,
            "HASH_KEYS" => self.hash_keys = value.parse()?,
            "IDENTITY_KEYS" => self.identity_keys = list(value),
            "SAVE_MODE" => self.save_mode = value.parse()?,
            "CLEAR_SITE_DATA" => self.clear_site_data = SiteData::list(value)?,
            "ON_INTERRUPTED" => self.on_interrupted = value.parse()?,
            "LOAD_DEADLINE" => self.load_deadline = seconds(value)?,
            "SAVE_DEADLINE" => self.save_deadline = seconds(value)?,
            _ => unreachable!("every name of NAMES has an arm"),
        }
        Ok(())
    }
}

fn wrong(reason: &str) -> SettingsError {
    SettingsError(reason.to_owned())
}

fn seconds(value: &str) -> Result<Duration, SettingsError> {
    value
        .trim()
        .parse()
        .map(Duration::from_secs)
        .map_err(|_| wrong("the value is not a whole number of seconds, 0 or more"))
}

fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn switch(value: &str) -> Result<bool, SettingsError> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(wrong("the value is not true or false")),
    }
}

impl FromStr for HashKeys {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        match text {
            "off" => Ok(Self::Off),
            "migrating_back" => Ok(Self::MigratingBack),
            "migrating" => Ok(Self::Migrating),
            "on" => Ok(Self::On),
            _ => Err(wrong("the value is not off, migrating_back, migrating or on")),
        }
    }
}

impl FromStr for SaveMode {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        match text {
            "merge" => Ok(Self::Merge),
            "overwrite" => Ok(Self::Overwrite),
            _ => Err(wrong("the value is not merge or overwrite")),
        }
    }
}

impl FromStr for OnInterrupted {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        if text == "keep_response" {
            return Ok(Self::KeepResponse);
        }
        let status = text.parse::<StatusCode>().map_err(|_| wrong("the value is not a status or keep_response"))?;
        Ok(Self::Respond(status))
    }
}
