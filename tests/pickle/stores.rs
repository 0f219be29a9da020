//! Pickles in a database, beside a Django that writes them.

use jam_session::{
    Clock, Draft, Error, Limits, PickleSerializer, PickledValue, Raw, Serializer as _, Session, SessionKey,
    SessionLayer, SessionStore as _, Signer, SqliteStore, StoreError, sqlx,
};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::{TestResult, bombs::session as pickled};

const KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
const NOW: OffsetDateTime = datetime!(2023-11-14 22:13:20 UTC);

async fn unsigned() -> TestResult<SqliteStore> {
    let store = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    Ok(store)
}

fn signer() -> Signer {
    Signer::new("secret")
}

/// A table with one session in it, which Django pickled and signed.
async fn with_row(pickle: &[u8]) -> TestResult<(SqliteStore, SessionLayer)> {
    let store = unsigned().await?.signing(signer()).serializer(PickleSerializer::default());
    put(&store, &signer().dumps(pickle, NOW)).await?;
    let layer = SessionLayer::new(store.clone()).clock(Clock::from_fn(|| NOW));
    Ok((store, layer))
}

async fn put(store: &SqliteStore, data: &str) -> TestResult {
    let insert = sqlx::query("INSERT INTO django_session (session_key, session_data, expire_date) VALUES (?, ?, ?)");
    insert.bind(KEY).bind(data.to_owned()).bind("2030-01-01 00:00:00").execute(store.pool()).await?;
    Ok(())
}

async fn row(store: &SqliteStore) -> TestResult<String> {
    let select = sqlx::query_scalar("SELECT session_data FROM django_session WHERE session_key = ?");
    Ok(select.bind(KEY).fetch_one(store.pool()).await?)
}

async fn open(layer: &SessionLayer) -> TestResult<Session> {
    Ok(layer.open(&SessionKey::parse(KEY)?).await?)
}

async fn pickle_in(store: &SqliteStore) -> TestResult<Vec<u8>> {
    Ok(signer().loads(&row(store).await?, &Limits::default())?)
}

#[tokio::test]
async fn what_a_request_did_not_touch_survives_it() -> TestResult {
    let (store, layer) = with_row(&pickled(b"(K\x01C\x01\xff\x8f(K\x02\x90t")).await?;
    let session = open(&layer).await?;
    let before = session.get_raw("v").ok_or("the tuple")?;

    session.insert("n", &1)?;
    session.save().await?;

    let after = PickleSerializer::default().loads(&pickle_in(&store).await?)?;
    assert_eq!(after.raw("v"), Some(&before));
    assert!(matches!(before.pickled(), Some(PickledValue::Tuple(items)) if items.len() == 3));
    assert_eq!(after.get::<i32>("n")?, Some(1));
    Ok(())
}

#[tokio::test]
async fn a_date_is_written_back_as_a_date() -> TestResult {
    let (store, layer) = with_row(&pickled(b"N")).await?;
    let session = open(&layer).await?;
    let date = Raw::try_from(PickledValue::AwareDateTime(NOW))?;

    session.insert_raw("v", date.clone())?;
    assert!(session.modified());
    session.save().await?;

    let session = open(&layer).await?;
    assert_eq!(session.get_raw("v").as_ref(), Some(&date));
    session.insert_raw("v", date)?;
    assert!(!session.modified(), "it is there already");
    assert!(pickle_in(&store).await?.windows(10).any(|bytes| bytes == b"\x8c\x08datetime"));
    Ok(())
}

#[tokio::test]
async fn overlapping_requests_are_merged() -> TestResult {
    let (store, layer) = with_row(&pickled(b"K\x01\x85")).await?;
    let (one, other) = (open(&layer).await?, open(&layer).await?);

    one.insert_raw("one", Raw::try_from(PickledValue::Bytes(vec![1]))?)?;
    other.modify("v", |v: Option<(u8,)>| (v.map_or(0, |(n,)| n) + 1,))?;
    one.save().await?;
    other.save().await?;

    let data = PickleSerializer::default().loads(&pickle_in(&store).await?)?;
    assert_eq!((data.get::<Vec<u8>>("one")?, data.get::<[u8; 1]>("v")?), (Some(vec![1]), Some([2])));
    Ok(())
}

#[tokio::test]
async fn the_expiry_of_a_django_before_4_1_is_a_date() -> TestResult {
    let in_an_hour = b"cdatetime\ndatetime\nC\x0a\x07\xe7\x0b\x0e\x17\x0d\x14\x00\x00\x00";
    for (zone, naive) in [(&b"cpytz\n_UTC\n)R\x86R"[..], false), (b"\x85R", true)] {
        let row = [b"\x80\x04}\x8c\x0f_session_expiry", &in_an_hour[..], zone, b"s."].concat();
        let (_, layer) = with_row(&row).await?;
        let session = open(&layer).await?;

        assert_eq!(session.get_expiry_date()?, NOW + Duration::hours(1));
        assert!(!session.get_expire_at_browser_close()?);
        // As with a text: an age from a date without an offset is for who knows the offset.
        assert_eq!(session.get_expiry_age().is_err(), naive);
    }
    Ok(())
}

#[tokio::test]
async fn an_expiry_is_written_as_the_date_that_every_django_reads() -> TestResult {
    let (store, layer) = with_row(&pickled(b"N")).await?;
    let session = open(&layer).await?;
    session.set_expiry(Duration::hours(1))?;
    session.save().await?;
    let written = PickleSerializer::default().loads(&pickle_in(&store).await?)?;
    let date = written.raw("_session_expiry").and_then(Raw::pickled);
    assert_eq!(date, Some(PickledValue::AwareDateTime(NOW + Duration::hours(1))));

    let session = open(&layer).await?;
    assert_eq!(session.get_expiry_age()?, Duration::hours(1));
    session.set_expiry(300)?;
    session.save().await?;
    let written = PickleSerializer::default().loads(&pickle_in(&store).await?)?;
    assert_eq!(written.raw("_session_expiry"), Some(&Raw::new(&300)?));
    Ok(())
}

#[tokio::test]
async fn a_pickle_that_is_not_signed_is_neither_read_nor_written() -> TestResult {
    let store = unsigned().await?.serializer(PickleSerializer::default());
    put(&store, "(dp0\nVv\nI1\ns.").await?;
    let wanted = "signing(Signer::new(SECRET_KEY))";

    let read = store.load(&SessionKey::parse(KEY)?, NOW).await.err().ok_or("it is not signed")?;
    assert!(matches!(&read, StoreError::Undecodable(why) if why.to_string().contains(wanted)), "{read:?}");
    let draft = Draft::new(r#"{"a":1}"#.parse()?, NOW);
    let written = store.create(&SessionKey::parse("a")?, &draft, NOW).await.err().ok_or("it is not signed")?;
    assert!(matches!(&written, StoreError::Unsupported(why) if why.contains(wanted)), "{written:?}");
    assert_eq!(sqlx::query_scalar::<_, i64>("SELECT count(*) FROM django_session").fetch_one(store.pool()).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_session_that_does_not_decode_is_left_alone() -> TestResult {
    // A class of the site, and a name that is no text.
    for pickle in [pickled(b"cmyapp\nCart\n)R"), b"\x80\x04}K\x05K\x06s.".to_vec()] {
        let (store, layer) = with_row(&pickle).await?;
        let before = row(&store).await?;
        let session = open(&layer).await?;
        assert!(session.is_empty());
        session.insert("a", &1)?;
        session.save().await?;
        assert_eq!(row(&store).await?, before);
        assert_ne!(session.session_key().ok_or("a key of its own")?.as_str(), KEY);
    }
    Ok(())
}

#[tokio::test]
async fn a_store_for_json_does_not_take_a_date() -> TestResult {
    let store = unsigned().await?;
    let session = SessionLayer::new(store.clone()).create().await?;
    session.insert_raw("when", Raw::try_from(PickledValue::AwareDateTime(NOW))?)?;

    let error = session.save().await.err().ok_or("it is no JSON")?;

    assert!(matches!(error, Error::Store(StoreError::Unsupported(why)) if why.contains("PickleSerializer")));
    let stored: String = sqlx::query_scalar("SELECT session_data FROM django_session").fetch_one(store.pool()).await?;
    assert_eq!(stored, "{}");
    Ok(())
}
