//! One session, two processes, a crowd of requests, one kind of fault: and what has to hold afterwards.

use std::{cell::Cell, sync::Arc, time::Duration};

use axum::Router;
use jam_session::{Clock, MemoryStore, Record, SaveMode, SessionKey, SessionLayer, SessionStore as _};
use tokio::{task::JoinHandle, time::Instant};

use super::store::{Fault, FaultyStore, LOAD_FAILED, Operation, Plan};
use crate::bench::{
    TestResult,
    app::{app, begun, layer, send},
    http::Answer,
    rows::number,
};

/// A request loads and then writes, each within its deadline.
pub(super) const DEADLINE: Duration = Duration::from_millis(2_000 + 3_000 + 10);

pub(super) struct Scene {
    plan: Arc<Plan>,
    backend: MemoryStore,
    store: FaultyStore<MemoryStore>,
    layers: [SessionLayer; 2],
    apps: [Router; 2],
    cookie: String,
}

pub(super) struct Played {
    pub(super) struck: u64,
    pub(super) violations: Vec<String>,
}

/// A request and what came of it.
struct Act {
    path: String,
    /// `None` where the client hung up.
    answer: Option<Heard>,
}

struct Heard {
    answer: Answer,
    took: Duration,
    load_failed: bool,
}

impl Act {
    fn is_ok(&self) -> bool {
        self.answer.as_ref().is_some_and(|heard| heard.answer.is_ok())
    }
}

impl Scene {
    pub(super) async fn set(operation: Operation, fault: Fault, mode: SaveMode, seed: u64) -> TestResult<Self> {
        let (plan, backend) = (Plan::new(operation, fault, seed), MemoryStore::new());
        let store = FaultyStore::new(backend.clone(), Arc::clone(&plan));
        let process = || layer(store.clone(), mode).save_every_request(true);
        let layers = [process(), process()];
        let apps = layers.clone().map(app);
        let cookie = begun(&apps[0]).await?;
        plan.state().armed = true;
        Ok(Self { plan, backend, store, layers, apps, cookie })
    }

    /// A layer whose store hangs now and then.
    pub(super) async fn hanging(operation: Operation) -> TestResult<(Arc<Plan>, SessionLayer)> {
        let Self { plan, layers: [layer, _], .. } = Self::set(operation, Fault::Hang, SaveMode::Merge, 0).await?;
        Ok((plan, layer))
    }

    pub(super) async fn play(self) -> TestResult<Played> {
        let mut paths: Vec<String> = (0..4).map(|number| format!("/set/k{number}/{number}")).collect();
        paths.extend(
            ["/add/n", "/add/n", "/add/n", "/all", "/linger/0", "/linger/0", "/begin", "/begin"].map(String::from),
        );
        let sometimes = [("/login", 2), ("/login", 4), ("/logout", 3)];
        paths.extend(
            sometimes.iter().filter(|(_, odds)| self.plan.below(*odds) == 0).map(|(path, _)| (*path).to_owned()),
        );
        let requests: Vec<_> = paths.into_iter().map(|path| (path.clone(), self.request(path))).collect();
        let janitors = [self.janitor(), self.janitor(), self.janitor()];
        let mut acts = Vec::new();
        for (path, request) in requests {
            acts.push(Act { path, answer: request.await.ok().transpose()? });
        }
        for janitor in janitors {
            janitor.await?;
        }
        let mut violations = Vec::new();
        for layer in &self.layers {
            let left = layer.shutdown(Duration::from_secs(300)).await;
            violations.extend((left > 0).then(|| format!("{left} writes never end")));
        }
        self.plan.state().armed = false;
        violations.extend(acts.iter().filter_map(Self::told_wrong));
        violations.extend(self.left_wrong(&acts).await?);
        Ok(Played { struck: self.plan.state().struck, violations })
    }

    /// Sends a request a little later; the clients do not wait for each other.
    fn request(&self, path: String) -> JoinHandle<TestResult<Heard>> {
        let app = self.apps[self.plan.below(2) as usize].clone();
        let (wait, cookie) = (Duration::from_millis(self.plan.below(20)), self.cookie.clone());
        let cookie = if path == "/begin" { String::new() } else { cookie };
        let request = tokio::spawn(LOAD_FAILED.scope(Cell::new(false), async move {
            tokio::time::sleep(wait).await;
            let began = Instant::now();
            let answer = send(&app, &path, &cookie).await?;
            Ok(Heard { answer, took: began.elapsed(), load_failed: LOAD_FAILED.with(Cell::get) })
        }));
        self.plan.state().requests.push(request.abort_handle());
        request
    }

    /// Clears away what has expired, which is nothing, and looks whether keys are taken.
    fn janitor(&self) -> JoinHandle<()> {
        let (store, wait) = (self.store.clone(), Duration::from_millis(self.plan.below(20)));
        let key = self.plan.state().sessions.keys().next().cloned();
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let cleared = store.clear_expired(Clock::system().now()).await;
            assert!(cleared.is_err() || cleared.is_ok_and(|removed| removed == 0), "nothing has expired");
            if let Some(key) = key {
                drop(store.exists(&key).await);
            }
        })
    }

    /// What is wrong with an answer by itself.
    fn told_wrong(act: &Act) -> Option<String> {
        let (path, Heard { answer, took, load_failed }) = (&act.path, act.answer.as_ref()?);
        if *took > DEADLINE {
            return Some(format!("{path} took {took:?}"));
        }
        if *load_failed && answer.status != 503 {
            return Some(format!("{path} was answered {} although the load failed", answer.status));
        }
        (!matches!(answer.status, 200 | 400 | 401 | 503)).then(|| format!("{path} was answered {}", answer.status))
    }

    /// What is wrong with what is stored in the end.
    async fn left_wrong(&self, acts: &[Act]) -> TestResult<Vec<String>> {
        let now = Clock::system().now();
        let (keys, deleted) = {
            let state = self.plan.state();
            let ours = state.sessions.iter().filter(|(_, number)| **number == 0).map(|(key, _)| key.clone());
            (ours.collect::<Vec<SessionKey>>(), state.deleted.clone())
        };
        let mut wrong = Vec::new();
        for key in &deleted {
            if self.backend.exists(key).await? {
                wrong.push("a deleted session lives".to_owned());
            }
        }
        let mut rows = Vec::new();
        for key in &keys {
            rows.extend(self.backend.load(key, now).await?);
        }
        let any = |path: &str| acts.iter().any(|act| act.path == path);
        let done = |path: &str| acts.iter().any(|act| act.path == path && act.is_ok());
        match rows.as_slice() {
            [] if !any("/logout") => wrong.push("the session is lost".to_owned()),
            [] => {}
            [_] if done("/logout") => wrong.push("the session lives on after its logout".to_owned()),
            [row] => wrong.extend(lost(row, acts)?),
            _ => wrong.push(format!("{} keys open one session", rows.len())),
        }
        Ok(wrong)
    }
}

/// What was acknowledged and is not there.
fn lost(row: &Record, acts: &[Act]) -> TestResult<Vec<String>> {
    let mut lost = Vec::new();
    let (acknowledged, others): (Vec<_>, Vec<_>) = acts.iter().partition(|act| act.is_ok());
    for act in &acknowledged {
        let Some((key, value)) = act.path.strip_prefix("/set/").and_then(|set| set.split_once('/')) else { continue };
        if row.session_data.raw(key).is_none_or(|raw| raw.as_str() != value) {
            lost.push(format!("{} is lost", act.path));
        }
    }
    let adds = |acts: &[&Act]| acts.iter().filter(|act| act.path == "/add/n").count() as i64;
    let (least, most) = (adds(&acknowledged), adds(&acknowledged) + adds(&others));
    let n = number(&row.session_data, "n")?;
    if !(least..=most).contains(&n) {
        lost.push(format!("the counter is {n}, not {least} to {most}"));
    }
    let told: Vec<_> = acknowledged.iter().filter(|act| act.path == "/login").collect();
    let cookie = told.first().and_then(|act| act.answer.as_ref()?.answer.cookie.clone());
    let logins = acts.iter().filter(|act| act.path == "/login").count();
    if logins == 1 && cookie.is_some_and(|cookie| !cookie.ends_with(row.session_key.as_str())) {
        lost.push("the client was told another key".to_owned());
    }
    Ok(lost)
}
