//! [`clear_expired_every`]: the clean-up as a task of the application.

use std::{
    convert::Infallible,
    future::{pending, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use tokio::time::sleep;

use crate::{
    backends::SessionStore,
    clock::Clock,
    error::{self, StoreError},
    events, random,
};

/// After the first error in a row; it doubles with each.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_mins(5);

/// The periods that make sense: not a busy loop, and not what a timer cannot count.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// Removes the expired sessions of `store` every `period` until `shutdown` is ready. Spawn it; 5 minutes are a
/// good period.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::time::Duration;
///
/// use jam_session::{MemoryStore, management::clear_expired_every};
/// use tokio::sync::oneshot;
///
/// let (stop, stopped) = oneshot::channel::<()>();
/// let shutdown = async { drop(stopped.await) };
/// let task = tokio::spawn(clear_expired_every(MemoryStore::new(), Duration::from_secs(300), shutdown));
///
/// stop.send(()).unwrap();
/// task.await.unwrap();
/// # }
/// ```
///
/// * Each wait is up to a fifth shorter or longer than the period, so that the nodes of an application do not
///   all come at once. The first wait is at most a fifth of it.
/// * An error is logged and never ends the task. It tries again after a second, then after twice as long each
///   time, at most 5 minutes. A store that cannot clear says so once and is left alone.
/// * On `shutdown` it stops at once; what a store is doing at that moment, one batch in a database, may still be
///   done.
/// * It may run on every node. On PostgreSQL one of them does the work at a time; elsewhere they share it.
pub async fn clear_expired_every(store: impl SessionStore, period: Duration, shutdown: impl Future<Output = ()>) {
    let mut shutdown = pin!(shutdown);
    let mut rounds = pin!(rounds(&store, period.clamp(SHORTEST, LONGEST)));
    poll_fn(|cx| match shutdown.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => rounds.as_mut().poll(cx).map(|never| match never {}),
    })
    .await;
}

async fn rounds(store: &impl SessionStore, period: Duration) -> Infallible {
    let mut wait = period.mul_f64(0.2 * random::fraction());
    let mut retry = FIRST_RETRY;
    loop {
        sleep(wait).await;
        match store.clear_expired(Clock::system().now()).await {
            Ok(removed) => {
                events::clean_up(removed);
                (wait, retry) = (about(period), FIRST_RETRY);
            }
            Err(error @ StoreError::Unsupported(_)) => {
                tracing::error!(error = error::chain(&error), "expired sessions are never cleared");
                return pending().await;
            }
            Err(error) => {
                wait = about(retry);
                retry = (retry * 2).min(LAST_RETRY);
                events::clean_up_failure(&error, wait);
            }
        }
    }
}

/// A fifth more or less.
fn about(wait: Duration) -> Duration {
    wait.mul_f64(0.8 + 0.4 * random::fraction())
}
