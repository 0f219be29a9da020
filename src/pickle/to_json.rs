//! From tapes to JSON texts.

use super::{
    dates, float,
    tape::{Kind, Tape, Token},
    wtf8,
};

/// Appends the JSON text of a value that JSON holds exactly, as Python writes it; says false and appends nothing for any
/// other, and where `out` would be longer than that.
pub(crate) fn to_json(tape: &Tape, out: &mut String, longest: usize) -> bool {
    let start = out.len();
    let is_json = Renderer { out, open: Vec::new(), nearest: false, longest }.render(tape).is_some();
    if !is_json {
        out.truncate(start);
    }
    is_json
}

/// The JSON text that comes nearest: tuples and sets are lists, bytes are lists of numbers, dates and decimals
/// texts, names texts.
pub(crate) fn to_nearest_json(tape: &Tape) -> String {
    let mut out = String::new();
    Renderer { out: &mut out, open: Vec::new(), nearest: true, longest: usize::MAX }.render(tape);
    out
}

struct Open {
    is_dict: bool,
    /// Items that are written; of a dictionary names and values.
    done: u64,
    due: u64,
    /// Where the last item began.
    start: usize,
}

struct Renderer<'o> {
    out: &'o mut String,
    open: Vec<Open>,
    nearest: bool,
    longest: usize,
}

impl Renderer<'_> {
    fn render(mut self, tape: &Tape) -> Option<()> {
        let mut cursor = tape.cursor();
        while let Some(token) = cursor.token() {
            self.separate();
            if let Token::Open(kind, count) = token {
                if !self.nearest && kind != Kind::List && kind != Kind::Dict {
                    return None;
                }
                let is_dict = kind == Kind::Dict;
                self.out.push(if is_dict { '{' } else { '[' });
                let due = u64::from(count) * if is_dict { 2 } else { 1 };
                self.open.push(Open { is_dict, done: 0, due, start: 0 });
            } else {
                self.scalar(token)?;
                self.finish_item()?;
            }
            self.close()?;
            if self.out.len() > self.longest {
                return None;
            }
        }
        Some(())
    }

    fn separate(&mut self) {
        let Some(open) = self.open.last_mut() else { return };
        if open.is_dict && open.done % 2 == 1 {
            self.out.push(':');
        } else if open.done > 0 {
            self.out.push(',');
        }
        open.start = self.out.len();
    }

    /// Ends every container that is complete.
    fn close(&mut self) -> Option<()> {
        while let Some(open) = self.open.last().filter(|open| open.done == open.due) {
            self.out.push(if open.is_dict { '}' } else { ']' });
            self.open.pop();
            self.finish_item()?;
        }
        Some(())
    }

    fn finish_item(&mut self) -> Option<()> {
        let Some(open) = self.open.last_mut() else { return Some(()) };
        open.done += 1;
        let is_name = open.is_dict && open.done % 2 == 1;
        if is_name && !self.out[open.start..].starts_with('"') {
            if !self.nearest {
                return None;
            }
            let name = self.out.split_off(open.start);
            quote(name.chars().map(u32::from), self.out, self.longest);
        }
        Some(())
    }

    fn scalar(&mut self, token: Token<'_>) -> Option<()> {
        let (out, longest) = (&mut *self.out, self.longest);
        match token {
            Token::None => out.push_str("null"),
            Token::Bool(value) => out.push_str(if value { "true" } else { "false" }),
            Token::Int(digits) => out.push_str(digits),
            // The text says nothing of the bits that a NaN may carry.
            Token::Float(value) if value.is_nan() && value.to_bits() != f64::NAN.to_bits() && !self.nearest => {
                return None;
            }
            Token::Float(value) => out.push_str(&float::to_text(value)),
            Token::Str(text) => quote(text.chars().map(u32::from), out, longest),
            Token::Surrogates(text) => {
                let points = wtf8::code_points(text).unwrap_or_default();
                // Two escapes that stand for two surrogates here would be read as one character.
                if !self.nearest && points.windows(2).any(|pair| wtf8::is_high(pair[0]) && wtf8::is_low(pair[1])) {
                    return None;
                }
                quote(points.into_iter(), out, longest);
            }
            _ if !self.nearest => return None,
            Token::Bytes(bytes) | Token::ByteArray(bytes) => {
                let numbers: Vec<_> = bytes.iter().map(u8::to_string).collect();
                out.push('[');
                out.push_str(&numbers.join(","));
                out.push(']');
            }
            Token::TimeDelta { days, seconds, micros } => {
                out.push_str(&float::to_text(dates::total_seconds(days, seconds, micros)));
            }
            token => quote(dates::to_text(token).chars().map(u32::from), out, longest),
        }
        Some(())
    }
}

/// A string in ASCII, as Python's `json` writes it. It stops where it is too long anyway.
fn quote(mut points: impl Iterator<Item = u32>, out: &mut String, longest: usize) {
    out.push('"');
    while let Some(point) = points.next().filter(|_| out.len() <= longest) {
        match (point, char::from_u32(point)) {
            (0x0a, _) => out.push_str("\\n"),
            (0x0d, _) => out.push_str("\\r"),
            (0x09, _) => out.push_str("\\t"),
            (0x08, _) => out.push_str("\\b"),
            (0x0c, _) => out.push_str("\\f"),
            (_, Some(char @ ('"' | '\\'))) => out.extend(['\\', char]),
            (0x20..0x7f, Some(char)) => out.push(char),
            (_, Some(char)) => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            (_, None) => out.push_str(&format!("\\u{point:04x}")),
        }
    }
    out.push('"');
}
