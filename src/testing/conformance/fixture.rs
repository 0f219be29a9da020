//! What the cases share. They move `now` instead of making short sessions: a backend with a clock of its
//! own must not notice.

use time::{Duration, OffsetDateTime};

use crate::{
    backends::{Draft, ErasedStore, Record, Saved, SessionStore},
    error::StoreError,
    random,
    session_data::SessionData,
    session_key::SessionKey,
};

pub(super) const MICROSECOND: Duration = Duration::MICROSECOND;

/// 2023-11-14 22:13:20.25 UTC: when every case begins.
pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(1_700_000_000_250)
}

/// When the sessions of [`draft`] expire; no whole second, so that lost digits show.
pub(super) fn in_an_hour() -> OffsetDateTime {
    now() + Duration::hours(1) + Duration::microseconds(123_456)
}

/// A key that nothing is stored under.
pub(super) fn new_key() -> SessionKey {
    SessionKey::draw(random::fill).expect("the system has random bytes")
}

pub(super) fn data(json: &str) -> SessionData {
    json.parse().expect("a case writes a JSON object")
}

/// A session with this data that lives for an hour.
pub(super) fn draft(json: &str) -> Draft {
    Draft::new(data(json), in_an_hour())
}

/// Creates a session with this data that lives for an hour.
pub(super) async fn create(store: &ErasedStore, json: &str) -> Record {
    store.create(&new_key(), &draft(json), now()).await.expect("`create` under a fresh key")
}

/// The session that is live at `at`.
pub(super) async fn load_at(store: &ErasedStore, key: &SessionKey, at: OffsetDateTime) -> Option<Record> {
    store.load(key, at).await.expect("`load`")
}

/// Checks what is stored under `key`: this data, with this expiry.
pub(super) async fn assert_holds(store: &ErasedStore, key: &SessionKey, json: &str, expire_date: OffsetDateTime) {
    let record = load_at(store, key, now()).await.expect("the session is live");
    assert_eq!(record.session_data.to_json(), json, "the data under the key");
    assert_eq!(record.expire_date, expire_date, "the expiry under the key");
    assert_eq!(&record.session_key, key, "a record carries the key that it was loaded with");
}

/// Checks that nothing is stored under `key`, not even something expired.
pub(super) async fn assert_free(store: &ErasedStore, key: &SessionKey) {
    assert!(load_at(store, key, now()).await.is_none(), "there is a session where there must be none");
    assert!(!store.exists(key).await.expect("`exists`"), "the key is taken although nothing may be there");
}

#[track_caller]
pub(super) fn assert_done(result: Result<Saved, StoreError>) -> Record {
    match result {
        Ok(Saved::Done(record)) => record,
        other => panic!("expected Done, not {}", named(&other)),
    }
}

#[track_caller]
pub(super) fn assert_conflict(result: Result<Saved, StoreError>) -> Record {
    match result {
        Ok(Saved::Conflict(theirs)) => theirs,
        other => panic!("expected Conflict, not {}", named(&other)),
    }
}

#[track_caller]
pub(super) fn assert_gone(result: Result<Saved, StoreError>) {
    match result {
        Ok(Saved::Gone) => {}
        other => panic!("expected Gone, not {}", named(&other)),
    }
}

#[track_caller]
pub(super) fn assert_key_taken<T>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::KeyTaken) => {}
        Err(error) => panic!("expected KeyTaken, not {error:?}"),
        Ok(_) => panic!("a taken key was written to"),
    }
}

#[track_caller]
pub(super) fn assert_too_large<T>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::TooLarge { size, limit, .. }) => assert!(size > limit, "{size} is not beyond {limit}"),
        Err(error) => panic!("expected TooLarge, not {error:?}"),
        Ok(_) => panic!("a session beyond the limits was accepted"),
    }
}

fn named(result: &Result<Saved, StoreError>) -> String {
    match result {
        Ok(Saved::Done(_)) => "Done".to_owned(),
        Ok(Saved::Conflict(_)) => "Conflict".to_owned(),
        Ok(Saved::Gone) => "Gone".to_owned(),
        Err(error) => format!("the error {error:?}"),
    }
}
