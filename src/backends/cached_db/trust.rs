//! [`Trust`]: since when what the cache holds is believed.

use std::sync::{
    OnceLock,
    atomic::{AtomicI64, Ordering},
};

use crate::{clock::Clock, session_key::SessionKey};

/// Into how many groups sessions fall when other nodes tell of changes: they tell the group. It is 16 bits of a key
/// that has 165, and it takes no other sessions along but one in 65,536.
#[cfg(any(feature = "postgres", test))]
const GROUPS: usize = 1 << 16;

/// Every session in the cache has a stamp: a moment before the database was asked for it. It is believed if nothing
/// has happened since that should have changed it.
#[derive(Debug, Default)]
pub(super) struct Trust {
    all: AtomicI64,
    groups: OnceLock<Box<[AtomicI64]>>,
}

/// The group of a key: FNV-1a, folded. Not a secret, and the same on every node.
pub(super) fn group_of(session_key: &SessionKey) -> u16 {
    let mix = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = session_key.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, mix);
    (hash ^ (hash >> 16) ^ (hash >> 32) ^ (hash >> 48)) as u16
}

/// A moment, in microseconds: later than any that was given before in this process, whatever becomes of its clock.
pub(super) fn stamp() -> i64 {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let micros = Clock::system().now().unix_timestamp_nanos() / 1_000;
    let micros = i64::try_from(micros).unwrap_or_default();
    let later = |last: i64| Some(micros.max(last + 1));
    let last = LAST.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later).unwrap_or_else(|last| last);
    micros.max(last + 1)
}

impl Trust {
    pub(super) fn accepts(&self, session_key: &SessionKey, stamp: i64) -> bool {
        let group =
            || self.groups.get().map(|groups| groups[usize::from(group_of(session_key))].load(Ordering::SeqCst));
        stamp > self.all.load(Ordering::SeqCst) && group().is_none_or(|since| stamp > since)
    }

    /// What the cache has held until now is not believed any more, nor what is put there in the next `micros`.
    pub(super) fn doubt_all(&self, micros: i64) {
        self.all.fetch_max(stamp() + micros, Ordering::SeqCst);
    }

    /// Keeps groups from now on.
    #[cfg(any(feature = "postgres", test))]
    pub(super) fn keep_groups(&self) {
        self.groups.get_or_init(|| (0..GROUPS).map(|_| AtomicI64::new(0)).collect());
    }

    /// Another node changed a session of this group.
    #[cfg(any(feature = "postgres", test))]
    pub(super) fn doubt(&self, group: u16) {
        if let Some(groups) = self.groups.get() {
            groups[usize::from(group)].fetch_max(stamp(), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_a_doubt_is_not_believed() {
        let trust = Trust::default();
        let key = SessionKey::parse("abcdefghijklmnopqrstuvwxyz012345").unwrap();
        assert_eq!(group_of(&key), group_of(&key.clone()));
        trust.doubt(group_of(&key)); // nobody listens yet
        let before = stamp();
        assert!(trust.accepts(&key, before));

        trust.keep_groups();
        trust.doubt(group_of(&key).wrapping_add(1));
        assert!(trust.accepts(&key, before));
        trust.doubt(group_of(&key));
        assert!(!trust.accepts(&key, before) && trust.accepts(&key, stamp()));

        let before = stamp();
        trust.doubt_all(0);
        assert!(!trust.accepts(&key, before) && trust.accepts(&key, stamp()));
    }
}
