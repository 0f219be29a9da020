//! Two nodes, one database, one cache, and every order of their steps that a seed can think of: who was answered is
//! never contradicted.

use std::{pin::Pin, sync::Arc, task::Waker};

use jam_session::{CachedDbStore, Draft, MemoryStore, Record, Saved, SessionKey, SessionStore};
use time::OffsetDateTime;

use super::{
    model::{Model, Random, state},
    naive::Naive,
    parts::{SharedCache, Truth, lock},
};
use crate::TestResult;

const ROUNDS: u64 = 10_000;
const OPERATIONS: usize = 12;
const AT_ONCE: usize = 4;
pub(crate) const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

pub(crate) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a round of operations is about.
pub(crate) struct Round<N> {
    pub(crate) nodes: Vec<Arc<N>>,
    pub(crate) model: Arc<Model>,
    pub(crate) keys: Arc<std::sync::Mutex<Vec<SessionKey>>>,
    pub(crate) random: Random,
}

impl<N: SessionStore> Round<N> {
    pub(crate) async fn new(seed: u64, nodes: usize, node: impl Fn(Truth) -> N) -> Self {
        let (model, store) = (Arc::new(Model::default()), MemoryStore::new());
        let created = store.create(&key(0), &draft(0), NOW).await.expect("memory");
        model.begins(&created);
        let nodes = (0..nodes).map(|_| Arc::new(node(Truth { store: store.clone(), model: Arc::clone(&model) })));
        let keys = Arc::new(std::sync::Mutex::new(vec![created.session_key]));
        Self { nodes: nodes.collect(), model, keys, random: Random::new(seed) }
    }

    /// An operation of some node on some session.
    pub(crate) fn operation(&mut self, n: usize) -> Running {
        let (random, model) = (&mut self.random, Arc::clone(&self.model));
        let node = Arc::clone(&self.nodes[random.below(self.nodes.len())]);
        let keys = lock(&self.keys).clone();
        let (kind, key) = (random.below(12), keys[random.below(keys.len())].clone());
        let keys = Arc::clone(&self.keys);
        Box::pin(async move {
            let Some(loaded) = read(&*node, &model, &key).await else { return };
            match kind {
                0..6 => {}
                6..9 => save(&*node, &model, loaded, n).await,
                9 => touch(&*node, &model, &loaded, n).await,
                10 => delete(&*node, &model, &key).await,
                _ => keys_after(cycle(&*node, &model, &loaded, n).await, &keys),
            }
        })
    }
}

fn keys_after(new: Option<SessionKey>, keys: &std::sync::Mutex<Vec<SessionKey>>) {
    lock(keys).extend(new);
}

fn key(n: usize) -> SessionKey {
    SessionKey::parse(&format!("{n:032}")).expect("a key")
}

/// Each write leaves something else, so that an answer tells which it has seen.
fn draft(n: usize) -> Draft {
    Draft::new(format!(r#"{{"n":{n}}}"#).parse().expect("JSON"), until(n))
}

fn until(n: usize) -> OffsetDateTime {
    NOW + time::Duration::days(1) + time::Duration::microseconds(n as i64)
}

async fn read(node: &impl SessionStore, model: &Model, key: &SessionKey) -> Option<Record> {
    let floor = model.floor(key);
    let found = node.load(key, NOW).await.expect("the database works");
    model.judge(key, floor, &state(found.as_ref()));
    found
}

async fn save(node: &impl SessionStore, model: &Model, mut loaded: Record, n: usize) {
    for attempt in 0..2 {
        match node.save(&loaded, &draft(n + attempt), NOW).await.expect("the database works") {
            Saved::Done(record) => return model.acknowledged(&record.session_key, &state(Some(&record))),
            Saved::Conflict(theirs) => loaded = theirs,
            Saved::Gone => return model.acknowledged(&loaded.session_key, &None),
        }
    }
}

async fn touch(node: &impl SessionStore, model: &Model, loaded: &Record, n: usize) {
    if let Saved::Done(record) = node.touch(loaded, until(n), NOW).await.expect("the database works") {
        model.acknowledged(&record.session_key, &state(Some(&record)));
    }
}

async fn delete(node: &impl SessionStore, model: &Model, key: &SessionKey) {
    node.delete(key).await.expect("the database works");
    model.acknowledged(key, &None);
}

async fn cycle(node: &impl SessionStore, model: &Model, loaded: &Record, n: usize) -> Option<SessionKey> {
    match node.cycle(loaded, &key(n), &draft(n), NOW).await.expect("the database works") {
        Saved::Done(record) => {
            model.acknowledged(&loaded.session_key, &None);
            model.acknowledged(&record.session_key, &state(Some(&record)));
            Some(record.session_key)
        }
        Saved::Gone => {
            model.acknowledged(&loaded.session_key, &None);
            None
        }
        Saved::Conflict(_) => None,
    }
}

/// Runs the operations of a round, a step of one of them at a time. Some are dropped half way.
async fn play<N: SessionStore>(round: &mut Round<N>, cache: &SharedCache) {
    let mut running: Vec<Running> = Vec::new();
    let mut begun = 0;
    while begun < OPERATIONS || !running.is_empty() {
        let room = begun < OPERATIONS && running.len() < AT_ONCE;
        if room && (running.is_empty() || round.random.one_in(4)) {
            begun += 1;
            running.push(round.operation(begun * 10));
            continue;
        }
        let at = round.random.below(running.len());
        if step(&mut running[at]) || round.random.one_in(100) {
            drop(running.swap_remove(at));
        }
        if round.random.one_in(100) {
            cache.flush_all();
        }
    }
}

/// Says whether it is done.
pub(crate) fn step(running: &mut Running) -> bool {
    let mut cx = std::task::Context::from_waker(Waker::noop());
    let mut running = std::pin::pin!(tokio::task::unconstrained(running));
    running.as_mut().poll(&mut cx).is_ready()
}

/// Reads and stale reads of all rounds.
pub(crate) async fn outcome<N: SessionStore>(rounds: u64, node: impl Fn(Truth, SharedCache) -> N) -> (usize, usize) {
    let (mut reads, mut stale) = (0, 0);
    for seed in 0..rounds {
        let cache = SharedCache::of_one_clock();
        let mut round = Round::new(seed, 2, |truth| node(truth, cache.clone())).await;
        play(&mut round, &cache).await;
        let found = *lock(&round.model.stale);
        if found > 0 && stale == 0 {
            println!("the first seed with a stale read: {seed}");
        }
        (reads, stale) = (reads + *lock(&round.model.reads), stale + found);
    }
    (reads, stale)
}

#[tokio::test(start_paused = true)]
async fn no_order_of_steps_on_two_nodes_gives_a_stale_read() -> TestResult {
    let (reads, stale) = outcome(ROUNDS, CachedDbStore::new).await;

    println!("cached_db: {ROUNDS} random interleavings on two nodes, {reads} reads, {stale} stale");
    assert!(reads > 50_000, "{reads} reads are too few to tell");
    assert_eq!(stale, 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_is_simply_filled_and_emptied_is_caught() -> TestResult {
    let (reads, stale) = outcome(500, |store, cache| Naive { store, cache }).await;

    println!("cached_db: the same without claims, 500 interleavings, {reads} reads, {stale} stale");
    assert!(stale > 0, "this test sees no fault where there is one");
    Ok(())
}
