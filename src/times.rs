//! Instants that a session keeps among its data, under reserved names: whole Unix seconds. Django keeps names that
//! begin with an underscore for itself, and leaves those of others alone.

use time::OffsetDateTime;

use crate::{raw::Raw, session_data::SessionData};

/// When the session began: what `absolute_age` counts from.
pub(crate) const CREATED_KEY: &str = "_session_created";
/// When the session got its key, if keys are renewed.
pub(crate) const RENEWED_KEY: &str = "_session_renewed";
/// When its user last proved who they are.
pub(crate) const AUTHENTICATED_KEY: &str = "_session_authenticated";

/// The instant under `key`; what is none counts as not there.
pub(crate) fn read(data: &SessionData, key: &str) -> Option<OffsetDateTime> {
    let seconds = data.raw(key)?.get().ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

/// An instant as it is stored, rounded down.
pub(crate) fn to_raw(at: OffsetDateTime) -> Raw {
    Raw::new(&at.unix_timestamp()).expect("a number is JSON")
}

/// Stores an instant, or none. Data that says so already is not copied.
pub(crate) fn write(data: &mut SessionData, key: &str, at: Option<OffsetDateTime>) {
    let raw = at.map(to_raw);
    if data.raw(key) != raw.as_ref() {
        data.put(key, raw);
    }
}
