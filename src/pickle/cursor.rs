//! [`Cursor`]: reads a tape, item by item.

use super::tape::{
    BYTE_ARRAY, BYTES, DATE, DATE_TIME, DECIMAL, FALSE, FIRST_KIND, FLOAT, INT, KINDS, Kind, NONE, STR, SURROGATES,
    TIME, TIME_DELTA, TRUE, Tape, Token, UNKNOWN, UUID, Zone,
};

/// Reads a tape from its beginning; it gives `None` at the end.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn over(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn token(&mut self) -> Option<Token<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(match tag {
            NONE => Token::None,
            FALSE | TRUE => Token::Bool(tag == TRUE),
            INT => Token::Int(self.text()?),
            FLOAT => Token::Float(f64::from_bits(u64::from_le_bytes(self.array()?))),
            STR => Token::Str(self.text()?),
            SURROGATES => Token::Surrogates(self.sized()?),
            BYTES => Token::Bytes(self.sized()?),
            BYTE_ARRAY => Token::ByteArray(self.sized()?),
            DECIMAL => Token::Decimal(self.text()?),
            UUID => {
                let int = u128::from_le_bytes(self.array()?);
                let is_safe = i8::from_le_bytes(self.array()?);
                Token::Uuid { int, is_safe: (is_safe != UNKNOWN).then_some(is_safe) }
            }
            DATE => Token::Date(self.array()?),
            DATE_TIME => Token::DateTime(self.array()?, self.zone()?),
            TIME => Token::Time(self.array()?, self.zone()?),
            TIME_DELTA => Token::TimeDelta { days: self.int()?, seconds: self.int()?, micros: self.int()? },
            kind => {
                let kind = KINDS.get(usize::from(kind.checked_sub(FIRST_KIND)?))?;
                Token::Open(*kind, u32::from_le_bytes(self.array()?))
            }
        })
    }

    /// The bytes of the next value, with all that is in it.
    pub(crate) fn value(&mut self) -> Option<Tape> {
        let start = self.0;
        let mut due = 1_u64;
        while due > 0 {
            due -= 1;
            match self.token()? {
                Token::Open(Kind::Dict, pairs) => due += 2 * u64::from(pairs),
                Token::Open(_, items) => due += u64::from(items),
                _ => {}
            }
        }
        Some(Tape::of(&start[..start.len() - self.0.len()]))
    }

    pub(super) fn zone(&mut self) -> Option<Zone<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(match tag {
            0 => Zone::Naive,
            1 => Zone::Fixed { micros: i64::from_le_bytes(self.array()?), name: None },
            2 => {
                let micros = i64::from_le_bytes(self.array()?);
                self.0 = self.0.get(1..)?;
                Zone::Fixed { micros, name: Some(self.text()?) }
            }
            3 => Zone::PytzUtc,
            _ => Zone::Named(self.text()?),
        })
    }

    fn int(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.sized()?).ok()
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }
}
