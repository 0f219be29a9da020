//! [`Model`]: what every session has been, so that each answer of a store can be judged; and randomness that a seed
//! brings back.

use std::{collections::HashMap, sync::Mutex};

use jam_session::{Record, Saved, SessionKey, StoreError};
use time::OffsetDateTime;

use super::parts::lock;

/// A generator whose whole course follows from its seed (SplitMix64).
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    /// A number less than `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// What there is under a key; no two writes of a test leave the same.
pub(crate) type State = Option<(String, OffsetDateTime)>;

pub(crate) fn state(record: Option<&Record>) -> State {
    record.map(|record| (record.session_data.to_json(), record.expire_date))
}

#[derive(Default)]
struct History {
    states: Vec<State>,
    /// The newest state whose writer was answered.
    acknowledged: usize,
}

#[derive(Default)]
pub(crate) struct Model {
    histories: Mutex<HashMap<SessionKey, History>>,
    pub(crate) reads: Mutex<usize>,
    pub(crate) stale: Mutex<usize>,
}

impl Model {
    /// A session begins, and everybody is told.
    pub(crate) fn begins(&self, record: &Record) {
        lock(&self.histories)
            .insert(record.session_key.clone(), History { states: vec![state(Some(record))], acknowledged: 0 });
    }

    /// The database has done this, or not.
    pub(crate) fn written(&self, loaded: &Record, result: Result<Saved, StoreError>) -> Result<Saved, StoreError> {
        if let Ok(Saved::Done(record)) = &result {
            if record.session_key != loaded.session_key {
                self.ended(&loaded.session_key);
            }
            lock(&self.histories).entry(record.session_key.clone()).or_default().states.push(state(Some(record)));
        }
        result
    }

    pub(crate) fn ended(&self, key: &SessionKey) {
        let mut histories = lock(&self.histories);
        let states = &mut histories.entry(key.clone()).or_default().states;
        if states.last() != Some(&None) {
            states.push(None);
        }
    }

    /// The writer of this was answered.
    pub(crate) fn acknowledged(&self, key: &SessionKey, state: &State) {
        let mut histories = lock(&self.histories);
        let history = histories.get_mut(key).expect("a key of this model");
        let at = history.states.iter().position(|was| was == state).expect("it was written");
        history.acknowledged = history.acknowledged.max(at);
    }

    /// How new an answer has to be that is asked for now.
    pub(crate) fn floor(&self, key: &SessionKey) -> usize {
        lock(&self.histories)[key].acknowledged
    }

    pub(crate) fn judge(&self, key: &SessionKey, floor: usize, found: &State) {
        *lock(&self.reads) += 1;
        let histories = lock(&self.histories);
        let states = &histories[key].states;
        assert!(states.contains(found), "the store made this up: {found:?}");
        if !states[floor..].contains(found) {
            *lock(&self.stale) += 1;
        }
    }
}
