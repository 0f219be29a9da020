//! A store and a cache whose every step waits for its turn, and that fail where a test says so.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use jam_session::{BoxError, Cache, Draft, MemoryStore, Record, Saved, SessionKey, SessionStore, StoreError};
use time::OffsetDateTime;

use super::model::{Model, Random};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets everybody else go first, once.
#[derive(Default)]
struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The database of a model: it tells the model what was written, when it was.
#[derive(Clone)]
pub(crate) struct Truth {
    pub(crate) store: MemoryStore,
    pub(crate) model: Arc<Model>,
}

impl Truth {
    async fn step<T>(&self, work: impl Future<Output = T>) -> T {
        Turn::default().await;
        let done = work.await;
        Turn::default().await;
        done
    }
}

impl SessionStore for Truth {
    async fn load(&self, key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        self.step(self.store.load(key, now)).await
    }

    async fn create(&self, key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        self.step(self.store.create(key, draft, now)).await
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.step(async { self.model.written(loaded, self.store.save(loaded, draft, now).await) }).await
    }

    async fn touch(&self, loaded: &Record, until: OffsetDateTime, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.step(async { self.model.written(loaded, self.store.touch(loaded, until, now).await) }).await
    }

    async fn cycle(
        &self,
        loaded: &Record,
        key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.step(async { self.model.written(loaded, self.store.cycle(loaded, key, draft, now).await) }).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.step(async {
            self.store.delete(key).await?;
            self.model.ended(key);
            Ok(())
        })
        .await
    }

    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError> {
        self.store.exists(key).await
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.store.clear_expired(now).await
    }
}

type Values = HashMap<String, Arc<[u8]>>;
type Late = Box<dyn FnOnce(&mut Values) + Send>;

/// A cache that all nodes share. Time does not pass in it.
#[derive(Clone, Default)]
pub(crate) struct SharedCache {
    values: Arc<Mutex<Values>>,
    /// Commands that are still on their way, though nobody waits for them any more.
    late: Arc<Mutex<Vec<Late>>>,
    /// One in so many commands fails: before it was done, after it, or it is done later.
    failures: Option<(u64, Arc<Mutex<Random>>)>,
    one_clock: bool,
}

impl SharedCache {
    pub(crate) fn failing(one_in: u64, random: Random) -> Self {
        Self { failures: Some((one_in, Arc::new(Mutex::new(random)))), ..Self::of_one_clock() }
    }

    /// One whose nodes all have the same clock, so that what they put there is believed at once, also when they have
    /// just started.
    pub(crate) fn of_one_clock() -> Self {
        Self { one_clock: true, ..Self::default() }
    }

    pub(crate) fn flush_all(&self) {
        lock(&self.values).clear();
    }

    /// What was there at another time is there again.
    pub(crate) fn contents(&self) -> Values {
        lock(&self.values).clone()
    }

    pub(crate) fn restore(&self, contents: Values) {
        *lock(&self.values) = contents;
    }

    /// A command that was late arrives.
    pub(crate) fn arrive(&self, random: &mut Random) {
        let mut late = lock(&self.late);
        if !late.is_empty() {
            let at = random.below(late.len());
            let command = late.swap_remove(at);
            drop(late);
            command(&mut lock(&self.values));
        }
    }

    async fn step<T: Send>(&self, work: impl FnOnce(&mut Values) -> T + Send + 'static) -> Result<T, BoxError> {
        Turn::default().await;
        let fate = self.failures.as_ref().and_then(|(one_in, random)| {
            let mut random = lock(random);
            (random.below(*one_in as usize) == 0).then(|| random.below(3))
        });
        let result = match fate {
            None => Ok(work(&mut lock(&self.values))),
            Some(0) => Err("it was not done".into()),
            Some(1) => {
                work(&mut lock(&self.values));
                Err("it was done".into())
            }
            Some(_) => {
                lock(&self.late).push(Box::new(|values| drop(work(values))));
                Err("it will be done".into())
            }
        };
        Turn::default().await;
        result
    }
}

impl Cache for SharedCache {
    async fn get(&self, key: &str) -> Result<Option<Arc<[u8]>>, BoxError> {
        let key = key.to_owned();
        self.step(move |values| values.get(&key).cloned()).await
    }

    async fn set(&self, key: &str, value: &[u8], _time_to_live: Duration) -> Result<(), BoxError> {
        let (key, value) = (key.to_owned(), value.into());
        self.step(move |values| drop(values.insert(key, value))).await
    }

    async fn add(&self, key: &str, value: &[u8], _time_to_live: Duration) -> Result<bool, BoxError> {
        let (key, value) = (key.to_owned(), value.into());
        let add = move |values: &mut Values| {
            let free = !values.contains_key(&key);
            if free {
                values.insert(key, value);
            }
            free
        };
        self.step(add).await
    }

    async fn delete(&self, key: &str) -> Result<bool, BoxError> {
        let key = key.to_owned();
        self.step(move |values| values.remove(&key).is_some()).await
    }

    async fn compare_and_set(
        &self,
        key: &str,
        expected: &[u8],
        value: &[u8],
        _time_to_live: Duration,
    ) -> Result<bool, BoxError> {
        let (key, expected, value) = (key.to_owned(), expected.to_vec(), value.into());
        let exchange = move |values: &mut Values| {
            let same = values.get(&key).is_some_and(|there| **there == *expected);
            if same {
                values.insert(key, value);
            }
            same
        };
        self.step(exchange).await
    }

    /// What it says of itself decides about the margin for clocks alone.
    fn is_shared(&self) -> bool {
        !self.one_clock
    }
}
