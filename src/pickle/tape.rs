//! [`Tape`]: a value as one run of bytes, each container before its items.

use std::fmt;

use super::cursor::Cursor;

/// A container, and what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    List,
    Tuple,
    Set,
    FrozenSet,
    /// Its items are names and values in turn; they are counted in pairs.
    Dict,
}

/// The `tzinfo` of a date-time or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone<'a> {
    Naive,
    /// `datetime.timezone`, by its distance from UTC.
    Fixed {
        micros: i64,
        name: Option<&'a str>,
    },
    /// `pytz.utc`, which Django used before 4.0.
    PytzUtc,
    /// `zoneinfo.ZoneInfo`, by its key.
    Named(&'a str),
}

/// One item of a tape: a value, or the head of a container that so many items follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token<'a> {
    None,
    Bool(bool),
    /// In decimal digits.
    Int(&'a str),
    Float(f64),
    Str(&'a str),
    /// A `str` with lone surrogates, in UTF-8 as if they were characters.
    Surrogates(&'a [u8]),
    Bytes(&'a [u8]),
    ByteArray(&'a [u8]),
    Decimal(&'a str),
    Uuid {
        int: u128,
        is_safe: Option<i8>,
    },
    /// The states that Python pickles: year, month, day, hour, minute, second, microseconds.
    Date([u8; 4]),
    DateTime([u8; 10], Zone<'a>),
    Time([u8; 6], Zone<'a>),
    TimeDelta {
        days: i32,
        seconds: i32,
        micros: i32,
    },
    Open(Kind, u32),
}

/// A value. The bytes of equal values are equal.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Tape(Vec<u8>);

pub(super) const NONE: u8 = 0;
pub(super) const FALSE: u8 = 1;
pub(super) const TRUE: u8 = 2;
pub(super) const INT: u8 = 3;
pub(super) const FLOAT: u8 = 4;
pub(super) const STR: u8 = 5;
pub(super) const SURROGATES: u8 = 6;
pub(super) const BYTES: u8 = 7;
pub(super) const BYTE_ARRAY: u8 = 8;
pub(super) const DECIMAL: u8 = 9;
pub(super) const UUID: u8 = 10;
pub(super) const DATE: u8 = 11;
pub(super) const DATE_TIME: u8 = 12;
pub(super) const TIME: u8 = 13;
pub(super) const TIME_DELTA: u8 = 14;
pub(super) const FIRST_KIND: u8 = 16;
pub(super) const KINDS: [Kind; 5] = [Kind::List, Kind::Tuple, Kind::Set, Kind::FrozenSet, Kind::Dict];

/// `is_safe` where Python does not know.
pub(super) const UNKNOWN: i8 = i8::MAX;

impl Tape {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor::over(&self.0)
    }

    /// Takes over an item, or a whole value, as another tape holds it.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Appends the value of another tape.
    pub(crate) fn append(&mut self, other: &Self) {
        self.extend(&other.0);
    }

    /// Begins a container whose size is told later, to `close`.
    pub(super) fn open(&mut self, kind: Kind) -> usize {
        self.push(Token::Open(kind, 0));
        self.0.len()
    }

    pub(super) fn close(&mut self, opened: usize, count: u32) {
        self.0[opened - 4..opened].copy_from_slice(&count.to_le_bytes());
    }

    pub(crate) fn push(&mut self, token: Token<'_>) {
        match token {
            Token::None => self.0.push(NONE),
            Token::Bool(value) => self.0.push(if value { TRUE } else { FALSE }),
            Token::Int(digits) => self.sized(INT, digits.as_bytes()),
            Token::Float(value) => self.fixed(FLOAT, &value.to_bits().to_le_bytes()),
            Token::Str(text) => self.sized(STR, text.as_bytes()),
            Token::Surrogates(bytes) => self.sized(SURROGATES, bytes),
            Token::Bytes(bytes) => self.sized(BYTES, bytes),
            Token::ByteArray(bytes) => self.sized(BYTE_ARRAY, bytes),
            Token::Decimal(text) => self.sized(DECIMAL, text.as_bytes()),
            Token::Uuid { int, is_safe } => {
                self.fixed(UUID, &int.to_le_bytes());
                self.0.extend(is_safe.unwrap_or(UNKNOWN).to_le_bytes());
            }
            Token::Date(state) => self.fixed(DATE, &state),
            Token::DateTime(state, zone) => {
                self.fixed(DATE_TIME, &state);
                self.zone(zone);
            }
            Token::Time(state, zone) => {
                self.fixed(TIME, &state);
                self.zone(zone);
            }
            Token::TimeDelta { days, seconds, micros } => {
                self.0.push(TIME_DELTA);
                self.0.extend([days, seconds, micros].into_iter().flat_map(i32::to_le_bytes));
            }
            Token::Open(kind, count) => self.fixed(FIRST_KIND + kind as u8, &count.to_le_bytes()),
        }
    }

    pub(super) fn zone(&mut self, zone: Zone<'_>) {
        match zone {
            Zone::Naive => self.0.push(0),
            Zone::Fixed { micros, name } => {
                self.fixed(if name.is_some() { 2 } else { 1 }, &micros.to_le_bytes());
                if let Some(name) = name {
                    self.sized(STR, name.as_bytes());
                }
            }
            Zone::PytzUtc => self.0.push(3),
            Zone::Named(key) => self.sized(4, key.as_bytes()),
        }
    }

    fn fixed(&mut self, tag: u8, bytes: &[u8]) {
        self.0.push(tag);
        self.0.extend_from_slice(bytes);
    }

    fn sized(&mut self, tag: u8, bytes: &[u8]) {
        // No value comes near: what is read and what is written has a limit far below.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.fixed(tag, &length.to_le_bytes());
        self.0.extend_from_slice(&bytes[..length as usize]);
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tape({} bytes)", self.0.len())
    }
}
