//! Strings, numbers and words: where each of them ends.

use super::{ScanError, plain::plain};

/// A value without brackets.
#[inline(always)]
pub(super) fn scalar(bytes: &[u8], at: usize) -> Result<usize, ScanError> {
    match bytes.get(at) {
        Some(b'"') => string(bytes, at),
        Some(b'-' | b'0'..=b'9' | b'N' | b'I') => number(bytes, at),
        Some(b't') => word(bytes, at, b"true"),
        Some(b'f') => word(bytes, at, b"false"),
        Some(b'n') => word(bytes, at, b"null"),
        _ => Err(ScanError::Syntax { at }),
    }
}

#[inline(always)]
pub(super) fn expect(bytes: &[u8], at: usize, byte: u8) -> Result<usize, ScanError> {
    if bytes.get(at) == Some(&byte) { Ok(at + 1) } else { Err(ScanError::Syntax { at }) }
}

#[inline(always)]
pub(super) fn string(bytes: &[u8], at: usize) -> Result<usize, ScanError> {
    let mut at = expect(bytes, at, b'"')?;
    loop {
        at += plain(&bytes[at..]);
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = escape(bytes, at + 1)?,
            _ => return Err(ScanError::Syntax { at }),
        }
    }
}

fn escape(bytes: &[u8], at: usize) -> Result<usize, ScanError> {
    match bytes.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => {
            let digits = bytes.get(at + 1..at + 5).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
            digits.map(|_| at + 5).ok_or(ScanError::Syntax { at })
        }
        _ => Err(ScanError::Syntax { at }),
    }
}

#[inline(always)]
fn number(bytes: &[u8], mut at: usize) -> Result<usize, ScanError> {
    if bytes[at] == b'N' {
        return word(bytes, at, b"NaN");
    }
    at += usize::from(bytes[at] == b'-');
    at = match bytes.get(at) {
        Some(b'I') => return word(bytes, at, b"Infinity"),
        Some(b'0') => at + 1,
        _ => digits(bytes, at)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        at = digits(bytes, at)?;
    }
    Ok(at)
}

#[inline(always)]
fn digits(bytes: &[u8], from: usize) -> Result<usize, ScanError> {
    let mut at = from;
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    if at == from { Err(ScanError::Syntax { at }) } else { Ok(at) }
}

#[inline(always)]
fn word(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, ScanError> {
    if bytes[at..].starts_with(word) { Ok(at + word.len()) } else { Err(ScanError::Syntax { at }) }
}
