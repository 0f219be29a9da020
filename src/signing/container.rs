//! The format of Django since 3.1: `payload:time:signature`.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use time::OffsetDateTime;

use super::{
    SigningError, base62,
    keys::{self, Keys},
    zlib,
};

/// What compresses a payload, where that is worth it.
pub(super) type Deflate = fn(&[u8]) -> Option<Vec<u8>>;

/// Stands before a payload that is compressed.
const COMPRESSED: char = '.';

/// 32 and 20 bytes in base64 without padding.
const SHA256_LENGTH: usize = 43;
const SHA1_LENGTH: usize = 27;

pub(super) fn dumps(keys: &Keys, raw: &[u8], now: OffsetDateTime, deflate: Deflate) -> String {
    let mut text = unsigned(raw, now, deflate);
    let signature = keys::sign_sha256(&keys.sha256[0], text.as_bytes());
    text.push(':');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    text
}

/// As Django up to 3.0 signs cookies, and 3.1 and 3.2 in their SHA-1 mode.
pub(super) fn dumps_sha1(keys: &Keys, raw: &[u8], now: OffsetDateTime) -> String {
    let mut text = unsigned(raw, now, zlib::deflate);
    let signature = keys::sign_sha1(&keys.sha1[0], text.as_bytes());
    text.push(':');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    text
}

fn unsigned(raw: &[u8], now: OffsetDateTime, deflate: Deflate) -> String {
    let mut text = String::with_capacity(raw.len() / 3 * 4 + 64);
    match deflate(raw) {
        Some(compressed) => {
            text.push(COMPRESSED);
            BASE64_URL_SAFE_NO_PAD.encode_string(compressed, &mut text);
        }
        None => BASE64_URL_SAFE_NO_PAD.encode_string(raw, &mut text),
    }
    text.push(':');
    base62::encode(now.unix_timestamp(), &mut text);
    text
}

/// What was signed, and when, in seconds since 1970.
pub(super) fn loads(keys: &Keys, text: &str, limit: usize) -> Result<(Vec<u8>, i64), SigningError> {
    let (signed, signature) = text.rsplit_once(':').ok_or(SigningError::BadSignature)?;
    if !verify(keys, signed.as_bytes(), signature) {
        return Err(SigningError::BadSignature);
    }
    let (payload, time) = signed.rsplit_once(':').ok_or(SigningError::Malformed { what: "there is no time" })?;
    let time = base62::decode(time).ok_or(SigningError::Malformed { what: "the time is no number" })?;
    Ok((decode(payload, limit)?, time))
}

fn decode(payload: &str, limit: usize) -> Result<Vec<u8>, SigningError> {
    let (payload, compressed) = match payload.strip_prefix(COMPRESSED) {
        Some(payload) => (payload, true),
        None => (payload, false),
    };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload);
    let bytes = bytes.map_err(|_| SigningError::Malformed { what: "the payload is not base64" })?;
    if compressed { zlib::inflate(&bytes, limit) } else { Ok(bytes) }
}

/// A signature is compared as text: of the base64 texts for the same bytes only the one that Django writes decodes.
fn verify(keys: &Keys, signed: &[u8], signature: &str) -> bool {
    match signature.len() {
        SHA256_LENGTH => {
            decoded(signature).is_some_and(|signature| keys::verify_sha256(&keys.sha256, signed, &signature))
        }
        SHA1_LENGTH => decoded(signature).is_some_and(|signature| keys::verify_sha1(&keys.sha1, signed, &signature)),
        _ => false,
    }
}

fn decoded<const N: usize>(signature: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let length = BASE64_URL_SAFE_NO_PAD.decode_slice(signature, &mut bytes).ok()?;
    (length == N).then_some(bytes)
}
