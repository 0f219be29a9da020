//! Databases that are killed, stopped, locked or out of reach for a while.

mod crowd;

use std::{sync::Arc, time::Duration};

use axum::{Router, routing::get};
use crowd::{CLIENTS, Crowd, Sample, longest_percentile, recovered};
use jam_session::{
    MySqlStore, PostgresStore, SaveMode, Session, SessionStore,
    sqlx::{self, Connection as _, SqliteConnection},
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use crate::bench::{
    self, TestResult, alone,
    app::{app, begun, layer, send},
    name,
    proxy::{Mood, Proxy},
    rows::rows,
    servers::{self, Server},
};

/// How long a request may wait for its write, and what comes on top of that.
const DEADLINE: Duration = Duration::from_millis(3_000 + 200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_killed_and_restarted_loses_nothing() -> TestResult {
    let _alone = alone().await;
    if let Some(server) = servers::postgres().await? { killed(server).await } else { Ok(()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mariadb_that_is_killed_and_restarted_loses_nothing() -> TestResult {
    let _alone = alone().await;
    if let Some(server) = servers::mariadb().await? { killed(server).await } else { Ok(()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_stands_still_makes_nobody_wait_longer_than_the_deadline() -> TestResult {
    let _alone = alone().await;
    if let Some(server) = servers::postgres().await? { stopped(server).await } else { Ok(()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mariadb_that_stands_still_makes_nobody_wait_longer_than_the_deadline() -> TestResult {
    let _alone = alone().await;
    if let Some(server) = servers::mariadb().await? { stopped(server).await } else { Ok(()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_writer_that_holds_the_lock_of_sqlite_for_10_s_is_a_503_in_time() -> TestResult {
    let _alone = alone().await;
    let Some(scratch) = crate::databases::sqlite().await else { return Ok(()) };
    bench::migrated(&scratch.pool).await?;
    let crowd = Crowd::begin(&scratch.url).await?;
    sleep(Duration::from_millis(500)).await;

    let mut writer = SqliteConnection::connect(&scratch.url).await?;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut writer).await?;
    let locked = Instant::now();
    sleep(Duration::from_secs(10)).await;
    let released = Instant::now();
    sqlx::query("ROLLBACK").execute(&mut writer).await?;
    sleep(Duration::from_secs(1)).await;

    let samples = crowd.end(&scratch.url).await?;
    let longest = longest_percentile(&samples, 100);
    let held = samples.iter().filter(|sample| sample.began > locked && sample.ended() < released);
    let refused = held.clone().filter(|sample| sample.status == 503).count();
    println!("fault: SQLite: locked for 10 s, {refused} requests refused, the longest took {longest:?}");
    assert!(refused > 0 && held.clone().all(|sample| sample.status == 503));
    assert!(longest <= DEADLINE);
    recovered(&samples, released)
}

async fn killed(mut server: Server) -> TestResult {
    let url = server.url();
    bench::migrate(&url).await?;
    let crowd = Crowd::begin(&url).await?;
    sleep(Duration::from_secs(1)).await;

    server.kill()?;
    let killed = Instant::now();
    sleep(Duration::from_secs(3)).await;
    let restarted = Instant::now();
    server.run()?;
    server.wait().await?;
    let accepts = Instant::now();
    sleep(Duration::from_secs(6)).await;

    let samples = crowd.end(&url).await?;
    // Between its last statement and its first one: what was answered then was answered 503.
    let mut outage = samples.iter().filter(|sample| sample.began > killed && sample.ended() < restarted);
    assert!(outage.all(|sample| sample.status == 503), "only 503 during the outage");
    let refused = samples.iter().filter(|sample| sample.status == 503).count();
    assert!(refused >= CLIENTS, "there was hardly an outage");
    let last = samples.iter().filter(|sample| sample.status == 503).map(Sample::ended).max().ok_or("an outage")?;
    let recovery = last.saturating_duration_since(accepts);
    println!("fault: {}: killed, {refused} requests refused, recovered after {recovery:?}", name(&url));
    assert!(recovery <= Duration::from_secs(5), "recovered after {recovery:?}");
    recovered(&samples, accepts)
}

async fn stopped(server: Server) -> TestResult {
    let url = server.url();
    bench::migrate(&url).await?;
    let crowd = Crowd::begin(&url).await?;
    sleep(Duration::from_secs(1)).await;

    server.signal("STOP")?;
    let stopped = Instant::now();
    sleep(Duration::from_secs(10)).await;
    server.signal("CONT")?;
    let continued = Instant::now();
    sleep(Duration::from_secs(4)).await;

    let samples = crowd.end(&url).await?;
    let during: Vec<_> = samples.iter().copied().filter(|s| s.ended() > stopped && s.began < continued).collect();
    let (slow, refused) = (longest_percentile(&during, 99), during.iter().filter(|s| s.status == 503).count());
    println!("fault: {}: stopped for 10 s, {refused} requests refused, p99 {slow:?}", name(&url));
    assert!(refused > 0 && slow <= DEADLINE, "{refused} refused, p99 {slow:?}");
    recovered(&samples, continued)
}

/// 300 first writes a second for 12 s, while the database answers nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_stands_still_gets_nothing_later_that_was_given_up_before_it_was_sent() -> TestResult {
    let _alone = alone().await;
    let Some(server) = servers::postgres().await? else { return Ok(()) };
    let url = server.url();
    bench::migrate(&url).await?;
    let layer = layer(jam_session::connect(&url).await?, SaveMode::Merge);
    let app = app(layer.clone());
    begun(&app).await?;
    server.signal("STOP")?;

    let (mut requests, mut most) = (tokio::task::JoinSet::new(), 0);
    let mut ticks = tokio::time::interval(Duration::from_micros(3_333));
    for sent in 0..3_600 {
        ticks.tick().await;
        let app = app.clone();
        requests.spawn(async move { send(&app, "/begin", "").await.map_or(0, |answer| answer.status) });
        if sent % 300 == 0 {
            most = most.max(layer.shutdown(Duration::ZERO).await);
        }
    }
    server.signal("CONT")?;
    let answers = requests.join_all().await;
    let left = layer.shutdown(Duration::from_secs(10)).await;

    let acknowledged = 1 + answers.iter().filter(|status| **status == 200).count();
    let refused = answers.iter().filter(|status| **status == 503).count();
    let orphans = rows(&url).await?.len() - acknowledged;
    println!("fault: PostgreSQL: stopped for 12 s, {refused} refused, at most {most} under way, {orphans} orphans");
    assert_eq!((acknowledged - 1 + refused, left), (3_600, 0));
    // What arrives within a deadline waits, and what was sent is seen to its end.
    assert!(most <= 300 * 3 + 300, "{most} writes were under way");
    assert!(orphans <= 64, "{orphans} sessions of requests that were answered 503");
    Ok(())
}

mod cut_by_the_deadline {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_write_to_postgres_is_seen_to_its_end() -> TestResult {
        let _alone = alone().await;
        let Some(scratch) = crate::databases::postgres().await else { return Ok(()) };
        bench::migrated(&scratch.pool).await?;
        let proxy = Proxy::before(&scratch.url).await?;
        let store = PostgresStore::connect(&proxy.url).await?;
        let pool = store.pool().clone();
        cut(&scratch.url, proxy, store, move || pool.num_idle()).await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_write_to_mariadb_is_seen_to_its_end() -> TestResult {
        let _alone = alone().await;
        let Some(scratch) = crate::databases::mysql().await else { return Ok(()) };
        bench::migrated(&scratch.pool).await?;
        let proxy = Proxy::before(&scratch.url).await?;
        let store = MySqlStore::connect(&proxy.url).await?;
        let pool = store.pool().clone();
        cut(&scratch.url, proxy, store, move || pool.num_idle()).await
    }

    /// The deadline tells the client that nobody knows; the write itself goes on, because it was sent.
    async fn cut(url: &str, proxy: Proxy, store: impl SessionStore, idle: impl Fn() -> usize) -> TestResult {
        let layer = layer(store, SaveMode::Merge);
        let (held, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (holds, goes) = (Arc::clone(&held), Arc::clone(&go));
        let handler = async move |session: Session| {
            holds.notify_one();
            goes.notified().await;
            session.insert("slow", &1)
        };
        let cookie = begun(&app(layer.clone())).await?;
        let app = Router::new().route("/slow", get(handler)).layer(layer.clone());
        let request = tokio::spawn(async move { send(&app, "/slow", &cookie).await });
        held.notified().await;
        // A connection is idle again once it has answered a ping; what waits for one is not sent.
        while idle() == 0 {
            tokio::task::yield_now().await;
        }
        proxy.set(Mood::Stalled);
        go.notify_one();

        let answer = request.await??;
        let under_way = layer.shutdown(Duration::ZERO).await;
        proxy.set(Mood::Fair);
        let left = layer.shutdown(Duration::from_secs(5)).await;
        let written = rows(url).await?.first().is_some_and(|(_, data)| data.raw("slow").is_some());

        println!("fault: {}: cut by its deadline: {} under way, then {left}, written: {written}", name(url), under_way);
        assert_eq!((answer.status, under_way, left, written), (503, 1, 0, true));
        Ok(())
    }
}
