//! The changes of one request, kept so that they can be made again on top of somebody else's.

use std::{fmt, sync::Arc};

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

/// An ordered list of changes. A change that hides an earlier one replaces it.
#[derive(Clone, Default)]
pub(crate) struct Delta(Vec<Change>);

impl Delta {
    pub(crate) fn push(&mut self, change: Change) {
        match (&change, change.key()) {
            (Change::Clear, _) => self.0.clear(),
            (Change::Set(..) | Change::Remove(_), Some(key)) => self.0.retain(|c| c.key() != Some(key)),
            _ => {}
        }
        self.0.push(change);
    }

    /// Adds changes that were made after these.
    pub(crate) fn extend(&mut self, later: Self) {
        later.0.into_iter().for_each(|change| self.push(change));
    }

    /// Makes every change on `data`, running closures again.
    pub(crate) fn apply(&self, mut data: SessionData) -> Result<SessionData, Error> {
        for change in &self.0 {
            change.apply(&mut data)?;
        }
        Ok(data)
    }
}

impl fmt::Debug for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delta({} changes)", self.0.len())
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
        assert_eq!(delta.0.len(), 2);

        delta.push(Change::Clear);
        delta.push(set("c", 1));

        assert_eq!(delta.apply(r#"{"x":1}"#.parse().unwrap()).unwrap().to_json(), r#"{"c":1}"#);
    }
}
