//! What a session may hold, and how much of it.

use super::fixture::{
    assert_done, assert_free, assert_holds, assert_too_large, create, data, draft, in_an_hour, load_at, new_key, now,
};
use crate::{
    backends::{Draft, ErasedStore, SessionStore},
    limits::Limits,
    raw::Raw,
    session_data::SessionData,
};

/// Sessions that a typed JSON library, or a text column, would change or refuse.
const AWKWARD: [&str; 12] = [
    "{}",
    r#"{"":null}"#,
    r#"{"not a number":NaN,"infinite":[Infinity,-Infinity]}"#,
    r#"{"big":123456789012345678901234567890123456789012345678901234567890,"minus":-0}"#,
    r#"{"float":1e-07,"long":0.1000000000000000055511151231257827,"e":1E+400}"#,
    r#"{"lone":"\ud800","pair":"\ud83c\udfb7","low":"\udfff"}"#,
    r#"{"\u00e9":1,"\u540d\u524d":"\u00fc","\ud800":2}"#,
    r#"{"control":"\u0000\u0001\n\t\u007f","quotes":"\"'`\\\\","percent":"100% %s ? ?1 $1 :a"}"#,
    r#"{"empty":{},"list":[[],[{}],""],"deep":[[[[[[[[{"a":[1,{"b":[true,false,null]}]}]]]]]]]]}"#,
    r#"{"b":1,"a":2,"B":3,"b ":4," b":5}"#,
    r#"{"_auth_user_id":"7","_session_expiry":300,"_csrftoken":"x"}"#,
    r#"{"sql":"'; DROP TABLE django_session; --"}"#,
];

/// Every value comes back as the text it was, from `create` and from `save`.
pub async fn awkward_data_comes_back_byte_for_byte(store: &ErasedStore) {
    let mut record = create(store, r#"{"first":1}"#).await;
    for json in AWKWARD {
        let created = create(store, json).await;
        assert_holds(store, &created.session_key, json, in_an_hour()).await;

        record = assert_done(store.save(&record, &draft(json), now()).await);
        assert_holds(store, &record.session_key, json, in_an_hour()).await;
    }
}

/// What was loaded can be saved over, however awkward it is, and what was not changed stays as it was.
pub async fn awkward_data_is_built_on(store: &ErasedStore) {
    for json in AWKWARD {
        let created = create(store, json).await;
        let loaded = load_at(store, &created.session_key, now()).await.expect("it was just created");
        let mut data = loaded.session_data.clone();
        data.set("new", Raw::new(&true).expect("a truth value is JSON"));

        let saved = assert_done(store.save(&loaded, &Draft::new(data.clone(), in_an_hour()), now()).await);

        assert_holds(store, &saved.session_key, &data.to_json(), in_an_hour()).await;
    }
}

/// 900 kB are a session like any other.
pub async fn a_large_session_is_kept_whole(store: &ErasedStore) {
    let (large, larger) = (filled(900_000), filled(900_001));
    let created = create(store, &large).await;
    assert_holds(store, &created.session_key, &large, in_an_hour()).await;

    let saved = assert_done(store.save(&created, &draft(&larger), now()).await);
    assert_holds(store, &saved.session_key, &larger, in_an_hour()).await;
    let cycled = assert_done(store.cycle(&saved, &new_key(), &draft(&large), now()).await);
    assert_holds(store, &cycled.session_key, &large, in_an_hour()).await;
}

/// Beyond the default [`Limits`] every write is refused with an error that says so, and nothing is written.
pub async fn a_session_beyond_the_limits_is_refused(store: &ErasedStore) {
    let limits = Limits::default();
    let mut names = SessionData::default();
    for n in 0..=limits.names {
        names.set(&format!("n{n}"), Raw::new(&n).expect("a number is JSON"));
    }
    let mut bytes = data("{}");
    bytes.set("a", Raw::new(&"x".repeat(limits.stored_bytes)).expect("a text is JSON"));

    for too_large in [names, bytes] {
        let draft = Draft::new(too_large, in_an_hour());
        let (new_key, unused) = (new_key(), new_key());
        let record = create(store, r#"{"a":1}"#).await;

        assert_too_large(store.create(&unused, &draft, now()).await);
        assert_too_large(store.save(&record, &draft, now()).await);
        assert_too_large(store.cycle(&record, &new_key, &draft, now()).await);

        assert_free(store, &unused).await;
        assert_free(store, &new_key).await;
        assert_holds(store, &record.session_key, r#"{"a":1}"#, in_an_hour()).await;
    }
}

/// A session whose text has `bytes` bytes.
fn filled(bytes: usize) -> String {
    let frame = r#"{"a":""}"#.len();
    format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - frame))
}
