//! What stands under a name in the cache: a session, a claim, or that the session has ended.
//!
//! In a rolling deployment two releases share the cache, so the first byte means the same in all of them. Claims and the
//! mark of an ended session have no version: a release that took another's claim for nothing would put an old session in
//! its place. A session has one, and is read by the releases of its version alone. An older version, such as the one that
//! began with `S` and had no number, is replaced as an expired session is: with a claim, and with what the database says
//! then. A newer one is left where it is, so that two releases do not take turns in replacing each other's.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::{
    backends::Record, base_session::StoredText, limits::Limits, random, session_data::SessionData,
    session_key::SessionKey,
};

const SESSION: u8 = b'V';
/// To be increased with every change of what [`encode`] writes.
const VERSION: u8 = 2;
const CLAIM: u8 = b'C';
/// Under the key of a session that has ended.
pub(super) const ENDED: &[u8] = b"E";

/// Whoever means to put a session under a name puts a claim there first, which is like no other: what replaces the
/// claim then knows that nobody was there in between.
pub(super) struct Claim {
    /// When it was made; see [`Trust`](super::trust::Trust).
    pub(super) stamp: i64,
    pub(super) bytes: [u8; 17],
}

impl Claim {
    /// None where the system gives no random bytes: then nothing is put into the cache.
    pub(super) fn new(stamp: i64) -> Option<Self> {
        let mut bytes = [CLAIM; 17];
        random::fill(&mut bytes[1..]).ok()?;
        Some(Self { stamp, bytes })
    }
}

/// Returns whether there is a claim, the mark of an ended session, or a session of a newer release.
pub(super) fn is_closed(bytes: &[u8]) -> bool {
    match bytes {
        [CLAIM, ..] => true,
        [SESSION, version, ..] => *version > VERSION,
        bytes => bytes == ENDED,
    }
}

/// The session as the database had it at `stamp` or later. The text of the store comes first, then, where that is
/// not the JSON itself, the JSON. None where JSON does not give back what the store has read: that is not cached.
pub(super) fn encode(record: &Record, stamp: i64) -> Option<Vec<u8>> {
    let stored = &record.stored.0;
    let json = match reads_as(stored, &record.session_data) {
        true => String::new(),
        false => Some(record.session_data.to_json()).filter(|json| reads_as(&json[..].into(), &record.session_data))?,
    };
    let expire = i64::try_from(record.expire_date.unix_timestamp_nanos().div_euclid(1_000)).ok()?;
    let length = u32::try_from(stored.len()).ok()?;
    let mut bytes = Vec::with_capacity(22 + stored.len() + json.len());
    bytes.extend_from_slice(&[SESSION, VERSION]);
    bytes.extend_from_slice(&stamp.to_be_bytes());
    bytes.extend_from_slice(&expire.to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(stored.as_bytes());
    bytes.extend_from_slice(json.as_bytes());
    Some(bytes)
}

/// The stamp and the session.
pub(super) fn decode(session_key: &SessionKey, bytes: &[u8]) -> Option<(i64, Record)> {
    let rest = bytes.strip_prefix(&[SESSION, VERSION])?;
    let (stamp, rest) = rest.split_first_chunk()?;
    let (expire, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (stored, json) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let stored: Arc<str> = str::from_utf8(stored).ok()?.into();
    let data = match json {
        [] => read(&stored)?,
        json => read(&str::from_utf8(json).ok()?.into())?,
    };
    let nanos = i128::from(i64::from_be_bytes(*expire)) * 1_000;
    let expire_date = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    let record = Record::new(session_key.clone(), data, expire_date, StoredText(stored));
    Some((i64::from_be_bytes(*stamp), record))
}

/// How much a session may be is for the store to say: what is here has passed it.
fn read(json: &Arc<str>) -> Option<SessionData> {
    let limits = Limits { stored_bytes: usize::MAX, names: usize::MAX, ..Limits::default() };
    SessionData::from_json(json, &limits).ok()
}

fn reads_as(json: &Arc<str>, data: &SessionData) -> bool {
    read(json).is_some_and(|read| read == *data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str, stored: &str) -> Record {
        let key = SessionKey::draw(random::fill).unwrap();
        let date = OffsetDateTime::UNIX_EPOCH + time::Duration::microseconds(1_700_000_000_123_456);
        Record::new(key, json.parse().unwrap(), date, StoredText(stored.into()))
    }

    #[test]
    fn a_session_comes_back_with_the_text_of_its_store() {
        for stored in [r#"{"a":[1,NaN]}"#, "signed:text:of-a-store", "{}", ""] {
            let record = record(r#"{"a":[1,NaN]}"#, stored);
            let (stamp, read) = decode(&record.session_key, &encode(&record, 7).unwrap()).unwrap();
            assert_eq!((stamp, read.session_data, read.expire_date), (7, record.session_data, record.expire_date));
            assert!(read.stored == record.stored);
        }
    }

    #[test]
    fn what_is_cut_short_or_foreign_is_no_session() {
        let record = record(r#"{"a":1}"#, r#"{"a":1}"#);
        let whole = encode(&record, 7).unwrap();
        for bytes in
            (0..whole.len()).map(|length| &whole[..length]).chain([ENDED, &Claim::new(1).unwrap().bytes, b"\x80\x05}."])
        {
            assert!(decode(&record.session_key, bytes).is_none());
        }
        assert!(is_closed(ENDED) && is_closed(&Claim::new(1).unwrap().bytes) && !is_closed(&whole));
    }

    #[test]
    fn a_session_of_another_version_is_none_and_a_newer_one_is_left_where_it_is() {
        let record = record(r#"{"a":1}"#, r#"{"a":1}"#);
        let whole = encode(&record, 7).unwrap();
        assert!(decode(&record.session_key, &whole).is_some());
        for (version, newer) in [(0, false), (VERSION - 1, false), (VERSION + 1, true), (u8::MAX, true)] {
            let other = [&[SESSION, version], &whole[2..]].concat();
            assert!(decode(&record.session_key, &other).is_none());
            assert_eq!(is_closed(&other), newer, "{version}");
        }
        let first = [b"S", &whole[2..]].concat();
        assert!(decode(&record.session_key, &first).is_none() && !is_closed(&first));
    }
}
