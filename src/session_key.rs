//! [`SessionKey`]: the secret that a session cookie carries.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use rand::RngExt;

use crate::error::InvalidSessionKey;

/// How many characters a generated key has.
const KEY_LENGTH: usize = 32;
/// The alphabet of generated keys, Django's: lower case because some databases fold case.
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// The longest key that is kept without an allocation; the width of the `session_key` column.
const INLINE: usize = 40;
/// The longest text that can be a key at all: what a browser accepts as one cookie.
const LONGEST: usize = 4096;

/// The name under which a session is stored, and the value of its cookie.
///
/// A key is opaque: compare it, hash it, hand it to [`SessionLayer::open`](crate::SessionLayer::open).
/// New ones are 32 characters of `[a-z0-9]` from a cryptographic random source (165 bits).
///
/// It opens its session for whoever holds it, so it has no `Display` and no `Serialize`, and its `Debug` shows
/// nothing of it.
///
/// ```
/// use jam_session::SessionKey;
///
/// let key = SessionKey::parse("0123456789abcdefghijklmnopqrstuv")?;
/// assert_eq!(format!("{key:?}"), "SessionKey(..)");
/// # Ok::<(), jam_session::InvalidSessionKey>(())
/// ```
#[derive(Clone)]
#[doc(alias = "Id")]
pub struct SessionKey(Repr);

#[derive(Clone)]
enum Repr {
    // Almost every key; a request that leaves its session alone must not pay for its key.
    Short { length: u8, bytes: [u8; INLINE] },
    // A signed cookie is its own key.
    Long(Arc<str>),
}

impl SessionKey {
    /// Takes over a key that was written down with [`as_str`](Self::as_str).
    ///
    /// # Errors
    ///
    /// [`InvalidSessionKey`] unless the text has 1 to 4096 of the characters that a cookie's value may have
    /// (RFC 6265): visible ASCII without quotes, commas, semicolons and backslashes.
    pub fn parse(text: &str) -> Result<Self, InvalidSessionKey> {
        let octet = |b: u8| b.is_ascii_graphic() & (b != b'"') & (b != b',') & (b != b';') & (b != b'\\');
        let plausible = (1..=LONGEST).contains(&text.len()) && every(text, octet);
        if !plausible {
            return Err(InvalidSessionKey);
        }
        Ok(Self(match text.len() {
            length @ ..=INLINE => {
                let mut bytes = [0; INLINE];
                bytes[..length].copy_from_slice(text.as_bytes());
                Repr::Short { length: length as u8, bytes }
            }
            _ => Repr::Long(text.into()),
        }))
    }

    /// Draws a new key.
    pub(crate) fn generate() -> Self {
        let mut rng = rand::rng();
        let mut bytes = [0; INLINE];
        for byte in &mut bytes[..KEY_LENGTH] {
            *byte = ALPHABET[rng.random_range(0..ALPHABET.len())];
        }
        Self(Repr::Short { length: KEY_LENGTH as u8, bytes })
    }

    /// The key as text, for a store that looks it up and for an application that must write it down.
    ///
    /// Whoever reads this text can use the session: keep it out of logs, URLs and pages.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Short { .. } => std::str::from_utf8(self.bytes()).expect("a key is ASCII"),
            Repr::Long(text) => text,
        }
    }

    /// Whether `text` looks like a key that Django and this crate generate: 32 × `[a-z0-9]`.
    #[must_use]
    pub fn is_generated(text: &str) -> bool {
        text.len() == KEY_LENGTH && every(text, |b| b.is_ascii_lowercase() | b.is_ascii_digit())
    }

    /// What is compared and hashed, which needs no text.
    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { length, bytes } => &bytes[..usize::from(*length)],
            Repr::Long(text) => text.as_bytes(),
        }
    }
}

/// Without a branch for each byte, so that many are looked at at once.
fn every(text: &str, holds: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(true, |all, byte| all & holds(byte))
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

impl PartialEq for SessionKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for SessionKey {}

impl Hash for SessionKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn generated_keys_use_every_symbol_and_never_repeat() {
        let keys: HashSet<_> = (0..10_000).map(|_| SessionKey::generate()).collect();
        let symbols: HashSet<_> = keys.iter().flat_map(|key| key.as_str().bytes()).collect();

        assert_eq!(keys.len(), 10_000);
        assert_eq!(symbols.len(), 36);
        assert!(keys.iter().all(|key| SessionKey::is_generated(key.as_str())));
    }

    #[test]
    fn a_key_is_what_a_cookie_can_carry() {
        for bad in ["", " ", "a b", "naïve", "a\0b", "a;b", "a,b", "\"a\"", &"x".repeat(4097)] {
            assert!(SessionKey::parse(bad).is_err());
        }
        let long = "x".repeat(4096);
        assert_eq!(SessionKey::parse(&long).unwrap().as_str(), long);
        assert_eq!(SessionKey::parse("abc").unwrap().as_str(), "abc");
    }
}
