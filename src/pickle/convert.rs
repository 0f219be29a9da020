//! Between tapes and [`PickledValue`]s.

use time::{Duration, PrimitiveDateTime, UtcOffset};

use super::{
    dates, decimal,
    error::PickleError,
    int,
    tape::{Kind, Tape, Token, Zone},
    value::PickledValue,
    wtf8,
};

/// How deep a value may be nested when it is written, as with JSON.
const DEEPEST_WRITTEN: usize = 64;

impl From<&Tape> for PickledValue {
    fn from(tape: &Tape) -> Self {
        let mut cursor = tape.cursor();
        let mut open: Vec<(Kind, u64, Vec<Self>)> = Vec::new();
        // Every tape is one value, so the end is not met.
        while let Some(token) = cursor.token() {
            let mut value = match token {
                Token::Open(kind, count) if count > 0 => {
                    let items = u64::from(count) * if kind == Kind::Dict { 2 } else { 1 };
                    open.push((kind, items, Vec::new()));
                    continue;
                }
                Token::Open(kind, _) => closed(kind, Vec::new()),
                token => scalar(token),
            };
            loop {
                let Some((kind, due, items)) = open.last_mut() else { return value };
                items.push(value);
                if (items.len() as u64) < *due {
                    break;
                }
                value = closed(*kind, std::mem::take(items));
                open.pop();
            }
        }
        Self::None
    }
}

fn closed(kind: Kind, items: Vec<PickledValue>) -> PickledValue {
    match kind {
        Kind::List => PickledValue::List(items),
        Kind::Tuple => PickledValue::Tuple(items),
        Kind::Set => PickledValue::Set(items),
        Kind::FrozenSet => PickledValue::FrozenSet(items),
        Kind::Dict => {
            let mut items = items.into_iter();
            PickledValue::Dict(std::iter::from_fn(|| Some((items.next()?, items.next()?))).collect())
        }
    }
}

fn scalar(token: Token<'_>) -> PickledValue {
    let offset = |micros: i64| UtcOffset::from_whole_seconds((micros / 1_000_000) as i32).unwrap_or(UtcOffset::UTC);
    match token {
        Token::None | Token::Open(..) => PickledValue::None,
        Token::Bool(value) => PickledValue::Bool(value),
        Token::Int(digits) => {
            digits.parse().map_or_else(|_| PickledValue::BigInt(digits.to_owned()), PickledValue::Int)
        }
        Token::Float(value) => PickledValue::Float(value),
        Token::Str(text) => PickledValue::Str(text.to_owned()),
        Token::Surrogates(text) => PickledValue::Surrogates(text.to_owned()),
        Token::Bytes(bytes) => PickledValue::Bytes(bytes.to_owned()),
        Token::ByteArray(bytes) => PickledValue::ByteArray(bytes.to_owned()),
        Token::Decimal(text) => PickledValue::Decimal(text.to_owned()),
        Token::Uuid { int, .. } => PickledValue::Uuid(int),
        Token::Date(state) => dates::date(state).map_or(PickledValue::None, PickledValue::Date),
        Token::DateTime(state, zone) => {
            let at = dates::date_time(state).unwrap_or(PrimitiveDateTime::MIN);
            match zone {
                Zone::Naive => PickledValue::DateTime(at),
                Zone::PytzUtc => PickledValue::AwareDateTime(at.assume_utc()),
                Zone::Fixed { micros, .. } => PickledValue::AwareDateTime(at.assume_offset(offset(micros))),
                Zone::Named(key) => PickledValue::ZonedDateTime(at, key.to_owned()),
            }
        }
        Token::Time(state, zone) => {
            let offset = match zone {
                Zone::Naive | Zone::Named(_) => None,
                Zone::PytzUtc => Some(UtcOffset::UTC),
                Zone::Fixed { micros, .. } => Some(offset(micros)),
            };
            dates::time(state).map_or(PickledValue::None, |at| PickledValue::Time(at, offset))
        }
        Token::TimeDelta { days, seconds, micros } => {
            let whole = i64::from(days) * 86_400 + i64::from(seconds);
            PickledValue::TimeDelta(Duration::seconds(whole) + Duration::microseconds(micros.into()))
        }
    }
}

impl TryFrom<&PickledValue> for Tape {
    type Error = PickleError;

    fn try_from(value: &PickledValue) -> Result<Self, PickleError> {
        let mut tape = Self::default();
        // What is still to be written, the next one last: how deep it is, and whether Python has to hash it.
        let mut due = vec![(value, 0, false)];
        while let Some((value, depth, hashed)) = due.pop() {
            let before = due.len();
            let (kind, count) = match value {
                PickledValue::List(items) => (Kind::List, items.len()),
                PickledValue::Tuple(items) => (Kind::Tuple, items.len()),
                PickledValue::Set(items) => (Kind::Set, items.len()),
                PickledValue::FrozenSet(items) => (Kind::FrozenSet, items.len()),
                PickledValue::Dict(items) => (Kind::Dict, items.len()),
                PickledValue::ByteArray(_) if hashed => return Err(UNHASHABLE),
                scalar => {
                    push_scalar(scalar, &mut tape)?;
                    continue;
                }
            };
            if hashed && !matches!(kind, Kind::Tuple | Kind::FrozenSet) {
                return Err(UNHASHABLE);
            }
            if depth == DEEPEST_WRITTEN {
                return Err(PickleError::TooDeep { limit: DEEPEST_WRITTEN });
            }
            let count = u32::try_from(count).map_err(|_| PickleError::TooLarge { limit: u32::MAX as usize })?;
            tape.push(Token::Open(kind, count));
            let hashed = hashed || matches!(kind, Kind::Set | Kind::FrozenSet);
            due.extend(items_of(value).map(|(item, is_name)| (item, depth + 1, hashed || is_name)));
            due[before..].reverse();
        }
        Ok(tape)
    }
}

/// What is in a container, and which of it are names.
fn items_of(value: &PickledValue) -> Box<dyn Iterator<Item = (&PickledValue, bool)> + '_> {
    match value {
        PickledValue::Dict(items) => Box::new(items.iter().flat_map(|(name, value)| [(name, true), (value, false)])),
        PickledValue::List(items)
        | PickledValue::Tuple(items)
        | PickledValue::Set(items)
        | PickledValue::FrozenSet(items) => Box::new(items.iter().map(|item| (item, false))),
        _ => Box::new(std::iter::empty()),
    }
}

const UNHASHABLE: PickleError = PickleError::Invalid { what: "a list, set or dict as a name or in a set" };

fn push_scalar(value: &PickledValue, tape: &mut Tape) -> Result<(), PickleError> {
    let invalid = |what| PickleError::Invalid { what };
    let year = || invalid("a date beyond the years 1 to 9999");
    match value {
        PickledValue::Bool(value) => tape.push(Token::Bool(*value)),
        PickledValue::Int(number) => tape.push(Token::Int(&number.to_string())),
        PickledValue::BigInt(digits) => {
            let digits = int::canonical(digits).ok_or(invalid("not an integer of at most 4300 digits"))?;
            tape.push(Token::Int(&digits));
        }
        PickledValue::Float(value) => tape.push(Token::Float(*value)),
        PickledValue::Str(text) => tape.push(Token::Str(text)),
        PickledValue::Surrogates(text) => push_surrogates(text, tape)?,
        PickledValue::Bytes(bytes) => tape.push(Token::Bytes(bytes)),
        PickledValue::ByteArray(bytes) => tape.push(Token::ByteArray(bytes)),
        PickledValue::Decimal(text) if !decimal::is_valid(text) => return Err(invalid("not a decimal")),
        PickledValue::Decimal(text) => tape.push(Token::Decimal(text)),
        PickledValue::Uuid(int) => tape.push(Token::Uuid { int: *int, is_safe: None }),
        PickledValue::Date(date) => tape.push(Token::Date(dates::date_state(*date).ok_or_else(year)?)),
        PickledValue::DateTime(at) => push_date_time(*at, Zone::Naive, tape)?,
        PickledValue::AwareDateTime(at) => {
            push_date_time(PrimitiveDateTime::new(at.date(), at.time()), zone(at.offset())?, tape)?;
        }
        PickledValue::ZonedDateTime(at, key) => push_date_time(*at, Zone::Named(key), tape)?,
        PickledValue::Time(at, offset) => {
            let zone = offset.map_or(Ok(Zone::Naive), zone)?;
            tape.push(Token::Time(dates::time_state(*at), zone));
        }
        PickledValue::TimeDelta(length) => {
            let parts = dates::timedelta(0, 0, length.whole_microseconds());
            let (days, seconds, micros) = parts.ok_or(invalid("a timedelta of more than 999999999 days"))?;
            tape.push(Token::TimeDelta { days, seconds, micros });
        }
        _ => tape.push(Token::None),
    }
    Ok(())
}

fn push_surrogates(bytes: &[u8], tape: &mut Tape) -> Result<(), PickleError> {
    match str::from_utf8(bytes) {
        Ok(text) => tape.push(Token::Str(text)),
        Err(_) if wtf8::code_points(bytes).is_some() => tape.push(Token::Surrogates(bytes)),
        Err(_) => return Err(PickleError::Invalid { what: "not a text" }),
    }
    Ok(())
}

fn push_date_time(at: PrimitiveDateTime, zone: Zone<'_>, tape: &mut Tape) -> Result<(), PickleError> {
    let state = dates::date_time_state(at);
    let state = state.ok_or(PickleError::Invalid { what: "a date beyond the years 1 to 9999" })?;
    tape.push(Token::DateTime(state, zone));
    Ok(())
}

fn zone(offset: UtcOffset) -> Result<Zone<'static>, PickleError> {
    let micros = i64::from(offset.whole_seconds()) * 1_000_000;
    let known = dates::is_offset(micros);
    if known {
        Ok(Zone::Fixed { micros, name: None })
    } else {
        Err(PickleError::Invalid { what: "a distance from UTC" })
    }
}
