//! [`FaultyStore`]: a store around another one that fails on purpose, in the same way for the same seed.

use std::{
    cell::Cell,
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jam_session::{Draft, Record, Saved, SessionKey, SessionStore, StoreError};
use time::OffsetDateTime;
use tokio::task::AbortHandle;

use crate::bench::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Load,
    Create,
    Save,
    Touch,
    Cycle,
    Delete,
    Exists,
    ClearExpired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing is done.
    Error,
    /// It takes a while, less than any deadline.
    Delay,
    /// It takes longer than every deadline, and is done in the end.
    Hang,
    /// It is done, and the connection breaks.
    LostReply,
    /// The clients hang up.
    Cancel,
}

tokio::task_local! {
    /// Whether the last load of a request failed.
    pub(super) static LOAD_FAILED: Cell<bool>;
}

/// What the stores over one backend share.
pub(super) struct Plan {
    operation: Operation,
    fault: Fault,
    state: Mutex<State>,
}

pub(super) struct State {
    random: Random,
    /// Faults begin when the scene is set.
    pub(super) armed: bool,
    /// How many calls of the operation go well before the first fault.
    spared: u64,
    pub(super) struck: u64,
    /// The requests that a cancellation ends.
    pub(super) requests: Vec<AbortHandle>,
    /// Every key there has been, with the number of the session that it began as.
    pub(super) sessions: HashMap<SessionKey, usize>,
    pub(super) deleted: Vec<SessionKey>,
}

impl Plan {
    pub(super) fn new(operation: Operation, fault: Fault, seed: u64) -> Arc<Self> {
        let mut random = Random::new(seed);
        let spared = random.below(3);
        let (requests, sessions, deleted) = (Vec::new(), HashMap::new(), Vec::new());
        let state = State { random, armed: false, spared, struck: 0, requests, sessions, deleted };
        Arc::new(Self { operation, fault, state: Mutex::new(state) })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn below(&self, n: u64) -> u64 {
        self.state().random.below(n)
    }

    /// The fault of this call, if it has one.
    fn strike(&self, operation: Operation) -> Option<Fault> {
        let mut state = self.state();
        if !state.armed || operation != self.operation {
            return None;
        }
        if state.spared > 0 {
            state.spared -= 1;
            return None;
        }
        let strikes = state.struck == 0 || state.random.below(4) == 0;
        state.struck += u64::from(strikes);
        strikes.then_some(self.fault)
    }

    async fn stagger(&self) {
        for _ in 0..self.below(4) {
            tokio::task::yield_now().await;
        }
    }
}

#[derive(Clone)]
pub(super) struct FaultyStore<S> {
    inner: S,
    plan: Arc<Plan>,
}

impl<S: SessionStore> FaultyStore<S> {
    pub(super) fn new(inner: S, plan: Arc<Plan>) -> Self {
        Self { inner, plan }
    }

    async fn around<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.plan.stagger().await;
        match self.plan.strike(operation) {
            None => {}
            Some(Fault::Error) => return Err(StoreError::Backend("it fails on purpose".into())),
            Some(Fault::Delay) => tokio::time::sleep(Duration::from_millis(self.plan.below(1500))).await,
            Some(Fault::Hang) => tokio::time::sleep(Duration::from_secs(30)).await,
            Some(Fault::LostReply) => {
                work.await?;
                return Err(StoreError::Lost("its reply is lost on purpose".into()));
            }
            Some(Fault::Cancel) => {
                self.plan.state().requests.drain(..).for_each(|request| request.abort());
                tokio::task::yield_now().await;
            }
        }
        let result = work.await;
        self.plan.stagger().await;
        result
    }

    fn began(&self, record: &Record) {
        let mut state = self.plan.state();
        let number = state.sessions.len();
        state.sessions.insert(record.session_key.clone(), number);
    }

    fn moved(&self, from: &SessionKey, saved: &Saved) {
        let Saved::Done(record) = saved else { return };
        let mut state = self.plan.state();
        let number = state.sessions[from];
        state.sessions.insert(record.session_key.clone(), number);
    }
}

impl<S: SessionStore> SessionStore for FaultyStore<S> {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        // A load that is given up has not succeeded, either.
        let _ = LOAD_FAILED.try_with(|failed| failed.set(true));
        let result = self.around(Operation::Load, self.inner.load(session_key, now)).await;
        let _ = LOAD_FAILED.try_with(|failed| failed.set(result.is_err()));
        result
    }

    async fn create(&self, session_key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        let work = async {
            let record = self.inner.create(session_key, draft, now).await?;
            self.began(&record);
            Ok(record)
        };
        self.around(Operation::Create, work).await
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.around(Operation::Save, self.inner.save(loaded, draft, now)).await
    }

    async fn touch(
        &self,
        loaded: &Record,
        expire_date: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.around(Operation::Touch, self.inner.touch(loaded, expire_date, now)).await
    }

    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let work = async {
            let saved = self.inner.cycle(loaded, session_key, draft, now).await?;
            self.moved(&loaded.session_key, &saved);
            Ok(saved)
        };
        self.around(Operation::Cycle, work).await
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), StoreError> {
        let work = async {
            self.inner.delete(session_key).await?;
            self.plan.state().deleted.push(session_key.clone());
            Ok(())
        };
        self.around(Operation::Delete, work).await
    }

    async fn delete_loaded(&self, loaded: &Record, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let work = async {
            let deleted = self.inner.delete_loaded(loaded, now).await?;
            if matches!(deleted, Saved::Done(_)) {
                self.plan.state().deleted.push(loaded.session_key.clone());
            }
            Ok(deleted)
        };
        self.around(Operation::Delete, work).await
    }

    async fn exists(&self, session_key: &SessionKey) -> Result<bool, StoreError> {
        self.around(Operation::Exists, self.inner.exists(session_key)).await
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.around(Operation::ClearExpired, self.inner.clear_expired(now)).await
    }
}
