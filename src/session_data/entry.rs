//! One name with its value, and what names of the same text mean.

use std::{
    borrow::Cow,
    cmp::Ordering,
    collections::{HashMap, HashSet},
};

use crate::raw::Raw;

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// With its quotes: a name is kept as it was written, too.
    pub(super) name: Raw,
    pub(super) value: Raw,
}

impl Entry {
    /// The name without its quotes, as it was written.
    pub(super) fn written(&self) -> &str {
        let name = self.name.as_str();
        &name[1..name.len() - 1]
    }

    pub(super) fn key(&self) -> Cow<'_, str> {
        let written = self.written();
        if written.contains('\\') {
            return self.name.get().map_or(Cow::Borrowed(written), Cow::Owned);
        }
        Cow::Borrowed(written)
    }

    pub(super) fn is(&self, key: &str) -> bool {
        let written = self.written();
        match written.len().cmp(&key.len()) {
            Ordering::Less => false,
            Ordering::Equal => written == key && self.key() == key,
            // An escape is longer than what it stands for.
            Ordering::Greater => written.contains('\\') && self.key() == key,
        }
    }
}

/// Of members with the same name the last counts, in the place of the first: what Python's reader does.
pub(super) fn last_of_each(entries: Vec<Entry>) -> Vec<Entry> {
    if are_different(&entries) {
        return entries;
    }
    let mut places = HashMap::with_capacity(entries.len());
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        match places.entry(entry.key().into_owned()) {
            std::collections::hash_map::Entry::Occupied(place) => {
                let place: usize = *place.get();
                kept[place].value = entry.value;
            }
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(entry);
            }
        }
    }
    kept
}

/// Whether it is certain that no name is there twice. A name with an escape may be any other one.
fn are_different(entries: &[Entry]) -> bool {
    // The usual session: comparing a few short names is cheaper than hashing them.
    const FEW: usize = 12;
    if entries.iter().any(|entry| entry.written().contains('\\')) {
        return false;
    }
    if entries.len() <= FEW {
        return !(1..entries.len()).any(|i| entries[..i].iter().any(|entry| entry.name == entries[i].name));
    }
    let mut names = HashSet::with_capacity(entries.len());
    entries.iter().all(|entry| names.insert(entry.written()))
}
