//! [`PickleSerializer`]: sessions as Django before 5.0 could pickle them.

use std::sync::Arc;

use time::UtcOffset;

use super::Serializer;
use crate::{
    date_text,
    error::StoreError,
    expiry::EXPIRY_KEY,
    limits::Limits,
    pickle::{self, Bounds, Cursor, Kind, PickleError, PickledValue, Tape, Token},
    raw::Raw,
    session_data::SessionData,
};

/// So much larger than its bytes may a session be when all that it repeats is written out.
const REPETITION: usize = 4;

/// Reads and writes the sessions of a Django that has `PickleSerializer` (feature `pickle`).
///
/// It reads pickles of protocols 0 to 5 and writes protocol 4, data only: `None`, `bool`, `int`, `float`, `str`, `bytes`,
/// `bytearray`, `list`, `tuple`, `set`, `frozenset`, `dict`, the dates of `datetime`, `Decimal` and `UUID`. A session
/// with anything else does not decode and is left alone. Reading one never imports or calls anything.
///
/// A value that JSON holds is as it is with a [`JsonSerializer`](super::JsonSerializer). Another one
/// ([`Raw::pickled`]) is read with `get`, as [`Raw::pickled`] says, is stored again as it was when nobody changes it, and
/// is made with `Raw::try_from`. A value that occurs in several places is a copy in each of them. The names of a session
/// have to be texts. The session's own expiry is stored as a `datetime` where it is a date: Django before 4.1 takes
/// nothing else.
///
/// A pickle is bytes, so a store for text signs them: `DbStore::signing`. Unsigned ones are never accepted there, and
/// you should not accept them from anywhere else, because whoever can write them can log in as anybody.
///
/// ```
/// use jam_session::{PickleSerializer, PickledValue, Raw, Serializer, SessionData};
///
/// let mut data: SessionData = r#"{"cat":"dog"}"#.parse()?;
/// data.set("token", Raw::try_from(PickledValue::Bytes(vec![0, 255]))?);
/// let bytes = PickleSerializer::default().dumps(&data)?;
///
/// let data = PickleSerializer::default().loads(&bytes)?;
/// assert_eq!(data.get::<String>("cat")?.as_deref(), Some("dog"));
/// assert_eq!(data.get::<Vec<u8>>("token")?, Some(vec![0, 255]));
/// # Ok::<(), jam_session::BoxError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct PickleSerializer {
    /// How large a session may be. The default is 1 MiB, 1024 names, 128 deep. With all that it repeats written out
    /// it may have four times as many bytes.
    pub limits: Limits,
}

impl Serializer for PickleSerializer {
    fn dumps(&self, data: &SessionData) -> Result<Vec<u8>, StoreError> {
        self.write(data, expiry)
    }

    fn loads(&self, bytes: &[u8]) -> Result<SessionData, StoreError> {
        self.check_size(bytes.len())?;
        let size = self.limits.stored_bytes.saturating_mul(REPETITION);
        let depth = self.limits.depth.saturating_add(1);
        let tape = pickle::read(bytes, Bounds { size, depth }).map_err(undecodable)?;
        let mut cursor = tape.cursor();
        let Some(Token::Open(Kind::Dict, names)) = cursor.token() else {
            return Err(undecodable(PickleError::Invalid { what: "the session is no dict" }));
        };
        self.limits.check_names(names as usize)?;
        items(cursor, size).map(SessionData::from_raws).map_err(undecodable)
    }

    /// Never: what is text was not signed.
    fn loads_text(&self, _text: &Arc<str>) -> Result<SessionData, StoreError> {
        let why = "pickles are read only where they are signed: add `.signing(Signer::new(SECRET_KEY))` to the store";
        Err(StoreError::Undecodable(why.into()))
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

impl PickleSerializer {
    /// What the caches of Django hold: as `dumps`, but the session's own expiry stays the text that it is. A Django
    /// whose sessions are JSON writes on what it finds in its cache, and could not write a date.
    ///
    /// # Errors
    ///
    /// As `dumps`.
    pub fn dumps_for_cache(&self, data: &SessionData) -> Result<Vec<u8>, StoreError> {
        self.write(data, |_, _| None)
    }

    /// `instead` gives what is written in the place of a value that is JSON.
    fn write(&self, data: &SessionData, instead: fn(&Raw, &Raw) -> Option<Tape>) -> Result<Vec<u8>, StoreError> {
        self.limits.check_names(data.len())?;
        let mut tape = Tape::default();
        tape.push(Token::Open(Kind::Dict, u32::try_from(data.len()).unwrap_or(u32::MAX)));
        for (name, value) in data.raws() {
            pickle::from_json(name.as_str(), &mut tape).map_err(unwritable)?;
            match (value.tape(), instead(name, value)) {
                (Some(pickled), _) => tape.append(pickled),
                (None, Some(instead)) => tape.append(&instead),
                (None, None) => pickle::from_json(value.as_str(), &mut tape).map_err(unwritable)?,
            }
        }
        let bytes = pickle::write(&tape);
        self.check_size(bytes.len())?;
        Ok(bytes)
    }

    fn check_size(&self, size: usize) -> Result<(), StoreError> {
        let limit = self.limits.stored_bytes;
        if size > limit {
            return Err(StoreError::TooLarge { what: "the number of bytes of the session", size, limit });
        }
        Ok(())
    }
}

/// Cuts a dictionary into names and values. Those that are JSON share one text; what would make it too long stays as it
/// was pickled.
fn items(mut cursor: Cursor<'_>, longest: usize) -> Result<Vec<(Raw, Raw)>, PickleError> {
    let (mut json, mut items) = (String::new(), Vec::new());
    let mut append = |value: &Tape| {
        let start = json.len();
        pickle::to_json(value, &mut json, longest).then_some(start..json.len())
    };
    while let Some(name) = cursor.value() {
        if !matches!(name.cursor().token(), Some(Token::Str(_) | Token::Surrogates(_))) {
            return Err(PickleError::Invalid { what: "a name of the session is no text" });
        }
        let invalid = PickleError::Invalid { what: "a name of the session is too long or no Unicode" };
        let name = append(&name).ok_or(invalid)?;
        let value = cursor.value().unwrap_or_default();
        items.push((name, append(&value).ok_or(value)));
    }
    let json: Arc<str> = json.into();
    let cut = |range| Raw::cut(&json, range);
    Ok(items.into_iter().map(|(name, value)| (cut(name), value.map_or_else(Raw::pickle, cut))).collect())
}

/// The session's own expiry, where it is the text of a date.
fn expiry(name: &Raw, value: &Raw) -> Option<Tape> {
    if name.as_str().trim_matches('"') != EXPIRY_KEY || !value.as_str().starts_with('"') {
        return None;
    }
    let (at, offset) = date_text::parse(&value.get::<String>().ok()?)?;
    let date = |offset: UtcOffset| PickledValue::AwareDateTime(at.assume_offset(offset));
    Tape::try_from(&offset.map_or(PickledValue::DateTime(at), date)).ok()
}

fn undecodable(error: PickleError) -> StoreError {
    StoreError::Undecodable(error.into())
}

/// A number that is longer than Python prints it.
fn unwritable(_error: PickleError) -> StoreError {
    StoreError::Unsupported("pickle a number of more than 4300 digits")
}
