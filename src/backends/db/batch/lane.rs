//! [`Lane`]: statements of one kind leave one after the other; what arrives meanwhile leaves together.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

use crate::{backends::deadline, error::StoreError, session_key::SessionKey};

/// The most rows of one statement.
const LARGEST: usize = 64;
/// The most bytes of one statement, unless one row has more.
const BYTES: usize = 1 << 20;
/// A statement that takes longer may be waiting for somebody else's lock, which is no reason for others to wait.
const PATIENCE: Duration = Duration::from_millis(100);

/// How many rows a statement may have. Each number is a text of its own among the prepared statements of a
/// connection, so there are few; what is left over goes with the next one.
pub(super) const SIZES: [usize; 12] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, LARGEST];

/// What a statement is made for.
pub(in crate::backends::db) trait Entry: Send + 'static {
    /// What comes of it.
    type Output: Send + 'static;
    /// Whether a statement may have a key twice. Of two writes nobody could tell which came last.
    const KEYS_REPEAT: bool;

    fn session_key(&self) -> &SessionKey;

    /// When it is too late to send it.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// About how many bytes it adds to the statement.
    fn bytes(&self) -> usize;
}

/// What became of an entry that waited.
pub(super) enum Outcome<E: Entry> {
    /// It was part of a statement.
    Done(Result<E::Output, StoreError>),
    /// The statement was undone for the sake of some entry; it may do on its own.
    Alone(E),
    /// What is under way takes long: it is to go ahead, with a turn of its own.
    Lead(E),
}

pub(super) type Answer<E> = oneshot::Sender<Outcome<E>>;

pub(in crate::backends::db) struct Lane<E: Entry>(Mutex<State<E>>);

struct State<E: Entry> {
    /// How many statements are under way: one, unless one takes long.
    turns: usize,
    /// When the latest of them began.
    began: Option<Instant>,
    waiting: VecDeque<(u64, E, Answer<E>)>,
    next_ticket: u64,
}

/// A place in the queue. Whoever gives it up leaves nothing behind, however long the queue stands still.
pub(super) struct Ticket<'a, E: Entry> {
    lane: &'a Lane<E>,
    number: u64,
    answer: oneshot::Receiver<Outcome<E>>,
    deadline: Option<Instant>,
    is_answered: bool,
}

impl<E: Entry> Drop for Ticket<'_, E> {
    fn drop(&mut self) {
        if !self.is_answered {
            drop(self.lane.state().take(self.number));
        }
    }
}

impl<E: Entry> Default for Lane<E> {
    fn default() -> Self {
        Self(Mutex::new(State { turns: 0, began: None, waiting: VecDeque::new(), next_ticket: 0 }))
    }
}

impl<E: Entry> Lane<E> {
    fn state(&self) -> MutexGuard<'_, State<E>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the entry back when nothing is under way: it has the turn, and [`leave`](Self::leave) ends it.
    pub(super) fn enter(&self, entry: E) -> Result<E, Ticket<'_, E>> {
        let mut state = self.state();
        if state.turns == 0 || state.is_stuck() {
            state.begin_turn();
            return Ok(entry);
        }
        let (sender, answer) = oneshot::channel();
        let number = state.next_ticket;
        state.next_ticket += 1;
        let deadline = entry.deadline();
        state.waiting.push_back((number, entry, sender));
        Err(Ticket { lane: self, number, answer, deadline, is_answered: false })
    }

    /// Waits until the entry was part of a statement, or is to go ahead.
    pub(super) async fn wait(&self, mut ticket: Ticket<'_, E>) -> Outcome<E> {
        let outcome = loop {
            match timeout(PATIENCE, &mut ticket.answer).await {
                Ok(Ok(outcome)) => break outcome,
                Ok(Err(_)) => break Outcome::Done(Err(StoreError::Lost("its statement was given up".into()))),
                Err(_) => {
                    // What is part of a statement is past being too late.
                    let is_late = deadline::check(ticket.deadline).is_err();
                    if is_late && self.state().take(ticket.number).is_some() {
                        break Outcome::Done(Err(deadline::late()));
                    }
                    if let Some(entry) = self.take_over(ticket.number) {
                        break Outcome::Lead(entry);
                    }
                }
            }
        };
        ticket.is_answered = true;
        outcome
    }

    /// The entry of a ticket, if it still waits and nothing moves.
    fn take_over(&self, ticket: u64) -> Option<E> {
        let mut state = self.state();
        if !state.is_stuck() {
            return None;
        }
        let entry = state.take(ticket)?;
        state.begin_turn();
        Some(entry)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state().waiting.is_empty()
    }

    /// Ends a turn, unless somebody waits: then it is the turn of whoever calls [`next`](Self::next).
    pub(super) fn leave(&self) -> bool {
        let mut state = self.state();
        let more = !state.waiting.is_empty();
        if more {
            state.began = Some(Instant::now());
        } else {
            state.turns -= 1;
        }
        more
    }

    /// Gives up a turn that nobody can take.
    pub(super) fn abandon(&self) {
        self.state().turns -= 1;
    }

    /// What is to leave together, in the order of the keys, so that two statements never wait for each other.
    /// Empty when nobody waits; the turn goes on. Unless it may have any size, it has one of [`SIZES`].
    pub(super) fn next(&self, any_size: bool) -> Vec<(E, Answer<E>)> {
        let mut state = self.state();
        state.began = Some(Instant::now());
        let mut batch = state.gather();
        if !any_size {
            let size = SIZES.into_iter().rfind(|&size| size <= batch.len()).unwrap_or_default();
            state.waiting.extend(batch.drain(size..));
        }
        drop(state);
        batch.sort_by(|(_, a, _), (_, b, _)| a.session_key().as_str().cmp(b.session_key().as_str()));
        batch.into_iter().map(|(_, entry, answer)| (entry, answer)).collect()
    }
}

impl<E: Entry> State<E> {
    fn is_stuck(&self) -> bool {
        self.began.is_none_or(|began| began.elapsed() >= PATIENCE)
    }

    /// Takes out the entry of a ticket, if it still waits.
    fn take(&mut self, ticket: u64) -> Option<E> {
        let at = self.waiting.iter().position(|(number, ..)| *number == ticket)?;
        self.waiting.remove(at).map(|(_, entry, _)| entry)
    }

    fn begin_turn(&mut self) {
        self.turns += 1;
        self.began = Some(Instant::now());
    }

    fn gather(&mut self) -> Vec<(u64, E, Answer<E>)> {
        let mut batch: Vec<(u64, E, Answer<E>)> = Vec::with_capacity(self.waiting.len().min(LARGEST));
        let (mut bytes, mut left) = (0, VecDeque::new());
        while batch.len() < LARGEST {
            let Some(next) = self.waiting.pop_front() else { break };
            // Nobody waits for it any more, and nothing of it was sent.
            if next.2.is_closed() {
                continue;
            }
            if let Err(late) = deadline::check(next.1.deadline()) {
                let _ = next.2.send(Outcome::Done(Err(late)));
                continue;
            }
            let fits = batch.is_empty() || bytes + next.1.bytes() <= BYTES;
            let repeated = || batch.iter().any(|(_, entry, _)| entry.session_key() == next.1.session_key());
            if fits && (E::KEYS_REPEAT || !repeated()) {
                bytes += next.1.bytes();
                batch.push(next);
            } else {
                left.push_back(next);
            }
        }
        left.append(&mut self.waiting);
        self.waiting = left;
        batch
    }
}
