//! A crowd writes to one session through two processes: nothing that was acknowledged is lost.

use std::sync::Arc;

use jam_session::SaveMode;
use tokio::{sync::Barrier, task::JoinSet};

use crate::bench::{
    TestResult, name,
    process::{Process, begun},
};

const CLIENTS: usize = 64;

on_every_database! {
    each_of_64_clients_finds_its_key_afterwards: keys_survive();
    each_of_64_times_50_increments_counts: increments_count();
    the_same_crowd_loses_changes_when_it_overwrites: overwriting_loses();
}

/// What was acknowledged, and what is there.
#[derive(Debug, Clone, Copy)]
struct Tally {
    acknowledged: usize,
    there: usize,
}

async fn keys_survive(url: &str) -> TestResult {
    let tally = keys(url, SaveMode::Merge).await?;

    println!("fault: {}: {} of {CLIENTS} keys of {CLIENTS} clients on two processes survive", name(url), tally.there);
    assert_eq!((tally.acknowledged, tally.there), (CLIENTS, CLIENTS));
    Ok(())
}

async fn increments_count(url: &str) -> TestResult {
    let tally = increments(url, SaveMode::Merge, 50).await?;

    let Tally { acknowledged, there } = tally;
    println!(
        "fault: {}: {acknowledged} of {} increments answered 2xx, the counter is {there}",
        name(url),
        CLIENTS * 50
    );
    assert_eq!(acknowledged, there);
    assert!(acknowledged > CLIENTS * 45, "the crowd was hardly served: {tally:?}");
    Ok(())
}

async fn overwriting_loses(url: &str) -> TestResult {
    let keys = keys(url, SaveMode::Overwrite).await?;
    let increments = increments(url, SaveMode::Overwrite, 5).await?;

    let lost = [keys, increments].map(|tally| tally.acknowledged.saturating_sub(tally.there));
    println!("fault: {}: overwriting loses {} keys and {} increments", name(url), lost[0], lost[1]);
    assert!(lost[0] > 0 && lost[1] > 0, "this crowd proves nothing: {keys:?}, {increments:?}");
    Ok(())
}

async fn keys(url: &str, mode: SaveMode) -> TestResult<Tally> {
    let processes = Process::two(url, mode).await?;
    let cookie = begun(&mut processes[0].client()).await?;
    let acknowledged = crowd(&processes, &cookie, 1, |client| format!("/set/k{client}/{client}")).await?;
    let items = processes[1].client().get("/all", &cookie).await?.items()?;
    let there = (0..CLIENTS).filter(|client| items.get(&format!("k{client}")) == Some(&(*client as i64)));
    Ok(Tally { acknowledged, there: there.count() })
}

async fn increments(url: &str, mode: SaveMode, each: usize) -> TestResult<Tally> {
    let processes = Process::two(url, mode).await?;
    let cookie = begun(&mut processes[0].client()).await?;
    let acknowledged = crowd(&processes, &cookie, each, |_| "/add/n".to_owned()).await?;
    let items = processes[1].client().get("/all", &cookie).await?.items()?;
    Ok(Tally { acknowledged, there: usize::try_from(items["n"])? })
}

/// Every client sends its request so many times; the number of requests that were answered 2xx.
async fn crowd(processes: &[Process; 2], cookie: &str, each: usize, path: fn(usize) -> String) -> TestResult<usize> {
    let start = Arc::new(Barrier::new(CLIENTS));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (mut client, start) = (processes[number % 2].client(), Arc::clone(&start));
        let (path, cookie) = (path(number), cookie.to_owned());
        clients.spawn(async move {
            start.wait().await;
            let mut acknowledged = 0;
            for _ in 0..each {
                acknowledged += usize::from(client.get(&path, &cookie).await?.is_ok());
            }
            Ok::<_, std::io::Error>(acknowledged)
        });
    }
    let mut sum = 0;
    while let Some(acknowledged) = clients.join_next().await {
        sum += acknowledged??;
    }
    Ok(sum)
}
