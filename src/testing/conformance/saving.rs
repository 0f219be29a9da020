//! `save` and `touch`.

use time::Duration;

use super::fixture::{
    assert_conflict, assert_done, assert_gone, assert_holds, create, data, draft, in_an_hour, load_at, now,
};
use crate::backends::{Draft, ErasedStore, SessionStore};

/// `save` over what was loaded is done: data and expiry are the draft's.
pub async fn a_save_is_what_the_next_load_gives(store: &ErasedStore) {
    let created = create(store, r#"{"a":1}"#).await;
    let loaded = load_at(store, &created.session_key, now()).await.expect("it was just created");

    let until = in_an_hour() + Duration::hours(1);
    let saved = assert_done(store.save(&loaded, &Draft::new(data(r#"{"a":2,"b":[]}"#), until), now()).await);

    assert_eq!((saved.session_data.to_json().as_str(), saved.expire_date), (r#"{"a":2,"b":[]}"#, until));
    assert_holds(store, &saved.session_key, r#"{"a":2,"b":[]}"#, until).await;
}

/// The record of a `save` is what the next one builds on, without a `load` in between.
pub async fn the_record_of_a_save_is_what_the_next_builds_on(store: &ErasedStore) {
    let mut record = create(store, r#"{"n":0}"#).await;

    for n in 1..=5 {
        record = assert_done(store.save(&record, &draft(&format!(r#"{{"n":{n}}}"#)), now()).await);
    }

    assert_holds(store, &record.session_key, r#"{"n":5}"#, in_an_hour()).await;
}

/// `save` of what is there already is done; it is no conflict and no loss.
pub async fn saving_what_is_there_already_is_done(store: &ErasedStore) {
    let created = create(store, r#"{"a":1}"#).await;

    let saved = assert_done(store.save(&created, &draft(r#"{"a":1}"#), now()).await);
    let touched = assert_done(store.touch(&saved, in_an_hour(), now()).await);

    assert_holds(store, &touched.session_key, r#"{"a":1}"#, in_an_hour()).await;
}

/// A session without data is still a session.
pub async fn an_emptied_session_is_kept(store: &ErasedStore) {
    let created = create(store, r#"{"a":1}"#).await;

    let emptied = assert_done(store.save(&created, &draft("{}"), now()).await);
    assert_holds(store, &emptied.session_key, "{}", in_an_hour()).await;
    let filled = assert_done(store.save(&emptied, &draft(r#"{"b":2}"#), now()).await);
    assert_holds(store, &filled.session_key, r#"{"b":2}"#, in_an_hour()).await;
}

/// `save` over what somebody else has replaced is a conflict that carries what they left, and writes nothing.
pub async fn a_save_over_a_stale_record_is_a_conflict(store: &ErasedStore) {
    let ours = create(store, r#"{"a":1}"#).await;
    let until = in_an_hour() + Duration::minutes(5);
    let theirs = assert_done(store.save(&ours, &Draft::new(data(r#"{"theirs":true}"#), until), now()).await);

    let found = assert_conflict(store.save(&ours, &draft(r#"{"ours":true}"#), now()).await);

    assert_eq!((found.session_data.to_json().as_str(), found.expire_date), (r#"{"theirs":true}"#, until));
    assert_eq!(found.session_key, theirs.session_key);
    assert_holds(store, &theirs.session_key, r#"{"theirs":true}"#, until).await;
}

/// What a conflict carries is what the next `save` builds on, without a `load` in between.
pub async fn a_conflict_is_what_the_next_save_builds_on(store: &ErasedStore) {
    let ours = create(store, r#"{"a":1}"#).await;
    assert_done(store.save(&ours, &draft(r#"{"a":1,"theirs":2}"#), now()).await);

    let found = assert_conflict(store.save(&ours, &draft(r#"{"a":1,"ours":3}"#), now()).await);
    let saved = assert_done(store.save(&found, &draft(r#"{"a":1,"theirs":2,"ours":3}"#), now()).await);

    assert_holds(store, &saved.session_key, r#"{"a":1,"theirs":2,"ours":3}"#, in_an_hour()).await;
}

/// A write reaches the session that it names and no other, even one with the same data.
pub async fn a_write_reaches_its_own_session_alone(store: &ErasedStore) {
    let ours = create(store, r#"{"same":1}"#).await;
    let other = create(store, r#"{"same":1}"#).await;

    let saved = assert_done(store.save(&ours, &draft(r#"{"ours":2}"#), now()).await);
    assert_done(store.touch(&saved, in_an_hour() + Duration::hours(1), now()).await);

    assert_holds(store, &other.session_key, r#"{"same":1}"#, in_an_hour()).await;
    assert_done(store.save(&other, &draft(r#"{"other":3}"#), now()).await);
}

/// `touch` moves the expiry, later or earlier, and leaves the data; its record is what the next write builds on.
pub async fn a_touch_moves_the_expiry_alone(store: &ErasedStore) {
    let mut record = create(store, r#"{"a":1}"#).await;

    for until in [in_an_hour() + Duration::days(30), now() + Duration::minutes(1)] {
        record = assert_done(store.touch(&record, until, now()).await);
        assert_eq!((record.session_data.to_json().as_str(), record.expire_date), (r#"{"a":1}"#, until));
        assert_holds(store, &record.session_key, r#"{"a":1}"#, until).await;
    }

    let saved = assert_done(store.save(&record, &draft(r#"{"a":2}"#), now()).await);
    assert_holds(store, &saved.session_key, r#"{"a":2}"#, in_an_hour()).await;
}

/// `touch` after somebody else's write does nothing: their data and their expiry stand.
pub async fn a_stale_touch_writes_nothing(store: &ErasedStore) {
    let ours = create(store, r#"{"a":1}"#).await;
    let until = in_an_hour() + Duration::days(1);
    let theirs = assert_done(store.save(&ours, &Draft::new(data(r#"{"theirs":1}"#), until), now()).await);

    assert_gone(store.touch(&ours, in_an_hour() + Duration::hours(1), now()).await);

    assert_holds(store, &theirs.session_key, r#"{"theirs":1}"#, until).await;
}
