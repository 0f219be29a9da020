//! [`WriterQueue`]: writers of one session take turns within this process, and each tells the next what it
//! left, so that a crowd costs one statement each instead of a collision each. Correctness does not rest on it:
//! other processes do not queue here, and the store compares before it writes.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    fmt,
    hash::{BuildHasherDefault, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::{backends::Record, session_key::SessionKey};

/// How many writers of this process follow each other before one of them lets other processes have a chance.
const STREAK: u32 = 8;

/// Those who wait for the turn of one key, in order; a key whose turn nobody has is not in the map.
type Lines = HashMap<SessionKey, VecDeque<oneshot::Sender<Turn>>, BuildHasherDefault<KeyHasher>>;

#[derive(Default)]
pub(crate) struct WriterQueue(Mutex<Lines>);

/// A writer's turn. When it is dropped, whoever waits longest has it, with what was left to him.
pub(super) struct Turn {
    queue: Arc<WriterQueue>,
    session_key: SessionKey,
    record: Option<Record>,
    streak: u32,
}

impl WriterQueue {
    /// Waits until it is the caller's turn to write `session_key`.
    pub(super) async fn turn(self: &Arc<Self>, session_key: &SessionKey) -> Turn {
        let waiting = match self.lines().entry(session_key.clone()) {
            Entry::Vacant(line) => {
                line.insert(VecDeque::new());
                None
            }
            Entry::Occupied(mut line) => {
                let (sender, receiver) = oneshot::channel();
                let line = line.get_mut();
                // Those who gave up stand in the line until it moves, and it may not move for long.
                if line.len() == line.capacity() {
                    line.retain(|waiting| !waiting.is_closed());
                }
                line.push_back(sender);
                Some(receiver)
            }
        };
        match waiting {
            Some(turn) => turn.await.expect("whoever has the turn hands it on"),
            None => Turn { queue: Arc::clone(self), session_key: session_key.clone(), record: None, streak: 0 },
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next one who still waits. Where there is none, the turn is over.
    fn next(&self, session_key: &SessionKey) -> Option<oneshot::Sender<Turn>> {
        let mut lines = self.lines();
        let Entry::Occupied(mut line) = lines.entry(session_key.clone()) else { return None };
        while let Some(next) = line.get_mut().pop_front() {
            if !next.is_closed() {
                return Some(next);
            }
        }
        line.remove();
        None
    }
}

impl Turn {
    /// What the writer before this one left, if they followed each other.
    pub(super) fn latest(&mut self) -> Option<Record> {
        self.record.take()
    }

    /// Whether this process has had so many turns in a row that one of another would wait for too long: it has to
    /// read what this one wrote before it can write, and this one is always quicker.
    pub(super) fn is_due_to_rest(&self) -> bool {
        self.streak >= STREAK
    }

    /// Tells the next writer what is stored now.
    pub(super) fn leave(&mut self, record: &Record) {
        self.streak = if self.streak >= STREAK { 1 } else { self.streak + 1 };
        self.record = Some(record.clone());
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(next) = self.queue.next(&self.session_key) else { return };
        let (queue, session_key) = (Arc::clone(&self.queue), self.session_key.clone());
        // Where the other one has given up just now, this ends that turn, too, and so hands it on once more.
        drop(next.send(Self { queue, session_key, record: self.record.take(), streak: self.streak }));
    }
}

impl fmt::Debug for WriterQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriterQueue({} keys)", self.lines().len())
    }
}

/// Hashes the keys of sessions that are stored. They are random, or end in a signature, so that nobody chooses which of
/// them meet in one place, and a hash that withstands such a choice would be most of what a turn costs.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.write_u64(u64::from_le_bytes(*word)));
        rest.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::Pin, task::Poll};

    use super::*;
    use crate::random;

    async fn waits(turn: &mut Pin<Box<impl Future<Output = Turn>>>) -> bool {
        poll_fn(|cx| Poll::Ready(turn.as_mut().poll(cx).is_pending())).await
    }

    #[tokio::test]
    async fn turns_of_one_key_follow_each_other_and_leave_nothing_behind() {
        let queue = Arc::new(WriterQueue::default());
        let key = SessionKey::draw(random::fill).unwrap();
        let first = queue.turn(&key).await;
        let waiting = tokio::spawn({
            let (queue, key) = (Arc::clone(&queue), key.clone());
            async move { drop(queue.turn(&key).await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());

        drop(first);
        waiting.await.unwrap();

        assert!(queue.lines().is_empty());
    }

    #[tokio::test]
    async fn a_writer_that_gave_up_does_not_keep_the_turn() {
        let queue = Arc::new(WriterQueue::default());
        let key = SessionKey::draw(random::fill).unwrap();
        let first = queue.turn(&key).await;
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(queue.turn(&key))).collect();
        for turn in &mut waiting {
            assert!(waits(turn).await);
        }
        let last = waiting.pop();
        drop(waiting);

        drop(first);
        drop(last.unwrap().await);

        assert!(queue.lines().is_empty());
    }

    #[tokio::test]
    async fn those_who_gave_up_make_the_line_no_longer_however_long_it_stands_still() {
        let queue = Arc::new(WriterQueue::default());
        let key = SessionKey::draw(random::fill).unwrap();
        let _first = queue.turn(&key).await;
        for _ in 0..1_000 {
            let mut turn = Box::pin(queue.turn(&key));
            assert!(waits(&mut turn).await);
        }

        assert!(queue.lines()[&key].len() <= 4);
    }

    #[tokio::test]
    async fn a_turn_that_was_given_to_somebody_who_left_is_handed_on() {
        let queue = Arc::new(WriterQueue::default());
        let key = SessionKey::draw(random::fill).unwrap();
        let first = queue.turn(&key).await;
        let (mut second, mut third) = (Box::pin(queue.turn(&key)), Box::pin(queue.turn(&key)));
        assert!(waits(&mut second).await && waits(&mut third).await);

        // It is the second one's now, which never looks.
        drop(first);
        drop(second);

        drop(third.await);
        assert!(queue.lines().is_empty());
    }
}
