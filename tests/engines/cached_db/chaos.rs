//! One node whose cache fails at random, does things late, goes away and comes back with what it held before: this
//! process is never given what it was told is gone.

use std::time::Duration;

use jam_session::{CachedDbStore, SessionStore};

use super::{
    interleavings::{Round, step},
    model::Random,
    parts::{SharedCache, lock},
};
use crate::TestResult;

const ROUNDS: u64 = 3_000;
const OPERATIONS: usize = 24;

async fn play<N: SessionStore>(round: &mut Round<N>, cache: &SharedCache) {
    let mut running = Vec::new();
    let mut begun = 0;
    while begun < OPERATIONS || !running.is_empty() {
        if begun < OPERATIONS && running.len() < 3 && (running.is_empty() || round.random.one_in(4)) {
            begun += 1;
            running.push(round.operation(begun * 10));
            continue;
        }
        let at = round.random.below(running.len());
        if step(&mut running[at]) || round.random.one_in(60) {
            drop(running.swap_remove(at));
        }
        if round.random.one_in(10) {
            cache.arrive(&mut round.random);
        }
        if round.random.one_in(20) {
            // What tells the cache again gets its turn, too.
            tokio::time::advance(Duration::from_millis(40)).await;
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_fails_at_random_never_makes_this_process_serve_what_is_gone() -> TestResult {
    let (mut reads, mut stale) = (0, 0);
    for seed in 0..ROUNDS {
        let cache = SharedCache::failing([4, 8, 20][seed as usize % 3], Random::new(seed + 77));
        let mut round = Round::new(seed, 1, |truth| CachedDbStore::new(truth, cache.clone())).await;
        play(&mut round, &cache).await;
        let found = *lock(&round.model.stale);
        if found > 0 && stale == 0 {
            println!("the first seed with a stale read: {seed}");
        }
        (reads, stale) = (reads + *lock(&round.model.reads), stale + found);
    }
    println!("cached_db: {ROUNDS} rounds with a cache that fails at random, {reads} reads, {stale} stale");
    assert!(reads > 20_000, "{reads} reads are too few to tell");
    assert_eq!(stale, 0);
    Ok(())
}
