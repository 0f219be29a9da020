//! Until when a write is worth sending: as long as its request waits for it.
//!
//! The deadline travels with the task, so that each store under the session's sees it, however they are nested. What is
//! still waiting when it passes (for a permit, for its place in a batch, for a connection, for a lock) is not sent: its
//! client was told that it failed, and would find the change of a request that it has repeated or given up. An end has
//! no deadline. It is idempotent, and a session that its user has ended is better ended late than never.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, timeout_at};

use crate::error::StoreError;

tokio::task_local! {
    static DEADLINE: Option<Instant>;
}

/// As good as never.
const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);

/// The instant `after` from now on.
pub(crate) fn after(after: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(after).unwrap_or_else(|| now + FAR)
}

/// Runs `write`, which is not to be sent after `deadline`.
pub(crate) async fn within<T>(deadline: Instant, write: impl Future<Output = T>) -> T {
    DEADLINE.scope(Some(deadline), write).await
}

/// Runs `end`, which is sent however late it is.
pub(crate) async fn exempt<T>(end: impl Future<Output = T>) -> T {
    DEADLINE.scope(None, end).await
}

/// Runs a blocking operation under the deadline of the task that asked for it.
pub(super) fn blocking<T>(deadline: Option<Instant>, operation: impl FnOnce() -> T) -> T {
    DEADLINE.sync_scope(deadline, operation)
}

/// The deadline of the write that this task is at, if it has one.
pub(crate) fn current() -> Option<Instant> {
    DEADLINE.try_with(|deadline| *deadline).ok().flatten()
}

/// Refuses to send what nobody waits for any more.
pub(crate) fn check(deadline: Option<Instant>) -> Result<(), StoreError> {
    if deadline.is_some_and(|deadline| Instant::now() >= deadline) { Err(late()) } else { Ok(()) }
}

/// Waits for what a write needs before it can be sent, no longer than to its deadline.
pub(crate) async fn wait<T>(deadline: Option<Instant>, waiting: impl Future<Output = T>) -> Result<T, StoreError> {
    let Some(at) = deadline else { return Ok(waiting.await) };
    let waited = timeout_at(at, waiting).await.map_err(|_| late())?;
    check(deadline)?;
    Ok(waited)
}

pub(crate) fn late() -> StoreError {
    StoreError::Overloaded("its deadline passed while it waited")
}
