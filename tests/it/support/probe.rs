//! [`Probe`]: a store that counts what is asked of it, and that fails, hangs or waits where a test says so.

use std::{
    collections::HashMap,
    future::{Future, pending},
    sync::{Arc, Mutex, MutexGuard},
};

use jam_session::{Draft, MemoryStore, Record, Saved, SessionKey, SessionStore, StoreError};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

/// The operations of a store that a session uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Load,
    Create,
    Save,
    Touch,
    Cycle,
    Delete,
    Exists,
}

impl Op {
    pub(crate) const ALL: [Self; 7] =
        [Self::Load, Self::Create, Self::Save, Self::Touch, Self::Cycle, Self::Delete, Self::Exists];
}

#[derive(Clone)]
enum Obstacle {
    Failure,
    Silence,
    Gate(Gate),
}

/// Stops every operation of a kind until the test lets it through.
#[derive(Clone)]
pub(crate) struct Gate {
    arrivals: Arc<Semaphore>,
    passes: Arc<Semaphore>,
    departures: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Self { arrivals: closed(), passes: closed(), departures: closed() }
    }

    /// Waits until an operation stands before the gate.
    pub(crate) async fn arrival(&self) {
        take(&self.arrivals).await;
    }

    /// Lets one operation through.
    pub(crate) fn open(&self) {
        self.passes.add_permits(1);
    }

    /// Waits until an operation that was let through is done.
    pub(crate) async fn departure(&self) {
        take(&self.departures).await;
    }
}

async fn take(semaphore: &Semaphore) {
    semaphore.acquire().await.expect("it is never closed").forget();
}

/// A store in memory, watched. Clones are the same store.
#[derive(Clone, Default)]
pub(crate) struct Probe {
    store: MemoryStore,
    obstacles: Arc<Mutex<HashMap<Op, Obstacle>>>,
    calls: Arc<Mutex<Vec<Op>>>,
}

impl Probe {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// From now on these operations fail.
    pub(crate) fn fail(&self, ops: &[Op]) {
        ops.iter().for_each(|op| self.obstruct(*op, Obstacle::Failure));
    }

    /// From now on this operation never answers.
    pub(crate) fn silence(&self, op: Op) {
        self.obstruct(op, Obstacle::Silence);
    }

    /// From now on this operation waits before the gate.
    pub(crate) fn gate(&self, op: Op) -> Gate {
        let gate = Gate::new();
        self.obstruct(op, Obstacle::Gate(gate.clone()));
        gate
    }

    /// From now on everything works.
    pub(crate) fn heal(&self) {
        self.obstacles().clear();
    }

    /// How many sessions are stored.
    pub(crate) fn len(&self) -> usize {
        let shown = format!("{:?}", self.store);
        shown.bytes().filter(u8::is_ascii_digit).fold(0, |n, digit| n * 10 + usize::from(digit - b'0'))
    }

    /// The operations since the last time somebody asked.
    pub(crate) fn take_calls(&self) -> Vec<Op> {
        std::mem::take(&mut *self.calls.lock().expect("nobody panics here"))
    }

    fn obstruct(&self, op: Op, obstacle: Obstacle) {
        self.obstacles().insert(op, obstacle);
    }

    fn obstacles(&self) -> MutexGuard<'_, HashMap<Op, Obstacle>> {
        self.obstacles.lock().expect("nobody panics here")
    }

    async fn watch<T>(&self, op: Op, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.calls.lock().expect("nobody panics here").push(op);
        let obstacle = self.obstacles().get(&op).cloned();
        match obstacle {
            None => work.await,
            Some(Obstacle::Failure) => Err(StoreError::Backend("the disk is on fire".into())),
            Some(Obstacle::Silence) => pending().await,
            Some(Obstacle::Gate(gate)) => {
                gate.arrivals.add_permits(1);
                take(&gate.passes).await;
                let result = work.await;
                gate.departures.add_permits(1);
                result
            }
        }
    }
}

impl SessionStore for Probe {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        self.watch(Op::Load, self.store.load(session_key, now)).await
    }

    async fn create(&self, session_key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        self.watch(Op::Create, self.store.create(session_key, draft, now)).await
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.watch(Op::Save, self.store.save(loaded, draft, now)).await
    }

    async fn touch(&self, loaded: &Record, expire: OffsetDateTime, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.watch(Op::Touch, self.store.touch(loaded, expire, now)).await
    }

    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.watch(Op::Cycle, self.store.cycle(loaded, session_key, draft, now)).await
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), StoreError> {
        self.watch(Op::Delete, self.store.delete(session_key)).await
    }

    async fn delete_loaded(&self, loaded: &Record, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.watch(Op::Delete, self.store.delete_loaded(loaded, now)).await
    }

    async fn exists(&self, session_key: &SessionKey) -> Result<bool, StoreError> {
        self.watch(Op::Exists, self.store.exists(session_key)).await
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.store.clear_expired(now).await
    }
}
