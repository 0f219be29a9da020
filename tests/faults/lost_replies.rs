//! The database does a write, and its answer never arrives.

use axum::Router;
use jam_session::SaveMode;
use tokio::task::JoinSet;

use crate::bench::{
    TestResult,
    app::{app, begun, layer, send},
    name,
    proxy::{Mood, Proxy},
    random::Random,
    rows::{number, rows},
};

/// The beginning of a dictionary, which goes to the database in a write only.
const WRITE: &str = r#"{"n":"#;

mod postgres {
    use super::TestResult;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_lost_reply_is_no_lost_and_no_double_increment() -> TestResult {
        let _alone = crate::bench::alone().await;
        let Some(scratch) = crate::databases::postgres().await else { return Ok(()) };
        crate::bench::migrated(&scratch.pool).await?;
        super::cuts(&scratch.url, 500).await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn bad_weather_leaves_the_counter_between_acknowledged_and_attempted() -> TestResult {
        let _alone = crate::bench::alone().await;
        let Some(scratch) = crate::databases::postgres().await else { return Ok(()) };
        crate::bench::migrated(&scratch.pool).await?;
        super::weather(&scratch.url).await
    }
}

mod mariadb {
    use super::TestResult;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_lost_reply_is_no_lost_and_no_double_increment() -> TestResult {
        let _alone = crate::bench::alone().await;
        let Some(scratch) = crate::databases::mysql().await else { return Ok(()) };
        crate::bench::migrated(&scratch.pool).await?;
        super::cuts(&scratch.url, 500).await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn bad_weather_leaves_the_counter_between_acknowledged_and_attempted() -> TestResult {
        let _alone = crate::bench::alone().await;
        let Some(scratch) = crate::databases::mysql().await else { return Ok(()) };
        crate::bench::migrated(&scratch.pool).await?;
        super::weather(&scratch.url).await
    }
}

async fn cuts(url: &str, cuts: u64) -> TestResult {
    let proxy = Proxy::before(url).await?;
    let app = app(layer(jam_session::connect(&proxy.url).await?, SaveMode::Merge));
    let cookie = begun(&app).await?;
    let mut acknowledged = 0;
    for _ in 0..cuts {
        proxy.set(Mood::LoseReplyTo(WRITE));
        acknowledged += i64::from(send(&app, "/add/n", &cookie).await?.is_ok());
    }
    let counter = counter(url).await?;
    let cut = proxy.cuts();
    println!("fault: {}: {cut} replies lost, {acknowledged} acknowledged, the counter is {counter}", name(url));
    assert_eq!((cut, counter), (cuts, acknowledged));
    assert_eq!(acknowledged, i64::try_from(cuts)?, "a write that was done is recognised");
    Ok(())
}

/// Latency, stalls, resets and cut replies while eight clients count.
async fn weather(url: &str) -> TestResult {
    const CLIENTS: usize = 8;
    const EACH: usize = 50;
    let proxy = Proxy::before(url).await?;
    let app = app(layer(jam_session::connect(&proxy.url).await?, SaveMode::Merge));
    let cookie = begun(&app).await?;
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(count(app.clone(), cookie.clone(), EACH));
    }
    let mut random = Random::new(7);
    let mut acknowledged = 0;
    while !clients.is_empty() {
        let slow = Mood::Slow(std::time::Duration::from_millis(3));
        let moods =
            [slow, Mood::Stalled, Mood::Reset, Mood::CutAfter(random.below(3000) as usize), Mood::LoseReplyTo(WRITE)];
        proxy.set(*random.pick(&moods));
        crate::bench::spend(5_000).await;
        proxy.set(Mood::Fair);
        crate::bench::spend(20_000).await;
        while let Some(done) = clients.try_join_next() {
            acknowledged += done??;
        }
    }
    let counter = counter(url).await?;
    let attempted = CLIENTS * EACH;
    println!("fault: {}: in bad weather {acknowledged} of {attempted} acknowledged, counter {counter}", name(url));
    assert!((acknowledged..=i64::try_from(attempted)?).contains(&counter));
    assert!(send(&app, "/add/n", &cookie).await?.is_ok(), "the weather is good again");
    Ok(())
}

async fn count(app: Router, cookie: String, times: usize) -> TestResult<i64> {
    let mut acknowledged = 0;
    for _ in 0..times {
        let answer = send(&app, "/add/n", &cookie).await?;
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        acknowledged += i64::from(answer.is_ok());
    }
    Ok(acknowledged)
}

async fn counter(url: &str) -> TestResult<i64> {
    let rows = rows(url).await?;
    number(&rows.first().ok_or("a row")?.1, "n")
}
