//! `create`, `load`, `exists`, `accepts`.

use time::Duration;

use super::fixture::{
    assert_done, assert_free, assert_holds, assert_key_taken, create, draft, in_an_hour, load_at, new_key, now,
};
use crate::{
    backends::{Draft, ErasedStore, SessionStore},
    session_key::SessionKey,
};

/// What `create` stored is what `load` gives, and both records are the same to a later write.
pub async fn a_created_session_is_loaded_as_it_was_written(store: &ErasedStore) {
    let json = r#"{"user":7,"cart":[1,2,{"n":"tea"}],"empty":""}"#;
    let created = create(store, json).await;
    assert_eq!((created.session_data.to_json(), created.expire_date), (json.to_owned(), in_an_hour()));

    assert_holds(store, &created.session_key, json, in_an_hour()).await;
    let loaded = load_at(store, &created.session_key, now()).await.expect("it was just created");
    assert!(loaded.stored == created.stored, "`create` and `load` disagree about what is stored");
    assert!(store.exists(&created.session_key).await.expect("`exists`"));
}

/// A key that nothing was stored under has no session.
pub async fn an_unknown_key_has_no_session(store: &ErasedStore) {
    create(store, r#"{"somebody":"else"}"#).await;

    assert_free(store, &new_key()).await;
}

/// The key that `create` answers is one that a cookie can carry and that the store knows again.
pub async fn the_key_of_a_created_session_is_accepted(store: &ErasedStore) {
    let created = create(store, "{}").await;
    let text = created.session_key.as_str();

    assert!(store.accepts(text), "the store does not accept the key that it gave");
    assert!(SessionKey::parse(text).is_ok_and(|key| key == created.session_key));
}

/// Text from a cookie that no store of this crate could have issued is not accepted.
pub async fn what_is_no_key_is_not_accepted(store: &ErasedStore) {
    let good = "abcdefghijklmnopqrstuvwxyz012345";
    let (short, long, nul) = (&good[1..], format!("{good}6"), good.replace('a', "\0"));
    let capital = good.replace('a', "A");
    let (wide, long_wide) = (format!("{}é", &good[2..]), format!("{}é", &good[1..]));
    for bad in ["", " ", short, &long, &capital, &nul, &wide, &long_wide, &good.replace('a', "-"), &good.repeat(500)] {
        assert!(!store.accepts(bad), "{bad:?} is accepted");
    }
}

/// `create` under a taken key is refused, and the session that has it stays as it is.
pub async fn a_taken_key_is_refused_and_its_session_left_alone(store: &ErasedStore) {
    let theirs = create(store, r#"{"theirs":1}"#).await;

    let later = Draft::new(draft(r#"{"ours":2}"#).session_data, in_an_hour() + Duration::hours(1));
    assert_key_taken(store.create(&theirs.session_key, &later, now()).await);

    assert_holds(store, &theirs.session_key, r#"{"theirs":1}"#, in_an_hour()).await;
    assert_done(store.save(&theirs, &draft(r#"{"theirs":3}"#), now()).await);
}

/// An expired session keeps its key until it is cleared: `create` never adopts the key of another session.
pub async fn the_key_of_an_expired_session_is_taken(store: &ErasedStore) {
    let expired = create(store, r#"{"theirs":1}"#).await;
    let later = in_an_hour() + Duration::hours(1);

    let ours = Draft::new(draft(r#"{"ours":2}"#).session_data, later + Duration::hours(1));
    assert_key_taken(store.create(&expired.session_key, &ours, later).await);

    assert!(load_at(store, &expired.session_key, later).await.is_none(), "the expired session was revived");
    assert_holds(store, &expired.session_key, r#"{"theirs":1}"#, in_an_hour()).await;
}
