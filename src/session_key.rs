//! [`SessionKey`]: the secret that a session cookie carries.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

use crate::{
    error::{BoxError, InvalidSessionKey},
    random::Source,
};

/// How many characters a generated key has.
const KEY_LENGTH: usize = 32;
/// The alphabet of generated keys, Django's: lower case because some databases fold case.
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// Seven times the alphabet. A remainder of a larger byte would make some symbols more frequent than others, so larger
/// bytes are left out.
const FAIR: u8 = 252;
/// How many are asked for at once: as good as never is more than one in five of them left out.
const RANDOM_BYTES: usize = 40;
/// The longest key that is kept without an allocation; the width of the `session_key` column.
const INLINE: usize = 40;
/// What is hashed before a key, so that its hash is like none that another program makes of it.
const HASH_CONTEXT: &[u8] = b"jam_session.session_key:";
/// How much of a hash is kept: 200 bits, which are [`INLINE`] characters of base32.
const HASH_BYTES: usize = 25;
/// RFC 4648, in lower case because some databases fold case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
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
///
/// None of this compiles:
///
/// ```compile_fail,E0277
/// # let key = jam_session::SessionKey::parse("0123456789abcdefghijklmnopqrstuv")?;
/// format!("{key}");
/// # Ok::<(), jam_session::InvalidSessionKey>(())
/// ```
///
/// ```compile_fail,E0277
/// # let key = jam_session::SessionKey::parse("0123456789abcdefghijklmnopqrstuv")?;
/// serde_json::to_string(&key);
/// # Ok::<(), jam_session::InvalidSessionKey>(())
/// ```
///
/// ```compile_fail,E0061
/// # async fn chosen(layer: jam_session::SessionLayer, key: jam_session::SessionKey) {
/// layer.create(&key).await; // a new session has a new key
/// # }
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
    /// Parses a key from its text, which [`as_str`](Self::as_str) gives.
    ///
    /// This says whether the text can be a key of any store: a signed cookie is its own key. A store looks up what it
    /// [accepts](crate::SessionStore::accepts), by default 32 characters of `[a-z0-9]`; under any other key there is no
    /// session. Django looks up whatever has 8 characters.
    ///
    /// # Errors
    ///
    /// [`InvalidSessionKey`] unless the text has 1 to 4096 of the characters that a cookie's value may have
    /// (RFC 6265): visible ASCII without quotes, commas, semicolons and backslashes.
    pub fn parse(text: &str) -> Result<Self, InvalidSessionKey> {
        let octet = |b: u8| b.is_ascii_graphic() & (b != b'"') & (b != b',') & (b != b';') & (b != b'\\');
        // Almost every key is one of ours, which takes less to see.
        let plausible =
            Self::is_generated(text) || (1..=LONGEST).contains(&text.len()) && every(text.as_bytes(), octet);
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

    /// Draws a new key; [`random::fill`](crate::random::fill) is the source to draw it from.
    pub(crate) fn draw(source: Source) -> Result<Self, BoxError> {
        let (mut bytes, mut drawn) = ([0; INLINE], 0);
        while drawn < KEY_LENGTH {
            let mut random = [0; RANDOM_BYTES];
            source(&mut random)?;
            for byte in random.into_iter().filter(|byte| *byte < FAIR).take(KEY_LENGTH - drawn) {
                bytes[drawn] = ALPHABET[usize::from(byte) % ALPHABET.len()];
                drawn += 1;
            }
        }
        Ok(Self(Repr::Short { length: KEY_LENGTH as u8, bytes }))
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
        let bytes: Option<&[u8; KEY_LENGTH]> = text.as_bytes().try_into().ok();
        bytes.is_some_and(|bytes| every(bytes, |b| b.is_ascii_lowercase() | b.is_ascii_digit()))
    }

    /// Whether `text` looks like what a store of ours is given for a key: one that is generated, or its hash.
    pub(crate) fn is_storable(text: &str) -> bool {
        let is_hash =
            text.len() == INLINE && every(text.as_bytes(), |b| b.is_ascii_lowercase() | (b'2'..=b'7').contains(&b));
        is_hash || Self::is_generated(text)
    }

    /// What a session of this key is stored under with [`Settings::hash_keys`](crate::Settings::hash_keys): 40
    /// characters of `[a-z2-7]`, the first 200 bits of SHA-256 of `jam_session.session_key:` and the key in base32
    /// (RFC 4648). Nothing leads back from it, and no cookie of this text opens a session.
    ///
    /// An application that looks into its table asks for it.
    ///
    /// ```
    /// use jam_session::SessionKey;
    ///
    /// let key = SessionKey::parse("0123456789abcdefghijklmnopqrstuv")?;
    /// assert_eq!(key.hashed().as_str(), "jxxf2kdlw37ojsbjvoqgh4hrztxi4rbn3idtnant");
    /// # Ok::<(), jam_session::InvalidSessionKey>(())
    /// ```
    #[must_use]
    pub fn hashed(&self) -> Self {
        let digest = Sha256::new_with_prefix(HASH_CONTEXT).chain_update(self.bytes()).finalize();
        let mut bytes = [0; INLINE];
        for (five, eight) in digest[..HASH_BYTES].chunks_exact(5).zip(bytes.chunks_exact_mut(8)) {
            let mut bits = five.iter().fold(0, |bits: u64, &byte| bits << 8 | u64::from(byte));
            for symbol in eight.iter_mut().rev() {
                *symbol = BASE32[(bits % 32) as usize];
                bits /= 32;
            }
        }
        Self(Repr::Short { length: INLINE as u8, bytes })
    }

    /// What a session of this key may be stored under, however the layer is set.
    #[cfg(feature = "_sql")]
    pub(crate) fn names(&self) -> [Self; 2] {
        [self.clone(), self.hashed()]
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
#[inline(always)]
fn every(bytes: &[u8], holds: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, &byte| all & holds(byte))
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
    use super::*;
    use crate::random;

    const KEYS: usize = 1_000_000;

    /// How probable it is that symbols which are all equally likely differ at least this much from each other in
    /// their counts: the upper tail of the chi-square distribution with 35 degrees of freedom. For an odd number it is
    /// a sum and, left out here, a tail of the normal distribution: 10^-8 where the sum is a half.
    fn p_value(counts: &[u32; 36]) -> f64 {
        let expected = counts.iter().map(|&count| f64::from(count)).sum::<f64>() / 36.0;
        let square = counts.iter().map(|&count| (f64::from(count) - expected).powi(2)).sum::<f64>() / expected;
        let mut term = (-square / 2.0).exp() * (2.0 * square / std::f64::consts::PI).sqrt();
        let mut sum = 0.0;
        for odd in (1..35).step_by(2) {
            sum += term;
            term *= square / f64::from(odd + 2);
        }
        sum
    }

    fn place(symbol: u8) -> usize {
        ALPHABET.iter().position(|known| *known == symbol).expect("a symbol of the alphabet")
    }

    /// By position, how often each symbol is there.
    fn counts<'a>(keys: impl Iterator<Item = &'a [u8]>) -> [[u32; 36]; KEY_LENGTH] {
        let mut places = [usize::MAX; 256];
        ALPHABET.iter().for_each(|&symbol| places[usize::from(symbol)] = place(symbol));
        let mut counts = [[0; 36]; KEY_LENGTH];
        for key in keys {
            key.iter().zip(&mut counts).for_each(|(&symbol, counts)| counts[places[usize::from(symbol)]] += 1);
        }
        counts
    }

    fn lowest(counts: &[[u32; 36]; KEY_LENGTH]) -> f64 {
        counts.iter().map(p_value).fold(1.0, f64::min)
    }

    /// The bound is for all 32 positions together (Bonferroni): keys that are fair miss it once in a million runs.
    #[test]
    fn a_million_keys_are_all_different_and_every_symbol_is_as_frequent_as_another() {
        let mut keys: Vec<SessionKey> = (0..KEYS).map(|_| SessionKey::draw(random::fill).unwrap()).collect();
        assert!(keys.iter().all(|key| SessionKey::is_generated(key.as_str())));
        let counts = counts(keys.iter().map(SessionKey::bytes));

        keys.sort_unstable_by(|one, other| one.bytes().cmp(other.bytes()));
        keys.dedup();

        let symbols = (0..36).filter(|&symbol| counts.iter().all(|counts| counts[symbol] > 0)).count();
        let (duplicates, lowest) = (KEYS - keys.len(), lowest(&counts));
        println!(
            "keys: {KEYS}, {duplicates} duplicates, {symbols} symbols, lowest p of {KEY_LENGTH} positions {lowest:.4}"
        );
        assert_eq!((duplicates, symbols), (0, 36));
        assert!(lowest > 1e-6 / KEY_LENGTH as f64, "a position has p = {lowest:e}");
    }

    #[test]
    fn the_remainder_of_a_whole_byte_would_be_noticed() {
        let biased =
            (0..100_000).map(|_| random::bytes::<KEY_LENGTH>().unwrap().map(|byte| ALPHABET[usize::from(byte) % 36]));
        let biased: Vec<_> = biased.collect();

        assert!(lowest(&counts(biased.iter().map(<[u8; KEY_LENGTH]>::as_slice))) < 1e-6 / KEY_LENGTH as f64);
    }

    #[test]
    fn the_tail_of_the_distribution_is_that_of_the_tables() {
        // 35 degrees of freedom: 49.802 is exceeded in 5 % of all cases, 66.619 in 0.1 %.
        for (square, expected) in [(49.802, 0.05), (66.619, 0.001)] {
            // Two symbols that differ by this much from what is expected make such a sum of squares.
            let (mut counts, share) = ([1_000_000; 36], (square * 1_000_000.0 / 2.0_f64).sqrt() as u32);
            (counts[0], counts[1]) = (1_000_000 + share, 1_000_000 - share);
            assert!((p_value(&counts) / expected - 1.0).abs() < 0.01, "{}", p_value(&counts));
        }
    }

    #[test]
    fn each_symbol_stands_for_seven_bytes_and_other_bytes_are_drawn_again() {
        let counted = |byte: u8| ALPHABET[usize::from(byte) % 36];
        for symbol in ALPHABET {
            assert_eq!((0..FAIR).filter(|&byte| counted(byte) == *symbol).count(), 7);
        }
        let key = SessionKey::draw(|bytes| {
            // Only the last six of each draw count.
            bytes.fill(FAIR);
            bytes[RANDOM_BYTES - 6..].copy_from_slice(&[0, 35, 36, 251, 255, 1]);
            Ok(())
        });
        assert_eq!(key.unwrap().as_str(), &"a9a9b".repeat(7)[..32]);
    }

    #[test]
    fn no_key_is_made_of_what_is_not_random() {
        assert!(SessionKey::draw(|_| Err("no".into())).is_err());
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
