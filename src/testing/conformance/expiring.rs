//! When a session is live, and that nothing revives it.

use time::{Duration, OffsetDateTime};

use super::fixture::{
    MICROSECOND, assert_done, assert_free, assert_gone, assert_holds, create, data, draft, in_an_hour, load_at,
    new_key, now,
};
use crate::backends::{Draft, ErasedStore, SessionStore};

/// An expiry comes back to the microsecond, however it was written.
pub async fn an_expiry_is_kept_to_the_microsecond(store: &ErasedStore) {
    let second = OffsetDateTime::UNIX_EPOCH + Duration::seconds(1_800_000_000);
    for at in [0, 1, 250_000, 999_999].map(|micros| second + MICROSECOND * micros) {
        let created = store.create(&new_key(), &Draft::new(data("{}"), at), now()).await;
        let created = created.expect("`create` under a fresh key");
        assert_holds(store, &created.session_key, "{}", at).await;

        let later = at + Duration::days(1);
        let touched = assert_done(store.touch(&created, later, now()).await);
        assert_holds(store, &created.session_key, "{}", later).await;

        let saved = assert_done(store.save(&touched, &Draft::new(data(r#"{"a":1}"#), at), now()).await);
        assert_holds(store, &saved.session_key, r#"{"a":1}"#, at).await;
    }
}

/// A session is live until its `expire_date`, to the microsecond.
pub async fn a_session_lives_until_a_microsecond_before_its_expiry(store: &ErasedStore) {
    let created = create(store, r#"{"a":1}"#).await;
    let last = in_an_hour() - MICROSECOND;

    let loaded = load_at(store, &created.session_key, last).await.expect("it is live for another microsecond");
    let saved = assert_done(store.save(&loaded, &draft(r#"{"a":2}"#), last).await);
    assert_done(store.touch(&saved, in_an_hour() + Duration::hours(1), last).await);
}

/// At its `expire_date` a session is no longer live, and never again.
pub async fn an_expired_session_is_gone(store: &ErasedStore) {
    let created = create(store, r#"{"a":1}"#).await;

    for after in [Duration::ZERO, MICROSECOND, Duration::SECOND, Duration::days(365)] {
        let loaded = load_at(store, &created.session_key, in_an_hour() + after).await;
        assert!(loaded.is_none(), "loaded {after} after it expired");
    }
}

/// The key of an expired session exists until it is cleared.
pub async fn an_expired_session_exists_until_it_is_cleared(store: &ErasedStore) {
    let created = create(store, "{}").await;
    let later = in_an_hour() + Duration::hours(1);
    assert!(load_at(store, &created.session_key, later).await.is_none());

    assert!(store.exists(&created.session_key).await.expect("`exists`"));
    store.clear_expired(later).await.expect("`clear_expired`");
    assert_free(store, &created.session_key).await;
}

/// `save` neither writes to an expired session nor extends it.
pub async fn an_expired_session_is_not_saved(store: &ErasedStore) {
    let created = create(store, r#"{"a":1}"#).await;

    for at in [in_an_hour(), in_an_hour() + Duration::hours(1)] {
        let revived = Draft::new(data(r#"{"a":2}"#), at + Duration::hours(1));
        assert_gone(store.save(&created, &revived, at).await);
        assert!(load_at(store, &created.session_key, at).await.is_none(), "`save` revived an expired session");
        assert_holds(store, &created.session_key, r#"{"a":1}"#, in_an_hour()).await;
    }
}

/// `touch` does not extend an expired session.
pub async fn an_expired_session_is_not_touched(store: &ErasedStore) {
    let created = create(store, r#"{"a":1}"#).await;

    for at in [in_an_hour(), in_an_hour() + Duration::hours(1)] {
        assert_gone(store.touch(&created, at + Duration::hours(1), at).await);
        assert!(load_at(store, &created.session_key, at).await.is_none(), "`touch` revived an expired session");
        assert_holds(store, &created.session_key, r#"{"a":1}"#, in_an_hour()).await;
    }
}

/// `cycle` gives an expired session no new key.
pub async fn an_expired_session_is_not_cycled(store: &ErasedStore) {
    let created = create(store, r#"{"a":1}"#).await;

    for at in [in_an_hour(), in_an_hour() + Duration::hours(1)] {
        let new_key = new_key();
        let revived = Draft::new(data(r#"{"a":2}"#), at + Duration::hours(1));
        assert_gone(store.cycle(&created, &new_key, &revived, at).await);
        assert_free(store, &new_key).await;
        assert_holds(store, &created.session_key, r#"{"a":1}"#, in_an_hour()).await;
    }
}
