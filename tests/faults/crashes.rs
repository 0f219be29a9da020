//! A server process that is killed in the middle of its writes.

use std::collections::HashMap;

use axum::Router;
use jam_session::{SaveMode, SessionData};
use tokio::sync::mpsc;

use crate::bench::{
    TestResult,
    app::{app, begun, layer, send},
    http::Answer,
    name,
    process::Process,
    random::Random,
    rows::{number, rows},
    spend,
};

on_every_database! {
    a_process_killed_100_times_leaves_at_most_one_usable_key: killed(100);
    #[ignore = "the long form"]
    a_process_killed_300_times_leaves_at_most_one_usable_key: killed(300);
}

async fn killed(url: &str, runs: u64) -> TestResult {
    let survivor = app(layer(jam_session::connect(url).await?, SaveMode::Merge));
    let mut ends: HashMap<&str, u64> = HashMap::new();
    for seed in 0..runs {
        *ends.entry(once(url, &survivor, seed).await?).or_default() += 1;
    }
    let of = |end| ends.get(end).copied().unwrap_or_default();
    println!(
        "fault: {}: {runs} processes killed, sessions: {} under the old key, {} under a new one, {} ended, 0 torn",
        name(url),
        of("old"),
        of("new"),
        of("ended")
    );
    assert!(ends.len() > 1, "every run ends alike: {ends:?}");
    Ok(())
}

/// Kills a process while it saves, renews the key and, half of the time, ends the session.
async fn once(url: &str, survivor: &Router, seed: u64) -> TestResult<&'static str> {
    let mut random = Random::new(seed);
    let cookie = begun(survivor).await?;
    let process = Process::start(url, SaveMode::Merge).await?;
    let last = *random.pick(&["/logout", "/add/n"]);
    let (heard, mut answered) = mpsc::channel(3);
    for path in ["/set/a/1", "/login", last] {
        let (mut client, cookie, wait, heard) = (process.client(), cookie.clone(), random.below(3_000), heard.clone());
        client.get("/all", &cookie).await?;
        tokio::spawn(async move {
            spend(wait).await;
            if let Ok(answer) = client.get(path, &cookie).await {
                let _ = heard.send((path, answer)).await;
            }
        });
    }
    drop(heard);
    let mut answers = HashMap::new();
    for _ in 0..random.below(4) {
        answers.extend(answered.recv().await);
    }
    spend(random.below(3_000)).await;
    process.kill().await?;
    while let Some(answer) = answered.recv().await {
        answers.extend([answer]);
    }

    let rows = rows(url).await?;
    assert!(rows.len() <= 1, "seed {seed}: {} keys are usable", rows.len());
    let end = match rows.first() {
        None => "ended",
        Some((key, data)) => {
            check(data, &answers).map_err(|error| format!("seed {seed}: {error}"))?;
            if cookie.ends_with(key) { "old" } else { "new" }
        }
    };
    let is_done = |path| answers.get(path).is_some_and(Answer::is_ok);
    assert!(end != "ended" || last == "/logout", "seed {seed}: the session is lost");
    assert!(end != "old" || !(is_done("/login") || is_done("/logout")), "seed {seed}: the old key is still usable");
    tidy(url, survivor).await?;
    Ok(end)
}

/// The row is one that the requests could leave.
fn check(data: &SessionData, answers: &HashMap<&str, Answer>) -> TestResult {
    let is_done = |path| answers.get(path).is_some_and(Answer::is_ok);
    let n = number(data, "n")?;
    let a = data.raw("a").map(|_| number(data, "a")).transpose()?;
    if !(i64::from(is_done("/add/n"))..=1).contains(&n) || !matches!(a, None | Some(1)) {
        return Err(format!("n is {n}, a is {a:?}").into());
    }
    if is_done("/set/a/1") && a.is_none() {
        return Err("an acknowledged change is lost".into());
    }
    Ok(())
}

/// Ends what is left. What the database still does for the dead process may come in between.
async fn tidy(url: &str, survivor: &Router) -> TestResult {
    loop {
        let left = rows(url).await?;
        if left.is_empty() {
            return Ok(());
        }
        for (key, _) in left {
            send(survivor, "/logout", &format!("sessionid={key}")).await?;
        }
    }
}
