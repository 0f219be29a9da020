//! [`WriterQueue`]: writers of one session take turns within this process, and each tells the next what it
//! left, so that a crowd costs one statement each instead of a collision each. Correctness does not rest on it:
//! other processes do not queue here, and the store compares before it writes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::{backends::Record, session_key::SessionKey};

/// How many writers of this process follow each other before one of them lets other processes have a chance.
const STREAK: u32 = 8;

/// What the last writer left, for the next one.
#[derive(Debug, Default)]
struct Latest {
    record: Option<Record>,
    streak: u32,
}

#[derive(Debug, Default)]
pub(crate) struct WriterQueue(Mutex<HashMap<SessionKey, Arc<AsyncMutex<Latest>>>>);

/// A writer's turn, until it is dropped.
pub(super) struct Turn {
    queue: Arc<WriterQueue>,
    session_key: SessionKey,
    guard: Option<OwnedMutexGuard<Latest>>,
}

impl WriterQueue {
    /// Waits until it is the caller's turn to write `session_key`.
    pub(super) async fn turn(self: &Arc<Self>, session_key: &SessionKey) -> Turn {
        let entry = Arc::clone(self.entries().entry(session_key.clone()).or_default());
        // Made before waiting: a caller that gives up leaves nothing behind, either.
        let mut turn = Turn { queue: Arc::clone(self), session_key: session_key.clone(), guard: None };
        turn.guard = Some(entry.lock_owned().await);
        turn
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<SessionKey, Arc<AsyncMutex<Latest>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// What the writer before this one left, if they followed each other.
    pub(super) fn latest(&mut self) -> Option<Record> {
        self.guard.as_mut().and_then(|latest| latest.record.take())
    }

    /// Whether this process has had so many turns in a row that one of another would wait for too long: it has to
    /// read what this one wrote before it can write, and this one is always quicker.
    pub(super) fn is_due_to_rest(&self) -> bool {
        self.guard.as_ref().is_some_and(|latest| latest.streak >= STREAK)
    }

    /// Tells the next writer what is stored now.
    pub(super) fn leave(&mut self, record: &Record) {
        if let Some(latest) = &mut self.guard {
            latest.streak = if latest.streak >= STREAK { 1 } else { latest.streak + 1 };
            latest.record = Some(record.clone());
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard = None;
        let mut entries = self.queue.entries();
        // The map's own reference is the last one: nobody holds a turn or waits for one.
        if entries.get(&self.session_key).is_some_and(|entry| Arc::strong_count(entry) == 1) {
            entries.remove(&self.session_key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_of_one_key_follow_each_other_and_leave_nothing_behind() {
        let queue = Arc::new(WriterQueue::default());
        let key = SessionKey::generate();
        let first = queue.turn(&key).await;
        let waiting = tokio::spawn({
            let (queue, key) = (Arc::clone(&queue), key.clone());
            async move { drop(queue.turn(&key).await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());

        drop(first);
        waiting.await.unwrap();

        assert!(queue.entries().is_empty());
    }
}
