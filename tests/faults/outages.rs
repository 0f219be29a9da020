//! Databases that are killed, stopped, locked or out of reach for a while.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::Router;
use jam_session::{
    SaveMode,
    sqlx::{self, Connection as _, SqliteConnection},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::bench::{
    self, TestResult, alone,
    app::{app, begun, layer, send},
    name,
    proxy::{Mood, Proxy},
    rows::{number, rows},
    servers::{self, Server},
};

const CLIENTS: usize = 16;
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
    let outage = samples.iter().filter(|sample| sample.began > killed && sample.ended() < restarted);
    let refused = outage.clone().filter(|sample| sample.status == 503).count();
    assert_eq!(outage.count(), refused, "only 503 during the outage");
    let last = samples.iter().filter(|sample| sample.status == 503).map(Sample::ended).max().ok_or("an outage")?;
    let recovery = last.saturating_duration_since(accepts);
    println!("fault: {}: killed, {refused} requests refused in the outage, recovered after {recovery:?}", name(&url));
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

mod cut_by_the_deadline {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_write_to_postgres_is_seen_to_its_end() -> TestResult {
        let _alone = alone().await;
        let Some(scratch) = crate::databases::postgres().await else { return Ok(()) };
        bench::migrated(&scratch.pool).await?;
        cut(&scratch.url).await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_write_to_mariadb_is_seen_to_its_end() -> TestResult {
        let _alone = alone().await;
        let Some(scratch) = crate::databases::mysql().await else { return Ok(()) };
        bench::migrated(&scratch.pool).await?;
        cut(&scratch.url).await
    }

    /// The deadline tells the client that nobody knows; the write itself goes on.
    async fn cut(url: &str) -> TestResult {
        let proxy = Proxy::before(url).await?;
        let layer = layer(jam_session::connect(&proxy.url).await?, SaveMode::Merge);
        let app = app(layer.clone());
        let cookie = begun(&app).await?;
        let request = tokio::spawn(async move { send(&app, "/slow/100000", &cookie).await });
        // It has its session in hand when nothing gets through any more.
        bench::spend(50_000).await;
        proxy.set(Mood::Stalled);

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

#[derive(Debug, Clone, Copy)]
struct Sample {
    client: usize,
    began: Instant,
    took: Duration,
    status: u16,
}

impl Sample {
    fn ended(&self) -> Instant {
        self.began + self.took
    }
}

/// Clients that count without a pause, four to a session.
struct Crowd {
    stop: Arc<AtomicBool>,
    clients: JoinSet<TestResult<Vec<Sample>>>,
}

impl Crowd {
    async fn begin(url: &str) -> TestResult<Self> {
        let app = app(layer(jam_session::connect(url).await?, SaveMode::Merge));
        let (stop, mut clients) = (Arc::<AtomicBool>::default(), JoinSet::new());
        let mut cookie = String::new();
        for client in 0..CLIENTS {
            if client % 4 == 0 {
                cookie = begun(&app).await?;
            }
            clients.spawn(count(client, app.clone(), cookie.clone(), Arc::clone(&stop)));
        }
        Ok(Self { stop, clients })
    }

    /// What was acknowledged has happened, and what was not attempted has not.
    async fn end(self, url: &str) -> TestResult<Vec<Sample>> {
        self.stop.store(true, Ordering::SeqCst);
        let samples: Vec<_> = self.clients.join_all().await.into_iter().collect::<TestResult<_>>()?;
        let samples = samples.concat();
        let acknowledged = samples.iter().filter(|sample| sample.status == 200).count();
        let counted = rows(url).await?.iter().map(|(_, data)| number(data, "n")).sum::<TestResult<i64>>()?;
        let (counted, attempted) = (usize::try_from(counted)?, samples.len());
        println!("fault: {}: {acknowledged} acknowledged ≤ {counted} counted ≤ {attempted} attempted", name(url));
        assert!((acknowledged..=attempted).contains(&counted));
        Ok(samples)
    }
}

async fn count(client: usize, app: Router, cookie: String, stop: Arc<AtomicBool>) -> TestResult<Vec<Sample>> {
    let mut samples = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let began = Instant::now();
        let status = send(&app, "/add/n", &cookie).await?.status;
        samples.push(Sample { client, began, took: began.elapsed(), status });
        // Neither an anonymous visitor nor an ended session: the store is out of order, and that is all.
        assert!(matches!(status, 200 | 503), "answered {status}");
        sleep(Duration::from_millis(5)).await;
    }
    Ok(samples)
}

fn recovered(samples: &[Sample], since: Instant) -> TestResult {
    for client in 0..CLIENTS {
        let served = samples.iter().any(|s| s.client == client && s.began > since && s.status == 200);
        assert!(served, "client {client} is never served again");
    }
    Ok(())
}

fn longest_percentile(samples: &[Sample], percent: usize) -> Duration {
    let mut took: Vec<_> = samples.iter().map(|sample| sample.took).collect();
    took.sort();
    took[(took.len() * percent / 100).min(took.len() - 1)]
}
