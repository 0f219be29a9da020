//! The stretches of a string that need no attention.

/// How many bytes there are before a quote, a backslash or a control character. Eight at a time: strings are most of
/// a session.
#[inline(always)]
pub(super) fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    // The highest bit of each byte that is below `n`; beyond the first one found it may be set in others, too.
    let below = |word: u64, n: u8| word.wrapping_sub(ONES * u64::from(n)) & !word;
    let mut at = 0;
    while let Some(eight) = bytes[at..].first_chunk() {
        let word = u64::from_le_bytes(*eight);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let found = (quote | backslash | below(word, 0x20)) & (ONES << 7);
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes[at..].iter().position(|&byte| matches!(byte, b'"' | b'\\' | ..0x20));
    rest.map_or(bytes.len(), |rest| at + rest)
}
