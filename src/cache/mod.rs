//! [`Cache`]: what a cache does for sessions.

#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
pub use redis::RedisCache;
#[cfg(feature = "redis")]
use redis::is_refusal;

use std::{future::Future, sync::Arc, time::Duration};

use crate::error::{BoxError, StoreError};

#[cfg(feature = "locmem")]
mod locmem;
#[cfg(feature = "locmem")]
pub use locmem::LocMemCache;

/// The error of a cache as one of a store. One that is a `StoreError` already says itself what kind it is.
pub(crate) fn failure(error: BoxError) -> StoreError {
    #[cfg(feature = "redis")]
    if is_refusal(&error) {
        return StoreError::Refused(error);
    }
    error.downcast().map_or_else(StoreError::Backend, |error| *error)
}

/// A cache: bytes under a name, for a time. Django's `CACHES`, as far as sessions need it.
///
/// Whatever it holds may be gone at any time. What it may not do is give back something other than what was put
/// there last, or anything after its time to live.
///
/// An error means that the outcome is unknown: a `set` that failed may arrive yet. One that is a
/// [`StoreError`](crate::StoreError) keeps its [kind](crate::StoreError::kind): `TooLarge` and `Refused` tell a
/// [`CacheStore`](crate::CacheStore) that trying again cures nothing. Every other may pass.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cache",
    note = "a cache is a type like `LocMemCache` (feature `locmem`) or `RedisCache` (feature `redis`)"
)]
#[doc(alias = "BaseCache")]
pub trait Cache: Send + Sync + 'static {
    /// The value of `key`, `None` where there is none.
    ///
    /// # Errors
    ///
    /// When the cache cannot be asked.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Arc<[u8]>>, BoxError>> + Send;

    /// Sets `key` to `value`, for `time_to_live`.
    ///
    /// # Errors
    ///
    /// When the cache does not say that it is done.
    fn set(&self, key: &str, value: &[u8], time_to_live: Duration)
    -> impl Future<Output = Result<(), BoxError>> + Send;

    /// [`set`](Self::set), where there is no value yet; says whether it was set.
    ///
    /// # Errors
    ///
    /// As `set`.
    fn add(
        &self,
        key: &str,
        value: &[u8],
        time_to_live: Duration,
    ) -> impl Future<Output = Result<bool, BoxError>> + Send;

    /// Removes `key`; says whether there was a value.
    ///
    /// # Errors
    ///
    /// As `set`.
    fn delete(&self, key: &str) -> impl Future<Output = Result<bool, BoxError>> + Send;

    /// [`set`](Self::set), where the value is `expected`, in one step; says whether it was.
    ///
    /// # Errors
    ///
    /// As `set`.
    fn compare_and_set(
        &self,
        key: &str,
        expected: &[u8],
        value: &[u8],
        time_to_live: Duration,
    ) -> impl Future<Output = Result<bool, BoxError>> + Send;

    /// Whether other processes see what this one puts there. Where they do not, they do not hear of changes either:
    /// [`CachedDbStore`](crate::CachedDbStore) then keeps what it holds for a few seconds only.
    fn is_shared(&self) -> bool {
        true
    }
}

/// Returns whether this is the answer of a cache that takes nothing in, being full or having lost its replicas: it has
/// done nothing, and lost nothing.
pub(crate) fn takes_nothing_in(error: &BoxError) -> bool {
    #[cfg(feature = "redis")]
    let full = redis::takes_nothing_in(error);
    #[cfg(not(feature = "redis"))]
    let full = {
        let _ = error;
        false
    };
    full
}
