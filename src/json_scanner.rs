//! Finds the members of a JSON object without building them.
//!
//! It accepts what Python's `json` accepts (also `NaN` and `Infinity`, numbers of any length, lone
//! surrogates), refuses what Python refuses, and does not recurse.

use std::{fmt, ops::Range};

/// Where a text stops being JSON, or what it has too much of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ScanError {
    Syntax { at: usize },
    NotAnObject,
    TooDeep { limit: usize },
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { at } => write!(f, "not JSON at byte {at}"),
            Self::NotAnObject => f.write_str("the JSON is not an object"),
            Self::TooDeep { limit } => write!(f, "nested deeper than {limit}"),
        }
    }
}

impl std::error::Error for ScanError {}

/// Calls `member` with the ranges of each name (with its quotes) and value of the object in `text`.
pub(crate) fn scan_object(
    text: &str,
    deepest: usize,
    mut member: impl FnMut(Range<usize>, Range<usize>),
) -> Result<(), ScanError> {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, deepest };
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
            let name = scanner.string()?;
            scanner.space();
            scanner.expect(b':')?;
            scanner.space();
            let value = scanner.value()?;
            member(name, value);
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
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, deepest };
    scanner.value()?;
    scanner.end()
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    deepest: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn error(&self) -> ScanError {
        ScanError::Syntax { at: self.at }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
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

    /// One value of any kind; the open brackets are kept on a stack of our own.
    fn value(&mut self) -> Result<Range<usize>, ScanError> {
        let start = self.at;
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.space();
            if let Some(close) = self.opening()? {
                if open.len() == self.deepest {
                    return Err(ScanError::TooDeep { limit: self.deepest });
                }
                open.push(close);
                self.space();
                if self.peek() != Some(close) {
                    self.name_in(close)?;
                    continue;
                }
            }
            if self.close_all(&mut open)? {
                return Ok(start..self.at);
            }
        }
    }

    /// Steps into a list or an object and says what closes it, or over a scalar.
    fn opening(&mut self) -> Result<Option<u8>, ScanError> {
        match self.peek() {
            Some(b'[') => self.step(b']'),
            Some(b'{') => self.step(b'}'),
            Some(b'"') => self.string().map(|_| None),
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => self.number().map(|()| None),
            Some(b't') => self.word("true").map(|()| None),
            Some(b'f') => self.word("false").map(|()| None),
            Some(b'n') => self.word("null").map(|()| None),
            _ => Err(self.error()),
        }
    }

    fn step(&mut self, close: u8) -> Result<Option<u8>, ScanError> {
        self.at += 1;
        Ok(Some(close))
    }

    /// Closes what ends here; true when nothing is open any more, false before the next value.
    fn close_all(&mut self, open: &mut Vec<u8>) -> Result<bool, ScanError> {
        while let Some(&close) = open.last() {
            self.space();
            if self.take(close) {
                open.pop();
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

    fn string(&mut self) -> Result<Range<usize>, ScanError> {
        let start = self.at;
        self.expect(b'"')?;
        loop {
            match self.peek() {
                Some(b'"') => break self.at += 1,
                Some(b'\\') => self.escape()?,
                Some(0x20..) => self.at += 1,
                _ => return Err(self.error()),
            }
        }
        Ok(start..self.at)
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
            return self.word("NaN");
        }
        self.take(b'-');
        if self.peek() == Some(b'I') {
            return self.word("Infinity");
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
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.error()) } else { Ok(()) }
    }

    fn word(&mut self, word: &str) -> Result<(), ScanError> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
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
