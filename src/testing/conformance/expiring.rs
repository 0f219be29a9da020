//! When a session is live, and that nothing revives it.

use time::{Duration, OffsetDateTime, PrimitiveDateTime, UtcOffset};

use super::{
    super::TestClock,
    fixture::{
        MICROSECOND, assert_done, assert_free, assert_gone, assert_holds, create, data, draft, in_an_hour, load_at,
        new_key, now,
    },
};
use crate::{
    backends::{Draft, ErasedStore, SessionStore},
    expiry::Expiry,
    middleware::SessionLayer,
    session_key::SessionKey,
};

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

fn layer(store: &ErasedStore) -> SessionLayer {
    SessionLayer::new(store.clone()).clock(TestClock::at(now()).clock())
}

/// A new session with this expiry, as a request makes it, and its key.
async fn session_that_expires(store: &ErasedStore, expiry: Expiry) -> SessionKey {
    let session = layer(store).create().await.expect("a new session");
    session.insert("n", &1).expect("it is open");
    session.set_expiry(expiry).expect("it is open");
    session.save().await.unwrap_or_else(|error| panic!("{expiry:?}: {error:?}"));
    let seconds = session.get_expiry_age().expect("it has one").whole_seconds();
    let date = session.get_expiry_date().expect("it has one");
    assert!((-HUNDRED_YEARS..=LAST_YEAR).contains(&seconds), "{expiry:?}: an age of {seconds} s");
    assert!((1970..=9999).contains(&date.year()), "{expiry:?}: {date}");
    session.session_key().expect("it is stored")
}

/// In seconds, with leap days in each year.
const HUNDRED_YEARS: i64 = 100 * 366 * 86_400;
/// What is left until the year 9999 ends.
const LAST_YEAR: i64 = 8_000 * 366 * 86_400;

/// Whatever asks for a session to live for ever gets a session that lives, and that is changed and extended like any other.
pub async fn an_extreme_expiry_is_bounded_and_its_session_lives(store: &ErasedStore) {
    let last_moment = PrimitiveDateTime::MAX.assume_utc();
    let further_west = PrimitiveDateTime::MAX.assume_offset(UtcOffset::from_hms(-12, 0, 0).expect("an offset"));
    let expiries: [Expiry; 9] = [
        i64::MAX.into(),
        (i64::MAX - 1).into(),
        u32::MAX.into(),
        Duration::MAX.into(),
        std::time::Duration::MAX.into(),
        Expiry::Idle(Duration::MAX),
        last_moment.into(),
        further_west.into(),
        Expiry::Idle(Duration::milliseconds(500)),
    ];
    for expiry in expiries {
        let key = session_that_expires(store, expiry).await;
        let session = layer(store).open(&key).await.unwrap_or_else(|error| panic!("{expiry:?}: {error:?}"));
        assert_eq!(session.get("n").expect("a number"), Some(1), "{expiry:?}");
        session.insert("n", &2).expect("it is open");
        session.save().await.unwrap_or_else(|error| panic!("{expiry:?}: {error:?}"));
        let expire_date = session.expire_date().expect("it is stored");
        assert!(expire_date > now() && expire_date.year() <= 9999, "{expiry:?}: {expire_date}");
    }
}

/// A session whose expiry is past, however far, has ended; to say so is no error.
pub async fn an_expiry_in_the_past_ends_the_session(store: &ErasedStore) {
    let first_moment = PrimitiveDateTime::MIN.assume_utc();
    let further_east = PrimitiveDateTime::MIN.assume_offset(UtcOffset::from_hms(14, 0, 0).expect("an offset"));
    let expiries: [Expiry; 8] = [
        i64::MIN.into(),
        (-1).into(),
        Duration::MIN.into(),
        Duration::seconds(-1).into(),
        first_moment.into(),
        further_east.into(),
        (OffsetDateTime::UNIX_EPOCH - MICROSECOND).into(),
        OffsetDateTime::UNIX_EPOCH.into(),
    ];
    for expiry in expiries {
        let key = session_that_expires(store, expiry).await;
        let session = layer(store).open(&key).await.unwrap_or_else(|error| panic!("{expiry:?}: {error:?}"));
        assert!(session.session_key().is_none() && session.is_empty(), "{expiry:?} is past");
    }
}

/// What stands in `_session_expiry` may come from a Django, or from anybody who writes there.
pub async fn an_extreme_expiry_that_django_wrote_is_no_error(store: &ErasedStore) {
    let live = [
        "9223372036854775807",
        "18446744073709551615",
        "1e300",
        "3162240001",
        r#""9999-12-31T23:59:59.999999+00:00""#,
        r#""9999-12-31T23:59:59.999999-12:00""#,
        r#""9999-12-31T23:59:59.999999""#,
        "0.9",
    ];
    let ended = [
        "-9223372036854775808",
        "-1e300",
        r#""0001-01-01T00:00:00+00:00""#,
        r#""0001-01-01T00:00:00+14:00""#,
        r#""1969-12-31T23:59:59.999999+00:00""#,
        "-0.001",
    ];
    let written = live.iter().map(|json| (json, true)).chain(ended.iter().map(|json| (json, false)));
    for (json, lives) in written {
        let session = layer(store).create().await.expect("a new session");
        session.insert("n", &1).expect("it is open");
        let expiry = data(&format!(r#"{{"_session_expiry":{json}}}"#));
        let expiry = expiry.raw("_session_expiry").expect("it is there").clone();
        session.insert_raw("_session_expiry", expiry).expect("it is open");
        session.save().await.unwrap_or_else(|error| panic!("{json}: {error:?}"));
        let key = session.session_key().expect("it is stored");
        let found = layer(store).open(&key).await.unwrap_or_else(|error| panic!("{json}: {error:?}"));
        assert_eq!(found.session_key().is_some(), lives, "{json}");
        if lives {
            found.insert("n", &2).expect("it is open");
            found.save().await.unwrap_or_else(|error| panic!("{json}: {error:?}"));
        }
    }
}
