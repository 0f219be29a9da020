//! Text that may hold lone surrogates, which Python's `str` can: UTF-8 in which they are written like characters.

/// The code points, `None` when the bytes are no such text.
pub(super) fn code_points(bytes: &[u8]) -> Option<Vec<u32>> {
    let (mut points, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let valid = match str::from_utf8(rest) {
            Ok(text) => text,
            Err(error) => str::from_utf8(&rest[..error.valid_up_to()]).ok()?,
        };
        points.extend(valid.chars().map(u32::from));
        rest = &rest[valid.len()..];
        if let [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, after @ ..] = rest {
            points.push(0xd000 | u32::from(second & 0x3f) << 6 | u32::from(third & 0x3f));
            rest = after;
        } else if !rest.is_empty() {
            return None;
        }
    }
    Some(points)
}

/// Appends a code point; `None` when there is none of this number.
pub(super) fn push(out: &mut Vec<u8>, point: u32) -> Option<()> {
    match char::from_u32(point) {
        Some(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        None if is_surrogate(point) => {
            out.extend([0xed, 0x80 | (point >> 6 & 0x3f) as u8, 0x80 | (point & 0x3f) as u8]);
        }
        None => return None,
    }
    Some(())
}

pub(super) fn is_surrogate(point: u32) -> bool {
    (0xd800..0xe000).contains(&point)
}

pub(super) fn is_high(point: u32) -> bool {
    (0xd800..0xdc00).contains(&point)
}

pub(super) fn is_low(point: u32) -> bool {
    (0xdc00..0xe000).contains(&point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_code_points_too() {
        let mut bytes = Vec::new();
        let points = [0x61, 0xd800, 0x1f3b7, 0xdfff, 0x7f];
        points.iter().for_each(|&point| push(&mut bytes, point).unwrap());

        assert_eq!(code_points(&bytes).unwrap(), points);
        assert_eq!(push(&mut bytes, 0x11_0000), None);
        assert_eq!((code_points(b"\xff"), code_points(b"\xed\xa0"), code_points(b"a\xc3")), (None, None, None));
    }
}
