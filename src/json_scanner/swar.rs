//! Eight bytes at a time: the stretches of strings and numbers that need no attention.

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

/// Skips what a string may have but for quotes, backslashes and control characters.
#[inline(always)]
pub(super) fn plain(mut text: &[u8]) -> &[u8] {
    while let Some((eight, rest)) = text.split_first_chunk() {
        // The lowest bit that is set belongs to the first such byte; beyond it others may be set, too. What is beyond
        // ASCII is none of them.
        let word = u64::from_le_bytes(*eight);
        let quote = (word ^ (ONES * u64::from(b'"'))).wrapping_sub(ONES);
        let backslash = (word ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
        let found = (quote | backslash | word.wrapping_sub(ONES * 0x20)) & !word & HIGH;
        if found != 0 {
            return &text[(found.trailing_zeros() / 8) as usize..];
        }
        text = rest;
    }
    while let [byte, rest @ ..] = text
        && !matches!(byte, b'"' | b'\\' | ..0x20)
    {
        text = rest;
    }
    text
}

/// Skips digits.
#[inline(always)]
pub(super) fn digits(mut text: &[u8]) -> &[u8] {
    while let Some((eight, rest)) = text.split_first_chunk() {
        // A digit is 0 to 9 without these bits, and more than that reaches the highest bit when 0x76 is added.
        let word = u64::from_le_bytes(*eight) ^ (ONES * u64::from(b'0'));
        let found = (word.wrapping_add(ONES * 0x76) | word) & HIGH;
        if found != 0 {
            return &text[(found.trailing_zeros() / 8) as usize..];
        }
        text = rest;
    }
    while let [b'0'..=b'9', rest @ ..] = text {
        text = rest;
    }
    text
}
