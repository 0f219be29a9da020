//! [`Entries`]: names and values in order, and where each name is once that is worth knowing.

use std::collections::HashMap;

use super::entry::{Entry, last_of_each};
use crate::raw::Raw;

/// So many names are looked for one by one. A request rarely sets more, and reading the whole list is quick.
const FEW: usize = 32;

#[derive(Default)]
pub(super) struct Entries {
    list: Vec<Entry>,
    /// How many names were set since one was removed, or since this list is a list of its own.
    changes: usize,
    /// Where each name is, as long as none is removed.
    places: Option<HashMap<Box<str>, usize>>,
}

impl Entries {
    /// What a text holds: of equal names the last one counts.
    pub(super) fn read(list: Vec<Entry>) -> Self {
        Self { list: last_of_each(list), ..Self::default() }
    }

    pub(super) fn list(&self) -> &[Entry] {
        &self.list
    }

    pub(super) fn find(&self, key: &str) -> Option<usize> {
        match &self.places {
            Some(places) => places.get(key).copied(),
            None => self.list.iter().position(|entry| entry.is(key)),
        }
    }

    pub(super) fn set(&mut self, key: &str, value: Raw) {
        self.changes += 1;
        if self.changes > FEW && self.places.is_none() {
            let place = |(at, entry): (usize, &Entry)| (entry.key().into(), at);
            self.places = Some(self.list.iter().enumerate().map(place).collect());
        }
        if let Some(at) = self.find(key) {
            self.list[at].value = value;
            return;
        }
        if let Some(places) = &mut self.places {
            places.insert(key.into(), self.list.len());
        }
        self.list.push(Entry { name: Raw::new(key).expect("a string is JSON"), value });
    }

    pub(super) fn remove(&mut self, at: usize) -> Raw {
        // What comes after it moves.
        (self.changes, self.places) = (0, None);
        self.list.remove(at).value
    }
}

impl Clone for Entries {
    /// Without the places: most clones are made to change a name or two.
    fn clone(&self) -> Self {
        Self { list: self.list.clone(), ..Self::default() }
    }
}
