//! Signed rows in a database: Django's are read, ours are Django's, and what does not verify is left alone.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use jam_session::{
    Draft, JsonSerializer, Legacy, Limits, Saved, Serializer, SessionData, SessionKey, SessionLayer, SessionStore as _,
    Settings, Signer, SqliteStore, StoreError, sqlx,
};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::{
    VERSIONS,
    ledger::{Ledger, Listed},
    legacy, rows_of, secret, text, trace,
};
use crate::support::{Log, Moment, TestResult};

const KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

const LISTED: &[Listed] = &[Listed {
    names: &["3.2.25/expiry_iso_utc at 250000 us", "3.2.25/expiry_iso_utc at 0 us", "3.2.25/expiry_iso_utc at 1 us"],
    reason: "Django before 4.1 cannot store such a date with JSON, so there is no row to read",
}];

async fn store() -> TestResult<SqliteStore> {
    let store = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    Ok(store)
}

/// Puts a row into the table as another process would.
async fn put(store: &SqliteStore, key: &str, data: &str, expire_date: &str) -> TestResult {
    let insert = sqlx::query("INSERT INTO django_session (session_key, session_data, expire_date) VALUES (?, ?, ?)");
    insert.bind(key.to_owned()).bind(data.to_owned()).bind(expire_date.to_owned()).execute(store.pool()).await?;
    Ok(())
}

async fn data_in(store: &SqliteStore, key: &str) -> TestResult<String> {
    let select = sqlx::query_scalar("SELECT session_data FROM django_session WHERE session_key = ?");
    Ok(select.bind(key.to_owned()).fetch_one(store.pool()).await?)
}

#[tokio::test]
async fn the_rows_of_a_running_django_are_read_and_written_as_it_does() -> TestResult {
    let rows = trace(include_str!("../../data/django_db_rows_signed.json"))?;
    for (version, count) in VERSIONS.into_iter().zip([18, 18, 18]) {
        let mut ledger = Ledger::new("db_rows", version);
        for row in rows_of(&rows, version) {
            let outcome = match row["raises"].as_str() {
                Some(raised) => Err(format!("there is no row: Django raised {raised}")),
                None => read_and_written(row, version).await?,
            };
            ledger.row(text(row, "name"), LISTED, outcome);
        }
        ledger.report(count, LISTED);
    }
    Ok(())
}

async fn read_and_written(row: &Value, version: &str) -> TestResult<Result<(), String>> {
    let signer = Signer::new(secret("ascii")?).legacy(legacy(version));
    let store = store().await?.signing(signer);
    let micros = row["now_us"].as_i64().ok_or("microseconds")?;
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000)? + Duration::microseconds(micros);
    let (key, stored) = (text(row, "session_key"), text(row, "session_data"));
    put(&store, key, stored, text(row, "expire_date_text")).await?;

    let loaded = store.load(&SessionKey::parse(key)?, now).await?;
    if loaded.is_some() != row["loads_now"] {
        return Ok(Err(format!("loaded: {}", loaded.is_some())));
    }
    let model = store.get(&SessionKey::parse(key)?).await?.ok_or("the row")?;
    let data = store.get_decoded(&model)?;
    let dicts = trace(include_str!("../../data/django_json_dicts.json"))?;
    let dict = dicts.iter().find(|dict| dict["name"] == row["dict"]).ok_or("a dictionary of this name")?;
    if data.to_json() != text(dict, "json") {
        return Ok(Err("it reads as something else".to_owned()));
    }
    let ours = store.objects().encode(&data, now)?;
    let same = if stored.starts_with('.') { ours.0.starts_with('.') } else { *ours.0 == *stored };
    Ok(if same { Ok(()) } else { Err(format!("it is written as {}", &ours.0)) })
}

#[tokio::test]
async fn a_store_without_a_key_says_that_rows_are_signed_and_leaves_them_alone() -> TestResult {
    let moment = Moment::new();
    let signed = [
        Signer::new("secret").dumps(br#"{"a":1}"#, moment.now()),
        Signer::new("secret").legacy(Legacy::Write).dumps(br#"{"a":1}"#, moment.now()),
    ];
    for text in signed {
        let store = store().await?;
        put(&store, KEY, &text, "2030-01-01 00:00:00").await?;
        let wanted = "rows are signed: add `.signing(Signer::new(SECRET_KEY))`";

        let problems: Vec<_> = store.check_schema().await?.iter().map(ToString::to_string).collect();
        assert!(problems.len() == 1 && problems[0].contains(wanted), "{problems:?}");
        let error = store.load(&SessionKey::parse(KEY)?, moment.now()).await.expect_err("it is signed");
        assert!(matches!(&error, StoreError::Undecodable(why) if why.to_string().contains(wanted)), "{error:?}");

        write_over(&store, &moment).await?;
        assert_eq!(data_in(&store, KEY).await?, text);
    }
    Ok(())
}

#[tokio::test]
async fn a_store_with_a_key_takes_nothing_unsigned_or_of_another_key() -> TestResult {
    let moment = Moment::new();
    let foreign = [
        r#"{"_auth_user_id":"1"}"#.to_owned(),
        "{}".to_owned(),
        String::new(),
        Signer::new("another").dumps(br#"{"a":1}"#, moment.now()),
        Signer::new("secret").key_salt("django.contrib.sessions.Other").dumps(br#"{"a":1}"#, moment.now()),
        Signer::new("secret").legacy(Legacy::Write).dumps(br#"{"a":1}"#, moment.now()),
    ];
    for text in foreign {
        let store = store().await?.signing(Signer::new("secret"));
        put(&store, KEY, &text, "2030-01-01 00:00:00").await?;

        let problems: Vec<_> = store.check_schema().await?.iter().map(ToString::to_string).collect();
        assert!(problems.len() == 1 && problems[0].contains("signature"), "{text}: {problems:?}");
        let error = store.load(&SessionKey::parse(KEY)?, moment.now()).await.expect_err("it is of somebody else");
        assert!(matches!(&error, StoreError::Undecodable(_)), "{error:?}");

        write_over(&store, &moment).await?;
        assert_eq!(data_in(&store, KEY).await?, text);
    }
    Ok(())
}

/// A visitor whose row does not decode writes something: that makes a new session.
async fn write_over(store: &SqliteStore, moment: &Moment) -> TestResult {
    let layer = SessionLayer::with_settings(store.clone(), Settings::django())?.clock(moment.clock());
    let session = layer.open(&SessionKey::parse(KEY)?).await?;
    assert!(session.session_data().is_empty(), "the visitor is anonymous");
    session.insert("b", &2)?;
    session.save().await?;
    assert_ne!(session.session_key().ok_or("a key")?.as_str(), KEY);
    Ok(())
}

#[tokio::test]
async fn a_table_with_one_row_that_decodes_is_in_order() -> TestResult {
    let now = Moment::new().now();
    let store = store().await?.signing(Signer::new("secret"));
    assert!(store.check_schema().await?.is_empty(), "an empty table");
    put(&store, KEY, "damaged", "2030-01-01 00:00:00").await?;
    assert_eq!(store.check_schema().await?.len(), 1);
    let draft = Draft::new(r#"{"a":1}"#.parse()?, now + Duration::hours(1));
    store.create(&SessionKey::parse("a")?, &draft, now).await?;
    assert!(store.check_schema().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn what_no_typed_json_can_hold_survives_an_edit_of_another_name() -> TestResult {
    let now = Moment::new().now();
    let theirs =
        r#""big":9999999999999999999999999999999999999999,"nan":NaN,"inf":-Infinity,"s":"\ud800","float":1e+16"#;
    let signer = Signer::new("secret");
    let store = store().await?.signing(signer.clone());
    put(&store, KEY, &signer.dumps(format!("{{{theirs},\"n\":1}}").as_bytes(), now), "2030-01-01 00:00:00").await?;

    let key = SessionKey::parse(KEY)?;
    let loaded = store.load(&key, now).await?.ok_or("the session")?;
    let mut data = loaded.session_data.clone();
    data.insert("n", &2).expect("a number is JSON");
    let saved = store.save(&loaded, &Draft::new(data, now + Duration::hours(1)), now).await?;
    assert!(matches!(saved, Saved::Done(_)));

    let raw = signer.loads(&data_in(&store, KEY).await?, &Limits::default())?;
    assert_eq!(String::from_utf8(raw)?, format!("{{{theirs},\"n\":2}}"));
    Ok(())
}

/// Bytes beyond ASCII are Latin-1 when they are read, so they must not be written as UTF-8.
#[tokio::test]
async fn raw_latin_1_means_the_same_after_a_save() -> TestResult {
    let now = Moment::new().now();
    let signer = Signer::new("secret");
    let store = store().await?.signing(signer.clone());
    put(&store, KEY, &signer.dumps(b"{\"name\":\"J\xfcrgen\"}", now), "2030-01-01 00:00:00").await?;

    let loaded = store.load(&SessionKey::parse(KEY)?, now).await?.ok_or("the session")?;
    assert_eq!(loaded.session_data.get::<String>("name").expect("a text").as_deref(), Some("Jürgen"));
    let draft = Draft::new(loaded.session_data.clone(), now + Duration::hours(1));
    assert!(matches!(store.save(&loaded, &draft, now).await?, Saved::Done(_)));

    let raw = signer.loads(&data_in(&store, KEY).await?, &Limits::default())?;
    assert_eq!(String::from_utf8(raw)?, r#"{"name":"J\u00fcrgen"}"#);
    Ok(())
}

/// Counts how often it is asked to read.
struct Counting(Arc<AtomicU32>);

impl Serializer for Counting {
    fn dumps(&self, data: &SessionData) -> Result<Vec<u8>, StoreError> {
        JsonSerializer::default().dumps(data)
    }

    fn loads(&self, bytes: &[u8]) -> Result<SessionData, StoreError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        JsonSerializer::default().loads(bytes)
    }
}

#[tokio::test]
async fn a_serializer_never_sees_what_is_not_verified() -> TestResult {
    let (now, reads) = (Moment::new().now(), Arc::new(AtomicU32::new(0)));
    let store = store().await?.serializer(Counting(Arc::clone(&reads))).signing(Signer::new("secret"));
    let key = SessionKey::parse(KEY)?;
    for text in [r#"{"a":1}"#.to_owned(), Signer::new("another").dumps(b"{}", now), String::new()] {
        put(&store, KEY, &text, "2030-01-01 00:00:00").await?;
        assert!(store.load(&key, now).await.is_err());
        store.delete(&key).await?;
    }
    assert_eq!(reads.load(Ordering::SeqCst), 0);

    put(&store, KEY, &Signer::new("secret").dumps(b"{}", now), "2030-01-01 00:00:00").await?;
    assert!(store.load(&key, now).await?.is_some());
    assert_eq!(reads.load(Ordering::SeqCst), 1);
    Ok(())
}

#[tokio::test]
async fn the_limits_of_the_serializer_are_those_of_what_is_inflated() -> TestResult {
    let now = Moment::new().now();
    let mut limits = Limits::default();
    limits.stored_bytes = 100;
    let store = store().await?.serializer(JsonSerializer { limits }).signing(Signer::new("secret"));
    let bomb = Signer::new("secret").dumps(format!("{{\"a\":\"{}\"}}", "x".repeat(1000)).as_bytes(), now);
    assert!(bomb.len() < 100, "{} bytes", bomb.len());
    put(&store, KEY, &bomb, "2030-01-01 00:00:00").await?;

    let error = store.load(&SessionKey::parse(KEY)?, now).await.expect_err("it is too large");
    assert!(format!("{error:?}").starts_with("Undecodable(TooLarge"), "{error:?}");
    assert!(format!("{error:?}").contains("size: 101, limit: 100"), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn rows_that_do_not_verify_are_warned_about_once_a_minute() -> TestResult {
    let store = store().await?.signing(Signer::new("another secret"));
    put(&store, KEY, "eyJjYXQiOiJkb2cifQ:1r31eq:forged", "2999-01-01 00:00:00").await?;
    let moment = Moment::new();
    let layer = SessionLayer::new(store).clock(moment.clock());
    let (log, _listening) = Log::of_this_thread();
    let warnings = async |times: usize| -> TestResult<Vec<String>> {
        for _ in 0..times {
            layer.open(&SessionKey::parse(KEY)?).await?;
        }
        Ok(log.take().into_iter().filter(|line| line.starts_with("WARN jam_session")).collect())
    };

    let first = warnings(5).await?;
    moment.advance(Duration::seconds(59));
    let meanwhile = warnings(2).await?;
    moment.advance(Duration::seconds(1));
    let next = warnings(1).await?;

    assert_eq!((first.len(), meanwhile.len(), next.len()), (1, 0, 1), "{first:?} {meanwhile:?} {next:?}");
    assert!(first[0].contains("cannot be used") && first[0].contains("more_since_the_last_line=0"), "{first:?}");
    assert!(next[0].contains("more_since_the_last_line=6"), "{next:?}");
    Ok(())
}
