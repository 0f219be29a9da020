//! What this crate logs about the security of sessions.
//!
//! Each event is one [`tracing`](https://docs.rs/tracing) event of the target `jam_session`, with a field `event` that
//! names it. A request causes each at most once. No event has a key, a cookie or a value in it: what is there is the
//! *fingerprint* of the key, by which lines of one session find each other ([`Fingerprint`]).
//!
//! | event | level | fields | when |
//! |---|---|---|---|
//! | `malformed_key` | INFO, DEBUG | `bytes` | a cookie cannot be a key; the store was not asked |
//! | `duplicate_cookie` | WARN, DEBUG | | two session cookies with different values; neither is believed |
//! | `too_many_cookies` | WARN, DEBUG | | more than 16 KiB of cookies; none is believed |
//! | `unknown_key` | INFO, DEBUG | `fingerprint` | no session has this key: it has ended or expired, or there never was one |
//! | `bad_signature` | INFO, DEBUG | `bytes` | a cookie of signed or encrypted sessions is not of this secret key; `unknown_key` follows |
//! | `undecodable` | WARN, DEBUG | `fingerprint` `error` | what is stored does not verify or decode; it is left alone |
//! | `cycled` | INFO | `fingerprint` `old_fingerprint` | a session was given a new key, as at a login |
//! | `flushed` | INFO | `fingerprint` | a session was ended by its own request, as at a logout |
//! | `revoked` | INFO | `sessions` | sessions were ended from elsewhere: so many |
//! | `interrupted` | INFO | `fingerprint` | a change was not saved, because its session had been ended meanwhile |
//! | `store_failure` | ERROR | `error` | a request failed because the store did, or was too slow |
//! | `clean_up` | DEBUG | `removed` | expired sessions were removed: so many |
//! | `clean_up_failure` | WARN | `error` `again_in` | they could not be, and when it is tried again |
//!
//! Six of them anybody can cause, as often as they like. Of each of those one line a minute has the higher level, with
//! one field more, `more_since_the_last_line`: how many there were in between. Those have the lower level. So
//! `jam_session=info` cannot be flooded, and `jam_session=debug` has every one.
//!
//! The fingerprint is computed only where somebody listens. A request that leaves its session alone computes nothing.
//! The other lines of this crate have the targets of their modules, `jam_session::…`, and are for people: their
//! words may change.
//!
//! ```
//! use jam_session::{MemoryStore, SessionLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), jam_session::Error> {
//! let session = SessionLayer::new(MemoryStore::new()).create().await?;
//!
//! // In the application's own lines, the same name for the same session:
//! let fingerprint = session.fingerprint().expect("it is stored");
//! tracing::info!(%fingerprint, "somebody bought something");
//! assert_eq!(fingerprint.to_string().len(), 8);
//! # Ok(()) }
//! ```

use std::{error::Error as StdError, time::Duration};

use time::OffsetDateTime;

use crate::{
    error::{self, Error, ErrorKind},
    session_key::SessionKey,
};

mod fingerprint;
pub use fingerprint::Fingerprint;
mod now_and_then;
use now_and_then::NowAndThen;

/// The target of every event of the table.
const TARGET: &str = "jam_session";

/// The events that anybody can cause, each with its last line. Layers over one store share them.
#[derive(Debug, Default)]
pub(crate) struct Events {
    malformed_key: NowAndThen,
    duplicate_cookie: NowAndThen,
    too_many_cookies: NowAndThen,
    unknown_key: NowAndThen,
    undecodable: NowAndThen,
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

impl Events {
    pub(crate) fn malformed_key(&self, now: OffsetDateTime, bytes: usize) {
        rare!(self.malformed_key, now, info, "malformed_key", { bytes, }, "the session cookie is none of ours");
    }

    pub(crate) fn duplicate_cookie(&self, now: OffsetDateTime) {
        rare!(
            self.duplicate_cookie,
            now,
            warn,
            "duplicate_cookie",
            {},
            "two session cookies with different values; neither is believed"
        );
    }

    pub(crate) fn too_many_cookies(&self, now: OffsetDateTime) {
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
        rare!(
            self.unknown_key, now, info, "unknown_key", { fingerprint = %session_key.fingerprint(), },
            "no session has the key of this cookie"
        );
    }

    pub(crate) fn undecodable(&self, now: OffsetDateTime, session_key: &SessionKey, error: &dyn StdError) {
        rare!(
            self.undecodable, now, warn, "undecodable",
            { fingerprint = %session_key.fingerprint(), error = error::chain(error), },
            "a stored session cannot be used; the visitor is anonymous"
        );
    }

    #[cfg(feature = "signing")]
    pub(crate) fn bad_signature(&self, now: OffsetDateTime, bytes: usize) {
        rare!(
            self.bad_signature, now, info, "bad_signature", { bytes, },
            "the session cookie is not of this secret key"
        );
    }
}

pub(crate) fn cycled(old: &SessionKey, new: &SessionKey) {
    tracing::info!(
        target: TARGET, event = "cycled",
        fingerprint = %new.fingerprint(), old_fingerprint = %old.fingerprint(),
        "a session has a new key"
    );
}

pub(crate) fn flushed(session_key: &SessionKey) {
    tracing::info!(target: TARGET, event = "flushed", fingerprint = %session_key.fingerprint(), "a session was ended");
}

pub(crate) fn revoked(sessions: u64) {
    if sessions > 0 {
        tracing::info!(target: TARGET, event = "revoked", sessions, "sessions were ended from elsewhere");
    }
}

pub(crate) fn interrupted(session_key: &SessionKey) {
    tracing::info!(
        target: TARGET, event = "interrupted", fingerprint = %session_key.fingerprint(),
        "a session was ended while it was in use; its change is not saved"
    );
}

/// Of a request that fails with this error; of an interrupted one it is said where it was interrupted.
pub(crate) fn failed(error: &Error, message: &'static str) {
    match error.kind() {
        ErrorKind::Interrupted => {}
        ErrorKind::StoreFailure => {
            tracing::error!(target: TARGET, event = "store_failure", error = error::chain(error), "{message}");
        }
        ErrorKind::Application => tracing::error!(error = error::chain(error), "{message}"),
    }
}

pub(crate) fn clean_up(removed: u64) {
    tracing::debug!(target: TARGET, event = "clean_up", removed, "expired sessions are cleared");
}

pub(crate) fn clean_up_failure(error: &dyn StdError, again_in: Duration) {
    tracing::warn!(
        target: TARGET, event = "clean_up_failure", error = error::chain(error), ?again_in,
        "expired sessions could not be cleared"
    );
}
