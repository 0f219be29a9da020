//! Writes protocol 4, which every Python 3 reads.

use std::collections::HashMap;

use super::{
    int,
    tape::{Kind, Tape, Token, Zone},
};

const REDUCE: u8 = b'R';
const TUPLE: [u8; 4] = [b')', 0x85, 0x86, 0x87];
const STACK_GLOBAL: u8 = 0x93;
const MEMOIZE: u8 = 0x94;

const DAY: i64 = 86_400_000_000;

/// The pickle of a value.
pub(crate) fn write(tape: &Tape) -> Vec<u8> {
    let mut out = Vec::with_capacity(tape.len() + 16);
    out.extend([0x80, 4]);
    let mut writer = Writer { out, memo: HashMap::new() };
    // Of each open container, how many items it waits for and what ends it.
    let mut open: Vec<(u64, &[u8])> = Vec::new();
    let mut cursor = tape.cursor();
    while let Some(token) = cursor.token() {
        if let Some(container) = writer.token(token) {
            open.push(container);
        } else if let Some((left, _)) = open.last_mut() {
            *left -= 1;
        }
        while let Some((0, end)) = open.last() {
            writer.out.extend_from_slice(end);
            open.pop();
            if let Some((left, _)) = open.last_mut() {
                *left -= 1;
            }
        }
    }
    writer.out.push(b'.');
    writer.out
}

struct Writer<'a> {
    out: Vec<u8>,
    /// Texts that were written, so that a repeated one takes few bytes, as Python does.
    memo: HashMap<&'a [u8], u32>,
}

impl<'a> Writer<'a> {
    /// Writes a token; what it gives is a container that waits for items.
    fn token(&mut self, token: Token<'a>) -> Option<(u64, &'static [u8])> {
        match token {
            Token::None => self.out.push(b'N'),
            Token::Bool(value) => self.out.push(if value { 0x88 } else { 0x89 }),
            Token::Int(digits) => self.int(digits),
            Token::Float(value) => {
                self.out.push(b'G');
                self.out.extend(value.to_be_bytes());
            }
            Token::Str(text) => self.text(text.as_bytes()),
            Token::Surrogates(text) => self.text(text),
            Token::Bytes(bytes) => self.sized([b'C', b'B', 0x8e], bytes),
            Token::ByteArray(bytes) => {
                self.class("builtins", "bytearray");
                self.sized([b'C', b'B', 0x8e], bytes);
                self.call(1);
            }
            Token::Decimal(text) => {
                self.class("decimal", "Decimal");
                self.text(text.as_bytes());
                self.call(1);
            }
            Token::Uuid { int, is_safe } => self.uuid(int, is_safe),
            Token::Date(state) => self.date("date", &state, Zone::Naive),
            Token::DateTime(state, zone) => self.date("datetime", &state, zone),
            Token::Time(state, zone) => self.date("time", &state, zone),
            Token::TimeDelta { days, seconds, micros } => self.timedelta(days, seconds, micros),
            Token::Open(kind, count) => return Some(self.open(kind, count)),
        }
        None
    }

    fn open(&mut self, kind: Kind, count: u32) -> (u64, &'static [u8]) {
        let (start, end): (&[u8], &[u8]) = match (kind, count) {
            (Kind::List, 0) => (b"]", b""),
            (Kind::List, _) => (b"](", b"e"),
            (Kind::Tuple, 0) => (b")", b""),
            (Kind::Tuple, 1) => (b"", b"\x85"),
            (Kind::Tuple, 2) => (b"", b"\x86"),
            (Kind::Tuple, 3) => (b"", b"\x87"),
            (Kind::Tuple, _) => (b"(", b"t"),
            (Kind::Set, 0) => (b"\x8f", b""),
            (Kind::Set, _) => (b"\x8f(", b"\x90"),
            (Kind::FrozenSet, _) => (b"(", b"\x91"),
            (Kind::Dict, 0) => (b"}", b""),
            (Kind::Dict, _) => (b"}(", b"u"),
        };
        self.out.extend_from_slice(start);
        (u64::from(count) * if kind == Kind::Dict { 2 } else { 1 }, end)
    }

    fn int(&mut self, digits: &str) {
        match digits.parse::<i32>() {
            Ok(small @ 0..=255) => self.out.extend([b'K', small as u8]),
            Ok(small) => {
                self.out.push(b'J');
                self.out.extend(small.to_le_bytes());
            }
            Err(_) => {
                // A tape holds no number that this does not take.
                let bytes = int::to_bytes(digits).unwrap_or_default();
                match u8::try_from(bytes.len()) {
                    Ok(length) => self.out.extend([0x8a, length]),
                    Err(_) => {
                        self.out.push(0x8b);
                        self.out.extend((bytes.len() as u32).to_le_bytes());
                    }
                }
                self.out.extend(bytes);
            }
        }
    }

    fn text(&mut self, text: &'a [u8]) {
        if let Some(&place) = self.memo.get(text) {
            match u8::try_from(place) {
                Ok(place) => self.out.extend([b'h', place]),
                Err(_) => {
                    self.out.push(b'j');
                    self.out.extend(place.to_le_bytes());
                }
            }
            return;
        }
        self.sized([0x8c, b'X', 0x8d], text);
        self.out.push(MEMOIZE);
        let place = u32::try_from(self.memo.len()).unwrap_or(u32::MAX);
        self.memo.insert(text, place);
    }

    /// Bytes after their length, which takes one byte, four or eight.
    fn sized(&mut self, [short, long, longest]: [u8; 3], bytes: &[u8]) {
        if let Ok(length) = u8::try_from(bytes.len()) {
            self.out.extend([short, length]);
        } else if let Ok(length) = u32::try_from(bytes.len()) {
            self.out.push(long);
            self.out.extend(length.to_le_bytes());
        } else {
            self.out.push(longest);
            self.out.extend((bytes.len() as u64).to_le_bytes());
        }
        self.out.extend_from_slice(bytes);
    }

    fn class(&mut self, module: &'static str, name: &'static str) {
        self.text(module.as_bytes());
        self.text(name.as_bytes());
        self.out.push(STACK_GLOBAL);
    }

    fn call(&mut self, arguments: usize) {
        self.out.extend([TUPLE[arguments], REDUCE]);
    }

    fn small(&mut self, number: i64) {
        self.int(&number.to_string());
    }

    fn date(&mut self, class: &'static str, state: &[u8], zone: Zone<'a>) {
        self.class("datetime", class);
        self.sized([b'C', b'B', 0x8e], state);
        let arguments = if zone == Zone::Naive { 1 } else { 2 };
        self.zone(zone);
        self.call(arguments);
    }

    fn zone(&mut self, zone: Zone<'a>) {
        match zone {
            Zone::Naive => {}
            Zone::Fixed { micros, name } => {
                self.class("datetime", "timezone");
                let (days, rest) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
                self.timedelta(days as i32, (rest / 1_000_000) as i32, (rest % 1_000_000) as i32);
                if let Some(name) = name {
                    self.text(name.as_bytes());
                }
                self.call(if name.is_some() { 2 } else { 1 });
            }
            Zone::PytzUtc => {
                self.class("pytz", "_UTC");
                self.call(0);
            }
            Zone::Named(key) => {
                self.class("zoneinfo", "ZoneInfo._unpickle");
                self.text(key.as_bytes());
                self.small(1);
                self.call(2);
            }
        }
    }

    fn timedelta(&mut self, days: i32, seconds: i32, micros: i32) {
        self.class("datetime", "timedelta");
        [days, seconds, micros].into_iter().for_each(|part| self.small(part.into()));
        self.call(3);
    }

    /// An object without arguments, and then its state.
    fn uuid(&mut self, int: u128, is_safe: Option<i8>) {
        self.class("uuid", "UUID");
        self.out.extend([b')', 0x81, b'}']);
        self.text(b"int");
        self.int(&int.to_string());
        self.out.push(b's');
        if let Some(is_safe) = is_safe {
            self.text(b"is_safe");
            self.small(is_safe.into());
            self.out.push(b's');
        }
        self.out.push(b'b');
    }
}
