//! Finds the members of a JSON object without building them.
//!
//! It accepts what Python's `json` accepts (also `NaN` and `Infinity`, numbers of any length, lone
//! surrogates), refuses what Python refuses, and does not recurse.

use std::ops::Range;

mod error;
pub(crate) use error::ScanError;
mod plain;
use plain::plain;

/// Calls `member` with the ranges of each name (with its quotes) and value of the object in `text`.
pub(crate) fn scan_object(
    text: &str,
    deepest: usize,
    mut member: impl FnMut(Range<usize>, Range<usize>),
) -> Result<(), ScanError> {
    let mut scanner = Scanner::new(text, deepest);
    scanner.space();
    if !scanner.take(b'{') {
        scanner.value()?;
        scanner.end()?;
        return Err(ScanError::NotAnObject);
    }
    scanner.space();
    if !scanner.take(b'}') {
        loop {
            scanner.space();
            let name = scanner.at;
            scanner.string()?;
            let name = name..scanner.at;
            scanner.space();
            scanner.expect(b':')?;
            scanner.space();
            let value = scanner.at;
            scanner.value()?;
            member(name, value..scanner.at);
            scanner.space();
            if !scanner.take(b',') {
                break scanner.expect(b'}')?;
            }
        }
    }
    scanner.end()
}

/// Checks that `text` is one JSON value, nested at most `deepest` deep.
pub(crate) fn check_value(text: &str, deepest: usize) -> Result<(), ScanError> {
    let mut scanner = Scanner::new(text, deepest);
    scanner.value()?;
    scanner.end()
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    deepest: usize,
    /// What closes the brackets that are open; kept from value to value.
    open: Vec<u8>,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str, deepest: usize) -> Self {
        Self { bytes: text.as_bytes(), at: 0, deepest, open: Vec::new() }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn error(&self) -> ScanError {
        ScanError::Syntax { at: self.at }
    }

    /// What Django and this crate write has none.
    #[inline(always)]
    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte <= b' ' && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), ScanError> {
        if self.take(byte) { Ok(()) } else { Err(self.error()) }
    }

    fn end(&mut self) -> Result<(), ScanError> {
        self.space();
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.error()) }
    }

    /// One value of any kind; the open brackets are on a stack of our own.
    fn value(&mut self) -> Result<(), ScanError> {
        loop {
            self.space();
            match self.peek() {
                Some(b'"') => self.string()?,
                Some(b'-' | b'0'..=b'9' | b'N' | b'I') => self.number()?,
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'n') => self.word(b"null")?,
                Some(b'[') => {
                    if self.opened(b']')? {
                        continue;
                    }
                }
                Some(b'{') => {
                    if self.opened(b'}')? {
                        continue;
                    }
                }
                _ => return Err(self.error()),
            }
            if self.close_all()? {
                return Ok(());
            }
        }
    }

    /// Steps into a list or an object, before its first value if there is one.
    fn opened(&mut self, close: u8) -> Result<bool, ScanError> {
        if self.open.len() == self.deepest {
            return Err(ScanError::TooDeep { limit: self.deepest });
        }
        self.at += 1;
        self.open.push(close);
        self.space();
        if self.peek() == Some(close) {
            return Ok(false);
        }
        self.name_in(close)?;
        Ok(true)
    }

    /// Closes what ends here; true when nothing is open any more, false before the next value.
    fn close_all(&mut self) -> Result<bool, ScanError> {
        while let Some(&close) = self.open.last() {
            self.space();
            if self.take(close) {
                self.open.pop();
                continue;
            }
            self.expect(b',')?;
            self.space();
            self.name_in(close)?;
            return Ok(false);
        }
        Ok(true)
    }

    /// In an object, the name before a value.
    fn name_in(&mut self, close: u8) -> Result<(), ScanError> {
        if close == b'}' {
            self.string()?;
            self.space();
            self.expect(b':')?;
        }
        Ok(())
    }

    #[inline(always)]
    fn string(&mut self) -> Result<(), ScanError> {
        self.expect(b'"')?;
        loop {
            self.at += plain(&self.bytes[self.at..]);
            match self.peek() {
                Some(b'"') => break self.at += 1,
                Some(b'\\') => self.escape()?,
                _ => return Err(self.error()),
            }
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), ScanError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 1..self.at + 5).ok_or_else(|| self.error())?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(self.error());
                }
                self.at += 5;
            }
            _ => return Err(self.error()),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), ScanError> {
        if self.peek() == Some(b'N') {
            return self.word(b"NaN");
        }
        self.take(b'-');
        if self.peek() == Some(b'I') {
            return self.word(b"Infinity");
        }
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), ScanError> {
        let rest = &self.bytes[self.at..];
        let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        self.at += digits;
        if digits == 0 { Err(self.error()) } else { Ok(()) }
    }

    #[inline(always)]
    fn word(&mut self, word: &[u8]) -> Result<(), ScanError> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(self.error());
        }
        self.at += word.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_reads_is_one_value() {
        for text in [
            "1",
            "-0",
            "1e400",
            "0.5E-7",
            "NaN",
            "-Infinity",
            "[]",
            "{}",
            "[ 1 , [ ] ,{\"a\" : {} } ]",
            "\"\\ud800\"",
            "{\"\":null,\"a\":[true,false]}",
            "123456789012345678901234567890",
        ] {
            assert_eq!(check_value(text, 8), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for text in [
            "",
            "01",
            "+1",
            "1.",
            ".5",
            "[1,]",
            "{\"a\":1,}",
            "[1 2]",
            "'a'",
            "\"\t\"",
            "nul",
            "{a:1}",
            "[}",
            "[1",
            "{\"a\"}",
            "\"\\x\"",
            "\"\\u12g4\"",
            "1 2",
            "\u{feff}1",
            "-",
            "--1",
            "-NaN",
            "{\"a\":}",
            "]",
            "[,]",
        ] {
            assert!(check_value(text, 8).is_err(), "{text}");
        }
    }

    #[test]
    fn a_string_ends_where_it_ends_whatever_is_around_it() {
        for length in 0..40 {
            for filler in ["x", " ", "!", "#", "[", "]", "\u{7f}", "é", "\u{20ac}"] {
                let plain = filler.repeat(length);
                assert_eq!(check_value(&format!("\"{plain}\""), 1), Ok(()), "{plain}");
                assert_eq!(check_value(&format!("[\"{plain}\\n{plain}\",\"\"]"), 1), Ok(()), "{plain}");
                assert!(check_value(&format!("\"{plain}\n{plain}\""), 1).is_err(), "{plain}");
                assert!(check_value(&format!("\"{plain}\0{plain}\""), 1).is_err(), "{plain}");
                assert!(check_value(&format!("\"{plain}"), 1).is_err(), "{plain}");
            }
        }
    }

    #[test]
    fn depth_is_bounded_without_recursion() {
        let deep = "[".repeat(1_000_000);

        assert_eq!(check_value(&deep, 128), Err(ScanError::TooDeep { limit: 128 }));
        assert_eq!(check_value("[[[]]]", 3), Ok(()));
        assert_eq!(check_value("[[[]]]", 2), Err(ScanError::TooDeep { limit: 2 }));
    }

    #[test]
    fn members_come_in_order_with_their_texts() {
        let text = " { \"a\" : [1, {\"b\":2}] , \"\\u0062\":NaN } ";
        let mut members = Vec::new();

        scan_object(text, 8, |name, value| members.push((&text[name], &text[value]))).unwrap();

        assert_eq!(members, [("\"a\"", "[1, {\"b\":2}]"), ("\"\\u0062\"", "NaN")]);
        assert_eq!(scan_object("[1]", 8, |_, _| ()), Err(ScanError::NotAnObject));
        assert!(scan_object("{} x", 8, |_, _| ()).is_err());
    }
}
