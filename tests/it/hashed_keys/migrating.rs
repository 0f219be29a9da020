//! From keys to hashes, and back, with sessions that live on.

use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use jam_session::{Session, SqliteStore, StoreError, sqlx};

use super::*;
use crate::support::{Moment, Op, Probe, cookie_of, databases::on_every_database, key_in, send, site, text, visitor};

/// A layer as another process has it.
fn process(store: &(impl SessionStore + Clone), moment: &Moment, hash_keys: HashKeys) -> SessionLayer {
    let patience = std::time::Duration::from_secs(120);
    let layer = SessionLayer::new(store.clone()).clock(moment.clock()).hash_keys(hash_keys);
    layer.load_deadline(patience).save_deadline(patience)
}

/// How many of these visitors find their session and the count of their visits in it, and keep their cookie.
async fn kept(layer: SessionLayer, cookies: &[String], visits: u64) -> usize {
    let site = site(layer);
    let visits = visits.to_string();
    let answers = stream::iter(cookies).map(|cookie| async {
        let response = send(&site, "/count", cookie).await;
        let same = response.status() == StatusCode::OK && cookie_of(&response).is_none_or(|new| new == *cookie);
        same && text(response).await == visits
    });
    answers.buffer_unordered(64).filter(|kept| std::future::ready(*kept)).count().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_gets_to_hashes_and_back_and_logs_nobody_out() -> TestResult {
    const SESSIONS: usize = 10_000;
    let (store, moment) = (SqliteStore::connect("sqlite::memory:").await?, Moment::new());
    store.migrate().await?;
    let layer = |hash_keys| process(&store, &moment, hash_keys);
    let hashes = async || -> TestResult<usize> {
        let sql = "SELECT session_key FROM django_session";
        let keys: Vec<String> = sqlx::query_scalar(sql).fetch_all(store.pool()).await?;
        Ok(keys.iter().filter(|key| is_hash(key)).count())
    };
    let newcomers = site(layer(HashKeys::Off));
    let cookies = stream::iter(0..SESSIONS).map(|_| visitor(&newcomers)).buffer_unordered(64);
    let cookies: Vec<_> = cookies.collect().await;
    assert_eq!(hashes().await?, 0);

    // Each node can be one step ahead of the others.
    assert_eq!(kept(layer(HashKeys::MigratingBack), &cookies, 1).await, SESSIONS);
    assert_eq!(hashes().await?, 0);
    assert_eq!(kept(layer(HashKeys::Migrating), &cookies, 2).await, SESSIONS);
    assert_eq!(hashes().await?, SESSIONS);
    let migrated = kept(layer(HashKeys::On), &cookies, 3).await;
    println!("hashed keys: migration kept {migrated} of {SESSIONS}");
    assert_eq!(migrated, SESSIONS);

    assert_eq!(kept(layer(HashKeys::MigratingBack), &cookies, 4).await, SESSIONS);
    let back = kept(layer(HashKeys::Off), &cookies, 5).await;
    println!("hashed keys: the way back kept {back} of {SESSIONS}");
    assert_eq!((back, hashes().await?), (SESSIONS, 0));
    Ok(())
}

/// The key of a session that is stored under its key, with a count of 0.
async fn unmigrated(store: &(impl SessionStore + Clone), moment: &Moment) -> TestResult<SessionKey> {
    let session = process(store, moment, HashKeys::Off).create().await?;
    session.insert("count", &0)?;
    session.save().await?;
    Ok(session.session_key().ok_or("a saved session has a key")?)
}

async fn a_session_under_its_key_is_used_in_every_way<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let (store, moment) = (table(pool).await?, Moment::new());
    let layer = process(&store, &moment, HashKeys::Migrating);
    let whereabouts = async |key: &SessionKey| -> Result<[bool; 2], StoreError> {
        Ok([store.exists(key).await?, store.exists(&key.hashed()).await?])
    };

    let saved = unmigrated(&store, &moment).await?;
    let session = layer.open(&saved).await?;
    session.insert("more", "of it")?;
    session.save().await?;
    assert_eq!((session.session_key(), whereabouts(&saved).await?), (Some(saved), [false, true]));

    let cycled = unmigrated(&store, &moment).await?;
    let session = layer.open(&cycled).await?;
    session.cycle_key()?;
    session.save().await?;
    let new = session.session_key().ok_or("a saved session has a key")?;
    assert_eq!((whereabouts(&cycled).await?, whereabouts(&new).await?), ([false, false], [false, true]));
    assert!(layer.open(&cycled).await?.session_key().is_none());

    let flushed = unmigrated(&store, &moment).await?;
    let overtaken = layer.open(&flushed).await?;
    layer.open(&flushed).await?.flush().await?;
    overtaken.insert("too", "late")?;
    assert!(matches!(overtaken.save().await, Err(jam_session::Error::SessionInterrupted)));
    assert_eq!(whereabouts(&flushed).await?, [false, false]);

    let touched = unmigrated(&store, &moment).await?;
    let site = site(layer.clone().save_every_request(true));
    moment.advance(time::Duration::days(13));
    send(&site, "/read", &format!("sessionid={}", touched.as_str())).await;
    moment.advance(time::Duration::days(13));
    assert!(layer.open(&touched).await?.session_key().is_some(), "it was extended");
    assert_eq!(whereabouts(&touched).await?, [true, false]);
    Ok(())
}

async fn overlapping_requests_lose_no_change_and_log_nobody_out<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let (store, moment) = (table(pool).await?, Moment::new());
    for _ in 0..5 {
        let key = unmigrated(&store, &moment).await?;
        let cookie = format!("sessionid={}", key.as_str());
        let sites = [(); 2].map(|()| site(process(&store, &moment, HashKeys::Migrating)));
        let requests = (0..20).map(|number| send(&sites[number % 2], "/count", &cookie));

        let answers = futures_util::future::join_all(requests).await;

        assert!(answers.iter().all(|answer| answer.status() == StatusCode::OK));
        assert!(answers.iter().all(|answer| cookie_of(answer).is_none_or(|new| key_in(&new) == key)));
        let session = process(&store, &moment, HashKeys::On).open(&key).await?;
        assert_eq!(session.get::<u64>("count")?, Some(20));
        assert!(!store.exists(&key).await?);
    }
    Ok(())
}

on_every_database! {
    a_session_under_its_key_is_used_in_every_way
    overlapping_requests_lose_no_change_and_log_nobody_out
}

fn counted(session: &Session) -> TestResult {
    session.modify("count", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(())
}

#[tokio::test]
async fn only_a_session_that_is_not_moved_yet_costs_more() -> TestResult {
    let (probe, moment) = (Probe::new(), Moment::new());
    let key = unmigrated(&probe, &moment).await?;
    let cost = async |hash_keys| -> TestResult<Vec<Op>> {
        probe.take_calls();
        let session = process(&probe, &moment, hash_keys).open(&key).await?;
        counted(&session)?;
        session.save().await?;
        Ok(probe.take_calls())
    };

    assert_eq!(cost(HashKeys::Off).await?, [Op::Load, Op::Save]);
    assert_eq!(cost(HashKeys::MigratingBack).await?, [Op::Load, Op::Save]);
    assert_eq!(cost(HashKeys::Migrating).await?, [Op::Load, Op::Load, Op::Save, Op::Cycle]);
    assert_eq!(cost(HashKeys::Migrating).await?, [Op::Load, Op::Save]);
    assert_eq!(cost(HashKeys::On).await?, [Op::Load, Op::Save]);
    Ok(())
}
