//! A store that hangs under load: what waits is bounded and is given up with its request; ends are sent all the same.

use std::time::Duration;

use axum::Router;
use http::StatusCode;
use jam_session::{
    DbStore, Driver, Error, SessionKey, SessionLayer, SessionStore as _,
    sqlx::{Pool, Sqlite, sqlite::SqlitePoolOptions},
};
use tokio::{task::JoinSet, time::Instant};

use crate::support::{Moment, Op, Probe, TestResult, key_in, send, site, visitor};

/// How many writes talk to a store at once, how many ends, and how many of each there are at most.
const AT_ONCE: usize = 64;
const ENDS_AT_ONCE: usize = 16;
const MOST: usize = 4096;

/// Sends these requests at once, and gives their statuses with how long each took, in seconds.
async fn crowd(site: &Router, requests: impl IntoIterator<Item = (&'static str, String)>) -> Vec<(StatusCode, u64)> {
    let mut crowd = JoinSet::new();
    for (path, cookie) in requests {
        let site = site.clone();
        crowd.spawn(async move {
            let begun = Instant::now();
            let status = send(&site, path, &cookie).await.status();
            (status, begun.elapsed().as_secs())
        });
    }
    crowd.join_all().await
}

fn calls(probe: &Probe, op: Op) -> usize {
    probe.take_calls().into_iter().filter(|call| *call == op).count()
}

#[tokio::test(start_paused = true)]
async fn a_first_write_that_waits_is_given_up_at_its_deadline_and_never_sent() {
    let probe = Probe::new();
    let layer = SessionLayer::new(probe.clone());
    let site = site(layer.clone());
    let gate = probe.gate(Op::Create);

    let answers = crowd(&site, (0..400).map(|_| ("/write", String::new()))).await;

    assert!(answers.iter().all(|answer| *answer == (StatusCode::SERVICE_UNAVAILABLE, 3)));
    assert_eq!(layer.shutdown(Duration::from_secs(1)).await, AT_ONCE, "what was sent is seen to its end");
    (0..400).for_each(|_| gate.open());
    assert_eq!(layer.shutdown(Duration::from_secs(1)).await, 0);
    assert_eq!(calls(&probe, Op::Create), AT_ONCE, "no session of a request that was answered 503 before it was sent");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_waits_for_the_writer_before_it_is_given_up_at_its_deadline() {
    let probe = Probe::new();
    let layer = SessionLayer::new(probe.clone());
    let site = site(layer.clone());
    let cookie = visitor(&site).await;
    let gate = probe.gate(Op::Save);

    let answers = crowd(&site, (0..100).map(|_| ("/count", cookie.clone()))).await;

    assert!(answers.iter().all(|answer| *answer == (StatusCode::SERVICE_UNAVAILABLE, 3)));
    assert_eq!(layer.shutdown(Duration::from_secs(1)).await, 1);
    (0..100).for_each(|_| gate.open());
    assert_eq!(layer.shutdown(Duration::from_secs(1)).await, 0);
    assert_eq!(calls(&probe, Op::Save), 1);
}

#[tokio::test(start_paused = true)]
async fn a_renewed_key_is_taken_back_when_its_pointer_comes_too_late() -> TestResult {
    let probe = Probe::new();
    let layer = SessionLayer::new(probe.clone()).renew_after(Duration::from_secs(60));
    let clock = Moment::new();
    let site = site(layer.clock(clock.clock()));
    let cookie = visitor(&site).await;
    clock.advance(time::Duration::MINUTE);
    let gate = probe.gate(Op::Create);

    let late = crowd(&site, [("/read", cookie.clone())]).await;
    assert_eq!(late, [(StatusCode::SERVICE_UNAVAILABLE, 3)]);
    probe.take_calls();
    gate.open();
    gate.departure().await;

    probe.heal();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(probe.take_calls(), [Op::Delete], "no pointer, and no copy of the session under a key of nobody's");
    assert!(probe.exists(&key_in(&cookie)).await?);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn more_writes_than_there_is_room_for_are_refused_at_once() {
    let probe = Probe::new();
    let layer = SessionLayer::new(probe.clone());
    let site = site(layer.clone());
    let cookie = visitor(&site).await;
    probe.silence(Op::Create);

    let answers = crowd(&site, (0..MOST + 100).map(|_| ("/write", String::new()))).await;

    let at_once = answers.iter().filter(|(_, seconds)| *seconds == 0).count();
    assert!(answers.iter().all(|(status, _)| *status == StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(at_once, 100);
    assert_eq!(send(&site, "/flush", &cookie).await.status(), StatusCode::OK, "an end stands in no line behind them");
}

#[tokio::test(start_paused = true)]
async fn an_end_is_sent_however_late_and_once_for_its_session() -> TestResult {
    let probe = Probe::new();
    let layer = SessionLayer::new(probe.clone());
    let site = site(layer.clone());
    let mut cookies = Vec::new();
    for _ in 0..40 {
        cookies.push(visitor(&site).await);
    }
    let gate = probe.gate(Op::Delete);
    probe.take_calls();

    let again = cookies.iter().chain(&cookies).chain(&cookies).cloned();
    let answers = crowd(&site, again.map(|cookie| ("/flush-lazily", cookie))).await;

    assert!(answers.iter().all(|answer| *answer == (StatusCode::SERVICE_UNAVAILABLE, 3)));
    assert_eq!(calls(&probe, Op::Delete), ENDS_AT_ONCE);
    assert_eq!(layer.shutdown(Duration::from_secs(1)).await, cookies.len(), "one for each session");
    cookies.iter().for_each(|_| gate.open());
    assert_eq!(layer.shutdown(Duration::from_secs(1)).await, 0);
    assert_eq!(calls(&probe, Op::Delete), cookies.len() - ENDS_AT_ONCE);
    for cookie in &cookies {
        assert!(!probe.exists(&key_in(cookie)).await?, "they have ended, although their requests were answered 503");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_joins_an_end_is_answered_when_it_is_done_and_tries_itself_when_it_fails() -> TestResult {
    let probe = Probe::new();
    let site = site(SessionLayer::new(probe.clone()));
    let cookie = visitor(&site).await;
    probe.take_calls();

    probe.fail(&[Op::Delete]);
    let answers = crowd(&site, (0..3).map(|_| ("/flush-lazily", cookie.clone()))).await;
    assert_eq!(answers, [(StatusCode::SERVICE_UNAVAILABLE, 0); 3]);
    assert_eq!(probe.take_calls(), [Op::Load, Op::Delete].repeat(3));

    let gate = probe.gate(Op::Delete);
    gate.open();
    let answers = crowd(&site, (0..3).map(|_| ("/flush-lazily", cookie.clone()))).await;
    assert_eq!(answers, [(StatusCode::OK, 0); 3]);
    assert_eq!(probe.take_calls(), [Op::Load, Op::Delete]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn more_ends_than_there_is_room_for_are_refused_at_once() -> TestResult {
    let probe = Probe::new();
    let layer = SessionLayer::new(probe.clone());
    probe.silence(Op::Delete);
    let mut ends = JoinSet::new();
    for n in 0..MOST + 10 {
        let (layer, key) = (layer.clone(), SessionKey::parse(&format!("{n:032}"))?);
        ends.spawn(async move {
            let begun = Instant::now();
            (layer.delete(&key).await, begun.elapsed().as_secs())
        });
    }

    let ends = ends.join_all().await;

    let refused = ends.iter().filter(|(end, seconds)| matches!(end, Err(Error::Store(_))) && *seconds == 0).count();
    let late = ends.iter().filter(|(end, seconds)| matches!(end, Err(Error::Deadline { .. })) && *seconds == 3).count();
    assert_eq!((refused, late), (10, MOST));
    Ok(())
}

/// Sessions of requests whose writes had no connection until after their deadline.
pub(crate) async fn a_write_that_waits_for_a_connection_is_not_sent_after_its_deadline<DB: Driver>(
    pool: &Pool<DB>,
) -> TestResult {
    let store = DbStore::<DB>::new(pool.clone());
    store.migrate().await?;
    let layer = SessionLayer::new(store.clone());
    let cookie = visitor(&site(layer.clone())).await;
    let impatient = layer.clone().save_deadline(Duration::from_millis(200));
    let late = impatient.open(&key_in(&cookie)).await?;
    late.insert("late", &true)?;
    let mut connections = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        connections.push(pool.acquire().await?);
    }

    let site = site(impatient);
    let first_writes = crowd(&site, (0..40).map(|_| ("/write", String::new())));
    let (answers, changed) = tokio::join!(first_writes, late.save());
    assert!(answers.iter().all(|(status, _)| *status == StatusCode::SERVICE_UNAVAILABLE), "{answers:?}");
    assert!(changed.is_err());
    drop(connections);
    assert_eq!(layer.shutdown(Duration::from_secs(10)).await, 0);

    let rows = store.stats(time::OffsetDateTime::now_utc()).await?.live;
    let kept = layer.open(&key_in(&cookie)).await?.keys();
    assert_eq!((rows, kept), (1, vec!["written".to_owned()]), "nothing of the requests that were answered 503");
    Ok(())
}

#[tokio::test]
async fn an_end_that_waits_for_a_connection_is_sent_when_there_is_one() -> TestResult {
    let options = SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(20));
    let pool = options.connect("sqlite::memory:").await?;
    let store = DbStore::<Sqlite>::new(pool.clone());
    store.migrate().await?;
    let layer = SessionLayer::new(store.clone()).save_deadline(Duration::from_millis(200));
    let site = site(layer.clone());
    let cookie = visitor(&site).await;

    let connection = pool.acquire().await?;
    assert_eq!(send(&site, "/flush-lazily", &cookie).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(connection);

    assert_eq!(layer.shutdown(Duration::from_secs(10)).await, 0);
    assert!(!store.exists(&key_in(&cookie)).await?);
    Ok(())
}
