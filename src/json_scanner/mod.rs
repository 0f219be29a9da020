//! Finds the members of a JSON object without building them.
//!
//! It accepts what Python's `json` accepts (also `NaN` and `Infinity`, numbers of any length, lone
//! surrogates), refuses what Python refuses, and does not recurse.

use std::ops::Range;

mod error;
pub(crate) use error::ScanError;
mod plain;
mod token;

/// Calls `member` with the ranges of each name (with its quotes) and value of the object in `text`.
pub(crate) fn scan_object(
    text: &str,
    deepest: usize,
    mut member: impl FnMut(Range<usize>, Range<usize>),
) -> Result<(), ScanError> {
    let bytes = text.as_bytes();
    let mut open = Brackets::new(deepest);
    let mut at = space(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        end(bytes, open.value(bytes, at)?)?;
        return Err(ScanError::NotAnObject);
    }
    at = space(bytes, at + 1);
    if bytes.get(at) == Some(&b'}') {
        return end(bytes, at + 1);
    }
    loop {
        let name = space(bytes, at);
        let name_end = token::string(bytes, name)?;
        let value = space(bytes, token::expect(bytes, space(bytes, name_end), b':')?);
        let value_end = open.value(bytes, value)?;
        member(name..name_end, value..value_end);
        at = space(bytes, value_end);
        if bytes.get(at) != Some(&b',') {
            return end(bytes, token::expect(bytes, at, b'}')?);
        }
        at += 1;
    }
}

/// Checks that `text` is one JSON value, nested at most `deepest` deep.
pub(crate) fn check_value(text: &str, deepest: usize) -> Result<(), ScanError> {
    let bytes = text.as_bytes();
    end(bytes, Brackets::new(deepest).value(bytes, 0)?)
}

/// Nothing but space may follow.
fn end(bytes: &[u8], at: usize) -> Result<(), ScanError> {
    let at = space(bytes, at);
    if at == bytes.len() { Ok(()) } else { Err(ScanError::Syntax { at }) }
}

/// The brackets that are open, on a stack of our own; it is kept from value to value.
struct Brackets {
    deepest: usize,
    /// What closes each of them.
    open: Vec<u8>,
}

impl Brackets {
    fn new(deepest: usize) -> Self {
        Self { deepest, open: Vec::new() }
    }

    /// Where the value ends that begins at `at`. Positions are handed on as numbers, which stay in registers: most of
    /// what reading a session costs is here.
    fn value(&mut self, bytes: &[u8], mut at: usize) -> Result<usize, ScanError> {
        loop {
            at = space(bytes, at);
            let close = match bytes.get(at) {
                Some(b'[') => b']',
                Some(b'{') => b'}',
                _ => {
                    at = self.closed(bytes, token::scalar(bytes, at)?)?;
                    if self.open.is_empty() {
                        return Ok(at);
                    }
                    continue;
                }
            };
            if self.open.len() == self.deepest {
                return Err(ScanError::TooDeep { limit: self.deepest });
            }
            at = space(bytes, at + 1);
            if bytes.get(at) == Some(&close) {
                at = self.closed(bytes, at + 1)?;
                if self.open.is_empty() {
                    return Ok(at);
                }
                continue;
            }
            self.open.push(close);
            at = name_in(close, bytes, at)?;
        }
    }

    /// Closes what ends after a value: where the next value begins, or where all ended when nothing is open any more.
    #[inline(always)]
    fn closed(&mut self, bytes: &[u8], mut at: usize) -> Result<usize, ScanError> {
        while let Some(&close) = self.open.last() {
            at = space(bytes, at);
            if bytes.get(at) == Some(&b',') {
                return name_in(close, bytes, space(bytes, at + 1));
            }
            at = token::expect(bytes, at, close)?;
            self.open.pop();
        }
        Ok(at)
    }
}

/// In an object, the name before a value.
#[inline(always)]
fn name_in(close: u8, bytes: &[u8], at: usize) -> Result<usize, ScanError> {
    match close {
        b'}' => token::expect(bytes, space(bytes, token::string(bytes, at)?), b':'),
        _ => Ok(at),
    }
}

/// What Django and this crate write has none.
#[inline(always)]
fn space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|byte| *byte <= b' ' && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
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
