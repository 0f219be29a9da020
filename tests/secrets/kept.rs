//! [`Kept`]: what must not be found, and the search for it.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// So many characters of a secret in a row are a find.
const PART: usize = 16;
/// As much of a long secret is looked for.
const LOOKED_FOR: usize = 4096;

/// Every key, cookie, value and secret key that there was. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<HashSet<String>>>);

impl Kept {
    pub(crate) fn note(&self, secret: &str) {
        let end = secret.floor_char_boundary(LOOKED_FOR);
        self.lock().insert(secret[..end].to_owned());
    }

    /// Something that nobody says by chance.
    pub(crate) fn invented(&self) -> String {
        let secret: String = (0..40).map(|_| rand::random_range('A'..='Z')).collect();
        self.note(&secret);
        secret
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// The lines with a part of a secret.
    pub(crate) fn found_in<'a>(&self, lines: &'a [String]) -> Vec<&'a str> {
        let secrets = self.lock();
        let parts: HashSet<&[u8]> = secrets.iter().flat_map(|secret| secret.as_bytes().windows(PART)).collect();
        let found = |line: &&String| line.as_bytes().windows(PART).any(|part| parts.contains(part));
        lines.iter().filter(found).map(String::as_str).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[test]
fn a_part_of_a_secret_is_found_and_nothing_else() {
    let kept = Kept::default();
    kept.note("0123456789abcdefghijklmnopqrstuv");
    let lines = ["its key is 456789abcdefghij…", "its key is 56789abcdefghij…", "nothing"].map(str::to_owned);

    assert_eq!(kept.found_in(&lines), [&lines[0]]);
}
