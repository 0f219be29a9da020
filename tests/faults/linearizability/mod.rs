//! Histories of clients that share one session through two processes: some order of the operations, which no answer
//! contradicts, explains each of them.

mod checker;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use checker::{Event, Key, Model, Op, Outcome, is_linearizable};
use jam_session::SaveMode;
use tokio::task::JoinSet;

use crate::bench::{
    TestResult,
    http::{Answer, Client},
    name,
    process::{Process, begun},
    random::Random,
};

const CLIENTS: usize = 6;
const STEPS: usize = 10;

on_every_database! {
    twenty_histories_are_linearizable: histories_are_linearizable(20);
    #[ignore = "the long form"]
    three_hundred_histories_are_linearizable: histories_are_linearizable(300);
    histories_of_overwriting_clients_are_not: overwriting_is_found(20);
}

async fn histories_are_linearizable(url: &str, count: u64) -> TestResult {
    let tally = check(url, SaveMode::Merge, count).await?;

    let Tally { events, moved, unknown, .. } = tally;
    println!(
        "fault: {}: {count} histories, {events} operations ({moved} logins, {unknown} unknown outcomes), 0 violations",
        name(url)
    );
    assert_eq!(tally.violations, Vec::<u64>::new(), "the seeds of histories that nothing explains");
    Ok(())
}

async fn overwriting_is_found(url: &str, count: u64) -> TestResult {
    let violations = check(url, SaveMode::Overwrite, count).await?.violations.len();

    println!("fault: {}: {violations} of {count} histories of overwriting clients are violations", name(url));
    assert!(violations > 0, "the checker finds nothing");
    Ok(())
}

#[derive(Default)]
struct Tally {
    events: usize,
    moved: usize,
    unknown: usize,
    violations: Vec<u64>,
}

async fn check(url: &str, mode: SaveMode, count: u64) -> TestResult<Tally> {
    let processes = Process::two(url, mode).await?;
    let mut tally = Tally::default();
    for seed in 0..count {
        let events = history(&processes, seed).await?;
        let start = Model(BTreeMap::from([(0, BTreeMap::from([("n".to_owned(), 0)]))]));
        if !is_linearizable(&start, &events) {
            if mode == SaveMode::Merge {
                println!("fault: no order explains history {seed}: {events:#?}");
            }
            tally.violations.push(seed);
        }
        let of = |is: fn(&Outcome) -> bool| events.iter().filter(|event| is(&event.outcome)).count();
        tally.events += events.len();
        tally.moved += of(|outcome| matches!(outcome, Outcome::Moved(_)));
        tally.unknown += of(|outcome| *outcome == Outcome::Unknown);
    }
    Ok(tally)
}

/// The cookies of one browser, which several tabs share.
struct Browser {
    cookie: Mutex<String>,
    keys: Mutex<HashMap<String, Key>>,
}

impl Browser {
    /// Which key a cookie has: a number that a history can be read by.
    fn key(&self, cookie: &str) -> Key {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let next = keys.len();
        *keys.entry(cookie.to_owned()).or_insert(next)
    }

    fn cookie(&self) -> String {
        self.cookie.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, cookie: &str) {
        cookie.clone_into(&mut self.cookie.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

async fn history(processes: &[Process; 2], seed: u64) -> TestResult<Vec<Event>> {
    let cookie = begun(&mut processes[0].client()).await?;
    let browser = Arc::new(Browser { cookie: Mutex::new(cookie.clone()), keys: Mutex::default() });
    browser.key(&cookie);
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (client, browser) = (processes[number % 2].client(), Arc::clone(&browser));
        let random = Random::new(seed * CLIENTS as u64 + number as u64);
        clients.spawn(async move { steps(client, &browser, random).await });
    }
    let mut events = Vec::new();
    while let Some(steps) = clients.join_next().await {
        events.extend(steps??);
    }
    // What was lost in the end is to be seen, too.
    events.push(step(&mut processes[1].client(), &browser, Op::Read).await?);
    Ok(events)
}

async fn steps(mut client: Client, browser: &Browser, mut random: Random) -> TestResult<Vec<Event>> {
    let mut events = Vec::new();
    for _ in 0..STEPS {
        let op = operation(&mut random);
        events.push(step(&mut client, browser, op).await?);
    }
    Ok(events)
}

fn operation(random: &mut Random) -> Op {
    let name = (*random.pick(&["a", "b", "n"])).to_owned();
    match random.below(100) {
        0..25 => Op::Read,
        25..50 => Op::Set(name, random.below(1000) as i64),
        50..60 => Op::Remove(name),
        60..80 => Op::Add(name),
        80..93 => Op::AddAndSave(name),
        93..96 => Op::Login,
        96..99 => Op::SignIn(random.below(2) as i64),
        _ => Op::Logout,
    }
}

async fn step(client: &mut Client, browser: &Browser, op: Op) -> TestResult<Event> {
    let path = match &op {
        Op::Read => "/all".to_owned(),
        Op::Set(name, value) => format!("/set/{name}/{value}"),
        Op::Remove(name) => format!("/remove/{name}"),
        Op::Add(name) => format!("/add/{name}"),
        Op::AddAndSave(name) => format!("/add_and_save/{name}"),
        Op::Login => "/login".to_owned(),
        Op::SignIn(user) => format!("/sign_in/{user}"),
        Op::Logout => "/logout".to_owned(),
    };
    let cookie = browser.cookie();
    let invoked = Instant::now();
    let answer = client.get(&path, &cookie).await?;
    let returned = Instant::now();
    let outcome = outcome(&op, &answer, browser)?;
    Ok(Event { op, key: browser.key(&cookie), outcome, invoked, returned })
}

fn outcome(op: &Op, answer: &Answer, browser: &Browser) -> TestResult<Outcome> {
    Ok(match (answer.status, op) {
        (200, Op::Read) => Outcome::Saw(answer.items()?),
        (200, Op::AddAndSave(_)) => Outcome::Stored(answer.body.parse()?),
        (200, Op::Login | Op::SignIn(_)) => {
            let cookie = answer.cookie.as_ref().ok_or("a login sets a cookie")?;
            browser.keep(cookie);
            Outcome::Moved(browser.key(cookie))
        }
        (200, _) => Outcome::Done,
        (400, _) => Outcome::Interrupted,
        (401, _) => Outcome::Anonymous,
        (503, _) => Outcome::Unknown,
        (status, _) => return Err(format!("{op:?} was answered {status}").into()),
    })
}
