//! zlib, with Django's rule for when it is worth it, and with a limit on what comes out.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::SigningError;

/// What Python's `zlib.compress` takes when it is not told.
const LEVEL: u32 = 6;

const CORRUPT: SigningError = SigningError::Malformed { what: "the compressed data is damaged" };

thread_local! {
    // Their memory is 300 KB: getting and clearing it costs more than a session is worth.
    static DEFLATER: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(LEVEL), true));
    static INFLATER: RefCell<Decompress> = RefCell::new(Decompress::new(true));
}

/// The compressed form, where it saves at least two bytes: Django's rule.
pub(super) fn deflate(raw: &[u8]) -> Option<Vec<u8>> {
    // What does not fit here is not worth it.
    let mut compressed = Vec::with_capacity(raw.len().saturating_sub(2));
    let status = DEFLATER.with_borrow_mut(|deflater| {
        deflater.reset();
        deflater.compress_vec(raw, &mut compressed, FlushCompress::Finish)
    });
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
