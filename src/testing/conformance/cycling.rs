//! `cycle`.

use time::Duration;

use super::fixture::{
    assert_conflict, assert_done, assert_free, assert_gone, assert_holds, assert_key_taken, create, data, draft,
    in_an_hour, new_key, now,
};
use crate::backends::{Draft, ErasedStore, SessionStore};

/// `cycle` writes the draft under the new key, and the old key is dead.
pub async fn a_cycle_moves_the_session_to_the_new_key(store: &ErasedStore) {
    let old = create(store, r#"{"a":1}"#).await;
    let until = in_an_hour() + Duration::hours(1);

    let wanted = new_key();
    let new = assert_done(store.cycle(&old, &wanted, &Draft::new(data(r#"{"a":1,"b":2}"#), until), now()).await);

    assert_ne!(new.session_key, old.session_key);
    assert_free(store, &old.session_key).await;
    assert_holds(store, &new.session_key, r#"{"a":1,"b":2}"#, until).await;
    let saved = assert_done(store.save(&new, &draft(r#"{"c":3}"#), now()).await);
    assert_holds(store, &saved.session_key, r#"{"c":3}"#, in_an_hour()).await;
}

/// `cycle` with the data that is there already is done.
pub async fn a_cycle_without_a_change_keeps_the_data(store: &ErasedStore) {
    let old = create(store, r#"{"a":1}"#).await;

    let new = assert_done(store.cycle(&old, &new_key(), &draft(r#"{"a":1}"#), now()).await);

    assert_free(store, &old.session_key).await;
    assert_holds(store, &new.session_key, r#"{"a":1}"#, in_an_hour()).await;
}

/// What was loaded under the old key writes nothing after a `cycle`.
pub async fn the_old_key_is_dead_after_a_cycle(store: &ErasedStore) {
    let old = create(store, r#"{"a":1}"#).await;
    let new = assert_done(store.cycle(&old, &new_key(), &draft(r#"{"a":1}"#), now()).await);

    assert_gone(store.save(&old, &draft(r#"{"a":2}"#), now()).await);
    assert_gone(store.touch(&old, in_an_hour() + Duration::hours(1), now()).await);
    assert_gone(store.cycle(&old, &new_key(), &draft(r#"{"a":2}"#), now()).await);

    assert_free(store, &old.session_key).await;
    assert_holds(store, &new.session_key, r#"{"a":1}"#, in_an_hour()).await;
}

/// `cycle` over what somebody else has replaced is a conflict and moves nothing.
pub async fn a_cycle_over_a_stale_record_is_a_conflict(store: &ErasedStore) {
    let ours = create(store, r#"{"a":1}"#).await;
    assert_done(store.save(&ours, &draft(r#"{"theirs":1}"#), now()).await);

    let new_key = new_key();
    let found = assert_conflict(store.cycle(&ours, &new_key, &draft(r#"{"ours":1}"#), now()).await);

    assert_eq!(found.session_data.to_json(), r#"{"theirs":1}"#);
    assert_holds(store, &ours.session_key, r#"{"theirs":1}"#, in_an_hour()).await;
    assert_free(store, &new_key).await;
    assert_done(store.cycle(&found, &new_key, &draft(r#"{"theirs":1,"ours":1}"#), now()).await);
}

/// `cycle` to a key that another session has is refused, and both sessions stay as they are.
pub async fn a_cycle_to_a_taken_key_leaves_both_alone(store: &ErasedStore) {
    let ours = create(store, r#"{"ours":1}"#).await;
    let theirs = create(store, r#"{"theirs":1}"#).await;

    assert_key_taken(store.cycle(&ours, &theirs.session_key, &draft(r#"{"ours":2}"#), now()).await);

    assert_holds(store, &ours.session_key, r#"{"ours":1}"#, in_an_hour()).await;
    assert_holds(store, &theirs.session_key, r#"{"theirs":1}"#, in_an_hour()).await;
    assert_done(store.cycle(&ours, &new_key(), &draft(r#"{"ours":2}"#), now()).await);
}

/// A key is taken for `cycle`, too, as long as an expired session has it.
pub async fn a_cycle_to_an_expired_sessions_key_is_refused(store: &ErasedStore) {
    let theirs = create(store, r#"{"theirs":1}"#).await;
    let (later, until) = (in_an_hour() + Duration::hours(1), in_an_hour() + Duration::days(1));
    let ours = store.create(&new_key(), &Draft::new(data(r#"{"ours":1}"#), until), now()).await;
    let ours = ours.expect("`create` under a fresh key");

    let draft = Draft::new(data(r#"{"ours":2}"#), until);
    assert_key_taken(store.cycle(&ours, &theirs.session_key, &draft, later).await);

    assert_holds(store, &ours.session_key, r#"{"ours":1}"#, until).await;
    assert_holds(store, &theirs.session_key, r#"{"theirs":1}"#, in_an_hour()).await;
}
