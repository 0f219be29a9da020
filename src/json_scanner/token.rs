//! Strings, numbers and words: what is left behind each of them.

use super::swar;

/// A value without brackets.
#[inline(always)]
pub(super) fn scalar(text: &[u8]) -> Result<&[u8], &[u8]> {
    match text {
        [b'"', rest @ ..] => string(rest),
        [b'0'..=b'9', ..] => number(text),
        [b't', b'r', b'u', b'e', rest @ ..]
        | [b'f', b'a', b'l', b's', b'e', rest @ ..]
        | [b'n', b'u', b'l', b'l', rest @ ..] => Ok(rest),
        [b'-', rest @ ..] => negative(rest),
        [b'N', b'a', b'N', rest @ ..] => Ok(rest),
        _ => infinity(text),
    }
}

/// What is left behind a string whose first quote is gone.
#[inline(always)]
pub(super) fn string(mut text: &[u8]) -> Result<&[u8], &[u8]> {
    loop {
        text = swar::plain(text);
        match text {
            [b'"', rest @ ..] => return Ok(rest),
            [b'\\', rest @ ..] => text = escape(rest)?,
            _ => return Err(text),
        }
    }
}

fn escape(text: &[u8]) -> Result<&[u8], &[u8]> {
    match text {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => Ok(rest),
        [b'u', a, b, c, d, rest @ ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => Ok(rest),
        _ => Err(text),
    }
}

fn negative(text: &[u8]) -> Result<&[u8], &[u8]> {
    match text {
        [b'0'..=b'9', ..] => number(text),
        _ => infinity(text),
    }
}

fn infinity(text: &[u8]) -> Result<&[u8], &[u8]> {
    text.strip_prefix(b"Infinity").ok_or(text)
}

/// A number that begins with a digit.
#[inline(always)]
fn number(text: &[u8]) -> Result<&[u8], &[u8]> {
    let mut rest = match text {
        [b'0', rest @ ..] => rest,
        _ => swar::digits(text),
    };
    if let [b'.', fraction @ ..] = rest {
        rest = digits(fraction)?;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let ([b'+' | b'-', exponent @ ..] | exponent) = exponent;
        rest = digits(exponent)?;
    }
    Ok(rest)
}

#[inline(always)]
fn digits(text: &[u8]) -> Result<&[u8], &[u8]> {
    let rest = swar::digits(text);
    if rest.len() == text.len() { Err(text) } else { Ok(rest) }
}
