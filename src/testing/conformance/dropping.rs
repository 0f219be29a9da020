//! Operations whose future is dropped before it is ready: done or not done, and the store works on.
//!
//! What was dropped may still be under way, so each case asks with the next write: that it succeeds says the
//! dropped one was not done, and never will be.

use std::{future::Future, pin::pin, task::Poll};

use time::Duration;

use super::fixture::{
    assert_conflict, assert_done, assert_free, assert_holds, assert_key_taken, create, draft, in_an_hour, load_at,
    new_key, now,
};
use crate::backends::{ErasedStore, Saved, SessionStore};

/// How far an operation gets before it is dropped.
const POLLS: std::ops::Range<usize> = 1..9;
const OURS: &str = r#"{"dropped":[1,2,3]}"#;
const NEXT: &str = r#"{"next":1}"#;

/// A dropped `create` stores the whole session, or none.
pub async fn a_dropped_create_leaves_a_whole_session_or_none(store: &ErasedStore) {
    for polls in POLLS {
        let key = new_key();
        poll_and_drop(polls, store.create(&key, &draft(OURS), now())).await;

        let next = store.create(&key, &draft(NEXT), now()).await;
        let there = if next.is_ok() { NEXT } else { OURS };
        if next.is_err() {
            assert_key_taken(next);
        }
        assert_holds(store, &key, there, in_an_hour()).await;
    }
}

/// A dropped `save` leaves the old session or the new one, whole.
pub async fn a_dropped_save_leaves_a_whole_session(store: &ErasedStore) {
    for polls in POLLS {
        let loaded = create(store, r#"{"a":1}"#).await;
        poll_and_drop(polls, store.save(&loaded, &draft(OURS), now())).await;

        match store.save(&loaded, &draft(NEXT), now()).await {
            Ok(Saved::Done(_)) => assert_holds(store, &loaded.session_key, NEXT, in_an_hour()).await,
            next => {
                let theirs = assert_conflict(next);
                assert_eq!(theirs.session_data.to_json(), OURS);
                assert_holds(store, &loaded.session_key, OURS, in_an_hour()).await;
            }
        }
    }
}

/// A dropped `touch` leaves the data alone.
pub async fn a_dropped_touch_leaves_the_data(store: &ErasedStore) {
    for polls in POLLS {
        let loaded = create(store, r#"{"a":1}"#).await;
        let until = in_an_hour() + Duration::hours(1);
        poll_and_drop(polls, store.touch(&loaded, until, now())).await;

        let there = match store.touch(&loaded, until + Duration::hours(1), now()).await.expect("`touch`") {
            Saved::Done(record) => record.expire_date,
            Saved::Gone => until,
            Saved::Conflict(_) => panic!("nobody saved"),
        };
        assert_holds(store, &loaded.session_key, r#"{"a":1}"#, there).await;
    }
}

/// A dropped `cycle` leaves the session under the old key or the new one, never under both or none.
pub async fn a_dropped_cycle_leaves_one_session(store: &ErasedStore) {
    for polls in POLLS {
        let loaded = create(store, r#"{"a":1}"#).await;
        let new_key = new_key();
        poll_and_drop(polls, store.cycle(&loaded, &new_key, &draft(OURS), now())).await;

        match store.save(&loaded, &draft(NEXT), now()).await.expect("`save`") {
            Saved::Done(_) => {
                assert_holds(store, &loaded.session_key, NEXT, in_an_hour()).await;
                assert_free(store, &new_key).await;
            }
            Saved::Gone => {
                assert_holds(store, &new_key, OURS, in_an_hour()).await;
                assert_free(store, &loaded.session_key).await;
            }
            Saved::Conflict(_) => panic!("nobody saved under the old key"),
        }
    }
}

/// Dropped `load`s, `delete`s and `clear_expired`s cost no other request anything.
pub async fn the_store_works_on_after_dropped_operations(store: &ErasedStore) {
    let record = create(store, r#"{"a":1}"#).await;
    for polls in POLLS.cycle().take(64) {
        let other = create(store, "{}").await;
        poll_and_drop(polls, store.load(&record.session_key, now())).await;
        poll_and_drop(polls, store.exists(&record.session_key)).await;
        poll_and_drop(polls, store.delete(&other.session_key)).await;
        poll_and_drop(polls, store.clear_expired(now())).await;
    }

    let loaded = load_at(store, &record.session_key, now()).await.expect("nobody ended the session");
    let saved = assert_done(store.save(&loaded, &draft(r#"{"a":2}"#), now()).await);
    store.delete(&saved.session_key).await.expect("`delete`");
    assert_free(store, &saved.session_key).await;
}

/// Polls a future that often, or until it is ready, and drops it; what it waits for goes on in between.
async fn poll_and_drop<T>(polls: usize, future: impl Future<Output = T>) {
    let mut future = pin!(future);
    for poll in 0..polls {
        if poll > 0 {
            tokio::task::yield_now().await;
        }
        let ready = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await;
        if ready {
            return;
        }
    }
}
