//! zlib, with Django's rule for when it is worth it, and with a limit on what comes out.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::SigningError;

/// What Python's `zlib.compress` takes when it is not told.
const USUAL: u32 = 6;
/// A third of the time, for a text that is a third longer.
const QUICK: u32 = 1;
/// How long a text is, in bytes, that is worth trying quickly. A shorter one takes little time either way.
const WORTH_A_TRY: std::ops::RangeInclusive<usize> = 1024..=16 * 1024;

const CORRUPT: SigningError = SigningError::Malformed { what: "the compressed data is damaged" };

thread_local! {
    // Their memory is 300 KB: getting and clearing it costs more than a session is worth.
    static DEFLATER: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(USUAL), true));
    static QUICK_DEFLATER: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(QUICK), true));
    static INFLATER: RefCell<Decompress> = RefCell::new(Decompress::new(true));
}

/// The compressed form, where it saves at least two bytes: Django's rule.
pub(super) fn deflate(raw: &[u8]) -> Option<Vec<u8>> {
    DEFLATER.with_borrow_mut(|deflater| deflate_with(deflater, raw))
}

/// [`deflate`] where a request waits for it and a few bytes more are no harm. What saves little that way is tried the
/// usual way, so that it is compressed where Django compresses it.
pub(super) fn deflate_quickly(raw: &[u8]) -> Option<Vec<u8>> {
    let try_quickly = |raw| QUICK_DEFLATER.with_borrow_mut(|deflater| deflate_with(deflater, raw));
    let quickly = WORTH_A_TRY.contains(&raw.len()).then(|| try_quickly(raw)).flatten();
    quickly.filter(|compressed| compressed.len() <= raw.len() / 2).or_else(|| deflate(raw))
}

fn deflate_with(deflater: &mut Compress, raw: &[u8]) -> Option<Vec<u8>> {
    // What does not fit here is not worth it.
    let mut compressed = Vec::with_capacity(raw.len().saturating_sub(2));
    deflater.reset();
    let status = deflater.compress_vec(raw, &mut compressed, FlushCompress::Finish);
    (status.is_ok_and(|status| status == Status::StreamEnd) && compressed.len() + 1 < raw.len()).then_some(compressed)
}

/// Inflates a whole stream, and no more of it than `limit` bytes and one. What follows the stream is ignored.
pub(super) fn inflate(compressed: &[u8], limit: usize) -> Result<Vec<u8>, SigningError> {
    INFLATER.with_borrow_mut(|inflater| {
        inflater.reset(true);
        inflate_with(inflater, compressed, limit)
    })
}

fn inflate_with(inflater: &mut Decompress, compressed: &[u8], limit: usize) -> Result<Vec<u8>, SigningError> {
    let mut raw = Vec::with_capacity(compressed.len().saturating_mul(3).min(limit.saturating_add(1)));
    loop {
        let rest = &compressed[inflater.total_in() as usize..];
        let status = inflater.decompress_vec(rest, &mut raw, FlushDecompress::None).map_err(|_| CORRUPT)?;
        if raw.len() > limit {
            return Err(SigningError::TooLarge { what: "the number of bytes of the session", size: raw.len(), limit });
        }
        match status {
            Status::StreamEnd => return Ok(raw),
            Status::Ok | Status::BufError if raw.len() < raw.capacity() => return Err(CORRUPT),
            Status::Ok | Status::BufError => {
                let more = raw.capacity().max(64).min(limit + 1 - raw.len());
                raw.reserve_exact(more);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_gain_of_two_bytes_is_worth_it() {
        assert_eq!(deflate(b"{}"), None);
        assert_eq!(deflate(b""), None);
        for length in 0..64 {
            let raw = vec![b'a'; length];
            let Some(compressed) = deflate(&raw) else { continue };
            assert!(compressed.len() + 1 < length);
            assert_eq!(inflate(&compressed, length), Ok(raw));
        }
    }

    #[test]
    fn what_is_compressed_quickly_reads_as_what_it_was() {
        let line = br#"{"sku":100001,"name":"Pencil, 12 pieces"},"#;
        for length in [0, 10, 200, 1023, 1024, 4096, 16 * 1024, 16 * 1024 + 1, 100_000] {
            let raw: Vec<u8> = line.iter().copied().cycle().take(length).collect();
            // Nothing repeats in it but that its bytes are letters.
            let letters: Vec<u8> =
                (0..length as u64).map(|i| b'a' + (i.wrapping_mul(0x9e37_79b9) >> 13) as u8 % 20).collect();

            for raw in [raw, letters] {
                let (quickly, usual) = (deflate_quickly(&raw), deflate(&raw));
                assert_eq!(quickly.is_some(), usual.is_some(), "{length} bytes");
                assert!(quickly.is_none_or(|compressed| inflate(&compressed, length) == Ok(raw)), "{length} bytes");
            }
        }
    }

    #[test]
    fn the_limit_is_on_what_comes_out() {
        let compressed = deflate(&[b'a'; 100_000]).unwrap();

        assert_eq!(inflate(&compressed, 100_000).unwrap().len(), 100_000);
        for limit in [0, 1, 99_999] {
            let error = inflate(&compressed, limit).unwrap_err();
            assert!(matches!(error, SigningError::TooLarge { size, .. } if size == limit + 1), "{error:?}");
        }
    }

    #[test]
    fn a_stream_that_ends_early_is_damaged() {
        let compressed = deflate(&(0..200_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>()).unwrap();

        for length in 0..compressed.len() {
            assert_eq!(inflate(&compressed[..length], 1 << 20), Err(CORRUPT), "{length}");
        }
    }
}
