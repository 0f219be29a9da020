//! Rows that a Django next door reads and writes.

use jam_session::{
    Draft, Saved, SessionKey, SessionStore, SqliteStore,
    sqlx::{self, Row as _},
};
use time::{Duration, OffsetDateTime, macros::datetime};

use super::sqlite_in_memory;
use crate::support::TestResult;

const KEY: &str = "0123456789abcdefghijklmnopqrstuv";
/// A whole second: Django leaves its fraction out.
const EXPIRES: OffsetDateTime = datetime!(2023-11-28 22:13:20 UTC);
const SHORT: &str = "2023-11-28 22:13:20";

/// What the column says, letter by letter.
async fn expire_date_text(store: &SqliteStore) -> TestResult<String> {
    let row = sqlx::query("SELECT CAST(expire_date AS TEXT) FROM django_session").fetch_one(store.pool()).await?;
    Ok(row.try_get(0)?)
}

/// A row as Django writes it.
async fn insert(store: &SqliteStore, json: &str, expire_date: &str) -> TestResult {
    let insert = sqlx::query("INSERT INTO django_session (session_key, session_data, expire_date) VALUES (?, ?, ?)");
    insert.bind(KEY).bind(json.to_owned()).bind(expire_date.to_owned()).execute(store.pool()).await?;
    Ok(())
}

#[tokio::test]
async fn dates_are_written_with_a_space_and_six_digits() -> TestResult {
    let key = SessionKey::parse(KEY)?;
    for (expire_date, text) in [
        (EXPIRES, "2023-11-28 22:13:20.000000"),
        (EXPIRES + Duration::microseconds(250), "2023-11-28 22:13:20.000250"),
        (datetime!(2023-11-29 00:13:20.5 +2), "2023-11-28 22:13:20.500000"),
    ] {
        let store = sqlite_in_memory().await;
        let created = store.create(&key, &Draft::new("{}".parse()?, expire_date), EXPIRES - Duration::DAY).await?;
        assert_eq!(expire_date_text(&store).await?, text);

        let later = expire_date + Duration::DAY;
        let Saved::Done(_) = store.touch(&created, later, EXPIRES - Duration::DAY).await? else {
            panic!("nobody else wrote")
        };
        assert_eq!(expire_date_text(&store).await?, text.replace("-28 ", "-29 "));
    }
    Ok(())
}

#[tokio::test]
async fn a_date_without_a_fraction_expires_when_it_says() -> TestResult {
    let (store, key) = (sqlite_in_memory().await, SessionKey::parse(KEY)?);
    insert(&store, r#"{"a":1}"#, SHORT).await?;

    let loaded = store.load(&key, EXPIRES - Duration::MICROSECOND).await?.expect("it lives for a microsecond");
    assert_eq!((loaded.session_data.to_json().as_str(), loaded.expire_date), (r#"{"a":1}"#, EXPIRES));
    assert!(store.load(&key, EXPIRES).await?.is_none());
    assert_eq!(store.clear_expired(EXPIRES + Duration::MICROSECOND).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_session_that_expires_this_very_second_is_not_removed_yet_however_its_date_is_written() -> TestResult {
    for text in [SHORT.to_owned(), format!("{SHORT}.000000")] {
        let store = sqlite_in_memory().await;
        insert(&store, "{}", &text).await?;
        let later = EXPIRES + Duration::MICROSECOND;

        assert_eq!((store.count_expired(EXPIRES).await?, store.count_expired(later).await?), (0, 1), "{text}");
        assert_eq!((store.stats(EXPIRES).await?.expired, store.stats(later).await?.expired), (0, 1), "{text}");
        assert_eq!((store.clear_expired(EXPIRES).await?, store.clear_expired(later).await?), (0, 1), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn a_row_that_django_wrote_is_saved_touched_and_cycled() -> TestResult {
    let (key, new_key) = (SessionKey::parse(KEY)?, SessionKey::parse(&KEY.replace('0', "z"))?);
    let (now, later) = (EXPIRES - Duration::DAY, EXPIRES + Duration::DAY);
    let changed = Draft::new(r#"{"a":2}"#.parse()?, later);
    for way in ["save", "touch", "cycle"] {
        let store = sqlite_in_memory().await;
        insert(&store, r#"{"a": 1}"#, SHORT).await?;
        let loaded = store.load(&key, now).await?.expect("it lives for a day");

        let written = match way {
            "save" => store.save(&loaded, &changed, now).await?,
            "touch" => store.touch(&loaded, later, now).await?,
            _ => store.cycle(&loaded, &new_key, &changed, now).await?,
        };

        assert!(matches!(written, Saved::Done(_)), "{way}: {written:?}");
        assert_eq!(expire_date_text(&store).await?, "2023-11-29 22:13:20.000000", "{way}");
    }
    Ok(())
}

#[tokio::test]
async fn a_row_that_django_extended_meanwhile_is_not_touched() -> TestResult {
    let (store, key) = (sqlite_in_memory().await, SessionKey::parse(KEY)?);
    insert(&store, "{}", SHORT).await?;
    let loaded = store.load(&key, EXPIRES - Duration::DAY).await?.expect("it lives for a day");
    sqlx::query("UPDATE django_session SET expire_date = '2023-12-01 00:00:00'").execute(store.pool()).await?;

    let touched = store.touch(&loaded, EXPIRES + Duration::DAY, EXPIRES - Duration::DAY).await?;

    assert!(matches!(touched, Saved::Gone), "{touched:?}");
    assert_eq!(expire_date_text(&store).await?, "2023-12-01 00:00:00");
    Ok(())
}

#[tokio::test]
async fn a_row_that_does_not_decode_is_left_alone() -> TestResult {
    let (store, key) = (sqlite_in_memory().await, SessionKey::parse(KEY)?);
    for (json, expire_date) in [("not JSON", SHORT), ("{}", "next year"), ("gAN9:1abc:signature", SHORT)] {
        insert(&store, json, expire_date).await?;

        let loaded = store.load(&key, EXPIRES - Duration::DAY).await;

        assert!(matches!(loaded, Err(jam_session::StoreError::Undecodable(_))), "{loaded:?}");
        assert_eq!(expire_date_text(&store).await?, expire_date);
        store.delete(&key).await?;
    }
    Ok(())
}
