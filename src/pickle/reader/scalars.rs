//! Instructions for numbers and texts.

use super::{
    super::{error::PickleError, int, tape::Token, wtf8},
    Machine, lines,
};

impl<'a> Machine<'a> {
    pub(super) fn scalar(&mut self, opcode: u8) -> Result<(), PickleError> {
        let number = match opcode {
            b'N' => return self.push_leaf(Token::None),
            0x88 | 0x89 => return self.push_leaf(Token::Bool(opcode == 0x88)),
            b'F' => {
                let value = str::from_utf8(self.line()?).ok().and_then(|line| line.trim().parse().ok());
                let value = value.ok_or_else(|| self.malformed("not a number"))?;
                return self.push_leaf(Token::Float(value));
            }
            b'G' => {
                let value = f64::from_be_bytes(self.array()?);
                return self.push_leaf(Token::Float(value));
            }
            b'I' => match self.line()? {
                b"00" => return self.push_leaf(Token::Bool(false)),
                b"01" => return self.push_leaf(Token::Bool(true)),
                line => lines::integer(line),
            },
            b'L' => {
                let line = self.line()?;
                lines::integer(line.strip_suffix(b"L").unwrap_or(line))
            }
            b'J' => Some(i32::from_le_bytes(self.array()?).to_string()),
            b'K' => Some(self.byte()?.to_string()),
            b'M' => Some(u16::from_le_bytes(self.array()?).to_string()),
            _ => {
                let length = self.length(if opcode == 0x8a { 1 } else { 4 })?;
                int::to_decimal(self.take(length)?)
            }
        };
        let number = number.ok_or_else(|| self.malformed("not an integer of at most 4300 digits"))?;
        self.push_leaf(Token::Int(&number))
    }

    pub(super) fn text(&mut self, opcode: u8) -> Result<(), PickleError> {
        match opcode {
            b'S' => {
                let text = lines::quoted(self.line()?).ok_or_else(|| self.malformed("not a quoted text"))?;
                return self.push_ascii(&text);
            }
            b'V' => {
                let text = lines::escaped(self.line()?).ok_or_else(|| self.malformed("not an escaped text"))?;
                return self.push_text(&text);
            }
            _ => {}
        }
        let length = self.length(match opcode {
            b'U' | b'C' | 0x8c => 1,
            b'T' | b'B' | b'X' => 4,
            _ => 8,
        })?;
        let bytes = self.take(length)?;
        match opcode {
            b'T' | b'U' => self.push_ascii(bytes),
            b'C' | b'B' | 0x8e => self.push_leaf(Token::Bytes(bytes)),
            0x96 => self.push_leaf(Token::ByteArray(bytes)),
            _ => self.push_text(bytes),
        }
    }

    /// A text of Python 2; Python 3 reads it as ASCII.
    fn push_ascii(&mut self, bytes: &[u8]) -> Result<(), PickleError> {
        if bytes.is_ascii() { self.push_text(bytes) } else { Err(self.unsupported("bytes of Python 2")) }
    }

    pub(super) fn push_text(&mut self, bytes: &[u8]) -> Result<(), PickleError> {
        match str::from_utf8(bytes) {
            Ok(text) => self.push_leaf(Token::Str(text)),
            Err(_) if wtf8::code_points(bytes).is_some() => self.push_leaf(Token::Surrogates(bytes)),
            Err(_) => Err(self.malformed("a text is not UTF-8")),
        }
    }

    /// The rest of the line, without its end.
    pub(super) fn line(&mut self) -> Result<&'a [u8], PickleError> {
        let rest = &self.input[self.at..];
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or_else(|| self.malformed("it ends too early"))?;
        self.at += end + 1;
        Ok(&rest[..end])
    }
}
