//! The end of a session whatever happens: `absolute_age`.

use axum::routing::any;
use jam_session::{Error, MemoryStore, Session, SessionKey, SessionLayer, SessionStore as _};
use time::Duration;

use crate::{HOURS_8, MINUTES_30, Moment, TestResult, Visitor, max_age, page};

const CREATED: &str = "_session_created";

fn layer(moment: &Moment, store: &MemoryStore) -> SessionLayer {
    SessionLayer::new(store.clone()).clock(moment.clock()).cookie_age(MINUTES_30).absolute_age(HOURS_8)
}

async fn write(session: Session) -> Result<(), Error> {
    session.modify("n", |n: Option<u32>| n.unwrap_or(0) + 1).map(drop)
}

async fn row_end(store: &MemoryStore, key: &SessionKey, moment: &Moment) -> TestResult<Duration> {
    let row = store.load(key, moment.now()).await?.ok_or("it lives")?;
    Ok(row.expire_date - moment.now())
}

#[tokio::test]
async fn row_and_cookie_end_with_the_absolute_age_however_busy_the_session_is() -> TestResult {
    let (moment, store) = (Moment::new(), MemoryStore::new());
    let mut visitor = Visitor::new(page("/", write), layer(&moment, &store));

    let response = visitor.visit("/").await?;
    assert_eq!(max_age(&response), Some(30 * 60));
    for _ in 0..15 {
        moment.advance(Duration::minutes(29));
        visitor.visit("/").await?;
    }
    // Seven hours and a quarter are over.
    moment.advance(Duration::minutes(29));
    let response = visitor.visit("/").await?;
    let left = Duration::hours(8) - Duration::minutes(16 * 29);

    assert_eq!(max_age(&response), Some(left.whole_seconds() - 1), "whole seconds, rounded down");
    assert_eq!(row_end(&store, &visitor.key()?, &moment).await?, left - Duration::milliseconds(250));
    let old = visitor.key()?;
    moment.advance(left - Duration::milliseconds(250));
    visitor.visit("/").await?;
    assert_ne!(visitor.key()?, old, "it has begun anew");
    Ok(())
}

#[tokio::test]
async fn a_row_that_somebody_else_extended_ends_all_the_same() -> TestResult {
    let (moment, store) = (Moment::new(), MemoryStore::new());
    let session = layer(&moment, &store).create().await?;
    let key = session.session_key().ok_or("it is stored")?;
    // Like a Django, which knows no absolute age.
    let other = SessionLayer::new(store.clone()).clock(moment.clock()).open(&key).await?;
    other.insert("n", &1)?;
    other.save().await?;

    // It counts from the second in which it began, of which a quarter is over.
    moment.advance(Duration::hours(8) - Duration::milliseconds(250) - Duration::MICROSECOND);
    assert!(!layer(&moment, &store).open(&key).await?.is_empty());
    moment.advance(Duration::MICROSECOND);

    assert!(layer(&moment, &store).open(&key).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_session_of_before_counts_from_its_next_write_be_it_only_extended() -> TestResult {
    let (moment, store) = (Moment::new(), MemoryStore::new());
    let before = SessionLayer::new(store.clone()).clock(moment.clock()).create().await?;
    before.insert("n", &1)?;
    before.save().await?;
    assert!(!before.contains_key(CREATED), "nothing is kept as long as nobody asks for it");
    let read = |session: Session| async move { session.contains_key("n").to_string() };
    let mut visitor = Visitor::new(page("/", read), layer(&moment, &store).save_every_request(true));
    let key = before.session_key().ok_or("it is stored")?;
    visitor.cookie = format!("sessionid={}", key.as_str());

    moment.advance(Duration::hours(1));
    visitor.visit("/").await?;

    let created: i64 = layer(&moment, &store).open(&key).await?.require(CREATED)?;
    assert_eq!(created, moment.now().unix_timestamp());
    Ok(())
}

#[tokio::test]
async fn nothing_that_a_request_does_moves_the_beginning_but_flush() -> TestResult {
    let (moment, store) = (Moment::new(), MemoryStore::new());
    let layer = layer(&moment, &store);
    let session = layer.create().await?;
    let created: i64 = session.require(CREATED)?;
    let beginning = async |session: &Session| -> TestResult<i64> {
        session.save().await?;
        let key = session.session_key().ok_or("it is stored")?;
        Ok(layer.open(&key).await?.require(CREATED)?)
    };
    moment.advance(Duration::minutes(10));

    session.insert(CREATED, &i64::MAX)?;
    assert_eq!(beginning(&session).await?, created);
    session.remove(CREATED)?;
    assert_eq!(beginning(&session).await?, created);
    session.clear()?;
    assert_eq!(beginning(&session).await?, created);
    session.cycle_key()?;
    assert_eq!(beginning(&session).await?, created);
    session.set_expiry(std::time::Duration::from_secs(30 * 86_400))?;
    assert_eq!(beginning(&session).await?, created);
    assert_eq!(session.get_expiry_date()?, session.expire_date().ok_or("it is stored")?);
    session.flush().await?;
    session.insert("n", &1)?;
    assert_eq!(beginning(&session).await?, moment.now().unix_timestamp());
    Ok(())
}

#[tokio::test]
async fn a_session_without_data_is_still_not_stored() -> TestResult {
    let (moment, store) = (Moment::new(), MemoryStore::new());
    let read = |session: Session| async move { session.set_modified().map(|()| session.keys().len().to_string()) };
    let site = page("/", read).route("/gone", any(|session: Session| async move { session.flush().await }));
    let mut visitor = Visitor::new(site, layer(&moment, &store));

    visitor.visit("/").await?;
    visitor.visit("/gone").await?;

    assert_eq!((visitor.cookie.as_str(), format!("{store:?}").as_str()), ("", "MemoryStore(0 sessions)"));
    Ok(())
}

#[tokio::test]
async fn a_beginning_in_the_future_counts_from_the_next_write_be_it_only_extended() -> TestResult {
    let read = |session: Session| async move { session.contains_key("n").to_string() };
    for ahead in [1, 60, 3600, 365 * 24 * 3600, 250_000_000_000] {
        for site in [page("/", write), page("/", read)] {
            let (moment, store) = (Moment::new(), MemoryStore::new());
            // Another program, or a clock that is wrong.
            let other = SessionLayer::new(store.clone()).clock(moment.clock()).cookie_age(MINUTES_30).create().await?;
            other.insert(CREATED, &(moment.now().unix_timestamp() + ahead))?;
            other.save().await?;
            let key = other.session_key().ok_or("it is stored")?;
            let layer = layer(&moment, &store).save_every_request(true);
            let mut visitor = Visitor::new(site, layer.clone());
            visitor.cookie = format!("sessionid={}", key.as_str());

            visitor.visit("/").await?;
            let session = layer.open(&key).await?;
            assert_eq!(session.get(CREATED)?, Some(moment.now().unix_timestamp()), "{ahead} s ahead");
            for _ in 0..31 {
                moment.advance(Duration::minutes(15));
                visitor.visit("/").await?;
                assert!(!layer.open(&key).await?.is_empty(), "{ahead} s ahead: it lives for its absolute age");
            }
            moment.advance(Duration::minutes(15));
            assert!(layer.open(&key).await?.is_empty(), "{ahead} s ahead: it outlives its absolute age");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_said_of_the_end_does_not_rest_on_a_beginning_in_the_future() -> TestResult {
    let (moment, store) = (Moment::new(), MemoryStore::new());
    let other = SessionLayer::new(store.clone()).clock(moment.clock()).create().await?;
    other.insert(CREATED, &(moment.now().unix_timestamp() + 86_400))?;
    other.set_expiry(HOURS_8 * 10)?;
    other.save().await?;
    let key = other.session_key().ok_or("it is stored")?;

    let session = layer(&moment, &store).open(&key).await?;

    assert_eq!(session.get_expiry_date()?, moment.now() + HOURS_8);
    assert_eq!(session.get_expiry_age()?, Duration::hours(8));
    Ok(())
}
