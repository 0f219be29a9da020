//! The format of Django up to 3.0: base64 of `signature:data`.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    SigningError, hex,
    keys::{self, Keys},
};

pub(super) fn dumps(keys: &Keys, raw: &[u8]) -> String {
    let mut signed = hex::encode(&keys::sign_sha1(&keys.legacy[0], raw)).into_bytes();
    signed.reserve_exact(raw.len() + 1);
    signed.push(b':');
    signed.extend_from_slice(raw);
    BASE64_STANDARD.encode(signed)
}

/// The base64 around the signature has to be undone before there is anything to verify; nothing else is.
pub(super) fn loads(keys: &Keys, text: &str) -> Result<Vec<u8>, SigningError> {
    let mut signed = BASE64_STANDARD.decode(text).map_err(|_| SigningError::BadSignature)?;
    let colon = signed.iter().position(|&byte| byte == b':').ok_or(SigningError::BadSignature)?;
    let signature = std::str::from_utf8(&signed[..colon]).ok().and_then(hex::decode);
    let signature = signature.and_then(|bytes| bytes.try_into().ok()).ok_or(SigningError::BadSignature)?;
    if !keys::verify_sha1(&keys.legacy, &signed[colon + 1..], &signature) {
        return Err(SigningError::BadSignature);
    }
    signed.drain(..=colon);
    Ok(signed)
}

/// What a text says, whoever wrote it.
pub(super) fn peek(text: &str) -> Option<Vec<u8>> {
    let signed = BASE64_STANDARD.decode(text).ok()?;
    let colon = signed.iter().position(|&byte| byte == b':')?;
    Some(signed[colon + 1..].to_vec())
}
