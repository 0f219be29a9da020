//! Finds the members of a JSON object without building them.
//!
//! It accepts what Python's `json` accepts (also `NaN` and `Infinity`, numbers of any length, lone
//! surrogates), refuses what Python refuses, and does not recurse. Functions take the text from where it is looked at and
//! give what is left of it; the error is what is left where it stops.

use std::ops::Range;

mod error;
pub(crate) use error::ScanError;
mod swar;
mod token;

/// Calls `member` with the ranges of each name (with its quotes) and value of the object in `text`.
pub(crate) fn scan_object(
    text: &str,
    deepest: usize,
    mut member: impl FnMut(Range<usize>, Range<usize>),
) -> Result<(), ScanError> {
    let bytes = text.as_bytes();
    let at = |rest: &[u8]| bytes.len() - rest.len();
    let syntax = |rest: &[u8]| ScanError::Syntax { at: at(rest) };
    let mut open = Brackets::new(deepest);
    let mut rest = space(bytes);
    let [b'{', first @ ..] = rest else {
        let rest = open.value(rest).map_err(|stop| stop.error(bytes))?;
        end(rest).map_err(syntax)?;
        return Err(ScanError::NotAnObject);
    };
    rest = space(first);
    if let [b'}', rest @ ..] = rest {
        return end(rest).map_err(syntax);
    }
    loop {
        let name = space(rest);
        let [b'"', inside @ ..] = name else { return Err(syntax(name)) };
        let name_end = token::string(inside).map_err(syntax)?;
        let value = colon(name_end).map_err(syntax)?;
        let value_end = open.value(value).map_err(|stop| stop.error(bytes))?;
        member(at(name)..at(name_end), at(value)..at(value_end));
        match space(value_end) {
            [b',', more @ ..] => rest = more,
            [b'}', more @ ..] => return end(more).map_err(syntax),
            other => return Err(syntax(other)),
        }
    }
}

/// Checks that `text` is one JSON value, nested at most `deepest` deep.
pub(crate) fn check_value(text: &str, deepest: usize) -> Result<(), ScanError> {
    let bytes = text.as_bytes();
    let rest = Brackets::new(deepest).value(space(bytes)).map_err(|stop| stop.error(bytes))?;
    end(rest).map_err(|rest| ScanError::Syntax { at: bytes.len() - rest.len() })
}

/// Why the scan stops: what is left there, or that it goes too deep.
enum Stop<'a> {
    Syntax(&'a [u8]),
    TooDeep(usize),
}

impl<'a> From<&'a [u8]> for Stop<'a> {
    fn from(rest: &'a [u8]) -> Self {
        Self::Syntax(rest)
    }
}

impl Stop<'_> {
    fn error(self, bytes: &[u8]) -> ScanError {
        match self {
            Self::Syntax(rest) => ScanError::Syntax { at: bytes.len() - rest.len() },
            Self::TooDeep(limit) => ScanError::TooDeep { limit },
        }
    }
}

/// Nothing but space may follow.
fn end(text: &[u8]) -> Result<(), &[u8]> {
    let rest = space(text);
    if rest.is_empty() { Ok(()) } else { Err(rest) }
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

    /// What is left behind the value that `text` begins with. Most of what reading a session costs is here.
    fn value<'a>(&mut self, mut text: &'a [u8]) -> Result<&'a [u8], Stop<'a>> {
        loop {
            let (close, inside) = match text {
                [b'{', inside @ ..] => (b'}', inside),
                [b'[', inside @ ..] => (b']', inside),
                _ => {
                    text = self.closed(token::scalar(text)?)?;
                    if self.open.is_empty() {
                        return Ok(text);
                    }
                    continue;
                }
            };
            if self.open.len() == self.deepest {
                return Err(Stop::TooDeep(self.deepest));
            }
            match space(inside) {
                [byte, rest @ ..] if *byte == close => {
                    text = self.closed(rest)?;
                    if self.open.is_empty() {
                        return Ok(text);
                    }
                }
                first => {
                    self.open.push(close);
                    text = value_in(close, first)?;
                }
            }
        }
    }

    /// Closes what ends after a value, and gives the next value, or what is left when nothing is open any more.
    #[inline(always)]
    fn closed<'a>(&mut self, mut text: &'a [u8]) -> Result<&'a [u8], Stop<'a>> {
        while let Some(&close) = self.open.last() {
            match space(text) {
                [b',', rest @ ..] => return Ok(value_in(close, space(rest))?),
                [byte, rest @ ..] if *byte == close => text = rest,
                other => return Err(other.into()),
            }
            self.open.pop();
        }
        Ok(text)
    }
}

/// The value of a member or an element: in an object it stands behind a name.
#[inline(always)]
fn value_in(close: u8, text: &[u8]) -> Result<&[u8], &[u8]> {
    if close == b'}' { name(text) } else { Ok(text) }
}

/// A name in an object, and its colon.
#[inline(always)]
fn name(text: &[u8]) -> Result<&[u8], &[u8]> {
    let [b'"', inside @ ..] = text else { return Err(text) };
    colon(token::string(inside)?)
}

#[inline(always)]
fn colon(text: &[u8]) -> Result<&[u8], &[u8]> {
    match space(text) {
        [b':', rest @ ..] => Ok(space(rest)),
        other => Err(other),
    }
}

#[inline(always)]
fn space(text: &[u8]) -> &[u8] {
    match text {
        [(..=b' '), ..] => skip_space(text),
        _ => text,
    }
}

/// What Django and this crate write has none.
#[cold]
#[inline(never)]
fn skip_space(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = text {
        text = rest;
    }
    text
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
