//! [`LocMemCache`]: a bounded cache in this process.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter, sync};
use tokio::time::Instant;

use super::Cache;
use crate::error::{BoxError, StoreError};

/// How many values a cache holds at most, unless it is told otherwise.
const MAX_ENTRIES: usize = 100_000;
/// How many bytes: 64 MiB.
const MAX_BYTES: u64 = 64 << 20;
/// What a value costs beside its own bytes and those of its name: pointers, counters, its place in the table.
const OVERHEAD: u64 = 128;
/// The least that a shard of the table holds, so that a large session finds room in it: 8 MiB.
const SHARD_BYTES: u64 = 8 << 20;
/// How many writers can be at work at once; those of one name take turns.
const STRIPES: usize = 64;

/// A cache in this process: no other process sees what is in it, and it ends with the process. Django's `locmem`.
/// Feature `locmem`.
///
/// It is bounded by the number of values and by their bytes. When it is full, what was used least goes first. What
/// is past its time to live is never given back. Clones are the same cache.
///
/// ```
/// use std::time::Duration;
/// use jam_session::{Cache, LocMemCache};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jam_session::BoxError> {
/// let cache = LocMemCache::new();
/// assert!(cache.add("name", b"value", Duration::from_secs(60)).await?);
/// assert_eq!(cache.get("name").await?.as_deref(), Some(&b"value"[..]));
/// assert!(!cache.add("name", b"another", Duration::from_secs(60)).await?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[doc(alias = "locmem")]
#[doc(alias = "CACHES")]
pub struct LocMemCache(Arc<Shared>);

struct Shared {
    values: sync::Cache<Arc<str>, Value, Weight>,
    /// About how many bytes one value may have: a shard.
    largest: usize,
    /// Who changes the value of a name holds the lock of its stripe; readers need none.
    stripes: [Mutex<()>; STRIPES],
    hasher: RandomState,
}

#[derive(Clone)]
struct Value {
    bytes: Arc<[u8]>,
    deadline: Instant,
}

impl Value {
    fn is_live(&self) -> bool {
        Instant::now() < self.deadline
    }
}

/// No value weighs less than its share, so that as many as there are shares fill the cache: one number bounds both.
#[derive(Clone)]
struct Weight {
    share: u64,
}

impl Weighter<Arc<str>, Value> for Weight {
    fn weight(&self, key: &Arc<str>, value: &Value) -> u64 {
        (key.len() as u64 + value.bytes.len() as u64 + OVERHEAD).max(self.share)
    }
}

impl LocMemCache {
    /// A cache of at most 100,000 values and 64 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(MAX_ENTRIES, MAX_BYTES)
    }

    /// A cache of at most `max_entries` values and `max_bytes` bytes, whichever is reached first; 128 bytes are
    /// counted for each value on top of its name and its own bytes.
    #[doc(alias = "MAX_ENTRIES")]
    #[must_use]
    pub fn with_limits(max_entries: usize, max_bytes: u64) -> Self {
        let entries = max_entries.max(1);
        let weight = Weight { share: max_bytes.div_ceil(entries as u64) };
        let shards = usize::try_from(max_bytes / SHARD_BYTES).unwrap_or(STRIPES).clamp(1, STRIPES);
        let options = OptionsBuilder::new()
            // Rounded down to a power of two: a shard is not smaller than it should be.
            .shards(1 << shards.ilog2())
            .estimated_items_capacity(entries)
            .weight_capacity(max_bytes)
            .build()
            .expect("both capacities are set");
        let lifecycle = sync::DefaultLifecycle::default();
        let values = sync::Cache::with_options(options, weight, DefaultHashBuilder::default(), lifecycle);
        let largest = usize::try_from(max_bytes >> shards.ilog2()).unwrap_or(usize::MAX);
        let stripes = [const { Mutex::new(()) }; STRIPES];
        Self(Arc::new(Shared { values, largest, stripes, hasher: RandomState::new() }))
    }

    fn live(&self, key: &str) -> Option<Arc<[u8]>> {
        self.0.values.get(key).filter(Value::is_live).map(|value| value.bytes)
    }

    /// Holds off all other writers of `key`.
    fn writing(&self, key: &str) -> MutexGuard<'_, ()> {
        let stripe = self.0.hasher.hash_one(key) as usize % STRIPES;
        self.0.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses what no shard has room for, before what is there is touched.
    fn check_size(&self, key: &str, value: &[u8]) -> Result<(), BoxError> {
        let size = key.len() as u64 + value.len() as u64 + OVERHEAD;
        if size > self.0.largest as u64 { Err(self.too_large(value)) } else { Ok(()) }
    }

    fn too_large(&self, value: &[u8]) -> BoxError {
        let what = "the number of bytes of a value for this cache";
        StoreError::TooLarge { what, size: value.len(), limit: self.0.largest }.into()
    }

    /// To be called by who holds the lock of `key`.
    fn put(&self, key: &str, value: &[u8], time_to_live: Duration) -> Result<(), BoxError> {
        let now = Instant::now();
        // No cache lives as long as an instant that cannot be told.
        let deadline = now.checked_add(time_to_live).unwrap_or_else(|| now + Duration::from_secs(1 << 32));
        self.0.values.insert(key.into(), Value { bytes: value.into(), deadline });
        // A value beyond the bounds is not taken in, and what was there before is gone.
        if self.0.values.peek(key).is_none() {
            return Err(self.too_large(value));
        }
        Ok(())
    }
}

impl Default for LocMemCache {
    fn default() -> Self {
        Self::new()
    }
}

impl Cache for LocMemCache {
    async fn get(&self, key: &str) -> Result<Option<Arc<[u8]>>, BoxError> {
        let value = self.0.values.get(key);
        if value.as_ref().is_some_and(|value| !value.is_live()) {
            // It makes room; a value that was put there meanwhile stays.
            self.0.values.remove_if(key, |value| !value.is_live());
            return Ok(None);
        }
        Ok(value.map(|value| value.bytes))
    }

    async fn set(&self, key: &str, value: &[u8], time_to_live: Duration) -> Result<(), BoxError> {
        let _alone = self.writing(key);
        self.put(key, value, time_to_live)
    }

    async fn add(&self, key: &str, value: &[u8], time_to_live: Duration) -> Result<bool, BoxError> {
        let _alone = self.writing(key);
        if self.live(key).is_some() {
            return Ok(false);
        }
        self.put(key, value, time_to_live).map(|()| true)
    }

    async fn delete(&self, key: &str) -> Result<bool, BoxError> {
        let _alone = self.writing(key);
        Ok(self.0.values.remove(key).is_some_and(|(_, value)| value.is_live()))
    }

    async fn compare_and_set(
        &self,
        key: &str,
        expected: &[u8],
        value: &[u8],
        time_to_live: Duration,
    ) -> Result<bool, BoxError> {
        self.check_size(key, value)?;
        let _alone = self.writing(key);
        if self.live(key).as_deref() != Some(expected) {
            return Ok(false);
        }
        self.put(key, value, time_to_live).map(|()| true)
    }

    fn is_shared(&self) -> bool {
        false
    }
}

impl fmt::Debug for LocMemCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocMemCache({} values)", self.0.values.len())
    }
}
