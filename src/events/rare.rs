//! [`Events`]: what may come with every request.

use std::error::Error as StdError;

use time::OffsetDateTime;

use super::{TARGET, now_and_then::NowAndThen, numbers::count};
use crate::{
    error::{self, Error, ErrorKind},
    session_key::SessionKey,
};

/// The events that may come with every request, each with its last line. Layers over one store share them.
#[derive(Debug)]
pub(crate) struct Events {
    malformed_key: NowAndThen,
    duplicate_cookie: NowAndThen,
    stale_twin: NowAndThen,
    too_many_cookies: NowAndThen,
    unknown_key: NowAndThen,
    other_layer: NowAndThen,
    undecodable: NowAndThen,
    too_large: NowAndThen,
    refused: NowAndThen,
    #[cfg(feature = "signing")]
    bad_signature: NowAndThen,
}

/// One line a minute of the first level, the others of `DEBUG`. The fields are computed where somebody listens.
macro_rules! rare {
    ($last:expr, $now:expr, $level:ident, $event:literal, {$($fields:tt)*}, $message:literal) => {
        match $last.says($now) {
            Some(unsaid) => tracing::$level!(
                target: TARGET, event = $event, $($fields)* more_since_the_last_line = unsaid, $message
            ),
            None => tracing::debug!(target: TARGET, event = $event, $($fields)* $message),
        }
    };
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

impl Events {
    pub(super) const fn new() -> Self {
        Self {
            malformed_key: NowAndThen::new(),
            duplicate_cookie: NowAndThen::new(),
            stale_twin: NowAndThen::new(),
            too_many_cookies: NowAndThen::new(),
            unknown_key: NowAndThen::new(),
            other_layer: NowAndThen::new(),
            undecodable: NowAndThen::new(),
            too_large: NowAndThen::new(),
            refused: NowAndThen::new(),
            #[cfg(feature = "signing")]
            bad_signature: NowAndThen::new(),
        }
    }

    /// A request fails with this error. Of an interrupted one it is said where it was interrupted. What trying again does
    /// not cure is one loud line a minute, because a visitor may cause it with every request.
    pub(crate) fn failed(&self, now: OffsetDateTime, error: &Error, message: &'static str) {
        match error.kind() {
            ErrorKind::Interrupted => {}
            ErrorKind::StoreFailure => {
                count!(1, "jam_session_failed_requests_total");
                tracing::error!(target: TARGET, event = "store_failure", error = error::chain(error), "{message}");
            }
            ErrorKind::TooLarge => {
                count!(1, "jam_session_refused_requests_total", "kind" => "too_large");
                rare!(self.too_large, now, error, "too_large", { error = error::chain(error), }, "{message}");
            }
            ErrorKind::Refused => {
                count!(1, "jam_session_refused_requests_total", "kind" => "refused");
                rare!(self.refused, now, error, "refused", { error = error::chain(error), }, "{message}");
            }
            ErrorKind::Application => tracing::error!(error = error::chain(error), "{message}"),
        }
    }

    pub(crate) fn malformed_key(&self, now: OffsetDateTime, bytes: usize) {
        count!(1, "jam_session_refused_cookies_total", "reason" => "malformed");
        rare!(self.malformed_key, now, info, "malformed_key", { bytes, }, "the session cookie is none of ours");
    }

    pub(crate) fn duplicate_cookie(&self, now: OffsetDateTime) {
        count!(1, "jam_session_refused_cookies_total", "reason" => "duplicate");
        rare!(
            self.duplicate_cookie,
            now,
            warn,
            "duplicate_cookie",
            {},
            "session cookies with different values, and none is believed. If it goes on, the browser holds one of another \
             domain or path: name it in previous_cookie_domains or previous_cookie_paths"
        );
    }

    pub(crate) fn stale_twin(&self, now: OffsetDateTime) {
        rare!(
            self.stale_twin,
            now,
            info,
            "stale_twin",
            {},
            "session cookies with different values, of which one is live and is used. If it goes on, the browser holds one \
             of another domain or path: name it in previous_cookie_domains or previous_cookie_paths"
        );
    }

    pub(crate) fn too_many_cookies(&self, now: OffsetDateTime) {
        count!(1, "jam_session_refused_cookies_total", "reason" => "too_many");
        rare!(
            self.too_many_cookies,
            now,
            warn,
            "too_many_cookies",
            {},
            "more than 16 KiB of cookies; none is believed"
        );
    }

    pub(crate) fn unknown_key(&self, now: OffsetDateTime, session_key: &SessionKey) {
        count!(1, "jam_session_loads_total", "outcome" => "unknown");
        rare!(
            self.unknown_key, now, info, "unknown_key", { fingerprint = %session_key.fingerprint(), },
            "no session has the key of this cookie"
        );
    }

    pub(crate) fn other_layer(&self, now: OffsetDateTime, session_key: &SessionKey) {
        count!(1, "jam_session_loads_total", "outcome" => "other_layer");
        rare!(
            self.other_layer, now, info, "other_layer", { fingerprint = %session_key.fingerprint(), },
            "the session of this cookie is of another layer over the same store; the visitor is anonymous"
        );
    }

    pub(crate) fn undecodable(&self, now: OffsetDateTime, session_key: &SessionKey, error: &dyn StdError) {
        count!(1, "jam_session_loads_total", "outcome" => "undecodable");
        rare!(
            self.undecodable, now, warn, "undecodable",
            { fingerprint = %session_key.fingerprint(), error = error::chain(error), },
            "a stored session cannot be used; the visitor is anonymous"
        );
    }

    #[cfg(feature = "signing")]
    pub(crate) fn bad_signature(&self, now: OffsetDateTime, bytes: usize) {
        count!(1, "jam_session_refused_cookies_total", "reason" => "bad_signature");
        rare!(
            self.bad_signature, now, info, "bad_signature", { bytes, },
            "the session cookie is not of this secret key"
        );
    }
}
