//! A logout while a slow request is on its way: nobody brings the session back.

use axum::Router;
use jam_session::SaveMode;

use crate::bench::{
    TestResult,
    app::{app, begun, layer, send},
    name,
    random::Random,
    rows::rows,
    spend,
};

/// The longest that the slow request has its session in hand, and that the logout waits.
const MICROS: u64 = 12_000;

on_every_database! {
    a_logout_during_a_slow_change_is_final: logout_is_final("/slow", 200);
    a_logout_during_a_sliding_refresh_is_final: logout_is_final("/linger", 200);
}

async fn logout_is_final(url: &str, slow: &str, offsets: u64) -> TestResult {
    let slides = slow == "/linger";
    let process = async || -> TestResult<Router> {
        let store = jam_session::connect(url).await?;
        Ok(app(layer(store, SaveMode::Merge).save_every_request(slides)))
    };
    // They do not know each other, as if they ran in two processes.
    let [ours, theirs] = [process().await?, process().await?];
    let mut interrupted = 0;
    for seed in 0..offsets {
        interrupted += u64::from(once(url, slow, [&ours, &theirs], seed).await?);
    }
    let what = if slides { "a sliding refresh" } else { "a slow change" };
    println!("fault: {}: {offsets} logouts during {what}, 0 revived, {interrupted} in the middle", name(url));
    assert!(interrupted > 0, "no logout came in the middle");
    Ok(())
}

/// Whether the logout came in the middle of the slow request.
async fn once(url: &str, slow: &str, [ours, theirs]: [&Router; 2], seed: u64) -> TestResult<bool> {
    let mut random = Random::new(seed);
    let cookie = begun(ours).await?;
    let path = format!("{slow}/{}", random.below(MICROS));
    let offset = random.below(MICROS);
    let elsewhere = if random.below(2) == 0 { ours } else { theirs };
    let logout = async {
        spend(offset).await;
        send(elsewhere, "/logout", &cookie).await
    };
    let (slow, logout) = tokio::join!(send(ours, &path, &cookie), logout);
    let (slow, logout) = (slow?, logout?);

    assert_eq!(logout.status, 200, "seed {seed}");
    assert!(matches!(slow.status, 200 | 400 | 401), "seed {seed}: {slow:?}");
    assert!(rows(url).await?.is_empty(), "seed {seed}: a row was revived");
    let refreshed = slow.cookie.clone();
    for cookie in [Some(cookie), slow.cookie].into_iter().flatten() {
        for app in [ours, theirs] {
            assert_eq!(send(app, "/all", &cookie).await?.status, 401, "seed {seed}: a cookie still opens a session");
        }
    }
    // A refresh that comes too late is no reason to refuse a reader.
    Ok(slow.status == 400 || (slow.status == 200 && refreshed.is_none()))
}
