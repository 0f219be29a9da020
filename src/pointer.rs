//! [`Pointer`]: what a renewal leaves under the old key, as data. Reading, writing and following it is `session/renewal`'s.

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::{raw::Raw, session_data::SessionData, session_key::SessionKey};

/// The only name in what is left under an old key.
const ROTATED_KEY: &str = "_rotated_to";
/// What is hashed before an old key, so that the pad is like no hash that is stored.
const CONTEXT: &[u8] = b"jam_session.rotated_to:";
/// How many bytes a generated key has, and a hash of SHA-256.
const KEY_BYTES: usize = 32;

/// Where a session went when its key was renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer {
    pub(crate) to: SessionKey,
    /// Until when a request that has the old key is given the session. After that the pointer serves to end it alone.
    /// `None` where an older release wrote it, whose pointers expire at that moment.
    pub(crate) readable_until: Option<OffsetDateTime>,
}

impl Pointer {
    /// Whether `data` is a pointer instead of a session.
    pub(crate) fn is(data: &SessionData) -> bool {
        data.len() == 1 && data.raw(ROTATED_KEY).is_some()
    }

    /// Whether a request that has the old key may be given the session at `now`.
    pub(crate) fn is_readable(&self, now: OffsetDateTime) -> bool {
        self.readable_until.is_none_or(|until| now < until)
    }

    /// What is stored under `old`: in hexadecimal the new key, masked, and the end of the readable time in
    /// microseconds. Only the old key reveals the new one: the table alone opens nothing, where keys are hashed. An
    /// older release reads the key and does not look at what follows it.
    pub(crate) fn to_data(&self, old: &SessionKey) -> SessionData {
        let key = masked(old, self.to.as_str().as_bytes());
        let until = self.readable_until.map(micros).map(i64::to_be_bytes);
        let bytes = key.iter().chain(until.iter().flatten());
        let hidden: String = bytes.map(|byte| format!("{byte:02x}")).collect();
        let mut data = SessionData::default();
        data.set(ROTATED_KEY, Raw::new(&hidden).expect("a text is JSON"));
        data
    }

    /// The pointer under `old`, if `data` is one that this crate wrote.
    pub(crate) fn read(old: &SessionKey, data: &SessionData) -> Option<Self> {
        let hidden: String = data.get(ROTATED_KEY).ok()??;
        let digits =
            hidden.as_bytes().chunks_exact(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
        let bytes = digits.collect::<Option<Vec<_>>>()?;
        let (key, until) = bytes.split_at_checked(KEY_BYTES)?;
        let readable_until = match until.first_chunk() {
            Some(until) => Some(from_micros(i64::from_be_bytes(*until))?),
            None => None,
        };
        let key = String::from_utf8(masked(old, key)).ok()?;
        let to = SessionKey::is_generated(&key).then(|| SessionKey::parse(&key).ok()).flatten()?;
        Some(Self { to, readable_until })
    }
}

/// A key is as long as a hash of SHA-256, and a pad is used once: a key is renewed once.
fn masked(old: &SessionKey, bytes: &[u8]) -> Vec<u8> {
    let pad = Sha256::new_with_prefix(CONTEXT).chain_update(old.as_str()).finalize();
    bytes.iter().zip(pad).map(|(byte, pad)| byte ^ pad).collect()
}

fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX)
}

fn from_micros(micros: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    /// A key of 32 times this character.
    fn key(of: char) -> SessionKey {
        SessionKey::parse(&String::from(of).repeat(32)).unwrap()
    }

    #[test]
    fn a_pointer_leads_to_the_new_key_with_the_old_key_alone() {
        let pointer = Pointer { to: key('b'), readable_until: Some(NOW + Duration::MICROSECOND) };
        let data = pointer.to_data(&key('a'));

        assert!(Pointer::is(&data) && !data.to_json().contains(pointer.to.as_str()));
        assert_eq!(Pointer::read(&key('a'), &data), Some(pointer));
        assert_eq!(Pointer::read(&key('c'), &data), None);
    }

    #[test]
    fn a_pointer_is_readable_until_the_instant_it_names() {
        let pointer = Pointer { to: key('b'), readable_until: Some(NOW) };

        assert!(pointer.is_readable(NOW - Duration::MICROSECOND));
        assert!(!pointer.is_readable(NOW));
    }

    #[test]
    fn a_pointer_of_an_older_release_is_readable_as_long_as_it_is_there() {
        let data = Pointer { to: key('b'), readable_until: None }.to_data(&key('a'));
        let read = Pointer::read(&key('a'), &data).unwrap();

        assert_eq!(data.get::<String>(ROTATED_KEY).unwrap().unwrap().len(), 64, "the form of that release");
        assert!(read.to == key('b') && read.is_readable(NOW));
    }

    #[test]
    fn what_others_put_there_leads_nowhere() {
        let key = key('a');
        for json in
            ["{\"_rotated_to\":1}", "{\"_rotated_to\":\"\"}", "{\"_rotated_to\":\"zz\"}", "{\"_rotated_to\":\"é0\"}"]
        {
            let data: SessionData = json.parse().unwrap();
            assert_eq!(Pointer::read(&key, &data), None, "{json}");
        }
    }
}
