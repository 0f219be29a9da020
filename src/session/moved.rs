//! [`Moved`]: which key took the place of which, for the requests that loaded the old one before and log the same user in.
//!
//! It is a hint and no proof. It leads only from a key that the request has loaded, it belongs to one layer, and the
//! session it leads to is read and compared before anything is written or handed out.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::session_key::SessionKey;

/// How many keys are remembered.
const MOST: usize = 1024;
/// How long a key is remembered: far longer than two clicks are apart.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How many new keys in a row are followed.
const HOPS: usize = 8;

/// The keys that this layer has replaced a moment ago.
#[derive(Default)]
pub(super) struct Moved(Mutex<Moves>);

#[derive(Default)]
struct Moves {
    to: HashMap<SessionKey, SessionKey>,
    /// The old keys, the oldest move first.
    order: VecDeque<(Instant, SessionKey)>,
}

impl Moved {
    /// Remembers that the session of `old`, or what took its place, has the key `new` now.
    pub(super) fn insert(&self, old: &SessionKey, new: &SessionKey) {
        let mut moves = self.moves();
        // A key moves once: what comes later went another way.
        if !moves.to.contains_key(old) {
            moves.to.insert(old.clone(), new.clone());
            moves.order.push_back((Instant::now(), old.clone()));
        }
    }

    /// The newest key of the session that had the key `old`.
    pub(super) fn newest(&self, old: &SessionKey) -> Option<SessionKey> {
        let moves = self.moves();
        let mut key = moves.to.get(old)?;
        for _ in 1..HOPS {
            let Some(newer) = moves.to.get(key) else { break };
            key = newer;
        }
        Some(key.clone())
    }

    /// What is still remembered.
    fn moves(&self) -> MutexGuard<'_, Moves> {
        let mut moves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let too_old = |moves: &Moves| moves.order.front().is_some_and(|(at, _)| at.elapsed() > REMEMBERED);
        while moves.order.len() > MOST || too_old(&moves) {
            let Some((_, old)) = moves.order.pop_front() else { break };
            moves.to.remove(&old);
        }
        moves
    }
}

/// Another layer remembers moves of its own.
impl Clone for Moved {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Moved({} keys)", self.moves().order.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    fn key() -> SessionKey {
        SessionKey::draw(random::fill).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_followed_to_the_newest_for_a_minute() {
        let (moved, keys) = (Moved::default(), [key(), key(), key()]);
        moved.insert(&keys[0], &keys[1]);
        moved.insert(&keys[1], &keys[2]);

        assert_eq!(moved.newest(&keys[0]).as_ref(), Some(&keys[2]));
        assert_eq!(moved.newest(&keys[2]), None);
        assert_eq!(moved.clone().newest(&keys[0]), None, "another layer knows nothing of it");
        tokio::time::advance(REMEMBERED + Duration::from_millis(1)).await;
        assert_eq!(moved.newest(&keys[0]), None);
        assert!(moved.moves().to.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_of_too_many_is_forgotten() {
        let (moved, first) = (Moved::default(), key());
        moved.insert(&first, &key());
        for _ in 0..MOST + 10 {
            moved.insert(&key(), &key());
        }

        assert_eq!(moved.newest(&first), None);
        let moves = moved.moves();
        assert_eq!((moves.to.len(), moves.order.len()), (MOST, MOST));
    }
}
