//! The changes of one request, kept so that they can be made again on top of somebody else's.

use std::{collections::HashSet, fmt, sync::Arc};

use crate::{error::Error, raw::Raw, session_data::SessionData};

/// Computes a new value from the current one, or none.
pub(crate) type ModifyFn = Arc<dyn Fn(Option<&Raw>) -> Result<Option<Raw>, Error> + Send + Sync>;

/// One change, in the words of the methods that make them.
#[derive(Clone)]
pub(crate) enum Change {
    Set(String, Raw),
    SetDefault(String, Raw),
    Remove(String),
    Modify(String, ModifyFn),
    Clear,
}

impl Change {
    fn key(&self) -> Option<&str> {
        match self {
            Self::Set(key, _) | Self::SetDefault(key, _) | Self::Remove(key) | Self::Modify(key, _) => Some(key),
            Self::Clear => None,
        }
    }

    fn hides(&self) -> Hides<'_> {
        match self {
            Self::Set(key, _) | Self::Remove(key) => Hides::Key(key),
            Self::Clear => Hides::Everything,
            Self::SetDefault(..) | Self::Modify(..) => Hides::Nothing,
        }
    }

    fn apply(&self, data: &mut SessionData) -> Result<(), Error> {
        match self {
            Self::Set(key, value) => data.set(key, value.clone()),
            Self::SetDefault(key, value) => {
                if data.raw(key).is_none() {
                    data.set(key, value.clone());
                }
            }
            Self::Remove(key) => {
                data.remove(key);
            }
            Self::Modify(key, modify) => data.put(key, modify(data.raw(key))?),
            Self::Clear => *data = SessionData::default(),
        }
        Ok(())
    }
}

/// Which earlier changes come to nothing through a change.
enum Hides<'a> {
    Nothing,
    Key(&'a str),
    Everything,
}

/// An ordered list of changes. A change that hides an earlier one replaces it.
#[derive(Clone, Default)]
pub(crate) struct Delta {
    changes: Vec<Change>,
    /// How many changes there may be before hidden ones among them are looked for again.
    room: usize,
}

impl Delta {
    pub(crate) fn push(&mut self, change: Change) {
        /// So many changes are looked through each time.
        const FEW: usize = 16;
        match change.hides() {
            Hides::Everything => self.changes.clear(),
            Hides::Key(key) if self.changes.len() <= FEW => self.changes.retain(|c| c.key() != Some(key)),
            Hides::Key(_) if self.changes.len() >= self.room => {
                self.remove_hidden();
                // The more are left, the longer it takes, and the longer it is until the next time.
                self.room = self.changes.len().saturating_mul(2);
            }
            Hides::Key(_) | Hides::Nothing => {}
        }
        self.changes.push(change);
    }

    fn remove_hidden(&mut self) {
        let mut hidden = HashSet::new();
        let mut stays: Vec<bool> = Vec::with_capacity(self.changes.len());
        for change in self.changes.iter().rev() {
            stays.push(change.key().is_none_or(|key| !hidden.contains(key)));
            if let Hides::Key(key) = change.hides() {
                hidden.insert(key);
            }
        }
        self.changes.retain(|_| stays.pop().unwrap_or(true));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Adds changes that were made after these.
    pub(crate) fn extend(&mut self, later: Self) {
        later.changes.into_iter().for_each(|change| self.push(change));
    }

    /// Makes every change on `data`, running closures again.
    pub(crate) fn apply(&self, mut data: SessionData) -> Result<SessionData, Error> {
        for change in &self.changes {
            change.apply(&mut data)?;
        }
        Ok(data)
    }
}

impl fmt::Debug for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delta({} changes)", self.changes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(key: &str, value: i32) -> Change {
        Change::Set(key.to_owned(), Raw::new(&value).unwrap())
    }

    #[test]
    fn changes_are_made_again_on_top_of_another_writers() {
        let mut delta = Delta::default();
        delta.push(set("a", 1));
        delta.push(Change::Remove("gone".to_owned()));
        delta.push(Change::SetDefault("theirs".to_owned(), Raw::new(&0).unwrap()));
        delta.push(Change::Modify(
            "n".to_owned(),
            Arc::new(|n| {
                let n: i32 = n.map_or(0, |n| n.get().unwrap());
                Ok(Raw::new(&(n + 1)).ok())
            }),
        ));

        let theirs = r#"{"gone":1,"theirs":7,"n":41}"#.parse().unwrap();

        assert_eq!(delta.apply(theirs).unwrap().to_json(), r#"{"theirs":7,"n":42,"a":1}"#);
    }

    #[test]
    fn what_is_hidden_by_a_later_change_is_not_kept() {
        let mut delta = Delta::default();
        (0..1000).for_each(|i| delta.push(set("a", i)));
        delta.push(set("b", 1));
        assert_eq!(delta.changes.len(), 2);

        delta.push(Change::Clear);
        delta.push(set("c", 1));

        assert_eq!(delta.apply(r#"{"x":1}"#.parse().unwrap()).unwrap().to_json(), r#"{"c":1}"#);
    }

    #[test]
    fn of_many_changes_hidden_ones_do_not_pile_up() {
        let mut delta = Delta::default();
        for round in 0..100 {
            (0..100).for_each(|i| delta.push(set(&format!("n{i}"), round)));
            delta.push(Change::SetDefault("n7".to_owned(), Raw::new(&-1).unwrap()));
            delta.push(Change::Remove("n8".to_owned()));
        }

        assert!(delta.changes.len() <= 300, "{delta:?}");
        let data = delta.apply(SessionData::default()).unwrap();
        assert_eq!((data.len(), data.get("n7").unwrap(), data.get("n99").unwrap()), (99, Some(99), Some(99)));
    }
}
