//! [`Trust`]: since when what the cache holds is believed.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use crate::{clock::Clock, session_key::SessionKey};

/// Into how many groups sessions fall when other nodes tell of changes: they tell the group. It is 16 bits of a key
/// that has 165, and it takes no other sessions along but one in 65,536.
#[cfg(any(feature = "postgres", test))]
const GROUPS: usize = 1 << 16;

/// How far the clock of another process may be ahead of ours, in microseconds: 1 s. What that process put into the
/// cache is told from what was there before by its stamp.
const SKEW: i64 = 1_000_000;

/// Every session in the cache has a stamp: a moment before the database was asked for it. It is believed if nothing
/// has happened since that should have changed it.
#[derive(Debug)]
pub(super) struct Trust {
    all: AtomicI64,
    groups: OnceLock<Box<[AtomicI64]>>,
    /// What other clocks may be ahead: nothing, where no other process has a part in the cache.
    margin: i64,
}

/// The group of a key: FNV-1a, folded. Not a secret, and the same on every node.
pub(super) fn group_of(session_key: &SessionKey) -> u16 {
    let mix = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = session_key.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, mix);
    (hash ^ (hash >> 16) ^ (hash >> 32) ^ (hash >> 48)) as u16
}

/// The latest stamp of this process.
static LAST: AtomicI64 = AtomicI64::new(0);

/// A moment, in microseconds: later than any that was given before in this process, whatever becomes of its clock.
pub(super) fn stamp() -> i64 {
    let micros = system_micros();
    let later = |last: i64| Some(micros.max(last + 1));
    let last = LAST.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later).unwrap_or_else(|last| last);
    micros.max(last + 1)
}

/// The present moment, on the scale of [`stamp`]: not before any stamp of this process.
fn present() -> i64 {
    system_micros().max(LAST.load(Ordering::SeqCst))
}

fn system_micros() -> i64 {
    i64::try_from(Clock::system().now().unix_timestamp_nanos() / 1_000).unwrap_or_default()
}

impl Trust {
    /// Nothing that a shared cache has held until now is believed: the process that ended a session and could not tell
    /// the cache may have been the one before this.
    pub(super) fn new(cache_is_shared: bool) -> Self {
        let margin = if cache_is_shared { SKEW } else { 0 };
        let trust = Self { all: AtomicI64::new(0), groups: OnceLock::new(), margin };
        trust.doubt_all();
        trust
    }

    /// Returns whether a session with this stamp may be served, `time_to_live` being the most that a session is served
    /// without a question to the database. A stamp that lies in the future says nothing.
    pub(super) fn accepts(&self, session_key: &SessionKey, stamp: i64, time_to_live: Duration) -> bool {
        let age = present().saturating_sub(stamp);
        let group =
            || self.groups.get().map(|groups| groups[usize::from(group_of(session_key))].load(Ordering::SeqCst));
        age >= -self.margin
            && i128::from(age) < i128::try_from(time_to_live.as_micros()).unwrap_or(i128::MAX)
            && stamp > self.all.load(Ordering::SeqCst)
            && group().is_none_or(|since| stamp > since)
    }

    /// What the cache has held until now is not believed any more, nor what clocks that are ahead may have stamped by
    /// now.
    pub(super) fn doubt_all(&self) {
        self.all.fetch_max(stamp() + self.margin, Ordering::SeqCst);
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

    const LONG: Duration = Duration::from_secs(3_600);

    fn key() -> SessionKey {
        SessionKey::parse("abcdefghijklmnopqrstuvwxyz012345").unwrap()
    }

    #[test]
    fn what_is_older_than_a_doubt_is_not_believed() {
        let (trust, key) = (Trust::new(false), key());
        assert_eq!(group_of(&key), group_of(&key.clone()));
        trust.doubt(group_of(&key)); // nobody listens yet
        let before = stamp();
        assert!(trust.accepts(&key, before, LONG));

        trust.keep_groups();
        trust.doubt(group_of(&key).wrapping_add(1));
        assert!(trust.accepts(&key, before, LONG));
        trust.doubt(group_of(&key));
        assert!(!trust.accepts(&key, before, LONG) && trust.accepts(&key, stamp(), LONG));

        let before = stamp();
        trust.doubt_all();
        assert!(!trust.accepts(&key, before, LONG) && trust.accepts(&key, stamp(), LONG));
    }

    #[test]
    fn what_a_shared_cache_held_before_this_process_and_shortly_after_it_began_is_not_believed() {
        let key = key();
        let before = stamp();
        let (shared, own) = (Trust::new(true), Trust::new(false));
        let since = shared.all.load(Ordering::SeqCst);
        assert!(!shared.accepts(&key, before, LONG) && !own.accepts(&key, before, LONG));
        assert!(!shared.accepts(&key, stamp(), LONG) && own.accepts(&key, stamp(), LONG));
        assert!(!shared.accepts(&key, since, LONG), "as far ahead as a clock may be");
        LAST.fetch_max(since + 1, Ordering::SeqCst);
        assert!(shared.accepts(&key, since + 1, LONG));
    }

    #[test]
    fn a_stamp_of_the_future_or_older_than_the_time_to_live_is_not_believed() {
        let (trust, key) = (Trust::new(true), key());
        trust.all.store(0, Ordering::SeqCst);
        let now = stamp();
        assert!(trust.accepts(&key, now, LONG) && trust.accepts(&key, now - 1_000_000, Duration::from_secs(60)));
        assert!(!trust.accepts(&key, now - 60_000_000, Duration::from_secs(60)));
        assert!(!trust.accepts(&key, now + 3_600_000_000, LONG) && !trust.accepts(&key, i64::MAX, LONG));
        assert!(!trust.accepts(&key, i64::MIN, Duration::MAX));
    }
}
