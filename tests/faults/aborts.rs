//! Clients that hang up at any moment, while the database is slow.

use std::time::Duration;

use axum::Router;
use jam_session::{
    SaveMode, SessionLayer,
    sqlx::{self, Connection as _, MySqlConnection, PgConnection},
};
use tokio::{task::JoinSet, time::sleep};

use crate::bench::{
    TestResult,
    app::{app, begun, layer, send},
    name,
    proxy::{Mood, Proxy},
    random::Random,
    rows::rows,
};

const WAVES: u64 = 40;
const WAVE: u64 = 50;
const AFTERWARDS: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_2000_aborted_requests_leave_nothing_behind() -> TestResult {
    let _alone = crate::bench::alone().await;
    let Some(scratch) = crate::databases::postgres().await else { return Ok(()) };
    crate::bench::migrated(&scratch.pool).await?;
    // The schema's name is in no other test's connections.
    let schema = scratch.url.rsplit("%3D").next().ok_or("a schema")?;
    let _connected = aborted(&format!("{}&application_name={schema}", scratch.url)).await?;
    let sql = "SELECT count(*) FILTER (WHERE state LIKE 'idle in transaction%'), count(*) FROM pg_stat_activity \
               WHERE application_name = current_schema()";
    let mut connection = PgConnection::connect(&scratch.url).await?;
    let (idle, connections): (i64, i64) = sqlx::query_as(sql).fetch_one(&mut connection).await?;
    assert!(connections > 0, "the connections cannot be found");
    println!("fault: PostgreSQL: {idle} connections idle in transaction");
    assert_eq!(idle, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_2000_aborted_requests_leave_nothing_behind() -> TestResult {
    let _alone = crate::bench::alone().await;
    let Some(scratch) = crate::databases::mysql().await else { return Ok(()) };
    crate::bench::migrated(&scratch.pool).await?;
    let _connected = aborted(&scratch.url).await?;
    let sql = "SELECT count(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p \
               ON p.id = t.trx_mysql_thread_id WHERE p.db = DATABASE() AND p.command = 'Sleep'";
    let idle: i64 = sqlx::query_scalar(sql).fetch_one(&mut MySqlConnection::connect(&scratch.url).await?).await?;
    println!("fault: MariaDB: {idle} connections idle in transaction");
    assert_eq!(idle, 0);
    Ok(())
}

/// Gives what keeps the connections open.
async fn aborted(url: &str) -> TestResult<(Router, Proxy)> {
    let proxy = Proxy::before(url).await?;
    let layer = layer(jam_session::connect(&proxy.url).await?, SaveMode::Merge);
    let app = app(layer.clone());
    proxy.set(Mood::Slow(Duration::from_millis(2)));
    let mut random = Random::new(1);
    let (mut aborted, mut kept) = (0, 0);
    for _ in 0..WAVES {
        let [cut, late] = wave(&app, &mut random).await?;
        (aborted, kept) = (aborted + cut, kept + late);
    }
    proxy.set(Mood::Fair);
    assert_eq!(settled(&layer).await, 0, "a write that never ends");
    let succeeded = afterwards(&app).await?;
    let rows = rows(url).await?.len();
    let name = name(url);
    println!(
        "fault: {name}: {aborted} requests aborted, {kept} were quicker, then {succeeded} of {AFTERWARDS} succeed"
    );
    println!("fault: {name}: {rows} rows, all of which decode");
    assert_eq!(succeeded, AFTERWARDS);
    assert!(aborted > 0 && kept > 0, "the requests were not aborted at all points");
    Ok((app, proxy))
}

async fn settled(layer: &SessionLayer) -> usize {
    layer.shutdown(Duration::from_secs(10)).await
}

/// How many requests were aborted, and how many were quicker.
async fn wave(app: &Router, random: &mut Random) -> TestResult<[usize; 2]> {
    let cookie = begun(app).await?;
    let mut requests = JoinSet::new();
    for number in 0..WAVE {
        let set = format!("/set/k{number}/{number}");
        let path = random.pick(&["/add/n", &set, "/add_and_save/n", "/all", "/begin", "/login", "/logout"]).to_string();
        let (app, cookie, cut) = (app.clone(), cookie.clone(), Duration::from_millis(random.below(80)));
        requests.spawn(async move {
            tokio::select! {
                biased;
                () = sleep(cut) => TestResult::Ok(true),
                answer = send(&app, &path, &cookie) => answer.map(|_| false),
            }
        });
    }
    let cut: Vec<bool> = requests.join_all().await.into_iter().collect::<TestResult<_>>()?;
    let aborted = cut.iter().filter(|cut| **cut).count();
    Ok([aborted, cut.len() - aborted])
}

/// How many requests succeed when nobody hangs up any more.
async fn afterwards(app: &Router) -> TestResult<usize> {
    let mut clients = JoinSet::new();
    for _ in 0..10 {
        let app = app.clone();
        clients.spawn(async move {
            let cookie = begun(&app).await?;
            let mut succeeded = 1;
            for _ in 1..AFTERWARDS / 10 {
                succeeded += usize::from(send(&app, "/add/n", &cookie).await?.is_ok());
            }
            TestResult::Ok(succeeded)
        });
    }
    clients.join_all().await.into_iter().sum()
}
