//! `clear_expired` and `delete`.

use time::Duration;
use tokio::task::JoinSet;

use super::fixture::{
    MICROSECOND, assert_conflict, assert_done, assert_free, assert_gone, assert_holds, create, data, draft, in_an_hour,
    load_at, new_key, now,
};
use crate::backends::{Draft, ErasedStore, SessionStore};

/// More than a few batches of any store, and no round number of them: 1203 sessions.
const CREATORS: u64 = 3;
const EACH: u64 = 401;

/// `clear_expired` removes every session that is expired and no other, and counts them.
pub async fn clear_expired_removes_the_expired_and_counts_them(store: &ErasedStore) {
    let expired = [create(store, "{}").await, create(store, r#"{"a":1}"#).await];
    let kept = create(store, r#"{"kept":true}"#).await;
    let until = in_an_hour() + Duration::days(1);
    assert_done(store.touch(&kept, until, now()).await);

    let at = in_an_hour() + Duration::hours(1);
    assert_eq!(store.clear_expired(at).await.expect("`clear_expired`"), 2);
    assert_eq!(store.clear_expired(at).await.expect("`clear_expired`"), 0, "what is removed is not counted again");

    for record in expired {
        assert_free(store, &record.session_key).await;
    }
    assert_holds(store, &kept.session_key, r#"{"kept":true}"#, until).await;
}

/// A session that expires at this very instant is no longer live, but not removed yet either.
pub async fn clear_expired_leaves_what_expires_this_instant(store: &ErasedStore) {
    let created = create(store, "{}").await;

    assert_eq!(store.clear_expired(in_an_hour()).await.expect("`clear_expired`"), 0);
    assert!(store.exists(&created.session_key).await.expect("`exists`"), "it expires now, not before");
    assert_eq!(store.clear_expired(in_an_hour() + MICROSECOND).await.expect("`clear_expired`"), 1);
    assert_free(store, &created.session_key).await;
}

/// However many sessions are expired, one call removes them all.
pub async fn clear_expired_removes_any_number(store: &ErasedStore) {
    let creators: JoinSet<()> = (0..CREATORS).map(|_| create_many(store.clone())).collect();
    creators.join_all().await;
    let until = in_an_hour() + Duration::days(1);
    let mut kept = Vec::new();
    for _ in 0..3 {
        let live = store.create(&new_key(), &Draft::new(data("{}"), until), now()).await;
        kept.push(live.expect("`create` under a fresh key").session_key);
    }

    let removed = store.clear_expired(in_an_hour() + Duration::hours(1)).await.expect("`clear_expired`");

    assert_eq!(removed, CREATORS * EACH);
    for key in &kept {
        assert_holds(store, key, "{}", until).await;
    }
}

async fn create_many(store: ErasedStore) {
    for _ in 0..EACH {
        create(&store, "{}").await;
    }
}

/// A deleted session is gone, and its key with it.
pub async fn a_deleted_session_is_gone(store: &ErasedStore) {
    let created = create(store, r#"{"a":1}"#).await;
    let other = create(store, r#"{"other":1}"#).await;

    store.delete(&created.session_key).await.expect("`delete`");

    assert_free(store, &created.session_key).await;
    assert_holds(store, &other.session_key, r#"{"other":1}"#, in_an_hour()).await;
}

/// `delete_loaded` of what is still there ends the session, and only that one.
pub async fn a_deletion_of_what_was_loaded_ends_it(store: &ErasedStore) {
    let created = create(store, r#"{"a":1}"#).await;
    let other = create(store, r#"{"other":1}"#).await;

    let deleted = assert_done(store.delete_loaded(&created, now()).await);

    assert_eq!(deleted.session_key, created.session_key);
    assert!(load_at(store, &created.session_key, now()).await.is_none());
    assert_gone(store.save(&created, &draft("{}"), now()).await);
    assert_holds(store, &other.session_key, r#"{"other":1}"#, in_an_hour()).await;
}

/// `delete_loaded` of what was written meanwhile deletes nothing, and gives what is there now.
pub async fn a_deletion_of_a_stale_record_is_a_conflict(store: &ErasedStore) {
    let ours = create(store, r#"{"a":1}"#).await;
    let theirs = assert_done(store.save(&ours, &draft(r#"{"theirs":true}"#), now()).await);

    let found = assert_conflict(store.delete_loaded(&ours, now()).await);

    assert_eq!(found.session_data.to_json(), r#"{"theirs":true}"#);
    assert_holds(store, &theirs.session_key, r#"{"theirs":true}"#, in_an_hour()).await;
    assert_done(store.delete_loaded(&found, now()).await);
    assert!(load_at(store, &theirs.session_key, now()).await.is_none());
}

/// `delete_loaded` says of a session that is deleted or expired that it is gone.
pub async fn a_deletion_of_what_is_gone_says_so(store: &ErasedStore) {
    let deleted = create(store, r#"{"a":1}"#).await;
    store.delete(&deleted.session_key).await.expect("`delete`");
    let expired = create(store, r#"{"a":2}"#).await;

    assert_gone(store.delete_loaded(&deleted, now()).await);
    assert_gone(store.delete_loaded(&expired, in_an_hour()).await);
}

/// `delete` is no error where there is nothing to delete, or no longer.
pub async fn deleting_what_is_not_there_is_no_error(store: &ErasedStore) {
    let created = create(store, "{}").await;

    store.delete(&new_key()).await.expect("`delete` of an unknown key");
    for _ in 0..2 {
        store.delete(&created.session_key).await.expect("`delete`, once and again");
    }
}

/// No write that began before a session was deleted brings it back, under its key or another.
pub async fn nothing_brings_a_deleted_session_back(store: &ErasedStore) {
    let created = create(store, r#"{"a":1}"#).await;
    let loaded = load_at(store, &created.session_key, now()).await.expect("it was just created");
    store.delete(&created.session_key).await.expect("`delete`");

    let new_key = new_key();
    assert_gone(store.save(&loaded, &draft(r#"{"a":2}"#), now()).await);
    assert_gone(store.save(&loaded, &draft(r#"{"a":1}"#), now()).await);
    assert_gone(store.touch(&loaded, in_an_hour() + Duration::hours(1), now()).await);
    assert_gone(store.cycle(&loaded, &new_key, &draft(r#"{"a":2}"#), now()).await);

    assert_free(store, &created.session_key).await;
    assert_free(store, &new_key).await;
}
