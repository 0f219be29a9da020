//! What happens to sessions: one function for each thing that is logged or counted.

use std::{error::Error as StdError, time::Duration};

use super::{
    Events, TARGET,
    numbers::{count, gauge},
};
use crate::{
    clock::Clock,
    error::{self, Error},
    session_key::SessionKey,
};

pub(crate) fn found() {
    count!(1, "jam_session_loads_total", "outcome" => "found");
}

pub(crate) fn created() {
    count!(1, "jam_session_changes_total", "kind" => "created");
}

pub(crate) fn saved() {
    count!(1, "jam_session_changes_total", "kind" => "saved");
}

pub(crate) fn overtaken() {
    count!(1, "jam_session_conflicts_total");
}

/// A write was refused, because too many were under way.
pub(crate) fn not_sent_full() {
    count!(1, "jam_session_writes_not_sent_total", "reason" => "full");
}

/// A write was given up, because its deadline passed while it waited.
pub(crate) fn not_sent_late() {
    count!(1, "jam_session_writes_not_sent_total", "reason" => "late");
}

pub(crate) fn write_begins() {
    gauge!(1, "jam_session_writes_under_way");
}

pub(crate) fn write_ends() {
    gauge!(-1, "jam_session_writes_under_way");
}

pub(crate) fn cache_hit() {
    count!(1, "jam_session_cache_total", "outcome" => "hit");
}

pub(crate) fn cache_miss() {
    count!(1, "jam_session_cache_total", "outcome" => "miss");
}

pub(crate) fn cache_error() {
    count!(1, "jam_session_cache_total", "outcome" => "error");
}

#[cfg(feature = "_sql")]
pub(crate) fn batched(rows: usize) {
    count!(rows as u64, "jam_session_batched_rows_total");
}

pub(crate) fn cycled(old: &SessionKey, new: &SessionKey) {
    count!(1, "jam_session_changes_total", "kind" => "cycled");
    tracing::info!(
        target: TARGET, event = "cycled",
        fingerprint = %new.fingerprint(), old_fingerprint = %old.fingerprint(),
        "a session has a new key"
    );
}

pub(crate) fn flushed(session_key: &SessionKey) {
    count!(1, "jam_session_changes_total", "kind" => "flushed");
    tracing::info!(target: TARGET, event = "flushed", fingerprint = %session_key.fingerprint(), "a session was ended");
}

pub(crate) fn revoked(sessions: u64) {
    if sessions > 0 {
        count!(sessions, "jam_session_revoked_total");
        tracing::info!(target: TARGET, event = "revoked", sessions, "sessions were ended from elsewhere");
    }
}

pub(crate) fn interrupted(session_key: &SessionKey) {
    count!(1, "jam_session_interrupted_total");
    tracing::info!(
        target: TARGET, event = "interrupted", fingerprint = %session_key.fingerprint(),
        "a session was ended while it was in use; its change is not saved"
    );
}

/// What has no layer at hand shares these lines.
static OUTSIDE: Events = Events::new();

/// [`Events::failed`], where no layer is at hand.
pub(crate) fn failed(error: &Error, message: &'static str) {
    OUTSIDE.failed(Clock::system().now(), error, message);
}

pub(crate) fn clean_up(removed: u64) {
    count!(removed, "jam_session_expired_removed_total");
    tracing::debug!(target: TARGET, event = "clean_up", removed, "expired sessions are cleared");
}

pub(crate) fn clean_up_failure(error: &dyn StdError, again_in: Duration) {
    tracing::warn!(
        target: TARGET, event = "clean_up_failure", error = error::chain(error), ?again_in,
        "expired sessions could not be cleared"
    );
}
