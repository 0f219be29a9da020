//! [`Fingerprint`]: a session's name in a log.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::LazyLock,
};

use crate::session_key::SessionKey;

/// Drawn once in a process, and never told.
static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// A session's name in a log: 8 hexadecimal digits. It opens nothing, and is another one after a
/// [`cycle_key`](crate::Session::cycle_key) and in another process.
///
/// [`Session::fingerprint`](crate::Session::fingerprint) and [`SessionKey::fingerprint`] give it, and the
/// [events](crate::events) have it.
// 32 bits are all that anybody learns of a key that has 165, however they were computed. The secret of SipHash, 128 random
// bits, keeps even those from whoever has a list of keys and wants to know which of them are in the log.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u32);

impl SessionKey {
    /// What stands for this key in a log: the session hash that OWASP's ASVS 16.2.5 asks for.
    ///
    /// ```
    /// use jam_session::SessionKey;
    ///
    /// let key = SessionKey::parse("0123456789abcdefghijklmnopqrstuv")?;
    /// assert_eq!(key.fingerprint(), key.clone().fingerprint());
    /// assert_eq!(key.fingerprint().to_string().len(), 8);
    /// # Ok::<(), jam_session::InvalidSessionKey>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint((SECRET.hash_one(self.as_str()) >> 32) as u32)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_have_fingerprints_of_their_own() {
        let keys: Vec<_> = (0..1_000).map(|n| SessionKey::parse(&format!("{n:032}")).unwrap()).collect();
        let fingerprints: HashSet<_> = keys.iter().map(|key| key.fingerprint().to_string()).collect();

        // Two of a thousand are the same once in 8,600 runs; three never.
        assert!(fingerprints.len() >= 999);
    }
}
