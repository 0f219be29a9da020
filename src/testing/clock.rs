//! [`TestClock`]: time that a test moves.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;

use crate::clock::Clock;

/// A clock that stands still until it is moved. Its clones move together.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), jam_session::Error> {
/// use std::time::Duration;
/// use jam_session::{MemoryStore, SessionLayer, testing::TestClock};
///
/// let clock = TestClock::new();
/// let layer = SessionLayer::new(MemoryStore::new()).cookie_age(Duration::from_secs(60)).clock(clock.clock());
/// let key = layer.create().await?.session_key().expect("it is stored");
///
/// clock.advance(Duration::from_secs(59));
/// assert!(layer.open(&key).await?.session_key().is_some());
/// clock.advance(Duration::from_secs(1));
/// assert!(layer.open(&key).await?.session_key().is_none(), "it has expired");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<OffsetDateTime>>);

impl TestClock {
    /// A clock at 2023-11-14 22:13:20 UTC: second 1,700,000,000 of the Unix epoch.
    #[must_use]
    pub fn new() -> Self {
        Self::at(OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
    }

    /// A clock at this instant.
    #[must_use]
    pub fn at(now: OffsetDateTime) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        *self.lock() += by;
    }

    /// What the clock says.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        *self.lock()
    }

    /// For [`SessionLayer::clock`](crate::SessionLayer::clock).
    #[must_use]
    pub fn clock(&self) -> Clock {
        let clock = self.clone();
        Clock::from_fn(move || clock.now())
    }

    fn lock(&self) -> MutexGuard<'_, OffsetDateTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}
