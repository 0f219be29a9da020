//! Whether some order of the operations explains every answer (Wing and Gong's search, with Lowe's memory).

use std::{
    collections::{BTreeMap, HashSet},
    time::Instant,
};

use crate::bench::app::USER;

/// Which key a client had in its cookie, counted from the first.
pub(super) type Key = usize;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    Read,
    Set(String, i64),
    Remove(String),
    /// Says nothing of the new value.
    Add(String),
    /// Answers the value that was stored.
    AddAndSave(String),
    Login,
    /// A new key, and whose session it is.
    SignIn(i64),
    Logout,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Saw(BTreeMap<String, i64>),
    Stored(i64),
    /// The session has this key now.
    Moved(Key),
    /// The key opens no session.
    Anonymous,
    /// The session was ended before the change was saved, or had got another key.
    Interrupted,
    /// Nobody knows: it may have happened, may happen later, or never.
    Unknown,
}

#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) op: Op,
    pub(super) key: Key,
    pub(super) outcome: Outcome,
    pub(super) invoked: Instant,
    pub(super) returned: Instant,
}

/// The dictionary of each session that lives, by the key that opens it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Model(pub(super) BTreeMap<Key, BTreeMap<String, i64>>);

/// Keys that no client ever saw are counted from here.
const UNSEEN: Key = 1 << 32;

impl Model {
    /// What the sessions are after `event`, in each way that explains its answer; none if it could not have been
    /// answered like this.
    fn after(&self, event: &Event, number: usize) -> Vec<Self> {
        match self.0.get(&event.key) {
            Some(items) => self.after_on(items, event, number).into_iter().collect(),
            None => self.after_on_nothing(event),
        }
    }

    /// Of an event whose key opens no session any more.
    fn after_on_nothing(&self, event: &Event) -> Vec<Self> {
        match (&event.outcome, &event.op) {
            // A login is never told that its session was taken away.
            (Outcome::Interrupted, Op::SignIn(_)) => Vec::new(),
            (Outcome::Anonymous | Outcome::Interrupted | Outcome::Unknown, _) => vec![self.clone()],
            (Outcome::Moved(key), Op::SignIn(user)) => self.signed_in_elsewhere(*key, *user),
            _ => Vec::new(),
        }
    }

    /// A login gets a session of its own with nothing of an ended one in it, or joins the one of the same user.
    fn signed_in_elsewhere(&self, key: Key, user: i64) -> Vec<Self> {
        let belongs = |items: &BTreeMap<String, i64>| items.get(USER) == Some(&user);
        if let Some(items) = self.0.get(&key) {
            return if belongs(items) { vec![self.clone()] } else { Vec::new() };
        }
        let mut own = self.clone();
        own.0.insert(key, BTreeMap::from([(USER.to_owned(), user)]));
        // One that answered nothing has moved the session to a key that nobody saw until now.
        let unseen = self.0.iter().filter(|(unseen, items)| **unseen >= UNSEEN && belongs(items));
        let joined = unseen.map(|(unseen, items)| {
            let mut joined = self.clone();
            joined.0.remove(unseen);
            joined.0.insert(key, items.clone());
            joined
        });
        joined.chain([own]).collect()
    }

    fn after_on(&self, items: &BTreeMap<String, i64>, event: &Event, number: usize) -> Option<Self> {
        match &event.outcome {
            Outcome::Anonymous | Outcome::Interrupted => return None,
            Outcome::Saw(seen) if seen != items => return None,
            _ => {}
        }
        let mut next = self.clone();
        let mut items = next.0.remove(&event.key)?;
        let mut key = event.key;
        match &event.op {
            Op::Read => {}
            Op::Set(name, value) => drop(items.insert(name.clone(), *value)),
            Op::Remove(name) => drop(items.remove(name)),
            Op::Add(name) | Op::AddAndSave(name) => *items.entry(name.clone()).or_default() += 1,
            Op::Login => key = UNSEEN + number,
            Op::SignIn(user) => {
                items.insert(USER.to_owned(), *user);
                key = UNSEEN + number;
            }
            Op::Logout => return Some(next),
        }
        match (&event.outcome, &event.op) {
            (Outcome::Moved(seen), _) => key = *seen,
            (Outcome::Stored(value), Op::AddAndSave(name)) if items.get(name) != Some(value) => return None,
            _ => {}
        }
        // A key is drawn once.
        next.0.insert(key, items).is_none().then_some(next)
    }
}

pub(super) fn is_linearizable(start: &Model, events: &[Event]) -> bool {
    assert!(events.len() <= 64, "a history is a set of bits");
    search(start, events, 0, &mut HashSet::new())
}

/// `done` are the events that have been put in order.
fn search(model: &Model, events: &[Event], done: u64, seen: &mut HashSet<(u64, Model)>) -> bool {
    let open = || events.iter().enumerate().filter(move |(number, _)| done & 1 << number == 0);
    let known = open().filter(|(_, event)| event.outcome != Outcome::Unknown);
    // What was answered before another began, came before it.
    let Some(horizon) = known.map(|(_, event)| event.returned).min() else { return true };
    if !seen.insert((done, model.clone())) {
        return false;
    }
    open().filter(|(_, event)| event.invoked <= horizon).any(|(number, event)| {
        model.after(event, number).iter().any(|next| search(next, events, done | 1 << number, seen))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn model(value: i64) -> Model {
        Model(BTreeMap::from([(0, items(value))]))
    }

    fn items(value: i64) -> BTreeMap<String, i64> {
        BTreeMap::from([("a".to_owned(), value)])
    }

    fn event(op: Op, outcome: Outcome, [from, to]: [u64; 2]) -> Event {
        let at = |seconds| *START.get_or_init(Instant::now) + Duration::from_secs(seconds);
        Event { op, key: 0, outcome, invoked: at(from), returned: at(to) }
    }

    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();

    #[test]
    fn overlapping_events_may_come_in_either_order_and_others_may_not() {
        let set = || Op::Set("a".to_owned(), 1);
        let saw = |value: i64| Outcome::Saw(items(value));

        for (read, value, explained) in [([1, 2], 0, true), ([1, 2], 1, true), ([4, 5], 1, true), ([4, 5], 0, false)] {
            let history = [event(set(), Outcome::Done, [0, 3]), event(Op::Read, saw(value), read)];
            assert_eq!(is_linearizable(&model(0), &history), explained, "{read:?} {value}");
        }
    }

    #[test]
    fn an_unknown_outcome_may_happen_late_or_never() {
        let add = event(Op::Add("a".to_owned()), Outcome::Unknown, [0, 1]);
        let saw = |value: i64, at| event(Op::Read, Outcome::Saw(items(value)), at);

        assert!(is_linearizable(&model(0), &[add.clone(), saw(0, [2, 3]), saw(0, [4, 5])]));
        assert!(is_linearizable(&model(0), &[add.clone(), saw(0, [2, 3]), saw(1, [4, 5])]));
        assert!(!is_linearizable(&model(0), &[add.clone(), saw(1, [2, 3]), saw(0, [4, 5])]));
        assert!(!is_linearizable(&model(0), &[add, saw(2, [2, 3])]));
    }

    #[test]
    fn a_logout_that_was_done_has_ended_the_session_and_one_that_was_overtaken_says_so() {
        let logout = |outcome, at| event(Op::Logout, outcome, at);
        let login = event(Op::Login, Outcome::Moved(1), [1, 2]);
        let mut read = event(Op::Read, Outcome::Saw(items(0)), [4, 5]);

        assert!(!is_linearizable(&model(0), &[logout(Outcome::Done, [0, 3]), read.clone()]));
        read.key = 1;
        for (outcome, explained) in [(Outcome::Done, false), (Outcome::Interrupted, true), (Outcome::Anonymous, true)] {
            for at in [[0, 3], [6, 7]] {
                let history = [logout(outcome.clone(), at), login.clone(), read.clone()];
                assert_eq!(is_linearizable(&model(0), &history), explained, "{outcome:?} {at:?}");
            }
        }
    }

    #[test]
    fn a_login_on_a_session_that_was_taken_away_is_never_interrupted_and_finds_nothing_of_an_ended_one() {
        let (sign_in, user) = (|outcome, at| event(Op::SignIn(7), outcome, at), BTreeMap::from([(USER.to_owned(), 7)]));
        let both = BTreeMap::from([("a".to_owned(), 0), (USER.to_owned(), 7)]);
        let read = |key, items: &BTreeMap<String, i64>| {
            let mut read = event(Op::Read, Outcome::Saw(items.clone()), [6, 7]);
            read.key = key;
            read
        };
        let logout = || event(Op::Logout, Outcome::Done, [0, 1]);
        let other = || event(Op::SignIn(8), Outcome::Moved(1), [0, 1]);

        for (history, explained) in [
            (vec![sign_in(Outcome::Moved(1), [0, 1]), sign_in(Outcome::Moved(1), [2, 3]), read(1, &both)], true),
            (vec![sign_in(Outcome::Moved(1), [0, 1]), sign_in(Outcome::Moved(2), [2, 3]), read(2, &user)], true),
            (vec![sign_in(Outcome::Moved(1), [0, 1]), sign_in(Outcome::Moved(2), [2, 3]), read(2, &both)], false),
            (vec![sign_in(Outcome::Moved(1), [0, 1]), sign_in(Outcome::Interrupted, [2, 3])], false),
            (vec![logout(), sign_in(Outcome::Moved(1), [2, 3]), read(1, &user)], true),
            (vec![logout(), sign_in(Outcome::Moved(1), [2, 3]), read(1, &both)], false),
            (vec![other(), sign_in(Outcome::Moved(1), [2, 3])], false),
            (vec![other(), event(Op::Login, Outcome::Moved(2), [2, 3])], false),
            (vec![other(), event(Op::Login, Outcome::Interrupted, [2, 3])], true),
        ] {
            assert_eq!(is_linearizable(&model(0), &history), explained, "{history:#?}");
        }
    }
}
