//! Whether some order of the operations explains every answer (Wing and Gong's search, with Lowe's memory).

use std::{
    collections::{BTreeMap, HashSet},
    time::Instant,
};

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

/// One session: the key that opens it, none once it has ended, and its dictionary.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Model {
    pub(super) key: Option<Key>,
    pub(super) items: BTreeMap<String, i64>,
}

/// Keys that no client ever saw are counted from here.
const UNSEEN: Key = 1 << 32;

impl Model {
    /// What the session is after `event`, `None` if it could not have been answered like this.
    fn after(&self, event: &Event, number: usize) -> Option<Self> {
        let live = self.key == Some(event.key);
        match &event.outcome {
            Outcome::Anonymous | Outcome::Interrupted => return (!live).then(|| self.clone()),
            // A logout that was overtaken by a login deletes nothing: the session lives under its new key.
            Outcome::Done if event.op == Op::Logout && !live => return Some(self.clone()),
            Outcome::Unknown if !live => return Some(self.clone()),
            Outcome::Saw(items) if *items != self.items => return None,
            _ if !live => return None,
            _ => {}
        }
        let mut next = self.clone();
        match &event.op {
            Op::Read => {}
            Op::Set(name, value) => drop(next.items.insert(name.clone(), *value)),
            Op::Remove(name) => drop(next.items.remove(name)),
            Op::Add(name) | Op::AddAndSave(name) => *next.items.entry(name.clone()).or_default() += 1,
            Op::Login => next.key = Some(UNSEEN + number),
            Op::Logout => next.key = None,
        }
        match (&event.outcome, &event.op) {
            (Outcome::Moved(key), _) => next.key = Some(*key),
            (Outcome::Stored(value), Op::AddAndSave(name)) if next.items.get(name) != Some(value) => return None,
            _ => {}
        }
        Some(next)
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
        model.after(event, number).is_some_and(|next| search(&next, events, done | 1 << number, seen))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn model(value: i64) -> Model {
        Model { key: Some(0), items: BTreeMap::from([("a".to_owned(), value)]) }
    }

    fn event(op: Op, outcome: Outcome, [from, to]: [u64; 2]) -> Event {
        let at = |seconds| *START.get_or_init(Instant::now) + Duration::from_secs(seconds);
        Event { op, key: 0, outcome, invoked: at(from), returned: at(to) }
    }

    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();

    #[test]
    fn overlapping_events_may_come_in_either_order_and_others_may_not() {
        let set = || Op::Set("a".to_owned(), 1);
        let saw = |value: i64| Outcome::Saw(model(value).items);

        for (read, value, explained) in [([1, 2], 0, true), ([1, 2], 1, true), ([4, 5], 1, true), ([4, 5], 0, false)] {
            let history = [event(set(), Outcome::Done, [0, 3]), event(Op::Read, saw(value), read)];
            assert_eq!(is_linearizable(&model(0), &history), explained, "{read:?} {value}");
        }
    }

    #[test]
    fn an_unknown_outcome_may_happen_late_or_never() {
        let add = event(Op::Add("a".to_owned()), Outcome::Unknown, [0, 1]);
        let saw = |value: i64, at| event(Op::Read, Outcome::Saw(model(value).items), at);

        assert!(is_linearizable(&model(0), &[add.clone(), saw(0, [2, 3]), saw(0, [4, 5])]));
        assert!(is_linearizable(&model(0), &[add.clone(), saw(0, [2, 3]), saw(1, [4, 5])]));
        assert!(!is_linearizable(&model(0), &[add.clone(), saw(1, [2, 3]), saw(0, [4, 5])]));
        assert!(!is_linearizable(&model(0), &[add, saw(2, [2, 3])]));
    }

    #[test]
    fn an_ended_session_stays_ended_unless_a_login_overtook_the_logout() {
        let logout = event(Op::Logout, Outcome::Done, [0, 3]);
        let login = event(Op::Login, Outcome::Moved(1), [1, 2]);
        let mut read = event(Op::Read, Outcome::Saw(model(0).items), [4, 5]);

        assert!(!is_linearizable(&model(0), &[logout.clone(), read.clone()]));
        read.key = 1;
        assert!(is_linearizable(&model(0), &[logout, login.clone(), read.clone()]));
        let late = event(Op::Logout, Outcome::Done, [6, 7]);
        assert!(is_linearizable(&model(0), &[login, read, late]));
    }
}
