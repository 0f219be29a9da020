//! The texts of protocol 0, one a line.

use super::super::{int, wtf8};

/// A decimal number in its one form.
pub(super) fn integer(line: &[u8]) -> Option<String> {
    int::canonical(str::from_utf8(line).ok()?.trim())
}

/// A text of Python 3: Latin-1, and `\uXXXX` or `\UXXXXXXXX` for what is beyond.
pub(super) fn escaped(line: &[u8]) -> Option<Vec<u8>> {
    let (mut text, mut rest) = (Vec::with_capacity(line.len()), line);
    while let Some((&byte, after)) = rest.split_first() {
        let digits = match (byte, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            // The second one begins nothing.
            (b'\\', Some(b'\\')) => {
                text.extend_from_slice(b"\\\\");
                rest = &after[1..];
                continue;
            }
            _ => 0,
        };
        if digits == 0 {
            wtf8::push(&mut text, byte.into())?;
            rest = after;
        } else {
            wtf8::push(&mut text, hexadecimal(after.get(1..=digits)?)?)?;
            rest = &after[1 + digits..];
        }
    }
    Some(text)
}

/// A text of Python 2, as its `repr`.
pub(super) fn quoted(line: &[u8]) -> Option<Vec<u8>> {
    let line = line.trim_ascii();
    let quote = *line.first().filter(|quote| b"'\"".contains(quote))?;
    let inside = line[1..].strip_suffix(&[quote])?;
    let (mut text, mut bytes) = (Vec::with_capacity(inside.len()), inside.iter().copied());
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        text.push(match bytes.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => u8::try_from(hexadecimal(&[bytes.next()?, bytes.next()?])?).ok()?,
            plain @ (b'\\' | b'\'' | b'"') => plain,
            _ => return None,
        });
    }
    Some(text)
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let plain = digits.iter().all(u8::is_ascii_hexdigit);
    plain.then(|| u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_protocol_0_are_read() {
        let text = |line: &[u8]| escaped(line).map(|text| String::from_utf8(text).unwrap());

        assert_eq!(text(b"J\xfcrgen \\u20ac \\U0001f3b7 \\u005cu \\x").as_deref(), Some("Jürgen € 🎷 \\u \\x"));
        assert_eq!(text(b"\\\\u0041").as_deref(), Some("\\\\u0041"));
        assert_eq!((escaped(b"\\u12"), escaped(b"\\U00110000"), escaped(b"\\u+123")), (None, None, None));
        assert_eq!(quoted(b"'a\\'\\n\\x41\"'").as_deref(), Some(&b"a'\nA\""[..]));
        assert_eq!((quoted(b"'a"), quoted(b"'"), quoted(b"a"), quoted(b"'\\'")), (None, None, None, None));
    }
}
