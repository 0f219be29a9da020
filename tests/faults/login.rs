//! A login (`cycle_key`) in the middle of a crowd that still has the old key.

use std::collections::BTreeSet;

use axum::Router;
use jam_session::SaveMode;
use tokio::task::JoinSet;

use crate::bench::{
    TestResult,
    app::{USER, app, begun, layer, send},
    http::Answer,
    name,
    rows::rows,
};

const CROWD: usize = 20;
const ROUNDS: usize = 20;

on_every_database! {
    a_login_among_20_requests_leaves_one_session_with_all_its_data: login_in_every_place();
    a_login_form_that_is_sent_20_times_logs_in_20_times: login_20_times();
}

async fn login_in_every_place(url: &str) -> TestResult {
    let process = async || TestResult::Ok(app(layer(jam_session::connect(url).await?, SaveMode::Merge)));
    let apps = [process().await?, process().await?];
    let (mut kept, mut refused) = (0, 0);
    for place in 0..=CROWD {
        let [ok, others] = login_at(url, &apps, place).await?;
        (kept, refused) = (kept + ok, refused + others);
    }
    let orders = CROWD + 1;
    println!("fault: {}: a login in {orders} places among {CROWD} requests: {kept} kept, {refused} refused", name(url));
    assert!(kept > 0 && refused > 0, "the login was never in the middle");
    Ok(())
}

/// Ten logins of one user in each of two processes, at once.
async fn login_20_times(url: &str) -> TestResult {
    let process = async || TestResult::Ok(app(layer(jam_session::connect(url).await?, SaveMode::Merge)));
    let apps = [process().await?, process().await?];
    let (mut logins, mut sessions) = (0, 0);
    for _ in 0..ROUNDS {
        let old = begun(&apps[0]).await?;
        let mut crowd = JoinSet::new();
        for number in 0..CROWD {
            let (app, cookie) = (apps[number % 2].clone(), old.clone());
            crowd.spawn(async move { send(&app, "/sign_in/7", &cookie).await });
        }
        let mut keys = BTreeSet::new();
        for answer in crowd.join_all().await {
            let answer = answer?;
            // One that loads the session when it is gone is a stranger's.
            assert!(matches!(answer.status, 200 | 401), "{answer:?}");
            logins += usize::from(answer.is_ok());
            keys.extend(answer.cookie);
        }
        sessions += keys.len();
        let mut with_data = 0;
        for key in &keys {
            let items = send(&apps[0], "/all", key).await?.items()?;
            assert_eq!(items.get(USER), Some(&7));
            with_data += usize::from(items.get("n") == Some(&0));
            send(&apps[0], "/logout", key).await?;
        }
        assert!((1..=2).contains(&keys.len()), "at most one session for each process: {}", keys.len());
        assert_eq!(with_data, 1, "the winner has what was there before, and it alone");
        assert_eq!(rows(url).await?.len(), 0, "there is no other session");
    }
    println!("fault: {}: {logins} logins of one form left {sessions} sessions in {ROUNDS} rounds", name(url));
    Ok(())
}

/// How many of the crowd were answered 200, and how many were refused.
async fn login_at(url: &str, apps: &[Router; 2], place: usize) -> TestResult<[usize; 2]> {
    let old = begun(&apps[0]).await?;
    let mut crowd = JoinSet::new();
    let mut number = 0;
    for arrival in 0..=CROWD {
        let (app, apps, cookie) = (apps[arrival % 2].clone(), apps.clone(), old.clone());
        if arrival == place {
            crowd.spawn(async move { login(&app, &apps, &cookie).await.map(|answer| (None, answer)) });
        } else {
            let path = format!("/set/k{number}/{number}");
            crowd.spawn(async move { send(&app, &path, &cookie).await.map(|answer| (Some(number), answer)) });
            number += 1;
        }
    }
    let answers: Vec<_> = crowd.join_all().await.into_iter().collect::<TestResult<_>>()?;

    let login = answers.iter().find(|(number, _)| number.is_none()).map(|(_, answer)| answer).ok_or("a login")?;
    let new = login.cookie.clone().ok_or("the login sets a cookie")?;
    let items = send(&apps[1], "/all", &new).await?.items()?;
    assert_eq!(items.get("n"), Some(&0), "what was there before is there still");
    let mut counts = [0, 0];
    for (number, answer) in &answers {
        let Some(number) = number else { continue };
        assert!(matches!(answer.status, 200 | 400 | 401), "{answer:?}");
        let there = items.get(&format!("k{number}")) == Some(&i64::from(*number));
        assert_eq!(there, answer.is_ok(), "the login came at {place}: request {number} was answered {}", answer.status);
        counts[usize::from(!answer.is_ok())] += 1;
    }
    let rows = rows(url).await?;
    assert_eq!(rows.len(), 1);
    assert!(new.ends_with(&rows[0].0), "the row has the new key");
    send(&apps[0], "/logout", &new).await?;
    Ok(counts)
}

/// As soon as the client knows that it is logged in, the old key is dead.
async fn login(app: &Router, apps: &[Router; 2], old: &str) -> TestResult<Answer> {
    let answer = send(app, "/login", old).await?;
    assert_eq!(answer.status, 200);
    for app in apps {
        assert_eq!(send(app, "/all", old).await?.status, 401, "the old key still opens the session");
    }
    Ok(answer)
}
